import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import type { ConfigInput } from "../mod.ts";
import { until, within } from "./real/support/wait.ts";
import { greetingAt, RawClient } from "./support/raw_client.ts";
import { ScriptedRelay, silence } from "./support/scripted_relay.ts";
import { Serving } from "./support/serving.ts";

const SHUTTING_DOWN = /^421 4\.3\.2 Shutting down/;

/** Begins a message, up to the final dot. */
async function begin(client: RawClient): Promise<void> {
  await client.ask("MAIL FROM:<a@example.org>");
  await client.ask("RCPT TO:<b@localhost>");
  assertMatch(await client.ask("DATA"), /^354 /);
  await client.send("Subject: x\r\n\r\nx\r\n");
}

const HAS_IPV6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

Deno.test("a server listens on several addresses, a Unix socket among them", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "socket");
  {
    await using serving = await Serving.start({
      server: {
        listen: [
          "127.0.0.1:0",
          "localhost:0",
          `unix:${path}`,
          ...HAS_IPV6 ? ["[::1]:0"] : [],
        ],
      },
      local: { networks: [] },
      delivery: { maildir: join(folder, "mail") },
    });
    const { addresses } = serving.server;
    assertEquals(addresses.length, HAS_IPV6 ? 4 : 3);
    for (const address of addresses) {
      assertMatch(await greetingAt(address), /^220 mx\.test ESMTP Postern/);
    }
    // Who can use the socket is on this machine: local, whatever the networks.
    using client = await RawClient.greeted({ transport: "unix", path });
    const { end } = await client.mail({ to: ["a@elsewhere.test"] });
    assertMatch(end, /^250 /);
    assertMatch(
      await Deno.readTextFile(await onlyFile(join(folder, "mail", "new"))),
      /Received: from client\.test \(localhost\) by mx\.test/,
    );
  }
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  await Deno.remove(folder, { recursive: true });
});

async function onlyFile(folder: string): Promise<string> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  assertEquals(names.length, 1);
  return join(folder, names[0]!);
}

Deno.test("an address in use is an error, and no other stays open", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const listen = ["127.0.0.1:0", `127.0.0.1:${port}`];
  await assertRejects(
    () => Serving.start({ server: { listen } }),
    Error,
    "in use already",
  );
});

Deno.test("one session too many hears 421, and the next may come when one has gone", async () => {
  const limits: [ConfigInput["limits"] & object, RegExp][] = [
    [{ sessions: 2 }, /^421 4\.3\.2 Too many connections, try/],
    [{ sessions_per_client: 2 }, /^421 4\.7\.0 Too many connections from/],
  ];
  for (const [limit, heard] of limits) {
    await using serving = await Serving.start({ limits: limit });
    const one = await serving.client();
    using _two = await serving.client();
    using third = await RawClient.connect(serving.address);
    assertMatch(await third.rest(), heard);
    assertMatch(await one.ask("NOOP"), /^250 /);
    one.close();
    await until("one to go", () => serving.server.sessions().length === 1);
    assertMatch(await greetingAt(serving.address), /^220 /);
    assertMatch(serving.log, /warn +refused client=127\.0\.0\.1 reason=/);
  }
});

Deno.test("close() says 421 to sessions that wait, and accepts no more", async () => {
  const serving = await Serving.start();
  const { address } = serving;
  using one = await serving.client();
  using other = await RawClient.connect(address);
  await other.reply();
  await within("an end", serving.server.close());
  assertMatch(await one.rest(), SHUTTING_DOWN);
  assertMatch(await other.rest(), SHUTTING_DOWN);
  await assertRejects(() => RawClient.connect(address));
  await serving[Symbol.asyncDispose]();
});

Deno.test("close() lets a message be finished, then says 421", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await Serving.start({ relay: { url: relay.url } });
  using client = await serving.client();
  await begin(client);
  const closed = serving.server.close();
  assertMatch(await client.ask("."), /^250 2\.0\.0 Queued as 42/);
  assertMatch(await client.rest(), SHUTTING_DOWN);
  client.close();
  await within("an end", closed);
  assertEquals(relay.taken.length, 1);
});

Deno.test("close() breaks off what is not finished within limits.drain", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await Serving.start({
    relay: { url: relay.url },
    limits: { drain: "100ms" },
  });
  using client = await serving.client();
  await begin(client);
  await within("an end", serving.server.close(), 5_000);
  assertEquals(/^(421 |$)/.test(await client.rest()), true);
  await relay.emptied();
  assertEquals(relay.taken, []);
});

for (const step of ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"]) {
  Deno.test(`close() breaks off a relay that is silent at ${step}`, async () => {
    await using relay = new ScriptedRelay([{ [step]: silence }]);
    await using serving = await Serving.start({
      relay: { url: relay.url },
      limits: { drain: "100ms" },
    });
    using client = await serving.client();
    await client.send(
      "MAIL FROM:<a@b.test>\r\nRCPT TO:<b@localhost>\r\nDATA\r\nx\r\n.\r\n",
    );
    await until("the relay to be asked", () => relay.peers.length > 0);
    await within("an end", serving.server.close(), 5_000);
    assert(!/(?<!354.*)250 .*Queued/s.test(await client.rest()));
    await relay.emptied();
  });
}

Deno.test("abort() ends every session at once", async () => {
  await using relay = new ScriptedRelay([{ END: silence }]);
  await using serving = await Serving.start({ relay: { url: relay.url } });
  using idle = await serving.client();
  using busy = await serving.client();
  await begin(busy);
  await busy.send(".\r\n");
  await until("the dot", () => relay.peers[0]?.messages.length === 1);
  serving.server.abort();
  await until("no session", () => serving.server.sessions().length === 0);
  assertEquals(await idle.rest(), "");
  assert(!(await busy.rest()).startsWith("250"));
  await relay.emptied();
});

Deno.test("close() may be called again, and gives the same end", async () => {
  const serving = await Serving.start();
  await Promise.all([serving.server.close(), serving.server.close()]);
  await serving[Symbol.asyncDispose]();
});

Deno.test("sessions() tells who is there, and of the message under way", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await Serving.start({ relay: { url: relay.url } });
  using client = await serving.client();
  const [session] = serving.server.sessions();
  assertMatch(session!.id, /^[0-9a-f]{8}$/);
  assertEquals(session, {
    id: session!.id,
    client: "127.0.0.1",
    recipients: [],
  });
  await client.ask("MAIL FROM:<>");
  await client.ask("RCPT TO:<b@localhost>");
  assertEquals(serving.server.sessions(), [{
    id: session!.id,
    client: "127.0.0.1",
    sender: "",
    recipients: ["b@localhost"],
  }]);
  await client.ask("RSET");
  assertEquals(serving.server.sessions()[0]!.recipients, []);
});

Deno.test("a client that takes nothing is dropped after write_timeout", async () => {
  await using serving = await Serving.start({
    limits: { write_timeout: "100ms", errors: 10_000 },
  });
  const conn = await Deno.connect(serving.address as Deno.ConnectOptions);
  const noise = new TextEncoder().encode("HELP\r\n".repeat(10_000));
  const flood = (async () => {
    try {
      while (true) await conn.write(noise);
    } catch {
      // Dropped at last.
    }
  })();
  await until(
    "no session",
    () =>
      serving.log.includes("connect ") &&
      serving.server.sessions().length === 0,
  );
  await flood;
  conn.close();
  assertMatch(serving.log, /disconnect .*end="write timeout"/);
});
