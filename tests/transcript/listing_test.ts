import { assert, assertEquals } from "@std/assert";
import { formatProblem } from "../../lib/transcript/parse.ts";
import { formatTranscript } from "../../lib/transcript/print.ts";
import { readTranscripts } from "../../lib/transcript/reading.ts";

const RFC = Deno.readTextFileSync(
  new URL("imports/rfc_listing.txt", import.meta.url),
);

/** The conversations of a listing, as transcripts in our own notation. */
function listed(text: string): string[] {
  const reading = readTranscripts(text, "rfc.txt");
  assert(
    reading.ok,
    reading.ok ? "" : reading.problems.map(formatProblem).join("\n"),
  );
  assertEquals(reading.notation, "listing");
  return reading.transcripts.map(formatTranscript);
}

/** A listing's lines, indented as in an RFC. */
function indented(...lines: string[]): string {
  return lines.map((line) => `   ${line}\n`).join("");
}

const [FIRST, SECOND] = [
  `S* 220-
S~ 220( .*)?
C: EHLO bar.com
S* 250-
S~ 250( .*)?
C: MAIL FROM:<Smith@bar.com>
S* 250-
S~ 250( .*)?
C: RCPT TO:<Jones@foo.com>
S* 250-
S~ 250( .*)?
C: RCPT TO:<Green@foo.com>
S* 550-
S~ 550( .*)?
C: DATA
S* 354-
S~ 354( .*)?
C: Subject: x
C:
C:     indented
C: <not a remark>
C: .
S* 250-
S~ 250( .*)?
C: QUIT
S* 221-
S~ 221( .*)?
== close
`,
  `S* 220-
S~ 220( .*)?
C: EHLO dbc.mtview.ca.us
S* 250-
S~ 250( .*)?
C: STARTTLS
S* 220-
S~ 220( .*)?
== tls
C: MAIL FROM:<mrose@dbc.mtview.ca.us>
C: RCPT TO:<ned@innosoft.com>
C: DATA
S* 250-
S~ 250( .*)?
S* 250-
S~ 250( .*)?
S* 354-
S~ 354( .*)?
C: .
S* 250-
S~ 250( .*)?
C: QUIT
S* 221-
S~ 221( .*)?
== close
`,
];

Deno.test("readTranscripts() takes an RFC's listings out of its prose, page breaks between or not", () => {
  assertEquals(listed(RFC), [FIRST, SECOND]);
  assertEquals(listed(RFC.replaceAll("\n", "\r\n")), [FIRST, SECOND]);
});

Deno.test("readTranscripts() calls a listing what its section's heading says, and knows its lines", () => {
  const reading = readTranscripts(RFC, "rfc.txt");
  assert(reading.ok);
  assertEquals(reading.transcripts.map(({ name }) => name), [
    "A Typical SMTP Transaction Scenario",
    "Pipelined and Under TLS",
  ]);
  const [first] = reading.transcripts;
  const twice = readTranscripts(RFC.replace(/^D\.2.*/m, ""), "rfc.txt");
  assertEquals(
    twice.ok && twice.transcripts.at(-1)?.name,
    `rfc.txt:${reading.transcripts.at(-1)?.steps[0]?.line}`,
  );
  const lines = RFC.split("\n");
  for (const step of first!.steps) {
    if (step.kind !== "line" || step.text.length === 0) continue;
    assert(lines[step.line - 1]!.includes(step.text.join("")));
  }
});

const PIECES: [name: string, lines: string[], expected: string[]][] = [
  [
    "a second greeting begins a second conversation",
    ["S: 220 a", "C: NOOP", "S: 250 b", "S: 220 a", "C: RSET", "S: 250 b"],
    [
      "S* 220-\nS~ 220( .*)?\nC: NOOP\nS* 250-\nS~ 250( .*)?\n",
      "S* 220-\nS~ 220( .*)?\nC: RSET\nS* 250-\nS~ 250( .*)?\n",
    ],
  ],
  [
    "a greeting of several lines is one",
    ["S: 220-a", "S: 220 b", "C: NOOP", "S: 250"],
    ["S* 220-\nS~ 220( .*)?\nC: NOOP\nS* 250-\nS~ 250( .*)?\n"],
  ],
  [
    "a reply whose last line is left out is one all the same",
    ["S: 220 a", "C: EHLO b", "S: 250-c", "C: NOOP", "S: 250 d"],
    [
      "S* 220-\nS~ 220( .*)?\nC: EHLO b\nS* 250-\nS~ 250( .*)?\n" +
      "C: NOOP\nS* 250-\nS~ 250( .*)?\n",
    ],
  ],
  [
    "a reply with another code is another one",
    ["S: 220 a", "C: MAIL", "C: DATA", "S: 250-b", "S: 354 c"],
    [
      "S* 220-\nS~ 220( .*)?\nC: MAIL\nC: DATA\nS* 250-\nS~ 250( .*)?\n" +
      "S* 354-\nS~ 354( .*)?\n",
    ],
  ],
  [
    "replies that nobody asked for are none",
    ["S: 220 a", "S: 250 b", "S: 220 a", "C: NOOP", "S: 250 b"],
    ["S* 220-\nS~ 220( .*)?\nC: NOOP\nS* 250-\nS~ 250( .*)?\n"],
  ],
  [
    "nothing behind 421 belongs to the conversation",
    ["S: 220 a", "C: NOOP", "S: 421 b", "C: NOOP", "S: 250 c"],
    ["S* 220-\nS~ 220( .*)?\nC: NOOP\nS* 421-\nS~ 421( .*)?\n== close\n"],
  ],
];

for (const [name, lines, expected] of PIECES) {
  Deno.test(`readTranscripts() of a listing: ${name}`, () => {
    assertEquals(listed(indented(...lines)), expected);
  });
}

const WRONG: [name: string, text: string, problem: string][] = [
  [
    "a reply without a code",
    indented("S: 220 a", "C: NOOP", "S: 25O b"),
    'rfc.txt:3:7: expected a reply\'s line, such as "250 OK"',
  ],
  [
    "a listing without a greeting",
    indented("C: NOOP", "S: 250 b"),
    "rfc.txt:1:1: expected a conversation from its greeting on, with the client's lines",
  ],
  [
    "a transcript with a mistake in it, and no listing",
    `C: NOOP\n${indented("S: 220 a", "C: NOOP")}`,
    'rfc.txt:2:1: expected a step such as "C: QUIT", "== close", "@key value" or "# comment"',
  ],
  [
    "a text that is none of these",
    "Dear all,\n\nnothing to see.\n",
    'rfc.txt:1:1: expected a step such as "C: QUIT", "== close", "@key value" or "# comment"',
  ],
];

for (const [name, text, problem] of WRONG) {
  Deno.test(`readTranscripts() refuses ${name}`, () => {
    const reading = readTranscripts(text, "rfc.txt");
    assert(!reading.ok);
    assertEquals(formatProblem(reading.problems[0]!), problem);
  });
}
