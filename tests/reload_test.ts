import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { type ConfigInput, type ListenAddress, parseNetwork } from "../mod.ts";
import { greetingAt, RawClient, verdictOf } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import { Serving } from "./support/serving.ts";

Deno.test("relays and locals may be changed while the server runs", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await Serving.start({
    relay: { url: relay.url },
    local: { networks: ["10.0.0.0/8"] },
  });
  const { server } = serving;
  const to = ["a@example.org"];
  using client = await serving.client();
  assertMatch(verdictOf(await client.mail({ to })), /^550 5\.7\.1 /);
  server.relays.add({ domain: "example.org" });
  assertMatch(verdictOf(await client.mail({ to })), /^250 /);
  server.relays.delete("example.org");
  assertMatch(verdictOf(await client.mail({ to })), /^550 5\.7\.1 /);
  const network = parseNetwork("127.0.0.0/8");
  assert(network.ok && network.value.kind === "network");
  server.locals.add(network.value);
  assertMatch(verdictOf(await client.mail({ to })), /^550 5\.7\.1 /);
  using next = await serving.client();
  assertMatch(verdictOf(await next.mail({ to })), /^250 /);
});

Deno.test("reload() changes listeners, limits and relay; sessions under way stay as they are", async () => {
  await using before = new ScriptedRelay();
  await using after = new ScriptedRelay();
  const folder = await Deno.makeTempDir();
  const unix: ListenAddress = { transport: "unix", path: join(folder, "s") };
  {
    await using serving = await Serving.start({ relay: { url: before.url } });
    const old = serving.address;
    using client = await serving.client();
    assertMatch(verdictOf(await client.mail()), /^250 /);
    await serving.reload({
      server: { hostname: "new.test", listen: [`unix:${unix.path}`] },
      relay: { url: after.url },
      limits: { data: "1KiB" },
    });
    await before.emptied();
    assertEquals(serving.server.addresses, [unix]);
    await assertRejects(() => RawClient.connect(old));
    assertMatch(await greetingAt(unix), /^220 new\.test /);
    using next = await RawClient.greeted(unix);
    const big = await next.mail({ parameters: " SIZE=5000" });
    assertMatch(big.mail, /^552 /);
    assertMatch(verdictOf(await next.mail()), /^250 /);
    assertEquals(after.taken.length, 1);
    assertMatch(verdictOf(await client.mail()), /^250 /);
    assertEquals(before.taken.length, 2);
  }
  await before.emptied();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("reload() keeps a listener whose address stays", async () => {
  await using serving = await Serving.start();
  const { addresses } = serving.server;
  await serving.reload({
    server: { hostname: "new.test", listen: ["127.0.0.1:0"] },
  });
  assertEquals(serving.server.addresses, addresses);
  assertMatch(await greetingAt(addresses[0]), /^220 new\.test /);
});

Deno.test("reload() with what can't be used changes nothing", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await Serving.start({ relay: { url: relay.url } });
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const unusable: [ConfigInput, string][] = [
    [{ limits: { recipients: -1 } }, "limits.recipients"],
    [
      { server: { listen: ["127.0.0.1:0", `127.0.0.1:${port}`] } },
      "in use already",
    ],
    [{ relay: { ca_file: "/nowhere/ca.pem" } }, "ca_file"],
    [{ local: { networks: ["10.0.0.0/99"] } }, "networks"],
  ];
  const { addresses } = serving.server;
  for (const [config, problem] of unusable) {
    await assertRejects(() => serving.reload(config), Error, problem);
    assertEquals(serving.server.addresses, addresses);
    using client = await serving.client();
    assertMatch(verdictOf(await client.mail()), /^250 /);
  }
  assertEquals(relay.peers.length, 1);
});

Deno.test("reload() of a server that is closing or closed is refused", async () => {
  const serving = await Serving.start();
  using client = await serving.client();
  const closed = serving.server.close();
  const config = { server: { listen: ["127.0.0.1:0"] } };
  await assertRejects(() => serving.reload(config), Error, "closed");
  await closed;
  await client.rest();
  await assertRejects(() => serving.reload(config), Error, "closed");
  assertEquals(serving.server.addresses, []);
  await serving[Symbol.asyncDispose]();
});

Deno.test("a server that closes during a reload listens nowhere afterwards", async () => {
  const serving = await Serving.start();
  const reloading = serving.reload({
    server: { listen: ["127.0.0.1:0", "localhost:0"] },
  }).catch(() => {});
  await serving.server.close();
  await reloading;
  assertEquals(serving.server.addresses, []);
  await serving[Symbol.asyncDispose]();
});

Deno.test("reload() waits for the one before it", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "s");
  {
    await using serving = await Serving.start();
    const config = { server: { listen: [`unix:${path}`] } };
    await Promise.all([
      serving.reload(config),
      serving.reload(config),
    ]);
    assertEquals(serving.server.addresses, [{ transport: "unix", path }]);
  }
  await Deno.remove(folder, { recursive: true });
});
