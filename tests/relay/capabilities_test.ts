import { assert, assertEquals } from "@std/assert";
import { until } from "../real/support/wait.ts";
import { Sweep } from "../../lib/transport/sweep.ts";
import { RELAY_KNOWN_MS, RelayPool } from "../../lib/relay/pool.ts";
import { finished, Relaying, upToDot } from "../support/relaying.ts";
import {
  close,
  OFFERS,
  ScriptedRelay,
  silence,
} from "../support/scripted_relay.ts";

const CA = Deno.readTextFileSync(
  new URL("../transport/certs/ca.pem", import.meta.url),
);

Deno.test("capabilities() asks the relay once, and keeps the connection", async () => {
  await using relay = new ScriptedRelay([{ offers: [...OFFERS, "DSN"] }]);
  await using relaying = new Relaying(relay);
  const { pool } = relaying;
  const known = await Promise.all([pool.capabilities(), pool.capabilities()]);
  for (const each of [...known, await pool.capabilities()]) {
    assertEquals(each?.capabilities.dsn, true);
    assertEquals(each?.isVerified, false);
  }
  assertEquals(pool.kept, 1);
  const hop = relaying.hop();
  await upToDot(hop);
  assertEquals((await finished(hop)).code, 250);
  assertEquals(relay.peers.length, 1);
});

Deno.test("capabilities() knows what was offered under TLS, and whether that was verified", async () => {
  for (const tls of ["required", "verified"] as const) {
    await using relay = new ScriptedRelay([{ certificate: "localhost" }]);
    await using relaying = new Relaying(relay, { tls, caCerts: [CA] });
    const known = await relaying.pool.capabilities();
    assertEquals(known?.isVerified, tls === "verified");
    assertEquals(known?.capabilities.startTls, false);
  }
});

Deno.test("capabilities() learns from the connections of messages", async () => {
  await using relay = new ScriptedRelay();
  await using relaying = new Relaying(relay, { pool: 0 });
  const hop = relaying.hop();
  await upToDot(hop);
  assertEquals((await finished(hop)).code, 250);
  assertEquals((await relaying.pool.capabilities())?.capabilities.dsn, false);
  assertEquals(relay.peers.length, 1);
});

Deno.test("capabilities() asks again after a while, and soon where nothing is known", async () => {
  let now = 0;
  using sweep = new Sweep({ now: () => now });
  await using relay = new ScriptedRelay([
    { GREETING: close },
    {},
    { offers: ["DSN"] },
    { GREETING: close },
  ]);
  const { signal } = new AbortController();
  const pool = new RelayPool({
    address: { hostname: "127.0.0.1", port: relay.port },
    helloName: "mx.test",
    tls: "off",
    caCerts: [],
    pool: 0,
    readTimeoutMs: 5_000,
    writeTimeoutMs: 5_000,
  }, { sweep, signal });
  const dsn = async () => (await pool.capabilities())?.capabilities.dsn;
  assertEquals(await dsn(), undefined);
  assertEquals(await dsn(), undefined);
  assertEquals(relay.peers.length, 1);
  now += 10_000;
  assertEquals(await dsn(), false);
  now += RELAY_KNOWN_MS - 1;
  assertEquals(await dsn(), false);
  assertEquals(relay.peers.length, 2);
  now += 1;
  assertEquals(await dsn(), true);
  now += RELAY_KNOWN_MS;
  const asking = dsn();
  assertEquals(pool.known?.capabilities.dsn, true);
  assertEquals(await asking, undefined);
  assertEquals(pool.known, undefined);
  await pool.close();
});

Deno.test("capabilities() gives up with its signal, and learns all the same", async () => {
  const go = Promise.withResolvers<void>();
  const GREETING = async () => {
    await go.promise;
    return "220 relay.test";
  };
  await using relay = new ScriptedRelay([{ GREETING }]);
  await using relaying = new Relaying(relay);
  const stop = new AbortController();
  const waiting = relaying.pool.capabilities(stop.signal);
  await until("a connection", () => relay.peers.length === 1);
  const start = Date.now();
  stop.abort();
  assertEquals(await waiting, undefined);
  assert(Date.now() - start < 4_000);
  go.resolve();
  await until("the connection to be kept", () => relaying.pool.kept === 1);
  const known = await relaying.pool.capabilities(AbortSignal.abort());
  assertEquals(known?.capabilities.pipelining, true);
});

Deno.test("close() does not wait for a relay that is silent", async () => {
  await using relay = new ScriptedRelay([{ GREETING: silence }]);
  await using relaying = new Relaying(relay);
  const waiting = relaying.pool.capabilities();
  await until("a connection", () => relay.peers.length === 1);
  const start = Date.now();
  await relaying.pool.close();
  assertEquals(await waiting, undefined);
  assert(Date.now() - start < 4_000);
  await relay.emptied();
});
