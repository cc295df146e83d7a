import { assert, assertEquals } from "@std/assert";
import { mailData, sentBytes } from "../../lib/replay/sending.ts";
import {
  MAX_CUTS,
  parseSplit,
  type Piece,
  piecesOf,
  type SentStep,
  type Way,
  waysOf,
  writesOf,
} from "../../lib/replay/splits.ts";
import { octetsOf } from "../../lib/transcript/template.ts";
import { transcript } from "../transcript/support.ts";

const MESSAGE = new TextEncoder().encode("Subject: x\n\n.dot\n");

function bytesOf(step: SentStep): Uint8Array {
  return step.kind === "message"
    ? mailData(MESSAGE)
    : sentBytes(step, new Map());
}

function client(text: string): Piece[] {
  return piecesOf(transcript(text).steps, "client", "client", bytesOf);
}

/** What is written, a text for each write. */
function texts(pieces: readonly Piece[], way: Way): string[] {
  return [...writesOf(pieces, way)].map(({ bytes }) => octetsOf(bytes));
}

/** Each conversation, and its client's bytes joined as far as may be. */
const PACES: [what: string, text: string, joined: string[]][] = [
  [
    "a batch up to DATA, and the message apart",
    "S: 220\nC: EHLO x\nS: 250 x\nC: MAIL a\nS: 250\nC: RCPT b\nS: 250\nC: DATA\nS: 354 go\nC< a.eml\nS: 250\nC: QUIT\nS: 221",
    [
      "EHLO x\r\n",
      "MAIL a\r\nRCPT b\r\nDATA\r\n",
      "Subject: x\r\n\r\n..dot\r\n.\r\n",
      "QUIT\r\n",
    ],
  ],
  [
    "a batch that is written as one",
    "C: MAIL a\nC: RCPT b\nC: DATA\nS: 250\nS: 250\nS: 354\nC: a\nC: EHLO in the body\nC: .\nC: RSET\nC: NOOP",
    [
      "MAIL a\r\nRCPT b\r\nDATA\r\n",
      "a\r\nEHLO in the body\r\n.\r\n",
      "RSET\r\nNOOP\r\n",
    ],
  ],
  [
    "HELO, LHLO, STARTTLS, XCLIENT and QUIT in any case",
    "C: helo x\nC: LHLO x\nC: StartTLS\nC: XCLIENT A=B\nC: quit\nC: NOOP",
    [
      ...["helo x\r\n", "LHLO x\r\n", "StartTLS\r\n", "XCLIENT A=B\r\n"],
      ...["quit\r\n", "NOOP\r\n"],
    ],
  ],
  [
    "AUTH and each of its answers",
    "C: AUTH LOGIN\nS: 334 a\nC: MAIL\nS: 334 b\nC: b\nS~ 235 .*\nC: NOOP\nC: NOOP",
    ["AUTH LOGIN\r\n", "MAIL\r\n", "b\r\n", "NOOP\r\nNOOP\r\n"],
  ],
  [
    "DATA that is refused",
    "C: DATA\nS: 503\nC: EHLO x\nS: 250\nC: RSET",
    ["DATA\r\n", "EHLO x\r\n", "RSET\r\n"],
  ],
  [
    "DATA whose reply is not known",
    "C: DATA\nS~ .*\nC: a\nC: b\nS: 250\nC: a\nC: b",
    ["DATA\r\n", "a\r\n", "b\r\n", "a\r\nb\r\n"],
  ],
  [
    "DATA whose reply is not waited for",
    "C: DATA\nC: a\nC: .\nS: 354\nS: 250\nC: a\nC: b",
    ["DATA\r\n", "a\r\n", ".\r\n", "a\r\nb\r\n"],
  ],
  [
    "replies by patterns",
    "C: DATA\nS~ 3.. .*\nC: EHLO\nC: .\nS* 250-\nS~ [2] .*\nC: a\nC: b",
    ["DATA\r\n", "EHLO\r\n.\r\n", "a\r\n", "b\r\n"],
  ],
  [
    "an end of data that comes in pieces",
    'C: DATA\nS: 354\nC> "a\\r"\nC> "\\n."\nC> "\\r"\nC> "\\n"\nC: RSET\nC: RSET',
    ["DATA\r\n", "a\r\n.\r\n", "RSET\r\nRSET\r\n"],
  ],
  [
    "an end of data that comes at once",
    "C: DATA\nS: 354\nC: .\nC: RSET",
    ["DATA\r\n", ".\r\n", "RSET\r\n"],
  ],
  [
    "no end of data but CRLF, dot, CRLF",
    'C: DATA\nS: 354\nC> "a\\n.\\r\\n"\nC> "a\\r\\n.\\n"\nC> "\\r.\\r\\n"\nC> "..\\r\\n"\nC: .\nC: RSET',
    ["DATA\r\n", "a\n.\r\na\r\n.\n\r.\r\n..\r\n.\r\n", "RSET\r\n"],
  ],
  [
    "bytes with a barrier within",
    'C> "EHLO x\\r\\nRSET\\r\\n"\nC: NOOP\nC: DATA\nS: 354\nC> "a\\r\\n.\\r\\nMAIL"\nC: x\nC: RSET',
    [
      "EHLO x\r\nRSET\r\n",
      "NOOP\r\nDATA\r\n",
      "a\r\n.\r\nMAIL",
      "x\r\nRSET\r\n",
    ],
  ],
  [
    "a command that comes in pieces, over a reply",
    'C> "QU"\nS: 500\nC> "IT\\r"\nC> "\\n"\nC: NOOP',
    ["QUIT\r\n", "NOOP\r\n"],
  ],
  [
    "a long command that comes in pieces",
    `C> "EHLO ${"x".repeat(100)}\\r"\nC> "\\n"\nC: NOOP`,
    [`EHLO ${"x".repeat(100)}\r\n`, "NOOP\r\n"],
  ],
  [
    "BDAT, whose chunks are no commands",
    'C: BDAT 8\nC> "EHLO x\\r\\n"\nC: bdat 6 last\nC: QUIT\nC: RSET\nC: BDAT 0 LAST\nC: RSET',
    [
      "BDAT 8\r\nEHLO x\r\nbdat 6 last\r\nQUIT\r\n",
      "RSET\r\nBDAT 0 LAST\r\n",
      "RSET\r\n",
    ],
  ],
  [
    "time, TLS and the end, but not those of other wires",
    "C: a\n== wait 1s\nC: b\n== tls\nC: c\nP: d\n== tls\nC: e\n== wait 1s\nC: f\n== eof",
    ["a\r\n", "b\r\n", "c\r\ne\r\n", "f\r\n"],
  ],
  [
    "what a server may say",
    "R: 220",
    [],
  ],
];

for (const [what, text, joined] of PACES) {
  Deno.test(`piecesOf() knows ${what}`, () => {
    assertEquals(texts(client(text), "pipelined"), joined);
  });

  Deno.test(`writesOf() joins nothing over a barrier, and loses nothing: ${what}`, () => {
    const pieces = client(text);
    const all = texts(pieces, "whole").join("");
    const barriers = barriersOf(pieces);
    const ways: Way[] = [
      ...["whole", "bytes", "pipelined", "every:1", "every:-1"] as const,
      ...waysOf("every", pieces),
      ...Array.from({ length: 50 }, (_, seed): Way => `random:${seed}`),
    ];
    for (const way of ways) {
      let out = 0;
      let through = 0;
      for (const write of writesOf(pieces, way)) {
        assert(write.bytes.length > 0, way);
        const end = out + write.bytes.length;
        assertEquals(octetsOf(write.bytes), all.slice(out, end), way);
        const crossed = barriers.find((at) => at > out && at < end);
        assertEquals(crossed, undefined, way);
        through = pieces.filter((_, i) =>
          lengthTo(pieces, i + 1) <= end
        ).length;
        assertEquals(write.through, through, way);
        out = end;
      }
      assertEquals(out, all.length, way);
      assertEquals(through, pieces.length, way);
    }
  });
}

function lengthTo(pieces: readonly Piece[], count: number): number {
  return pieces.slice(0, count).reduce(
    (sum, { bytes }) => sum + bytes.length,
    0,
  );
}

function barriersOf(pieces: readonly Piece[]): number[] {
  return pieces.flatMap(({ isBarrier }, i) =>
    isBarrier ? [lengthTo(pieces, i + 1)] : []
  );
}

/** Each conversation, and its relay's bytes joined as far as may be. */
const SERVERS: [what: string, text: string, joined: string[]][] = [
  [
    "what was asked for",
    'R: 220\nP: EHLO\nR: 250-a\nR: 250 b\nP: a\nP: b\nR: 250\nR> "250"',
    ["220\r\n", "250-a\r\n250 b\r\n", "250\r\n250"],
  ],
  [
    "nothing unasked with it",
    "R: 220\nP: EHLO\nR: 250-a\nR: 250 b\nR: 421 bye",
    ["220\r\n", "250-a\r\n250 b\r\n", "421 bye\r\n"],
  ],
  [
    "one reply to a message",
    "P: DATA\nR: 354\nP~ a.*\nP: b\nP: .\nR: 250\nR: 421",
    ["354\r\n", "250\r\n", "421\r\n"],
  ],
  [
    "nothing before another wire speaks, or ends",
    "P: a\nP: b\nP: c\nR: 1\nS: 1\nR: 2\n== wait 1s\nR: 3",
    ["1\r\n", "2\r\n", "3\r\n"],
  ],
];

function server(text: string): Piece[] {
  return piecesOf(transcript(text).steps, "relay", "server", bytesOf);
}

for (const [what, text, joined] of SERVERS) {
  Deno.test(`piecesOf() lets a server say ${what}`, () => {
    assertEquals(texts(server(text), "pipelined"), joined);
  });
}

Deno.test("writesOf() lets what a server says unasked come with what was asked for", () => {
  const pieces = server(
    String.raw`P: a
R> "250-a\r\n250 b\r\n421 c\r\n"
P: b
R> "250-a\r\n250 b\r\n"`,
  );
  const first = [..."250-a\r\n250 b\r"];
  assertEquals(texts(pieces, "bytes"), [
    ...[...first, "\n421 c\r\n"],
    ...[...first, "\n"],
  ]);
  for (const way of ["every:15", "every:-2"] as const) {
    assertEquals(texts(pieces, way)[0], "250-a\r\n250 b\r\n421 c\r\n", way);
  }
});

Deno.test("piecesOf() joins nothing to what is not known yet, and asks for it late", () => {
  const text = "C: MAIL\nC: X ${a}\nC: AUTH PLAIN ${b}\nC: NOOP";
  let asked = 0;
  const pieces = piecesOf(
    transcript(text).steps,
    "client",
    "client",
    (step) =>
      step.kind !== "line" || step.text.length === 1 ? bytesOf(step) : {
        form: "AUTH PLAIN x\r\n",
        make: () => new TextEncoder().encode(`late ${++asked}`),
      },
  );
  assertEquals([...waysOf("every", pieces)].length, "MAIL\r\n".length - 1);
  assertEquals(asked, 0);
  const writes = texts(pieces, "pipelined");
  assertEquals(writes.length, 4);
  assertEquals([writes[0], writes[3]], ["MAIL\r\n", "NOOP\r\n"]);
});

Deno.test("piecesOf() leaves out what has no bytes", () => {
  const { steps } = transcript("C: a\nC: b\nC: c");
  const pieces = piecesOf(
    steps,
    "client",
    "client",
    (step) => step === steps[1] ? undefined : bytesOf(step),
  );
  assertEquals(pieces.map(({ step }) => step), [steps[0], steps[2]]);
});

const TEXT = "C: abc\nC: d\nC: EHLO x\nS: 250\nC: a";

const WAYS: [way: Way, writes: string[]][] = [
  ["whole", ["abc\r\n", "d\r\n", "EHLO x\r\n", "a\r\n"]],
  ["pipelined", ["abc\r\nd\r\nEHLO x\r\n", "a\r\n"]],
  ["bytes", [..."abc\r\nd\r\nEHLO x\r\na\r\n"]],
  ["every:1", ["a", "bc\r\n", "d", "\r\n", "E", "HLO x\r\n", "a", "\r\n"]],
  ["every:4", ["abc\r", "\n", "d\r\n", "EHLO", " x\r\n", "a\r\n"]],
  ["every:-1", [
    ...["abc\r", "\n", "d\r", "\n", "EHLO x\r", "\n", "a\r", "\n"],
  ]],
  ["every:-7", ["abc\r\n", "d\r\n", "E", "HLO x\r\n", "a\r\n"]],
  ["every:99", ["abc\r\n", "d\r\n", "EHLO x\r\n", "a\r\n"]],
];

for (const [way, writes] of WAYS) {
  Deno.test(`writesOf() cuts ${way}`, () => {
    assertEquals(texts(client(TEXT), way), writes);
  });
}

Deno.test("writesOf() cuts at random the same way in every run, and otherwise by another seed", () => {
  const pieces = client(TEXT);
  const seen = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const writes = texts(pieces, `random:${seed}`);
    assertEquals(texts(pieces, `random:${seed}`), writes);
    seen.add(JSON.stringify(writes));
  }
  assert(seen.size > 10, `${seen.size}`);
});

Deno.test("writesOf() makes few writes of a long message at random", () => {
  const long: Piece = {
    ...client("C: a")[0]!,
    bytes: new Uint8Array(10_000_000),
  };
  for (let seed = 0; seed < 5; seed++) {
    assert([...writesOf([long], `random:${seed}`)].length < 2_000);
  }
});

Deno.test("waysOf() cuts the longest step at each of its bytes", () => {
  const ways = [...waysOf("every", client(TEXT))];
  assertEquals(ways, [1, 2, 3, 4, 5, 6, 7].map((at): Way => `every:${at}`));
  assertEquals([...waysOf("every", [])], []);
});

Deno.test("waysOf() cuts a long step around its ends", () => {
  const pieces = client(`C: ${"x".repeat(5_000)}`);
  const ways = [...waysOf("every", pieces)];
  assertEquals(ways.length, MAX_CUTS);
  assertEquals(ways.at(0), "every:1");
  assertEquals(ways.at(-1), "every:-1024");
  assertEquals(new Set(ways).size, MAX_CUTS);
  const whole = client(`C: ${"x".repeat(MAX_CUTS - 1)}`);
  assertEquals([...waysOf("every", whole)].at(-1), "every:2048");
});

Deno.test("waysOf() gives any other way itself, and only whole for what is not to be split", () => {
  const pieces = client(TEXT);
  for (
    const way of [
      "whole",
      "bytes",
      "pipelined",
      "random:5",
      "every:-3",
    ] as const
  ) {
    assertEquals([...waysOf(way, pieces)], [way]);
    assertEquals([...waysOf(way, pieces, true)], ["whole"]);
  }
  assertEquals([...waysOf("every", pieces, true)], ["whole"]);
});

Deno.test("parseSplit() reads what stands on a command line", () => {
  for (
    const text of [
      ...["whole", "bytes", "pipelined", "every", "every:5", "every:-5"],
      ...["random:0", "random:123456789"],
    ]
  ) assertEquals(parseSplit(text), { ok: true, value: text } as unknown);
  for (
    const text of [
      "",
      "half",
      "Whole",
      "every:0",
      "every:",
      "random",
      "random:-1",
      "random:1e3",
    ]
  ) {
    assertEquals(parseSplit(text), {
      ok: false,
      at: 0,
      expected:
        "whole, bytes, pipelined, every, every:N or random:SEED, with numbers for N and SEED",
    });
  }
});
