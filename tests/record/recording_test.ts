import { assert, assertEquals, assertThrows } from "@std/assert";
import { transcript } from "../transcript/support.ts";
import {
  at,
  byteByByte,
  type Event,
  octets,
  record,
  steps,
} from "./support.ts";

const CASES: readonly [name: string, events: Event[], want: string][] = [
  [
    "writes whole lines, in the order in which they ended",
    [["S", "220 a\r\n"], ["C", "EH"], ["C", "LO c\r"], ["C", "\nMAIL"], [
      "S",
      "250-a\r\n250 b\r\n",
    ], ["C", " FROM:<>\r\n"]],
    "S: 220 a\nC: EHLO c\nS: 250-a\nS: 250 b\nC: MAIL FROM:<>\n",
  ],
  [
    "writes a message as lines, empty ones too",
    [["C", "A: b\r\n\r\n\r\n\r\nx C: \r\n.\r\n"]],
    "C: A: b\nC:\nC:\nC:\nC: x C: \nC: .\n",
  ],
  [
    "writes empty lines that come alone",
    [["C", "\r\n"], ["C", "\r\n\r\n"]],
    "C:\nC:\nC:\n",
  ],
  [
    "writes what never became a line as bytes",
    [["C", "QUI"], ["S", "421 a\r\n22"], ["==", "close"]],
    'C> "QUI"\nS: 421 a\nS> "22"\n== close\n',
  ],
  [
    "does not join lines over TLS",
    [["C", "x"], ["S", "220 go\r\n"], ["==", "tls"], ["C", "y\r\n"]],
    'C> "x"\nS: 220 go\n== tls\nC: y\n',
  ],
  [
    "does not join lines of two connections to a relay",
    [["R", "22"], ["==", "close", "relay"], ["R", "220 a\r\n"]],
    'R> "22"\n== close\nR: 220 a\n',
  ],
  [
    "does not claim what was passed on of a line that did not end",
    [["P", "DATA\r\nxyz"], ["==", "eof", "relay"], ["P", "EHLO a\r\n"]],
    "P: DATA\n# P: 3 bytes, and no line end\n== eof\nP: EHLO a\n",
  ],
  [
    "has bare CR and LF, NUL and what is no UTF-8 in quotes",
    [
      ["C", "a\rb\r\nc\nd\r\n\0\r\n\r\r\n"],
      ["C", octets("\xff\r\n")],
      ["S", "250 \x85\r\n"],
    ],
    String
      .raw`C> "a\rb\r\n"${"\n"}C> "c\nd\r\n"${"\n"}C> "\x00\r\n"${"\n"}C> "\r\r\n"${"\n"}C> "\xff\r\n"${"\n"}S> "250 \xc2\x85\r\n"${"\n"}`,
  ],
  [
    "has a literal variable in quotes, and UTF-8 as it is",
    [["C", "a ${b}\r\n"], ["C", "Grüße 😀\r\nx\r\n"]],
    'C> "a \\x24{b}\\r\\n"\nC: Grüße 😀\nC: x\n',
  ],
  [
    "writes the beginning of a line that is answered before it ends",
    [
      ["C", "NOOP\nQU"],
      ["wait", 9_000],
      ["S", "500 a\r\n"],
      ["C", "IT\r\n"],
      [
        "C",
        "x".repeat(600),
      ],
      ["S", "500 b\r\n"],
      ["C", "x\r\n"],
      ["C", "\0\r"],
      ["S", "500 c\r\n"],
    ],
    `C> "NOOP\\nQU"\nS: 500 a\nC: IT\nC> "${
      "x".repeat(600)
    }"\nS: 500 b\nC: x\nC> "\\x00\\r"\nS: 500 c\n`,
  ],
  [
    "ends a BDAT chunk where it ends",
    [
      ["C", "BDAT 5\r\nhello"],
      ["S", "250 a\r\n"],
      [
        "C",
        "bdat 3 LAST\r\na\r\n",
      ],
      ["S", "250 b\r\n"],
      ["C", "BDAT 2\r\nhiQUIT\r\n"],
    ],
    'C: BDAT 5\nC> "hello"\nS: 250 a\nC: bdat 3 LAST\nC: a\nS: 250 b\nC: BDAT 2\nC> "hi"\nC: QUIT\n',
  ],
  [
    "writes several wires",
    [["C", "a\r\n"], ["P", "b\r\n"], ["R2", "c\r\n"], ["P2", "d\r\n"], [
      "R",
      "e\r\n",
    ], ["S", "f\r\n"]],
    "C: a\nP: b\nR2: c\nP2: d\nR: e\nS: f\n",
  ],
  [
    "writes an end once",
    [["S", "221 a\r\n"], ["==", "close"], ["==", "eof"], ["==", "reset"]],
    "S: 221 a\n== close\n",
  ],
  [
    "tells of what is passed on only when somebody answers",
    [
      ["P", "DATA\r\n"],
      ["R", "354 go\r\n"],
      ["C", "a\r\n"],
      ["P", "a\r\n"],
      ["C", ".\r\n"],
      ["P", ".\r\n"],
      ["R", "250 c\r\n"],
      ["P", "d\r\n"],
      ["C", "QUIT\r\n"],
    ],
    "P: DATA\nR: 354 go\nC: a\nC: .\nP: a\nP: .\nR: 250 c\nP: d\nC: QUIT\n",
  ],
  [
    "writes what a relay says unasked as it came",
    [
      ["R", "220 a\r\n"],
      ["P", "MAIL\r\nRCPT\r\n"],
      ["R", "250 a\r\n250-b\r\n250 c\r\n"],
      ["P", "RSET\r\n"],
      ["R", "250 a\r\n250 b\r\n"],
      ["P", "RSET\r\n"],
      ["R", "250-a\r\n250 b\r\n"],
      ["R", "421 c\r\n"],
      ["==", "close", "relay"],
      ["R", "220-a\r\n220 b\r\n"],
    ],
    'R: 220 a\nP: MAIL\nP: RCPT\nR: 250 a\nR: 250-b\nR: 250 c\nP: RSET\nR> "250 a\\r\\n250 b\\r\\n"\nP: RSET\nR: 250-a\nR: 250 b\nR: 421 c\n== close\nR: 220-a\nR: 220 b\n',
  ],
  [
    "tells of the end of the player's side earlier, where words were said there",
    [
      ["P", "DATA\r\n"],
      ["R", "354 a\r\n"],
      ["C", "x\r\n"],
      [
        "==",
        "reset",
        "relay",
      ],
      ["S", "451 a\r\n"],
      ["==", "close", "relay2"],
    ],
    "P: DATA\nR: 354 a\n== reset\nC: x\nS: 451 a\n== close relay2\n",
  ],
  [
    "makes a comment of an end of Postern's that can't be told earlier",
    [["P", "DATA\r\n"], ["R", "354 a\r\n"], ["C", "x\r\n"], [
      "==",
      "eof",
      "relay",
    ], ["S", "451 a\r\n"]],
    "P: DATA\nR: 354 a\nC: x\n# relay: eof here\nS: 451 a\n",
  ],
  [
    "closes the client's connection behind its last words",
    [["S", "221 a\r\n"], ["P", "QUIT\r\n"], ["==", "close"]],
    "S: 221 a\n== close\nP: QUIT\n",
  ],
  [
    "writes a pause before the client goes on, rounded up",
    [["S", "220 a\r\n"], ["wait", 1_900], ["C", "NOOP\r\n"], ["wait", 2_010], [
      "C",
      "QUIT\r\n",
    ]],
    "S: 220 a\nC: NOOP\n== wait 2100ms\nC: QUIT\n",
  ],
  [
    "counts a pause from what came last, told late or not",
    [
      ["P", "DATA\r\n"],
      ["R", "354 go\r\n"],
      ["C", "x\r\n"],
      ["P", "x\r\n"],
      ["wait", 4_999],
      ["C", "y\r\n"],
      ["R", "250 z\r\n"],
      ["wait", 1_000],
      ["C", "z\r\n"],
    ],
    "P: DATA\nR: 354 go\nC: x\n== wait 5100ms\nC: y\nP: x\nR: 250 z\nC: z\n",
  ],
  [
    "writes a pause before a farewell and an end, but not before other replies",
    [
      ["C", "DATA\r\n"],
      ["wait", 5_000],
      ["S", "250 a\r\n"],
      [
        "wait",
        300_000,
      ],
      ["S", "421 a\r\n"],
      ["wait", 9_998],
      ["==", "eof"],
    ],
    "C: DATA\nS: 250 a\n== wait 300100ms\nS: 421 a\n== wait 10s\n== eof\n",
  ],
];

for (const [name, events, want] of CASES) {
  Deno.test(`Recording ${name}`, () => {
    assertEquals(steps(events), want);
  });
}

Deno.test("Recording gives one text for every chunking of its bytes", () => {
  const events: Event[] = [
    ["S", "220 a\r\n"],
    ["C", "EHLO ü\r\nBDAT 4\r\nab\r\nMAIL\nx\r\n\r\n"],
    ["S", "250-a\r\n250 b\r\n"],
    ["C", "DA"],
    ["==", "eof"],
  ];
  const want = steps(events);
  assertEquals(steps(events, {}, byteByByte), want);
  for (let cut = 1; cut < 40; cut++) {
    assertEquals(steps(events, {}, at(cut)), want);
  }
});

Deno.test("Recording has its title, settings and a blank line on top", () => {
  const settings = [
    { key: "client", text: "192.0.2.1" },
    { key: "relay.domains", text: '["a.test"]' },
  ];
  const recording = record([["S", "220 a\r\n"]], {
    title: "A title\r\nS: 250 no",
    settings,
  });
  const { text, secrets } = recording.format();
  assertEquals(
    text,
    '# A title S: 250 no\n@client 192.0.2.1\n@relay.domains ["a.test"]\n\nS: 220 a\n',
  );
  assertEquals(secrets, []);
  assertEquals(transcript(text).client, "192.0.2.1");
});

Deno.test("Recording keeps recipients together that a relay was told together", () => {
  const events: Event[] = [
    ["C", "MAIL FROM:<>\r\nRCPT TO:<b@a>\r\nrcpt TO:<c@a>\r\nDATA\r\n"],
    ["P", "MAIL FROM:<>\r\nRCPT TO:<b@a>\r\nRCPT TO:<c@a>\r\n"],
  ];
  const { text } = record(events).format();
  assertEquals(
    text,
    '# t\n@split none\n\nC: MAIL FROM:<>\nC> "RCPT TO:<b@a>\\r\\nrcpt TO:<c@a>\\r\\n"\nC: DATA\nP: MAIL FROM:<>\nP: RCPT TO:<b@a>\nP: RCPT TO:<c@a>\n',
  );
  const many = [
    ["S", "220 mx.a.test\r\n"],
    ["C", "RCPT TO:<b@mx.a.test>\r\n".repeat(9)],
    ["P", "RCPT TO:<b@mx.a.test>\r\n"],
  ] as const;
  assertEquals(
    steps(many, { variables: { host: "mx.a.test" } }).match(/host/g)?.length,
    11,
  );
  const alone = steps(events.slice(0, 1));
  assertEquals(
    alone,
    "C: MAIL FROM:<>\nC: RCPT TO:<b@a>\nC: rcpt TO:<c@a>\nC: DATA\n",
  );
});

Deno.test("Recording lets go of everything once it is over its bound", () => {
  const maxBytes = 1_000;
  const recording = record([["C", "x".repeat(500)]], { maxBytes });
  assert(!recording.isIncomplete);
  assert(recording.bytes > 500 && recording.bytes <= maxBytes);
  recording.said("client", "server", new Uint8Array(501));
  assert(recording.isIncomplete);
  assertEquals(recording.bytes, 0);
  recording.said("client", "server", new Uint8Array(1));
  recording.ended("client", "close");
  assertEquals(recording.bytes, 0);
  assertThrows(() => recording.format(), RangeError, "expected all of it");
});

Deno.test("Recording counts small writes and ends against its bound", () => {
  let now = 0;
  const recording = record([], { maxBytes: 10_000, now: () => now += 1_000 });
  for (let i = 0; i < 1_000; i++) {
    recording.said("client", i % 2 ? "client" : "server", new Uint8Array(1));
  }
  assert(recording.isIncomplete);
});

Deno.test("Recording takes time linear in a long line's length, cut in any way", () => {
  const bytes = octets("x".repeat(300_000));
  const began = performance.now();
  const recording = record([["C", bytes], ["C", "\r\n"]], {
    maxBytes: 100_000_000,
  }, byteByByte);
  const { text } = recording.format();
  assertEquals(text.length, "# t\n\nC: \n".length + 300_000);
  // Quadratic time would be minutes.
  assert(performance.now() - began < 10_000);
});

Deno.test("Recording refuses what is nothing but line ends, in no time", () => {
  const body = "\r\n".repeat(300_000);
  const recording = record([["C", "AUTH PLAIN eA==\r\n"], ["C", body]]);
  const began = performance.now();
  assertThrows(
    () => recording.format(),
    RangeError,
    "expected at most 500000 line ends",
  );
  assert(performance.now() - began < 500);
});

/** What is not in lines that plain text has, among such that are. */
const MIXED: readonly [name: string, said: string, want: string][] = [
  ["empty lines", "\r\n\r\na\r\n\r\n\r\nb\r\n", "C:\nC:\nC: a\nC:\nC:\nC: b\n"],
  [
    "a bare CR at the end of one",
    "a\r\r\nb\r\n\r\nc\r\n",
    'C> "a\\r\\r\\n"\nC: b\nC:\nC: c\n',
  ],
  ["a bare LF", "a\r\nb\nc\r\n\r\nd\r\n", 'C: a\nC> "b\\nc\\r\\n"\nC:\nC: d\n'],
  [
    "another charset",
    "a\r\n\u00e9\r\n\r\nb\r\n",
    "C: a\nC: \u00e9\nC:\nC: b\n",
  ],
  [
    "a dollar",
    "a\r\n$5\r\n${b}\r\nc\r\n",
    'C: a\nC: $5\nC> "\\x24{b}\\r\\n"\nC: c\n',
  ],
  ["no end", "a\r\nb", 'C: a\nC> "b"\n'],
];

for (const [name, said, want] of MIXED) {
  Deno.test(`Recording writes lines with ${name} among them, however they came`, () => {
    assertEquals(steps([["C", said]]), want);
    assertEquals(steps([["C", said]], {}, byteByByte), want);
    const behind = steps([["S", "220 a\r\n"], ["C", said], ["S", "b\r\n"]]);
    assertEquals(behind, `S: 220 a\n${want}S: b\n`);
  });
}

Deno.test("Recording goes on with the rest of a line that was over too early", () => {
  const text = steps([["C", "a\r"], ["==", "tls"], ["C", "\n\r\nb\r\n"]]);
  assertEquals(text, 'C> "a\\r"\n== tls\nC> "\\n\\r\\n"\nC: b\n');
});

Deno.test("Recording has what is longer than its room, whatever the pieces", () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\r\n`);
  const want = lines.map((line) => `C: ${line.trimEnd()}\n`).join("");
  const said = lines.join("");
  for (const size of [7, 1_000, 65_537, said.length]) {
    const text = steps([["C", said]], {}, function* (bytes) {
      for (let at = 0; at < bytes.length; at += size) {
        yield bytes.subarray(at, at + size);
      }
    });
    assertEquals(text, want);
  }
});

Deno.test("Recording is written in many small steps", () => {
  const events = Array.from(
    { length: 3_000 },
    (_, i) => [i % 2 === 0 ? "C" : "S", `250 ${i}\r\n`] as const,
  );
  const formatting = record(events, { secrets: ["sesame"] }).formatting();
  assert([...formatting].length > 30);
});
