import { assert, assertEquals } from "@std/assert";
import { type Mismatch, play } from "../../lib/replay/play.ts";
import type { SecretSource } from "../../lib/replay/secret_source.ts";
import type { Way } from "../../lib/replay/splits.ts";
import { SECRET_DOTS } from "../../lib/secret.ts";
import { transcript } from "../transcript/support.ts";
import { fakeStage, FakeWire } from "./fake_stage.ts";

const WAYS: readonly Way[] = ["whole", "bytes", "pipelined", "every:3"];

const readMessage = () => new Uint8Array();

/** One reply to each line, in order. */
function replies(...texts: string[]): FakeWire {
  const left = texts.slice(1);
  return new FakeWire(`${texts[0]}\r\n`, (heard) => {
    if (!heard.endsWith("\r\n")) return undefined;
    const lines = heard.split("\r\n").length - 1;
    return left.splice(0, lines).map((text) => `${text}\r\n`).join("");
  });
}

function playLive(
  text: string,
  wire: FakeWire,
  way: Way = "whole",
  secrets?: SecretSource,
): Promise<Mismatch | undefined> {
  return play(transcript(text), fakeStage({ client: wire }, 10_000), {
    ...{ readMessage, way },
    ...(secrets && { secrets }),
  });
}

const PING = String.raw`spamd> PING SPAMC/1.5
spamd>
spamd< SPAMD/1.5 0 PONG
clamd> "zINSTREAM\0"
clamd> "\0\0\0\x02ab"
clamd> "\0\0\0\0"
clamd< "stream: OK\0"
spamd~ BYE .*
`.replaceAll("\\0", "\\x00");

for (const way of WAYS) {
  Deno.test(`play() plays checkers, their answers cut ${way}`, async () => {
    const spamd = new FakeWire(
      "PING SPAMC/1.5\r\n\r\n",
      (heard) => heard === "SPAMD/1.5 0 PONG\r\n" ? "BYE now\r\n" : undefined,
    );
    const clamd = new FakeWire(
      "zINSTREAM\0\0\0\0\x02ab\0\0\0\0",
      () => undefined,
    );
    const stage = fakeStage({ spamd, clamd });
    const mismatch = await play(transcript(PING), stage, { readMessage, way });
    assertEquals(mismatch, undefined);
    assertEquals(clamd.writes.join(""), "stream: OK\0");
    if (way === "bytes") assertEquals(clamd.writes.length, 11);
  });
}

Deno.test("play() gives each octet out once, though its line comes in parts", async () => {
  let said = 0;
  const clamd = new FakeWire("ab", () => ["cd\r\nef\r\n", "g"][said++]);
  const text = String.raw`clamd> "ab"
clamd< "1"
clamd> cd
clamd> "ef\r\n"
clamd< "2"
clamd> "g"`;
  const stage = fakeStage({ clamd });
  const mismatch = await play(transcript(text), stage, { readMessage });
  assertEquals(mismatch, undefined);
});

Deno.test("play() waits for all lines of bytes with variables", async () => {
  const text = String.raw`S> "220 ${"${a}"}\r\n250 ${"${b}"}\r\n"`;
  const wire = replies("220 hello there\r\n250 x");
  assertEquals(await playLive(text, wire), undefined);
});

Deno.test("play() reports what a checker is told that the file does not have", async () => {
  const clamd = new FakeWire("zPING\0", () => undefined);
  const stage = fakeStage({ clamd });
  const text = String.raw`clamd> "zINSTREAM\x00"`;
  const mismatch = await play(transcript(text), stage, { readMessage });
  assertEquals([mismatch?.line, mismatch?.came], [1, String.raw`"zPING\x00"`]);
});

const BATCH = `S: 220 hi
C: MAIL FROM:<a@b>
S: 250 one
C: RCPT TO:<c@d>
S: 250 two
C: NOOP
S: 250 three
`;

for (const way of WAYS) {
  Deno.test(`play() asks a live server only for what it owes, cut ${way}`, async () => {
    const wire = replies("220 hi", "250 one", "250 two", "250 three");
    assertEquals(await playLive(BATCH, wire, way), undefined);
    assertEquals(wire.missed, 0);
  });
}

Deno.test("play() compares what was owed by a live server in its order", async () => {
  for (const way of ["whole", "pipelined"] as const) {
    const wire = replies("220 hi", "250 one", "250 too", "250 three");
    const mismatch = await playLive(BATCH, wire, way);
    assertEquals([mismatch?.line, mismatch?.came], [5, "250 too"]);
  }
});

Deno.test("play() says how long it waited, and what had come", async () => {
  const text = "S: 220 hi\nC: EHLO a\nS* 250-\nS: 250 x\n";
  const wire = new FakeWire("220 hi\r\n", () => "250-a\r\n250");
  assertEquals(
    (await playLive(text, wire))?.came,
    [
      "250-a",
      '"250" and then no answer within 10 s',
    ].join("\n"),
  );
  const silent = new FakeWire("220 hi\r\n", () => undefined);
  const mismatch = await playLive(text, silent);
  assertEquals(mismatch?.came, "no answer within 10 s");
  assertEquals(mismatch?.amendment, undefined);
});

Deno.test("play() finds what a live server says beyond the file", async () => {
  const wire = replies("220 hi", "250 one\r\n250 more");
  const mismatch = await playLive("S: 220 hi\nC: NOOP\nS: 250 one", wire);
  assertEquals([mismatch?.line, mismatch?.came], [0, "250 more"]);
  assertEquals(wire.missed, 0);
});

Deno.test("play() goes over to TLS where the file says so, and not behind more words", async () => {
  const text = "S: 220 hi\nC: STARTTLS\nS: 220 go\n== tls\nC: NOOP\nS: 250 ok";
  const wire = replies("220 hi", "220 go", "250 ok");
  assertEquals(await playLive(text, wire), undefined);
  assert(wire.isSecure);
  const rash = replies("220 hi", "220 go\r\n250 evil", "250 ok");
  const mismatch = await playLive(text, rash);
  assertEquals([mismatch?.line, mismatch?.came], [4, "250 evil"]);
  assert(!rash.isSecure);
});

const TWICE = `R: 220 one
P: EHLO a
R: 421 no
P: QUIT
== eof
R: 220 two
P: EHLO b
R: 250 two
== eof
`;

/** Two connections to a relay, the second one there from the beginning. */
function twoCalls(closes = true): readonly FakeWire[] {
  const first = new FakeWire("", (heard) => {
    if (heard === "220 one\r\n") return "EHLO a\r\n";
    first.isClosed = closes && heard === "421 no\r\n";
    return heard === "421 no\r\n" ? "QUIT\r\n" : undefined;
  });
  const second = new FakeWire("", (heard) => {
    second.isClosed = heard === "250 two\r\n";
    return heard === "220 two\r\n" ? "EHLO b\r\n" : undefined;
  });
  return [first, second];
}

/** What is made of {@linkcode TWICE}, and what is found then. */
const CALLS: [
  what: string,
  from: string | RegExp,
  to: string,
  found: unknown[],
][] = [
  ["both", "", "", []],
  ["both, no end told", "QUIT\n== eof", "QUIT", []],
  ["both, the first left by the relay", "421 no\n", "421 no\n== close\n", []],
  [
    "the first one's last words missing",
    "P: QUIT\n== eof\n",
    "",
    [5, "P: EHLO b", "QUIT"],
  ],
  [
    "the first one's last words missing, but for its end",
    "P: QUIT\n",
    "",
    [4, "== eof", "QUIT"],
  ],
  [
    "the second one missing",
    TWICE.slice(TWICE.indexOf("R: 220 two")),
    "",
    [0, "nothing more", "a connection to the relay"],
  ],
  [
    "a third",
    /== eof\n$/,
    "== eof\nR: 220 three\nP: EHLO c\n",
    [11, "P: EHLO c", "silence"],
  ],
  [
    "a third behind one that the relay has left",
    /== eof\n$/,
    "== close\nR: 220 three\n",
    [10, "R: 220 three", "no connection to the relay"],
  ],
];

for (const [what, from, to, found] of CALLS) {
  Deno.test(`play() tells a relay's connections apart: ${what}`, async () => {
    const text = transcript(TWICE.replace(from, to));
    const relay = twoCalls();
    const mismatch = await play(text, fakeStage({ relay }), { readMessage });
    const { line, expected, came } = mismatch ?? {};
    assertEquals(mismatch ? [line, expected, came] : [], found);
  });
}

Deno.test("play() waits for the end of a connection though there is another one", async () => {
  const stage = fakeStage({ relay: twoCalls(false) });
  const mismatch = await play(transcript(TWICE), stage, { readMessage });
  assertEquals([mismatch?.line, mismatch?.came], [5, "silence"]);
});

Deno.test("play() lets much or little be said of a message that is broken off", async () => {
  const text = transcript("R: 354 go\nR: 421 no\nR: 220 two\n");
  for (const end of ["", ".\r\n"]) {
    const first: FakeWire = new FakeWire("", (heard) => {
      first.isClosed = heard.endsWith("421 no\r\n");
      return first.isClosed ? `a\r\n${end}` : undefined;
    });
    const relay = [first, new FakeWire("", () => undefined)];
    const mismatch = await play(text, fakeStage({ relay }), { readMessage });
    assertEquals(mismatch, undefined);
  }
});

Deno.test("play() reports what a relay was asked before the client spoke", async () => {
  const text = transcript("S: 220 hi\nC: NOOP\nS: 250 ok\nP: EHLO a");
  const stage = fakeStage({
    client: replies("220 hi", "250 ok"),
    relay: new FakeWire("EHLO a\r\n", () => undefined),
  });
  const mismatch = await play(text, stage, { readMessage });
  assertEquals([mismatch?.expected, mismatch?.came], [
    ...["C: NOOP (before the client spoke)", "EHLO a"],
  ]);
});

Deno.test("play() reports a wire that is no wire of the file", async () => {
  const stage = fakeStage({
    client: new FakeWire("220 hi\r\n", () => undefined),
    spamd: new FakeWire("", () => undefined),
  });
  const mismatch = await play(transcript("S: 220 hi"), stage, { readMessage });
  assertEquals([mismatch?.line, mismatch?.came], [
    ...[0, "a connection to the spamd"],
  ]);
});

/** A pair, whose answer in base64 is the same to each question. */
class Pair implements SecretSource {
  readonly heard: string[] = [];
  readonly asked: string[] = [];

  hear(line: string): void {
    this.heard.push(line);
  }

  valueOf({ name }: { name: string }): string | undefined {
    this.asked.push(name);
    return name === "secret:auth" ? btoa("\0joe\0pass word") : undefined;
  }
}

const AUTH = `S: 220 hi
C: AUTH PLAIN
S: 334 go
C: \${secret:auth}
S~ 235 .*
`;

for (const way of WAYS) {
  Deno.test(`play() asks once for what stands for a secret, cut ${way}`, async () => {
    const pair = new Pair();
    const wire = replies("220 hi", "334 go", "235 ok");
    assertEquals(await playLive(AUTH, wire, way, pair), undefined);
    assertEquals(
      wire.writes.join(""),
      "AUTH PLAIN\r\nAGpvZQBwYXNzIHdvcmQ=\r\n",
    );
    assertEquals(pair.asked, ["secret:auth"]);
    assertEquals(pair.heard, ["220 hi", "334 go", "235 ok"]);
  });
}

Deno.test("play() says where the value of a secret is looked for", async () => {
  const text = "C: AUTH PLAIN ${secret:other}";
  for (const secrets of [undefined, new Pair()]) {
    const wire = replies("220 hi");
    const mismatch = await playLive(text, wire, "whole", secrets);
    assertEquals(
      mismatch?.came,
      "no value for ${secret:other}: " +
        "expected POSTERN_SECRET_OTHER in the environment",
    );
    assertEquals(mismatch?.line, 1);
    assertEquals(wire.writes, []);
  }
});

/** What comes for the 235, and what is shown of it. */
const SHOWN: [came: string, shown: string][] = [
  ["535 no, AGpvZQBwYXNzIHdvcmQ=", `535 no, ${SECRET_DOTS}`],
  ["535 no, joe:pass word", `535 no, joe:${SECRET_DOTS}`],
  [`535 no, ${btoa("pass word")}!`, `535 no, ${SECRET_DOTS}!`],
];

for (const [came, shown] of SHOWN) {
  Deno.test(`play() shows "${shown}" where a secret came back`, async () => {
    const wire = replies("220 hi", "334 go", came);
    const mismatch = await playLive(AUTH, wire, "whole", new Pair());
    assertEquals(mismatch?.came, shown);
    assertEquals(mismatch?.amendment, undefined);
  });
}

Deno.test("play() shows nothing of what came where a secret was to come", async () => {
  const relay = new FakeWire("AUTH LOGIN c2VjcmV0\r\n", () => undefined);
  const text = "P: AUTH PLAIN ${secret:auth}";
  const mismatch = await play(transcript(text), fakeStage({ relay }), {
    readMessage,
  });
  assertEquals(mismatch?.came, `AUTH ${SECRET_DOTS}`);
  assertEquals(mismatch?.amendment, undefined);
  const silent = new FakeWire("", () => undefined);
  const missing = await play(transcript(text), fakeStage({ relay: silent }), {
    readMessage,
  });
  assertEquals(missing?.came, "silence");
});
