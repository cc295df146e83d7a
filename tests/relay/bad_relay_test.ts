import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type Answer,
  type Behaviour,
  close,
  endless,
  last,
  OFFERS,
  type Peer,
  raw,
  ScriptedRelay,
  silence,
  slow,
  type Step,
} from "../support/scripted_relay.ts";
import { type Mail, verdictOf } from "../support/raw_client.ts";
import type { ConfigInput } from "../../mod.ts";
import { IMPATIENT, Serving, SHORT_MS } from "../support/serving.ts";

/** A bound on any of these messages, in ms: a few waits, and a busy machine. */
const BOUND_MS = 20 * SHORT_MS;

const LOCKSTEP = OFFERS.filter((offer) => offer !== "PIPELINING");

const STEPS: Step[] = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"];

/** What a relay may do at a step, and what the client hears then. */
const FAULTS: [fault: string, answer: Answer, heard: RegExp][] = [
  ["is silent", silence, /^451 4\.4\.[12] /],
  ["closes", close, /^451 4\.4\.[12] /],
  ["says 421 and closes", last("421 4.3.2 Later"), /^451 4\.4\.[12] /],
  ["says 421 and stays", "421 4.3.2 Later", /^451 4\.4\.[12] /],
  ["speaks another protocol", "HTTP/1.1 400 Bad Request", /^451 4\.4\.0 /],
  ["ends its line with LF", raw("250 Fine\n250 Fine\r\n"), /^451 4\.4\.0 /],
  ["sends a line without end", endless("250 x"), /^451 4\.4\.0 /],
  ["sends lines without end", endless("250-x\r\n"), /^451 4\.4\.0 /],
  ["changes its code", raw("250-Fine\r\n550 No\r\n"), /^451 4\.4\.0 /],
  ["answers 1xx", "150 Wait", /^451 4\.4\.0 /],
  ["answers 3xx", "334 Go on", /^451 4\.4\.[01] /],
  ["sends a byte now and then", slow(`250 ${"x".repeat(99)}`, 20), /^451 4\.4/],
];

/** Those that only a deadline ends. */
const WAITS = new Set([
  "is silent",
  "sends a byte now and then",
  "answers half of the final dot along with DATA",
]);

/** Sends a message to a relay, then one to a good one, in one session. */
async function twoMessages(
  behaviour: Behaviour,
  mail: Mail = {},
  limits: ConfigInput["limits"] = {},
): Promise<{ verdict: string; next: string; taken: number; log: string }> {
  await using relay = new ScriptedRelay([behaviour, {}]);
  await using serving = await Serving.start({
    relay: { url: relay.url },
    limits: { ...limits, data: "64MiB" },
  });
  using client = await serving.client();
  const start = Date.now();
  const verdict = verdictOf(await client.mail(mail));
  assert(Date.now() - start < BOUND_MS, `took ${Date.now() - start} ms`);
  const taken = relay.taken.length;
  const next = verdictOf(await client.mail());
  return { verdict, next, taken, log: serving.log };
}

for (const step of STEPS) {
  for (const [fault, answer, heard] of FAULTS) {
    // The wait for that reply is ten minutes; see hop_test.ts.
    if (step === "END" && WAITS.has(fault)) continue;
    Deno.test(`a relay that ${fault} at ${step} costs this message, no other`, async () => {
      const { verdict, next, taken, log } = await twoMessages(
        { [step]: answer },
        {},
        WAITS.has(fault) ? IMPATIENT : {},
      );
      assertMatch(verdict, heard);
      assertEquals(taken, 0);
      assertMatch(next, /^250 2\.0\.0 Queued as 42/);
      assertMatch(log, /relay-failed/);
    });
  }
}

for (const step of ["MAIL", "RCPT"] as const) {
  for (const [fault, answer, heard] of FAULTS) {
    Deno.test(`a relay without PIPELINING that ${fault} at ${step} costs this message, no other`, async () => {
      const behaviour = { offers: LOCKSTEP, [step]: answer };
      const { verdict, next, taken } = await twoMessages(
        behaviour,
        {},
        WAITS.has(fault) ? IMPATIENT : {},
      );
      assertMatch(verdict, heard);
      assertEquals(taken, 0);
      assertMatch(next, /^250 /);
    });
  }
}

const GREETINGS: [text: string, heard: RegExp][] = [
  ["554 5.7.1 Go away", /^451 4\.4\.1 /],
  ["421 4.3.2 Too busy", /^451 4\.4\.1 /],
  ["450 4.3.2 Later", /^451 4\.4\.1 /],
];

for (const [text, heard] of GREETINGS) {
  Deno.test(`a relay that greets with "${text}" counts as down`, async () => {
    const { verdict, next } = await twoMessages({ GREETING: last(text) });
    assertMatch(verdict, heard);
    assertMatch(next, /^250 /);
  });
}

Deno.test("a relay whose port is closed counts as down", async () => {
  const gone = new ScriptedRelay();
  const { url } = gone;
  await gone[Symbol.asyncDispose]();
  await using serving = await Serving.start({ relay: { url } });
  using client = await serving.client();
  assertMatch(verdictOf(await client.mail()), /^451 4\.4\.1 /);
  assertMatch(verdictOf(await client.mail()), /^451 4\.4\.1 /);
  assertMatch(await client.ask("NOOP"), /^250 /);
  assertMatch(serving.log, /relay-failed .*refused/);
});

/** Answers DATA, and more than that. */
function early(text: string): Answer {
  return async (peer) => {
    await peer.write(text);
    peer.expectData();
  };
}

const LIES: [lie: string, behaviour: Behaviour, mail: Mail][] = [
  [
    "answers twice",
    { MAIL: raw("250 Fine\r\n250 Fine\r\n250 Fine\r\n") },
    {},
  ],
  [
    "refuses the SIZE it offered",
    {
      MAIL: (_, line) => line.includes("SIZE=") ? "555 5.5.4 SIZE?" : "250 Ok",
    },
    { parameters: " SIZE=100" },
  ],
  [
    "refuses the 8BITMIME it offered",
    {
      MAIL: (_, line) => line.includes("BODY=") ? "555 5.5.4 BODY?" : "250 Ok",
    },
    { parameters: " BODY=8BITMIME" },
  ],
  [
    "refuses the SMTPUTF8 it offered",
    { MAIL: (_, line) => line.includes("UTF8") ? "555 5.5.4 UTF8?" : "250 Ok" },
    { parameters: " SMTPUTF8" },
  ],
  ["answers DATA with 250", { DATA: "250 2.0.0 Taken" }, {}],
  ["answers the final dot with 354", { END: "354 More" }, {}],
  [
    "answers the final dot along with DATA",
    { DATA: early("354 Send it\r\n250 2.0.0 Taken\r\n") },
    {},
  ],
  [
    "answers half of the final dot along with DATA",
    { DATA: early("354 Send it\r\n250 2.0") },
    {},
  ],
];

for (const [lie, behaviour, mail] of LIES) {
  Deno.test(`a relay that ${lie} is not believed`, async () => {
    const { verdict, next, taken } = await twoMessages(
      behaviour,
      mail,
      WAITS.has(lie) ? IMPATIENT : {},
    );
    assertMatch(verdict, /^451 4\.4\.[02] /);
    assertEquals(taken, 0);
    assertMatch(next, /^250 /);
  });
}

Deno.test("a relay that says 250 in the middle of data is not believed", async () => {
  const { verdict, next, taken } = await interrupted("250 2.0.0 Taken");
  assertMatch(verdict, /^451 4\.4\.0 /);
  assertEquals(taken, 0);
  assertMatch(next, /^250 /);
});

Deno.test("a relay's refusal in the middle of data is its verdict", async () => {
  const { verdict, next } = await interrupted("552 5.3.4 Too big for me");
  assertEquals(verdict, "552 5.3.4 Too big for me\r\n");
  assertMatch(next, /^250 /);
});

const LINE = `${"x".repeat(76)}\r\n`;

/** A message with a pause in it, in which the relay speaks. */
async function interrupted(text: string) {
  const { promise: said, resolve } = Promise.withResolvers<void>();
  const onData = async (peer: Peer) => {
    if (peer.data.length > LINE.length * 1_000) return;
    await peer.say(text);
    resolve();
  };
  await using relay = new ScriptedRelay([{ onData, END: silence }, {}]);
  await using serving = await Serving.start({ relay: { url: relay.url } });
  using client = await serving.client();
  for (const line of ["MAIL FROM:<a@b.c>", "RCPT TO:<b@localhost>", "DATA"]) {
    assertMatch(await client.ask(line), /^[23]/);
  }
  await client.send(LINE.repeat(1_000));
  await said;
  // By the time of another session's reply it has been read, too.
  using other = await serving.client();
  await other.ask("NOOP");
  await client.send(LINE.repeat(1_000));
  const verdict = await client.ask(".");
  const taken = relay.taken.length;
  const next = verdictOf(await client.mail());
  return { verdict, next, taken };
}

/** Larger than all the buffers between Postern and a relay together. */
const LARGE = LINE.repeat(400_000);

Deno.test("a relay that takes no more in the body costs this message, no other", async () => {
  const deaf: Behaviour = {
    DATA: async (peer) => {
      await peer.say("354 Send it");
      await peer.over;
    },
  };
  const { write_timeout } = IMPATIENT;
  const { verdict, next, taken } = await twoMessages(
    deaf,
    { data: LARGE },
    { write_timeout },
  );
  assertMatch(verdict, /^451 4\.4\.2 /);
  assertEquals(taken, 0);
  assertMatch(next, /^250 /);
});

Deno.test("a relay that closes in the body costs this message, no other", async () => {
  const fickle: Behaviour = { onData: (peer) => peer.close() };
  const { verdict, next, taken } = await twoMessages(fickle, { data: LARGE });
  assertMatch(verdict, /^451 4\.4\.2 /);
  assertEquals(taken, 0);
  assertMatch(next, /^250 /);
});

Deno.test("a relay that says 421 in the body and closes costs this message, no other", async () => {
  const fickle: Behaviour = { onData: last("421 4.3.0 No more") as () => void };
  const { verdict, next, taken } = await twoMessages(fickle, { data: LARGE });
  assertMatch(verdict, /^451 4\.4\.[02] /);
  assertEquals(taken, 0);
  assertMatch(next, /^250 /);
});

Deno.test("a relay that refuses EHLO is asked HELO, and gets no parameters", async () => {
  await using relay = new ScriptedRelay([{ EHLO: "502 5.5.1 Unknown" }]);
  await using serving = await Serving.start({ relay: { url: relay.url } });
  using client = await serving.client();
  const replies = await client.mail({ parameters: " SIZE=100" });
  assertMatch(replies.end, /^250 /);
  assertEquals(relay.peers[0]!.commands.slice(0, 3), [
    "EHLO mx.test",
    "HELO mx.test",
    "MAIL FROM:<a@example.org>",
  ]);
});

Deno.test("a relay that refuses EHLO and HELO counts as down", async () => {
  const { verdict, next } = await twoMessages({
    EHLO: "502 5.5.1 Unknown",
    HELO: "504 5.5.1 Unknown",
  });
  assertMatch(verdict, /^451 4\.4\.1 /);
  assertMatch(next, /^250 /);
});
