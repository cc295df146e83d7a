import { assert, assertEquals } from "@std/assert";
import { formatProblem } from "../../lib/transcript/parse.ts";
import { formatTranscript } from "../../lib/transcript/print.ts";
import { readTranscripts } from "../../lib/transcript/reading.ts";

function log(name: string): string {
  return Deno.readTextFileSync(
    new URL(`imports/swaks_${name}.txt`, import.meta.url),
  );
}

/** What the conversations of a log are in our own notation. */
function converted(text: string): string[] {
  const reading = readTranscripts(text, "swaks.log");
  assert(
    reading.ok,
    reading.ok ? "" : reading.problems.map(formatProblem).join("\n"),
  );
  assertEquals(reading.notation, "swaks");
  return reading.transcripts.map(formatTranscript);
}

/** A reply of these codes, by its codes alone. */
function replies(...codes: number[]): string {
  return codes.map((code) => `S* ${code}-\nS~ ${code}( .*)?\n`).join("");
}

const HEADER = `C: Date: Thu, 01 Jan 2026 12:00:00 +0000
C: To: c@d.test
C: From: a@b.test
C: Subject: Test
C: Message-Id: <1@client.test>
C: X-Mailer: swaks v20201014.0 jetmore.org/john/code/swaks/
C:
`;
const BODY = "C: This is a test mailing\nC:\nC:\nC: .\n";
const HELLO = `C: EHLO client.test\n${replies(250)}`;
const END = `${replies(250)}C: QUIT\n${replies(221)}== close\n`;
const MAIL = `C: MAIL FROM:<a@b.test>\n${replies(250)}`;
const RCPT = `C: RCPT TO:<c@d.test>\n${replies(250)}`;
const MESSAGE = `C: DATA\n${replies(354)}${HEADER}${BODY}${END}`;

/** Logs that swaks has made, and what they are. */
const LOGS: [name: string, expected: string][] = [
  [
    "plain",
    `${replies(220)}${HELLO}${MAIL}${RCPT}C: RCPT TO:<e@f.test>\n${
      replies(250)
    }C: DATA\n${replies(354)}${
      HEADER.replace("c@d.test", "c@d.test,e@f.test")
    }C: Hello.\nC: ..dot line\nC:\nC:\nC: .\n${END}`,
  ],
  [
    "pipelined",
    `${replies(220)}${HELLO}C: MAIL FROM:<a@b.test>
C: RCPT TO:<c@d.test>
C: DATA
${replies(250, 250, 354)}${HEADER}${BODY}${END}`,
  ],
  [
    "suppressed_raw",
    `${replies(220)}${HELLO}${MAIL}${RCPT}C: DATA\n${
      replies(354)
    }C: 11 lines sent\nC: .\n${END}`,
  ],
  [
    "refused",
    `${replies(220)}${HELLO}${MAIL}C: RCPT TO:<c@d.test>\n${
      replies(500)
    }C: QUIT\n${replies(221)}== close\n`,
  ],
  [
    "disconnected",
    `${replies(220)}${HELLO}${MAIL}C: RCPT TO:<c@d.test>\n== close\n`,
  ],
  [
    "starttls",
    `${replies(220)}${HELLO}C: STARTTLS\n${
      replies(220)
    }== tls\n${HELLO}${MAIL}${RCPT}${MESSAGE}`,
  ],
  [
    "tls_on_connect",
    `== tls\n${replies(220)}${HELLO}${MAIL}${RCPT}${MESSAGE}`,
  ],
];

for (const [name, expected] of LOGS) {
  Deno.test(`readTranscripts() reads swaks' log of a conversation, ${name}`, () => {
    assertEquals(converted(log(name)), [expected]);
  });
}

Deno.test("readTranscripts() reads several logs in one file, and numbers the lines through", () => {
  const text = log("plain") + log("tls_on_connect") + log("refused");
  assertEquals(converted(text).length, 3);
  const reading = readTranscripts(text, "swaks.log");
  assert(reading.ok);
  const lines = text.split("\n");
  const last = reading.transcripts.at(-1)!;
  assertEquals(last.name, `swaks.log:${last.steps[0]!.line}`);
  const refused = last.steps.filter(({ kind }) => kind === "regex").at(-2)!;
  assertEquals(lines[refused.line - 1]!.slice(0, 7), "<** 500");
});

Deno.test("readTranscripts() reads a log without swaks' own words, and with blanks cut off", () => {
  const bare = log("starttls").replaceAll(/^===.*\n/gm, "")
    .replaceAll(/ +$/gm, "");
  assertEquals(converted(bare), converted(log("starttls")));
});

Deno.test("readTranscripts() begins each log of a file anew, without TLS", () => {
  const implicit = log("tls_on_connect");
  const cut = log("plain").replace(/ -> QUIT[^]*/, "");
  const bare = implicit.replaceAll(/^===.*\n/gm, "");
  for (const first of [cut, implicit, bare]) {
    const second = first === bare ? bare : implicit;
    const [, last] = converted(first + second);
    assertEquals(last, converted(implicit)[0]);
  }
  assertEquals(
    converted(log("starttls") + log("starttls"))[1],
    converted(log("starttls"))[0],
  );
});

Deno.test("readTranscripts() says where a log has no reply", () => {
  const text = log("plain").replace("<-  354", "<-  whatever");
  const reading = readTranscripts(text, "swaks.log");
  assert(!reading.ok);
  const line = text.split("\n").findIndex((line) => /whatever/.test(line)) + 1;
  assertEquals(
    reading.problems.map(formatProblem),
    [`swaks.log:${line}:5: expected a reply's line, such as "250 OK"`],
  );
});

Deno.test("readTranscripts() refuses a log of a connection that never was", () => {
  const text = "=== Trying 127.0.0.1:1...\n" +
    "*** Error connecting to 127.0.0.1:1:\n";
  assert(!readTranscripts(text, "swaks.log").ok);
});

Deno.test("readTranscripts() refuses bytes that are no UTF-8, whatever the notation", () => {
  const bytes = new TextEncoder().encode(log("plain"));
  bytes[bytes.length - 3] = 0xff;
  const reading = readTranscripts(bytes, "swaks.log");
  assert(!reading.ok && /UTF-8/.test(reading.problems[0]!.expected));
});
