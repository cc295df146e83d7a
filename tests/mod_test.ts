import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { send, serve } from "../mod.ts";

Deno.test("what send() sends, serve() stores", async () => {
  const folder = await Deno.makeTempDir();
  {
    const maildir = join(folder, "mail");
    await using server = await serve({
      server: { listen: ["127.0.0.1:0", `unix:${join(folder, "socket")}`] },
      delivery: { maildir },
    });
    for (const address of server.addresses) {
      const fates = await send("Subject: käse\n\n.\n", {
        from: "a@example.org",
        to: ["b@localhost", "käse@example.org"],
        server: address,
      });
      assert(fates.every(({ delivered }) => delivered), JSON.stringify(fates));
    }
    const path = join(maildir, "new");
    const names = [...Deno.readDirSync(path)].map(({ name }) => name);
    assertEquals(names.length, 2);
    for (const name of names) {
      const text = await Deno.readTextFile(join(path, name));
      assertMatch(text, /\nDelivered-To: käse@example\.org\n/);
      assertMatch(text, /\nSubject: käse\n\n\.\n$/);
    }
    await server.close();
    assertEquals(server.sessions(), []);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("serve() throws one error that names every wrong key", async () => {
  const wrong = {
    server: { listen: ["nonsense"], workers: 2 },
    limits: { data: "lots", recipients: 0 },
    relai: { url: "x" },
  };
  // deno-lint-ignore no-explicit-any
  const starting = () => serve(wrong as any);
  const { message } = await assertRejects(starting, TypeError);
  const keys = [
    "server.listen",
    "server.workers",
    "limits.data",
    "limits.recipients",
    "relai",
  ];
  for (const key of keys) assert(message.includes(key), `${key}: ${message}`);
  assertEquals(message.split("\n").length, keys.length);
});

Deno.test("serve() throws where a network is none", async () => {
  await assertRejects(
    () => serve({ local: { networks: ["10.0.0.0/99"] } }),
    TypeError,
    'local.networks: Cannot use "10.0.0.0/99" as a network',
  );
});

Deno.test("serve() throws where it can't listen", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await assertRejects(
    () =>
      serve({
        server: { listen: [`127.0.0.1:${port}`] },
        relay: { url: "127.0.0.1:9" },
      }),
    Error,
    `Cannot listen on "127.0.0.1:${port}": the port is in use already`,
  );
});
