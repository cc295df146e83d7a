import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../real/support/wait.ts";
import { finished, rcpts, Relaying } from "../support/relaying.ts";
import type { RelayHop } from "../../lib/relay/hop.ts";
import {
  type Answer,
  close,
  last,
  OFFERS,
  type Peer,
  raw,
  ScriptedRelay,
  silence,
} from "../support/scripted_relay.ts";

const CHUNKING = [...OFFERS, "CHUNKING", "BINARYMIME"];

const LOCKSTEP = CHUNKING.filter((offer) => offer !== "PIPELINING");

/** What does not fit into what is gathered, so that it is a chunk. */
const LARGE = "\0\r\n.\n\r.\r\n".repeat(4_000);

function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** A hop with a sender and a recipient, past the go-ahead. */
async function begun(relaying: Relaying, trace = ""): Promise<RelayHop> {
  const hop = relaying.hop({ body: "BINARYMIME" });
  await hop.rcpt(rcpts("b@localhost"));
  assertEquals((await hop.data(trace)).code, 354);
  return hop;
}

function chunksOf(peer: Peer): string[] {
  return peer.commands.filter((line) => line.startsWith("BDAT"));
}

const MESSAGES: [what: string, pieces: string[], chunks: string[]][] = [
  ["nothing", [], ["BDAT 8 LAST"]],
  ["a small message", ["a\nb", "\r", "c"], ["BDAT 13 LAST"]],
  ["a large piece", [LARGE], [`BDAT ${LARGE.length + 8}`, "BDAT 0 LAST"]],
  [
    "small and large pieces",
    ["ab", LARGE, "c", LARGE, "d"],
    [
      `BDAT ${LARGE.length + 10}`,
      `BDAT ${LARGE.length + 1}`,
      "BDAT 1 LAST",
    ],
  ],
];

for (const offers of [CHUNKING, LOCKSTEP]) {
  const how = offers === CHUNKING ? "pipelining" : "lockstep";
  for (const [what, pieces, chunks] of MESSAGES) {
    Deno.test(`${what} goes in chunks as it is under BINARYMIME, ${how}`, async () => {
      await using relay = new ScriptedRelay([{ offers }]);
      await using relaying = new Relaying(relay);
      for (let message = 0; message < 2; message++) {
        const hop = await begun(relaying, "X: yz.\r\n");
        for (const piece of pieces) await hop.write(octets(piece));
        assertEquals((await finished(hop)).text, "Queued as 42");
      }
      const [peer] = relay.peers;
      assertEquals(relay.peers.length, 1);
      assertEquals(chunksOf(peer!), [...chunks, ...chunks]);
      const data = `X: yz.\r\n${pieces.join("")}`;
      assertEquals(relay.taken.map((each) => each.data), [data, data]);
      assertMatch(peer!.commands.join(" "), /MAIL \S+ BODY=BINARYMIME/);
    });
  }
}

Deno.test("a trace of any length is part of the first chunk", async () => {
  await using relay = new ScriptedRelay([{ offers: CHUNKING }]);
  await using relaying = new Relaying(relay);
  const trace = `X: ${"é".repeat(20_000)}\r\n`;
  const hop = await begun(relaying, trace);
  assertEquals((await finished(hop)).code, 250);
  assertEquals(relay.taken[0]!.data.length, 40_005);
});

/** Answers each chunk but the last so; counts what was unanswered at most. */
function midway(answer: Answer): Answer {
  return (peer, line) =>
    line.endsWith("LAST")
      ? "250 2.0.0 Queued as 42"
      : typeof answer === "function"
      ? answer(peer, line)
      : answer;
}

const MIDWAY: [
  what: string,
  answer: Answer,
  verdict: string,
  isKept: boolean,
][] = [
  ["refuses", "552 5.3.4 Too big", "552 5.3.4", true],
  ["refuses for now", "451 4.3.0 Later", "451 4.3.0", true],
  ["says 421 and closes", last("421 4.3.2 Bye"), "451 4.4.2", false],
  ["says 421 and stays", "421 4.3.2 Bye", "451 4.4.2", false],
  ["says 354", "354 More", "451 4.4.0", false],
  ["speaks nonsense", raw("Hello\r\n"), "451 4.4.0", false],
  ["closes", close, "451 4.4.2", false],
  ["is silent", silence, "451 4.4.2", false],
];

for (const offers of [CHUNKING, LOCKSTEP]) {
  const how = offers === CHUNKING ? "pipelining" : "lockstep";
  for (const [what, answer, verdict, isKept] of MIDWAY) {
    Deno.test(`a relay that ${what} at a chunk in the middle never gets the last one, ${how}`, async () => {
      await using relay = new ScriptedRelay([{ offers, BDAT: midway(answer) }]);
      await using relaying = new Relaying(relay, { readTimeoutMs: 150 });
      const hop = await begun(relaying);
      for (let i = 0; i < 10; i++) await hop.write(octets(LARGE));
      const { code, status } = await finished(hop);
      assertEquals(`${code} ${status}`, verdict);
      assertEquals(relay.taken, []);
      assertEquals(relaying.pool.kept, isKept ? 1 : 0);
      const { commands } = relay.peers[0]!;
      assertEquals(commands.at(-1) === "RSET", isKept);
      const chunks = chunksOf(relay.peers[0]!);
      assertEquals(chunks.filter((line) => line.endsWith("LAST")), []);
      assertEquals(chunks.length <= (offers === CHUNKING ? 4 : 1), true);
    });
  }
}

Deno.test("a chunk's 250 is not taken for the message's where the relay closes behind it", async () => {
  let chunks = 0;
  const BDAT: Answer = (peer) =>
    ++chunks < 3 ? "250 2.0.0 Fine" : void peer.close();
  await using relay = new ScriptedRelay([{ offers: CHUNKING, BDAT }]);
  await using relaying = new Relaying(relay);
  const hop = await begun(relaying);
  for (let i = 0; i < 3; i++) await hop.write(octets(LARGE));
  assertEquals((await finished(hop)).code, 451);
  assertEquals(relay.taken, []);
});

Deno.test("more chunks than the bound wait for a reply, fewer don't", async () => {
  for (const [offers, most] of [[CHUNKING, 4], [LOCKSTEP, 1]] as const) {
    const go = Promise.withResolvers<void>();
    let isHeld = true;
    const BDAT: Answer = async () => {
      if (isHeld) await go.promise;
      return "250 2.0.0 Fine";
    };
    await using relay = new ScriptedRelay([{ offers, BDAT }]);
    await using relaying = new Relaying(relay);
    const hop = await begun(relaying);
    let written = 0;
    const writing = (async () => {
      for (; written < 10; written++) await hop.write(octets(LARGE));
    })();
    await until("the bound", () => written === most - 1);
    await until("the first chunk", () => chunksOf(relay.peers[0]!).length > 0);
    assertEquals(written, most - 1);
    isHeld = false;
    go.resolve();
    await writing;
    assertEquals((await finished(hop)).code, 250);
  }
});

const AT_LAST: [what: string, answer: Answer, verdict: string, kept: number][] =
  [
    ["refuses", "554 5.6.0 No", "554 5.6.0", 1],
    ["says 421", "421 4.3.2 Bye", "451 4.4.2", 0],
    ["says 354", "354 More", "451 4.4.0", 0],
    ["closes", close, "451 4.4.2", 0],
    ["is silent", silence, "451 4.4.2", 0],
  ];

for (const [what, BDAT, verdict, kept] of AT_LAST) {
  Deno.test(`finish() does not take it for delivered where the relay ${what} at the last chunk`, async () => {
    await using relay = new ScriptedRelay([{ offers: CHUNKING, BDAT }]);
    await using relaying = new Relaying(relay, { finalDotTimeoutMs: 150 });
    const hop = await begun(relaying, "X: y\r\n");
    const { code, status } = await finished(hop);
    assertEquals(`${code} ${status}`, verdict);
    assertEquals(relaying.pool.kept, kept);
    assertEquals(hop.step, "last chunk");
  });
}

Deno.test("abort() in the middle of chunks closes without a last one", async () => {
  await using relay = new ScriptedRelay([{ offers: CHUNKING }]);
  await using relaying = new Relaying(relay);
  const hop = await begun(relaying);
  await hop.write(octets(LARGE));
  await hop.abort();
  await relay.emptied();
  assertEquals(relay.peers[0]!.messages, []);
  assertMatch(relay.peers[0]!.commands.at(-1)!, /^BDAT \d+$/);
  assertEquals(relaying.pool.kept, 0);
});

Deno.test("abort() before the first chunk resets and keeps the connection", async () => {
  await using relay = new ScriptedRelay([{ offers: CHUNKING }]);
  await using relaying = new Relaying(relay);
  const hop = await begun(relaying, "X: y\r\n");
  await hop.abort();
  assertEquals(relay.peers[0]!.commands.at(-1), "RSET");
  assertEquals(relaying.pool.kept, 1);
});

for (const lacking of ["CHUNKING", "BINARYMIME"]) {
  Deno.test(`a binary message is refused where the relay lacks ${lacking}`, async () => {
    const offers = CHUNKING.filter((offer) => offer !== lacking);
    await using relay = new ScriptedRelay([{ offers }]);
    await using relaying = new Relaying(relay);
    const hop = relaying.hop({ body: "BINARYMIME" });
    const [reply] = await hop.rcpt(rcpts("b@localhost"));
    assertEquals([reply?.code, reply?.status], [554, "5.6.1"]);
    assertEquals(relay.peers[0]!.commands, ["EHLO mx.test"]);
    assertEquals(relaying.pool.kept, 1);
  });
}

Deno.test("the last chunk has a verdict for each recipient under LMTP", async () => {
  const BDAT: Answer = (peer) =>
    peer.recipients.map((to) => `250 2.0.0 ${to}`).join("\r\n");
  await using relay = new ScriptedRelay([{ offers: CHUNKING, BDAT }]);
  await using relaying = new Relaying(relay, { protocol: "lmtp" });
  const hop = relaying.hop({ body: "BINARYMIME" });
  await hop.rcpt(rcpts("b@localhost", "c@localhost"));
  await hop.data("X: y\r\n");
  const verdicts = [await hop.finish()].flat();
  assertEquals(verdicts.map(({ text }) => text), [
    "b@localhost",
    "c@localhost",
  ]);
});
