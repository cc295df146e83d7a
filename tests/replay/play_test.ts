import { assertEquals, assertRejects } from "@std/assert";
import { playInMemory } from "../../lib/replay/in_memory.ts";
import type { Failure } from "../../lib/replay/played.ts";
import type { Split } from "../../lib/replay/splits.ts";
import { transcript } from "../transcript/support.ts";
import { RELAYED, STORED, WRONG_RELAYED, WRONG_STORED } from "./wrong.ts";

const SPLITS: readonly Split[] = ["whole", "bytes", "pipelined", "random:1"];

async function failureOf(
  text: string,
  splits: readonly Split[] = ["whole"],
): Promise<Failure | undefined> {
  const { failure } = await playInMemory(transcript(text), {
    splits,
    readMessage,
  });
  return failure;
}

/** The failure without what would make the file right. */
async function shown(
  text: string,
  splits?: readonly Split[],
): Promise<Omit<Failure, "amendment"> | undefined> {
  const failure = await failureOf(text, splits);
  if (failure === undefined) return undefined;
  const { line, expected, came, way } = failure;
  return { line, expected, came, way };
}

function readMessage(path: string): Uint8Array {
  return new TextEncoder().encode(path === "x.eml" ? "Subject: x\n.\n" : "");
}

for (const [name, text] of Object.entries({ STORED, RELAYED })) {
  Deno.test(`playInMemory() finds nothing wrong in ${name}`, async () => {
    assertEquals(await failureOf(text, SPLITS), undefined);
  });
}

for (
  const [base, table] of [[STORED, WRONG_STORED], [
    RELAYED,
    WRONG_RELAYED,
  ]] as const
) {
  for (const [what, from, to, line, expected, came] of table) {
    Deno.test(`playInMemory() reports ${what}`, async () => {
      assertEquals(base.split(from).length, 2, "one place to change");
      const text = base.replace(from, () => to);
      assertEquals(await shown(text), {
        ...{ line, expected, came },
        way: "whole",
      });
      // Where lines are joined, what is early in the file may come later.
      assertEquals((await failureOf(text, ["bytes"]))?.line, line);
    });
  }
}

Deno.test("playInMemory() reports a relay that is not called", async () => {
  assertEquals(await shown("S~ 220 .*\nC: NOOP\nP: EHLO a"), {
    line: 3,
    expected: "P: EHLO a",
    came: "no connection to the relay",
    way: "whole",
  });
});

Deno.test("playInMemory() reports what is asked of a relay too early", async () => {
  const pipelining = RELAYED.replaceAll(
    "R: 250 relay.test",
    "R: 250-relay.test\nR: 250 PIPELINING",
  );
  assertEquals(await shown(pipelining), {
    line: 13,
    expected: "R: 250 Ok (before the relay spoke)",
    came: "RCPT TO:<b@localhost>",
    way: "whole",
  });
});

Deno.test("playInMemory() reports a message too many", async () => {
  const [head, message, quit] = [
    STORED.slice(0, STORED.indexOf("C: MAIL")),
    STORED.slice(STORED.indexOf("C: MAIL"), STORED.indexOf("C: QUIT")),
    STORED.slice(STORED.indexOf("C: QUIT")),
  ];
  const failure = await failureOf(head + message + message + quit);
  assertEquals(
    failure?.came,
    "a message from=<a@example.org> to=<b@localhost>",
  );
  const nothing = head + message + quit.slice(0, quit.indexOf("== del")) +
    "== delivered nothing\n";
  assertEquals((await failureOf(nothing))?.line, 22);
});

Deno.test("playInMemory() lets replies to a batch come in one write", async () => {
  const swapped = RELAYED.replace(
    "S~ 250 .*\nC: RCPT TO:<b@localhost>\n",
    "C: RCPT TO:<b@localhost>\n",
  ).replace("S: 250 2.1.5", "S~ 250 2.1.0 .*\nS: 250 2.1.5");
  assertEquals(await failureOf(swapped, ["pipelined"]), undefined);
  const wrong = RELAYED.replace("S~ 250 .*", "S~ 251 .*");
  for (const split of SPLITS) {
    const failure = await failureOf(wrong, [split]);
    assertEquals([failure?.line, failure?.expected], [6, "S~ 251 .*"]);
  }
});

/** What only shows beyond one line, and where. */
const REFUSED: [what: string, text: string, expected: string, came: string][] =
  [
    [
      "TLS that Postern does not start",
      "S~ 220 .*\n== tls",
      "== tls",
      "Postern does not start TLS",
    ],
    [
      "TLS before the relay's words",
      RELAYED.slice(0, RELAYED.indexOf("P: EHLO")) + "== tls",
      "== tls",
      "EHLO mx.postern.test",
    ],
    [
      "a checker that is not called",
      "S~ 220 .*\nspamd> PING",
      "spamd> PING",
      "no connection to the spamd",
    ],
    [
      "a second relay that is not called",
      RELAYED.replace("R: 250 2.0.0", "R2: 220 hi\nR: 250 2.0.0"),
      "R2: 220 hi",
      "no connection to the relay2",
    ],
    [
      "a relay's words that are only described",
      RELAYED.replace("R: 354 Go", "R~ 354 .*"),
      "R~ 354 .*",
      "what can be heard only, not said",
    ],
    [
      "a close that the file does not have",
      "S~ 220 .*\nC: QUIT\nS~ 221 .*",
      "nothing more",
      "a close",
    ],
    [
      "a variable that has no value yet",
      "S~ 220 .*\nC: NOOP ${later}\nS~ 250 .*",
      "C: NOOP ${later}",
      "no value for ${later}: expected a line above that has it",
    ],
    [
      "what Postern said by itself before the client spoke",
      "S~ 220 .*\n== wait 301s\nC: NOOP\nS~ 421 .*\n== close",
      "C: NOOP (before the client spoke)",
      "421 4.4.2 Timeout, closing",
    ],
    [
      "a client that speaks behind its end",
      "S~ 220 .*\n== eof\nC: NOOP",
      "C: NOOP",
      "no connection to the client",
    ],
    [
      "a relay that is called, where the file has none",
      '@relay.url "relay.test:25"\n@relay.tls "off"\nS~ 220 .*\nC: HELO a\n' +
      "S~ 250 .*\nC: MAIL FROM:<a@b>\nS~ 250 .*\nC: RCPT TO:<b@localhost>",
      "nothing more",
      "a connection to the relay",
    ],
    [
      "what must not come in a reply, heard as bytes",
      String.raw`S> "220 ${"${host}"} ESMTP Postern\r\n"` + "\nS! 220 .*",
      "S! 220 .*",
      "220 mx.postern.test ESMTP Postern",
    ],
    [
      "bytes behind lines that are all of a reply",
      String.raw`S~ 220 .*` +
      '\nC: EHLO a\nS* 250-\nS: 250 HELP\nS> "x"\nS* 250',
      'S> "x"',
      "silence",
    ],
    [
      "bytes where it stays silent",
      String.raw`S> "220 ${"${host}"} ESMTP Postern\r\nHi"`,
      String.raw`S> "220 ${"${host}"} ESMTP Postern\r\nHi"`,
      String.raw`"220 mx.postern.test ESMTP Postern\r\n"`,
    ],
  ];

for (const [what, text, expected, came] of REFUSED) {
  Deno.test(`playInMemory() reports ${what}`, async () => {
    const failure = await failureOf(text);
    assertEquals([failure?.expected, failure?.came], [expected, came]);
  });
}

/** What is right, though it shows only beyond one line. */
const RIGHT: [what: string, text: string][] = [
  [
    "bytes with variables, over the ends of lines",
    String.raw`S> "220 ${"${host}"} ES"
S> "MTP ${"${rest}"}\r\n"
C: NOOP
S> "250 2.0.0 OK\r\n"`,
  ],
  [
    "what the client says with a value from above",
    "S~ 220 ${host} .*\nC: EHLO ${host}\nS* 250-\nS: 250 HELP",
  ],
  [
    "what must not come in a reply, heard as bytes, and does not",
    String.raw`S> "220 ${"${host}"} ESMTP Postern\r\n"` + "\nS! 5.*",
  ],
  [
    "bytes that are none",
    String.raw`S> "220 ${"${host}"} ESMTP Postern${"${e}"}\r\n"
C> "${"${e}"}"
C> "NOOP${"${e}"}\r\n"
S~ 250 .*`,
  ],
  ["a client that leaves", "S~ 220 .*\nC: NOOP\nS~ 250 .*\n== eof"],
  [
    "a password that nobody gave",
    "S~ 220 .*\nC: AUTH PLAIN ${secret:auth}\nS~ 50\\d .*",
  ],
];

for (const [what, text] of RIGHT) {
  Deno.test(`playInMemory() plays ${what}, however it is cut`, async () => {
    const splits = [...SPLITS, "every"] as const;
    assertEquals(await failureOf(text, splits), undefined);
  });
}

Deno.test("playInMemory() throws where the settings are no configuration", async () => {
  const text = "@server.listen 5\nC: a";
  await assertRejects(
    () => failureOf(text),
    TypeError,
    "a.smtp:1:2: server.listen: ",
  );
});

Deno.test("playInMemory() cuts what the relay says too", async () => {
  const { plays } = await playInMemory(
    transcript(`${RELAYED.replace("R: 354 Go", `R: 354 ${"x".repeat(99)}`)}`),
    { splits: ["every"], readMessage },
  );
  assertEquals(plays, "R: 354 ".length - "R: ".length + 99 + "\r\n".length - 1);
});

Deno.test("playInMemory() tells an empty message from none that is claimed", async () => {
  const empty = STORED.replace("C: Subject: x\nC:\nC: Hello\n", "");
  const head = empty.slice(0, empty.indexOf("|"));
  assertEquals(await failureOf(head + '|> ""\n'), undefined);
  assertEquals(await failureOf(head), undefined);
  const full = STORED.slice(0, STORED.indexOf("|"));
  assertEquals((await failureOf(full + '|> ""\n'))?.came, "Subject: x");
});
