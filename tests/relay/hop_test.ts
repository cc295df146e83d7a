import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../real/support/wait.ts";
import {
  finished,
  mailbox,
  rcpts,
  Relaying,
  upToDot,
} from "../support/relaying.ts";
import {
  type Behaviour,
  last,
  ScriptedRelay,
  silence,
  slow,
} from "../support/scripted_relay.ts";

const NO_ANSWER: [name: string, behaviour: Behaviour][] = [
  ["is silent", { END: silence }],
  ["sends a byte now and then", { END: slow(`250 ${"x".repeat(200)}`, 10) }],
];

for (const [name, behaviour] of NO_ANSWER) {
  Deno.test(`finish() is 451 when the relay ${name} after the final dot`, async () => {
    await using relay = new ScriptedRelay([behaviour]);
    await using relaying = new Relaying(relay, { finalDotTimeoutMs: 150 });
    const hop = relaying.hop();
    await upToDot(hop);
    const start = Date.now();
    const reply = await finished(hop);
    assertEquals([reply.code, reply.status], [451, "4.4.2"]);
    assert(Date.now() - start < 5_000);
    assertEquals(hop.step, "final dot");
    assertMatch(hop.error?.message ?? "", /final dot: .*deadline/);
    assertEquals(relaying.pool.kept, 0);
  });
}

Deno.test("finish() waits longer for the final dot's answer than others take", async () => {
  await using relay = new ScriptedRelay([{ END: slow("250 2.0.0 x", 20) }]);
  await using relaying = new Relaying(relay, { readTimeoutMs: 100 });
  const hop = relaying.hop();
  await upToDot(hop);
  assertEquals((await finished(hop)).code, 250);
});

Deno.test("finish() believes the answer, and not what is said behind it", async () => {
  const END = "250 2.0.0 Queued\r\n421 4.3.2 Shutting down";
  await using relay = new ScriptedRelay([{ END }]);
  await using relaying = new Relaying(relay);
  const hop = relaying.hop();
  await upToDot(hop);
  const reply = await finished(hop);
  assertEquals([reply.code, reply.text], [250, "Queued"]);
  assertEquals(relaying.pool.kept, 0);
  await relay.emptied();
});

Deno.test("abort() in the middle of data closes without a final dot", async () => {
  await using relay = new ScriptedRelay();
  await using relaying = new Relaying(relay);
  const hop = relaying.hop();
  await upToDot(hop);
  await hop.write(new Uint8Array(100_000).fill(0x78));
  await hop.abort();
  await relay.emptied();
  const { messages, commands } = relay.peers[0]!;
  assertEquals(messages, []);
  assertEquals(commands.at(-1), "DATA");
  assertEquals((await finished(hop)).code, 451);
});

Deno.test("abort() before data resets and keeps the connection", async () => {
  await using relay = new ScriptedRelay();
  await using relaying = new Relaying(relay);
  const hop = relaying.hop();
  await hop.rcpt(rcpts("b@localhost"));
  await hop.abort();
  assertEquals(relay.peers[0]!.commands.at(-1), "RSET");
  assertEquals(relaying.pool.kept, 1);
});

Deno.test("abort() closes a connection whose RSET is refused or not answered", async () => {
  for (const RSET of ["502 5.5.1 No", last("421 4.3.2 Bye"), silence]) {
    await using relay = new ScriptedRelay([{ RSET }]);
    await using relaying = new Relaying(relay, { readTimeoutMs: 100 });
    const hop = relaying.hop();
    await hop.rcpt(rcpts("b@localhost"));
    await hop.abort();
    assertEquals(relaying.pool.kept, 0);
    await relay.emptied();
  }
});

Deno.test("abort() before anything is asked, and twice, does nothing", async () => {
  await using relay = new ScriptedRelay();
  await using relaying = new Relaying(relay);
  const hop = relaying.hop();
  await hop.abort();
  await hop.abort();
  assertEquals(relay.peers.length, 0);
});

Deno.test("a message of any size arrives as it is, dot and all", async () => {
  for (const size of [0, 1, 16_383, 16_384, 16_385, 70_000]) {
    await using relay = new ScriptedRelay();
    await using relaying = new Relaying(relay);
    const hop = relaying.hop();
    await hop.rcpt(rcpts("b@localhost"));
    await hop.data("X: y\r\n");
    const body = `\r\n${"z".repeat(size)}\r\n`;
    await hop.write(new TextEncoder().encode(body));
    assertEquals((await finished(hop)).code, 250);
    assertEquals(relay.taken[0]!.data, `X: y\r\n${body}`);
  }
});

Deno.test("rcpt() asks a relay that has failed no more", async () => {
  await using relay = new ScriptedRelay([{ RCPT: "421 4.3.2 Bye" }]);
  await using relaying = new Relaying(relay);
  const hop = relaying.hop();
  const codes = [
    ...await hop.rcpt(rcpts("b@localhost", "c@localhost")),
    ...await hop.rcpt(rcpts("d@localhost")),
    await hop.data(""),
    await finished(hop),
  ].map(({ code }) => code);
  assertEquals(codes, [451, 451, 451, 451, 451]);
  assertEquals(relay.peers.length, 1);
  await relay.emptied();
});

Deno.test("rcpt() says for every recipient what the relay said of the sender", async () => {
  await using relay = new ScriptedRelay([{ MAIL: "550 5.7.1 Not you" }]);
  await using relaying = new Relaying(relay);
  const hop = relaying.hop();
  const replies = [
    ...await hop.rcpt(rcpts("b@localhost", "c@localhost")),
    ...await hop.rcpt(rcpts("d@localhost")),
  ];
  assertEquals(replies.map(({ text }) => text), Array(3).fill("Not you"));
  const { commands } = relay.peers[0]!;
  assertEquals(commands.filter((line) => line.startsWith("MAIL")).length, 1);
  assertEquals(commands.at(-1), "RSET");
  await until("the connection to be kept", () => relaying.pool.kept === 1);
});

Deno.test("the log names the relay, the step and the reason", async () => {
  await using relay = new ScriptedRelay([{ DATA: "421 4.3.2 Down for tea" }]);
  await using relaying = new Relaying(relay);
  const hop = relaying.hop();
  await hop.rcpt(rcpts(mailbox("b@localhost").address));
  await hop.data("");
  assertMatch(
    relaying.log,
    /relay-failed relay=127\.0\.0\.1:\d+ error=.*failed at DATA: .*421 4\.3\.2 Down for tea/,
  );
});
