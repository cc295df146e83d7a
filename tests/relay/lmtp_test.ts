import { assert, assertEquals } from "@std/assert";
import type { Reply } from "../../lib/engine/reply.ts";
import { rcpts, Relaying, upToDot } from "../support/relaying.ts";
import {
  type Answer,
  type Behaviour,
  close,
  raw,
  ScriptedRelay,
  silence,
} from "../support/scripted_relay.ts";

const LMTP = { protocol: "lmtp" } as const;

const TO = ["b@localhost", "c@localhost", "d@localhost"];

/** A message for several; the codes of what `finish` gives, and what was seen. */
async function deliver(
  behaviour: Behaviour,
): Promise<{ verdicts: readonly Reply[]; log: string; kept: number }> {
  await using relay = new ScriptedRelay([behaviour]);
  await using relaying = new Relaying(relay, {
    ...LMTP,
    finalDotTimeoutMs: 150,
  });
  const hop = relaying.hop();
  await hop.rcpt(rcpts(...TO));
  assertEquals((await hop.data("")).code, 354);
  await hop.write(new TextEncoder().encode("x: y\r\n\r\nz\r\n"));
  const verdicts = await hop.finish();
  const { kept } = relaying.pool;
  return {
    verdicts: "code" in verdicts ? [verdicts] : verdicts,
    log: relaying.log,
    kept,
  };
}

const OK = "250 2.0.0 Stored";
const FULL = "452 4.2.2 Mailbox full";

const VERDICTS: [
  what: string,
  END: Answer,
  codes: number[],
  kept: number,
][] = [
  [
    "all take it",
    `${OK} for b\r\n${OK} for c\r\n${OK} for d`,
    [250, 250, 250],
    1,
  ],
  ["one has no room", `${OK}\r\n${FULL}\r\n${OK}`, [250, 452, 250], 1],
  ["none takes it", `${FULL}\r\n${FULL}\r\n550 No`, [452, 452, 550], 1],
  [
    "the relay closes after the first",
    async (peer) => {
      await peer.say(OK);
      await peer.end();
    },
    [250, 451, 451],
    0,
  ],
  ["the relay closes before the first", close, [451], 0],
  [
    "the relay is silent after the second",
    raw(`${OK}\r\n${FULL}\r\n`),
    [250, 452, 451],
    0,
  ],
  ["the relay is silent", silence, [451], 0],
  ["one answer is 421", `${OK}\r\n421 Bye\r\n${OK}`, [250, 451, 250], 0],
  ["one answer is 3xx", `${OK}\r\n354 More\r\n${OK}`, [250, 451, 250], 0],
  [
    "the second answer is none",
    raw(`${OK}\r\nHello\r\n`),
    [250, 451, 451],
    0,
  ],
  [
    "there is one answer more",
    `${OK}\r\n${OK}\r\n${OK}\r\n${OK}`,
    [250, 250, 250],
    0,
  ],
];

for (const [what, END, codes, kept] of VERDICTS) {
  Deno.test(`finish() over LMTP gives each recipient's verdict where ${what}`, async () => {
    const outcome = await deliver({ END });
    assertEquals(outcome.verdicts.map(({ code }) => code), codes);
    assertEquals(outcome.kept, kept);
  });
}

Deno.test("finish() over LMTP counts the recipients that the relay took, in order", async () => {
  const RCPT: Answer = (_, line) =>
    line.includes("c@") ? "550 5.1.1 Unknown" : "250 2.1.5 Fine";
  const END: Answer = (peer) =>
    peer.recipients.map((to) => `250 2.0.0 ${to}`).join("\r\n");
  const { verdicts, kept } = await deliver({ RCPT, END });
  assertEquals(verdicts.map(({ text }) => text), [
    "b@localhost",
    "d@localhost",
  ]);
  assertEquals(kept, 1);
});

Deno.test("finish() over LMTP counts anew for the next message", async () => {
  const END: Answer = (peer) => peer.recipients.map(() => OK).join("\r\n");
  await using relay = new ScriptedRelay([{ END }]);
  await using relaying = new Relaying(relay, LMTP);
  for (const to of [TO, TO.slice(1), TO]) {
    const hop = relaying.hop();
    await hop.rcpt(rcpts(...to));
    await hop.data("");
    const verdicts = await hop.finish();
    assert(!("code" in verdicts));
    assertEquals(verdicts.length, to.length);
  }
  assertEquals(relay.peers.length, 1);
});

Deno.test("a relay that speaks LMTP is greeted with LHLO, and with nothing else", async () => {
  await using relay = new ScriptedRelay([{ LHLO: "500 5.5.1 What?" }]);
  await using relaying = new Relaying(relay, LMTP);
  const [reply] = await relaying.hop().rcpt(rcpts("b@localhost"));
  assertEquals(reply?.status, "4.4.1");
  await relay.emptied();
  assertEquals(relay.peers[0]!.commands, ["LHLO mx.test", "QUIT"]);
});

Deno.test("what LHLO offers counts", async () => {
  await using relay = new ScriptedRelay([{ offers: ["SIZE 10"] }]);
  await using relaying = new Relaying(relay, LMTP);
  const hop = relaying.hop({ size: 11 });
  assertEquals((await hop.rcpt(rcpts("b@localhost")))[0]?.code, 552);
});

Deno.test("LMTP goes over a Unix socket", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/lmtp`;
    await using relay = new ScriptedRelay([{}], { path });
    await using relaying = new Relaying(relay, { ...LMTP, address: { path } });
    const hop = relaying.hop();
    await upToDot(hop);
    const verdicts = await hop.finish();
    assert(!("code" in verdicts));
    assertEquals(verdicts.map(({ code }) => code), [250]);
    assertEquals(relay.taken.length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("LMTP goes over STARTTLS, with LHLO before it and behind", async () => {
  await using relay = new ScriptedRelay([{ certificate: "self_signed" }]);
  await using relaying = new Relaying(relay, { ...LMTP, tls: "required" });
  const hop = relaying.hop();
  await upToDot(hop);
  await hop.finish();
  const { commands, secure } = relay.peers[0]!;
  assert(secure);
  assertEquals(commands.slice(0, 3), [
    "LHLO mx.test",
    "STARTTLS",
    "LHLO mx.test",
  ]);
});

Deno.test("a refusal in the middle of data is every recipient's under LMTP", async () => {
  const { promise: said, resolve } = Promise.withResolvers<void>();
  let hasSpoken = false;
  const onData: Behaviour["onData"] = async (peer) => {
    if (hasSpoken) return;
    hasSpoken = true;
    await peer.say("552 5.3.4 Too big");
    resolve();
  };
  await using relay = new ScriptedRelay([{ onData }, {}]);
  await using relaying = new Relaying(relay, LMTP);
  const hop = relaying.hop();
  await hop.rcpt(rcpts(...TO));
  await hop.data("");
  await hop.write(new Uint8Array(20_000).fill(0x78));
  await said;
  // By the time that another connection is open it has been read, too.
  relaying.pool.give(await relaying.pool.open());
  const verdicts = await hop.finish();
  assert(!("code" in verdicts));
  assertEquals(verdicts.map(({ code }) => code), [552, 552, 552]);
});
