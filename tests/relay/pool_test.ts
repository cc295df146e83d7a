import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../real/support/wait.ts";
import { finished, rcpts, Relaying, upToDot } from "../support/relaying.ts";
import {
  type Behaviour,
  close,
  last,
  OFFERS,
  ScriptedRelay,
  silence,
} from "../support/scripted_relay.ts";
import { verdictOf } from "../support/raw_client.ts";
import { Serving } from "../support/serving.ts";

async function deliver(relaying: Relaying): Promise<number> {
  const hop = relaying.hop();
  await upToDot(hop);
  return (await finished(hop)).code;
}

Deno.test("a connection is kept for the next message of another session", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await Serving.start({ relay: { url: relay.url } });
  for (let i = 0; i < 3; i++) {
    using client = await serving.client();
    assertMatch(verdictOf(await client.mail()), /^250 /);
  }
  assertEquals(relay.peers.length, 1);
  assertEquals(relay.taken.length, 3);
  const { commands } = relay.peers[0]!;
  assertEquals(commands.filter((line) => line.startsWith("EHLO")).length, 1);
});

Deno.test("a connection is kept after refusals, with the transaction reset", async () => {
  const refusing: [Behaviour, resets: number][] = [
    [{ MAIL: "550 5.7.1 No" }, 1],
    [{ RCPT: "550 5.1.1 No" }, 1],
    [{ DATA: "451 4.3.0 No" }, 1],
    [{ END: "554 5.6.0 No" }, 0],
  ];
  for (const [behaviour, resets] of refusing) {
    await using relay = new ScriptedRelay([behaviour]);
    await using serving = await Serving.start({ relay: { url: relay.url } });
    using client = await serving.client();
    assertMatch(verdictOf(await client.mail()), /^[45]/);
    const { commands } = relay.peers[0]!;
    assertEquals(commands.filter((line) => line === "RSET").length, resets);
    await client.mail();
    assertEquals(relay.peers.length, 1);
  }
});

Deno.test("not more connections are kept than `pool` says", async () => {
  for (const pool of [0, 1, 2]) {
    await using relay = new ScriptedRelay();
    await using relaying = new Relaying(relay, { pool });
    const hops = [relaying.hop(), relaying.hop(), relaying.hop()];
    for (const hop of hops) await upToDot(hop);
    assertEquals(relay.open, 3);
    for (const hop of hops) assertEquals((await finished(hop)).code, 250);
    assertEquals(relaying.pool.kept, pool);
    await until("the others to end", () => relay.open === pool);
    const quits = relay.peers.filter(({ commands }) =>
      commands.includes("QUIT")
    );
    assertEquals(quits.length, 3 - pool);
  }
});

Deno.test("an idle connection that the relay closes is replaced silently", async () => {
  await using relay = new ScriptedRelay();
  await using relaying = new Relaying(relay);
  assertEquals(await deliver(relaying), 250);
  relay.peers[0]!.close();
  await until("it to be dropped", () => relaying.pool.kept === 0);
  assertEquals(await deliver(relaying), 250);
  assertEquals(relay.taken.length, 2);
  assertEquals(relaying.log, "");
});

const STALE: [name: string, MAIL: Behaviour["MAIL"]][] = [
  ["closes", close],
  ["says 421 and closes", last("421 4.4.2 Idle for too long")],
  ["says 421 and stays", "421 4.4.2 Idle for too long"],
];

for (const offers of [OFFERS, []]) {
  for (const [name, MAIL] of STALE) {
    const how = offers === OFFERS ? "pipelining" : "lockstep";
    Deno.test(`a kept connection that ${name} as it is taken is replaced, ${how}`, async () => {
      let mails = 0;
      const stale: Behaviour = {
        offers,
        MAIL: (peer, line) =>
          mails++ === 0
            ? "250 2.1.0 Fine"
            : typeof MAIL === "function"
            ? MAIL(peer, line)
            : MAIL,
      };
      await using relay = new ScriptedRelay([stale, { offers }]);
      await using relaying = new Relaying(relay);
      assertEquals(await deliver(relaying), 250);
      assertEquals(await deliver(relaying), 250);
      assertEquals(relay.peers.length, 2);
      assertEquals(relay.taken.length, 2);
      await until("the first to end", () => relay.open === 1);
    });
  }
}

Deno.test("a kept connection that is silent is a failure, not a stale one", async () => {
  let mails = 0;
  const MAIL: Behaviour["MAIL"] = () =>
    mails++ === 0 ? "250 2.1.0 Fine" : undefined;
  await using relay = new ScriptedRelay([{ MAIL, RCPT: "250 Fine" }, {}]);
  await using relaying = new Relaying(relay, { readTimeoutMs: 150 });
  assertEquals(await deliver(relaying), 250);
  const [reply] = await relaying.hop().rcpt(rcpts("b@localhost"));
  assertEquals(reply?.code, 451);
  assertEquals(relay.peers.length, 1);
});

Deno.test("a fresh connection that says 421 is not tried again", async () => {
  await using relay = new ScriptedRelay([{ MAIL: last("421 4.3.2 Busy") }]);
  await using relaying = new Relaying(relay);
  const [reply] = await relaying.hop().rcpt(rcpts("b@localhost"));
  assertEquals(reply?.code, 451);
  assertEquals(relay.peers.length, 1);
});

Deno.test("an idle connection that says something unasked is dropped", async () => {
  for (const word of ["421 4.4.2 Idle\r\n", "250 Hi\r\n", "2"]) {
    await using relay = new ScriptedRelay();
    await using relaying = new Relaying(relay);
    assertEquals(await deliver(relaying), 250);
    await relay.peers[0]!.write(word);
    await until("it to be dropped", () => relaying.pool.kept === 0);
    await relay.emptied();
    assertEquals(await deliver(relaying), 250);
    assertEquals(relay.taken.length, 2);
  }
});

Deno.test("the connection used last is lent first", async () => {
  await using relay = new ScriptedRelay();
  await using relaying = new Relaying(relay);
  const hops = [relaying.hop(), relaying.hop()];
  for (const hop of hops) await upToDot(hop);
  await hops[1]!.finish();
  await hops[0]!.finish();
  assertEquals(await deliver(relaying), 250);
  assertEquals(relay.peers.map(({ messages }) => messages.length), [2, 1]);
});

Deno.test("close() says QUIT on what idles, and keeps nothing from then on", async () => {
  await using relay = new ScriptedRelay([{ QUIT: silence }]);
  await using relaying = new Relaying(relay);
  const late = relaying.hop();
  await upToDot(late);
  assertEquals(await deliver(relaying), 250);
  await relaying.pool.close();
  assertEquals(relaying.pool.kept, 0);
  await until("QUIT", () => relay.peers[1]!.commands.at(-1) === "QUIT");
  assertEquals((await finished(late)).code, 250);
  assertEquals(relaying.pool.kept, 0);
  await relay.emptied();
  assertEquals(relay.peers[0]!.commands.at(-1), "QUIT");
});
