import { assert, assertEquals } from "@std/assert";
import {
  MAX_PROBLEMS,
  MAX_TRANSCRIPT_BYTES,
} from "../../lib/transcript/parse.ts";
import { bare, EVERYTHING, problems, transcript } from "./support.ts";

const host = { name: "host", secret: false };
const id = { name: "id", secret: false };
const pw = { name: "secret:pw", secret: true };
const C = { wire: "client", from: "client" };
const S = { wire: "client", from: "server" };
const P = { wire: "relay", from: "client" };
const R = { wire: "relay", from: "server" };

const STEPS: [line: string, step: Record<string, unknown>][] = [
  ["C: QUIT", { ...C, kind: "line", text: ["QUIT"] }],
  ["C:", { ...C, kind: "line", text: [] }],
  ["C: ", { ...C, kind: "line", text: [] }],
  ["C:  a ", { ...C, kind: "line", text: [" a "] }],
  ["C: # a", { ...C, kind: "line", text: ["# a"] }],
  ["C: \tü😀\u2028", { ...C, kind: "line", text: ["\tü😀\u2028"] }],
  ["S: 220 ${host} x", { ...S, kind: "line", text: ["220 ", host, " x"] }],
  ["S: $${host}${id}$", { ...S, kind: "line", text: ["$", host, id, "$"] }],
  ["S: $ {a} \\r", { ...S, kind: "line", text: ["$ {a} \\r"] }],
  ["S~ 250 .*", { ...S, kind: "regex", regex: ["250 .*"] }],
  ["S~ 2${id}\\.", { ...S, kind: "regex", regex: ["2", id, "\\."] }],
  ["S~ \\$\\{a\\}", { ...S, kind: "regex", regex: ["\\$\\{a\\}"] }],
  ["S~ a\\\\${id}", { ...S, kind: "regex", regex: ["a\\\\", id] }],
  ["S* 250-", { ...S, kind: "prefix", prefix: "250-" }],
  ["S*", { ...S, kind: "prefix", prefix: "" }],
  ["S! 5.*", { ...S, kind: "absent", regex: ["5.*"] }],
  ['S> "a"', { ...S, kind: "bytes", octets: ["a"] }],
  ['C> "a\\r\\n\\t\\\\\\"\\x00\\xfF"', {
    ...{ ...C, kind: "bytes" },
    octets: ['a\r\n\t\\"\x00\xff'],
  }],
  ['C> "ü$ ${secret:pw}\\x24{a}"', {
    ...{ ...C, kind: "bytes" },
    octets: ["\xc3\xbc$ ", pw, "${a}"],
  }],
  ["C< ../a b.eml", { ...C, kind: "message", path: "../a b.eml" }],
  ["P: QUIT", { ...P, kind: "line", text: ["QUIT"] }],
  ["P~ QUIT", { ...P, kind: "regex", regex: ["QUIT"] }],
  ['P> "Q"', { ...P, kind: "bytes", octets: ["Q"] }],
  ["R: 250", { ...R, kind: "line", text: ["250"] }],
  ["R~ 250", { ...R, kind: "regex", regex: ["250"] }],
  ["R* 250", { ...R, kind: "prefix", prefix: "250" }],
  ["R! 250", { ...R, kind: "absent", regex: ["250"] }],
  ['R> "250"', { ...R, kind: "bytes", octets: ["250"] }],
  ["spamd> PING", {
    ...{ wire: "spamd", from: "client" },
    ...{ kind: "line", text: ["PING"] },
  }],
  ["clamd< OK", {
    ...{ wire: "clamd", from: "server" },
    ...{ kind: "line", text: ["OK"] },
  }],
  ['dspam> "a"', {
    ...{ wire: "dspam", from: "client" },
    ...{ kind: "bytes", octets: ["a"] },
  }],
  ["sssp~ a", {
    ...{ wire: "sssp", from: "client" },
    ...{ kind: "regex", regex: ["a"] },
  }],
  ["rspamd<", {
    ...{ wire: "rspamd", from: "server" },
    ...{ kind: "line", text: [] },
  }],
  ["== tls", { kind: "tls", wire: "client" }],
  ["== close", { kind: "close", wire: "client" }],
  ["== eof", { kind: "eof", wire: "client" }],
  ["== reset", { kind: "reset", wire: "client" }],
  ["== wait 5ms", { kind: "wait", ms: 5 }],
  ["== wait 301s", { kind: "wait", ms: 301_000 }],
  ["== wait 2m", { kind: "wait", ms: 120_000 }],
  ["== wait 24h", { kind: "wait", ms: 86_400_000 }],
  ["== delivered nothing", { kind: "nothing" }],
  ["== delivered from=<> to=<a@b>", {
    ...{ kind: "delivered", sender: "", recipients: ["a@b"], message: [] },
  }],
  ['== delivered from=<A@b> to=<"a>,"@b>,<postmaster>', {
    ...{ kind: "delivered", sender: "A@b", message: [] },
    recipients: ['"a>,"@b', "postmaster"],
  }],
];

for (const [line, step] of STEPS) {
  Deno.test(`parseTranscript() reads ${line}`, () => {
    for (const end of ["", "\n", "\r\n"]) {
      assertEquals(transcript(line + end).steps.map(bare), [step]);
    }
  });
}

Deno.test("parseTranscript() reads a delivered message's lines", () => {
  const [step] = transcript(
    '== delivered from=<> to=<a@b>\n| a ${id}\n|\n|> "b\\n"\n|< c d.eml\n',
  ).steps;
  assert(step?.kind === "delivered");
  assertEquals(step.message, [
    { kind: "line", text: ["a ", id] },
    { kind: "line", text: [] },
    { kind: "bytes", octets: ["b\n"] },
    { kind: "message", path: "c d.eml" },
  ]);
});

Deno.test("parseTranscript() knows where each step stands, and what is above", () => {
  const { settings, steps, tail } = transcript(EVERYTHING);
  assertEquals(settings.map(({ line }) => line), [5, 6, 7, 8, 10, 11, 12]);
  const lines = EVERYTHING.split("\n");
  for (const step of steps) {
    assertEquals(step.source?.split("\n")[0], lines[step.line - 1]);
  }
  assertEquals(settings[4]?.above, "#in between\n");
  assertEquals(steps.at(-2)?.above, "\n# what came out\n");
  assertEquals(tail, "\n# the end\n");
});

Deno.test("parseTranscript() gives events to the wire named last", () => {
  const { steps } = transcript(
    "== tls\nP: a\n== tls\nspamd< a\n== reset\nC: a\n== wait 1s\n== eof\n",
  );
  const wires = steps.flatMap((step) => "from" in step ? [] : [bare(step)]);
  assertEquals(wires, [
    { kind: "tls", wire: "client" },
    { kind: "tls", wire: "relay" },
    { kind: "reset", wire: "spamd" },
    { kind: "wait", ms: 1_000 },
    { kind: "eof", wire: "client" },
  ]);
});

Deno.test("parseTranscript() gives events to the wire that they name, which is named last then", () => {
  const { steps } = transcript(
    "R: 220 hi\n== eof client\n== reset relay2\n== close\nP: a\n== tls spamd\n",
  );
  const wires = steps.map((step) => "wire" in step ? `${step.wire}` : "");
  assertEquals(wires.join(" "), "relay client relay2 relay2 relay spamd");
});

Deno.test("parseTranscript() reads settings", () => {
  const read = transcript(EVERYTHING);
  assertEquals(read.name, "Everything.  RFC 5321");
  assertEquals(read.client, "192.0.2.7");
  assertEquals(read.clock, Date.UTC(2026, 0, 31, 12));
  assertEquals(read.unsplit, true);
  assertEquals(read.requires, ["PIPELINING", "SIZE"]);
  assertEquals(Object.fromEntries(read.config), {
    "relay.domains": ["example.org"],
    "limits.data": 1_000,
  });
  assertEquals(read.settings[1]?.text, '["example.org"]  # and why');
});

Deno.test("parseTranscript() does without settings and comments", () => {
  const { file, name, client, clock, unsplit, requires, config } = transcript(
    "#\n# \nC: a",
  );
  assertEquals(
    { file, name, client, clock, unsplit, requires, config: config.size },
    {
      ...{ file: "a.smtp", name: "a.smtp", client: undefined, config: 0 },
      ...{ clock: undefined, unsplit: false, requires: [] },
    },
  );
});

Deno.test("parseTranscript() reads a file from Windows", () => {
  const read = transcript("\ufeff# Name\r\nC: a\r\nC: b");
  assertEquals(read.name, "Name");
  assertEquals(read.steps.map(bare), [
    { ...C, kind: "line", text: ["a"] },
    { ...C, kind: "line", text: ["b"] },
  ]);
});

const REFUSED: [text: string, ...problems: string[]][] = [
  ["", "1:1: expected at least one step"],
  ["# a\n@limits.data 5\n", "1:1: expected at least one step"],
  [
    "hello\n",
    '1:1: expected a step such as "C: QUIT", "== close", "@key value" or "# comment"',
  ],
  [
    " C: QUIT",
    '1:1: expected a step such as "C: QUIT", "== close", "@key value" or "# comment"',
  ],
  [
    "X: a\nspam> b",
    "1:1: expected C, S, P, R, P2, R2 or one of spamd, clamd, dspam, sssp, rspamd",
    "2:1: expected C, S, P, R, P2, R2 or one of spamd, clamd, dspam, sssp, rspamd",
  ],
  ["C~ a", '1:2: expected one of ":", ">", "<" behind "C"'],
  ["P! a", '1:2: expected one of ":", "~", ">" behind "P"'],
  ["P2! a", '1:3: expected one of ":", "~", ">" behind "P2"'],
  [
    "P3: a",
    "1:1: expected C, S, P, R, P2, R2 or one of spamd, clamd, dspam, sssp, rspamd",
  ],
  ['C> ""', "1:5: expected at least one byte"],
  ["R< a", '1:2: expected one of ":", "~", "*", "!", ">" behind "R"'],
  ["spamd: a", '1:6: expected one of ">", "<", "~" behind "spamd"'],
  ["C:QUIT", '1:3: expected a space behind "C:"'],
  ['C>"a"', '1:3: expected a space behind "C>"'],
  ["C: a\x07b", "1:5: expected no control character outside of quotes"],
  ["C: a\rb", "1:5: expected no control character outside of quotes"],
  ["C: a\x9bb", "1:5: expected no control character outside of quotes"],
  ["C: ${}", "1:4: expected a variable such as ${id} or ${secret:name}"],
  ["C: a${b", "1:5: expected a variable such as ${id} or ${secret:name}"],
  ["C: ${env:A}", "1:4: expected a variable such as ${id} or ${secret:name}"],
  ["S~ ${1}", "1:4: expected a variable such as ${id} or ${secret:name}"],
  [`S: ${"${a}".repeat(9)}`, "1:36: expected at most 8 variables in a line"],
  ["C> a", "1:4: expected bytes in double quotes"],
  ["C>", "1:4: expected bytes in double quotes"],
  ['C> "a', "1:6: expected a closing quote"],
  ['C> "a" b', "1:7: expected nothing behind the closing quote"],
  ['C> ""', "1:5: expected at least one byte"],
  [
    'C> "a\\0"',
    String
      .raw`1:6: expected \r, \n, \t, \\, \" or \x and two hexadecimal digits`,
  ],
  [
    'C> "\\xg0"',
    String
      .raw`1:5: expected \r, \n, \t, \\, \" or \x and two hexadecimal digits`,
  ],
  [
    'C> "a\x00"',
    "1:6: expected no control character: write it as an escape",
  ],
  ["S~", "1:4: expected a regular expression"],
  ["S~ a\rb", "1:5: expected no control character outside of quotes"],
  ["S~ a)|(b", "1:4: expected a regular expression: unmatched ')'"],
  ["S! [", "1:4: expected a regular expression: unterminated character class"],
  ["S~ a\\@", "1:4: expected a regular expression: invalid escape"],
  ["S* 250-${host}", "1:8: expected no variable here"],
  ["C<", "1:4: expected the name of a message's file"],
  ["C< ${a}", "1:4: expected no variable here"],
  [
    "== bye\n==",
    '1:4: expected "tls", "close", "eof", "reset", "wait" or "delivered" behind "== "',
    '2:4: expected "tls", "close", "eof", "reset", "wait" or "delivered" behind "== "',
  ],
  [
    "== tls now",
    "1:8: expected the end of the line, or client, relay, relay2, spamd, clamd, dspam, sssp, rspamd",
  ],
  ["== wait", "1:9: expected a duration up to 24h, such as 301s"],
  ["== wait 5", "1:9: expected a duration up to 24h, such as 301s"],
  ["== wait 25h", "1:9: expected a duration up to 24h, such as 301s"],
  [
    "== delivered",
    '1:14: expected "nothing" or "from=<address> to=<address>"',
  ],
  ["== delivered from=a", '1:19: expected "<"'],
  ["== delivered from=<a@b>", '1:24: expected " to=<address>"'],
  ["== delivered from=<> to=<>", "1:26: expected a local part"],
  [
    "== delivered from=<> to=<a@b> x",
    '1:30: expected "," and another address, or the end of the line',
  ],
  ["== delivered from=<> to=<a@b>,", '1:31: expected "<"'],
  ["| a", '1:1: expected "== delivered" right above a message\'s lines'],
  [
    "== delivered from=<> to=<a@b>\n| a\n\n| b",
    '4:1: expected "== delivered" right above a message\'s lines',
  ],
  [
    "== delivered from=<> to=<a@b>\n|a\n|>b\n|> b\n|<\n|!",
    '2:2: expected a space behind "|"',
    '3:3: expected a space behind "|>"',
    "4:4: expected bytes in double quotes",
    "5:4: expected the name of a message's file",
    '6:2: expected a space behind "|"',
  ],
  [
    "== delivered x\n| a\n| b",
    '1:14: expected "nothing" or "from=<address> to=<address>"',
  ],
  [
    "== delivered from=<> to=<a@b>\nC: a",
    "2:1: expected no step behind what was delivered",
  ],
  [
    "== delivered nothing\n== delivered from=<> to=<a@b>",
    "2:1: expected no step behind what was delivered",
  ],
  ["@", "1:2: expected a key, a space and a value"],
  ["@5 a", "1:2: expected a key, a space and a value"],
  ["C: a\n@client ::1", "2:1: expected settings before the first step"],
  ["@client here", "1:9: expected an IP address"],
  ["@client", "1:8: expected an IP address"],
  [
    "@clock noon",
    "1:8: expected a time such as 2026-01-31T12:00:00Z",
  ],
  ["@split often", '1:8: expected "none"'],
  ["@requires A B", "1:11: expected one EHLO keyword"],
  [
    "@limits.data  lots",
    '1:15: expected a TOML value: "text", 5, true, ["a", "b"]',
  ],
  ["@limits.data", '1:13: expected a TOML value: "text", 5, true, ["a", "b"]'],
  ["@a.b 1\n@a.b 2", "2:2: expected @a.b only once"],
];

for (const [text, ...expected] of REFUSED) {
  Deno.test(`parseTranscript() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(problems(text), expected.map((line) => `a.smtp:${line}`));
  });
}

Deno.test("parseTranscript() tells all problems, and not more than anyone reads", () => {
  assertEquals(problems("C:a\nC: b\n= c\nS~ (\n").length, 3);
  assertEquals(problems("?\n".repeat(1_000)).length, MAX_PROBLEMS);
});

Deno.test("parseTranscript() tells where bytes are no UTF-8", () => {
  const text = "C: \ufffd\nC: ü\xff\nC: b\n\xfe";
  const bytes = new TextEncoder().encode(text.replaceAll(/[\xfe\xff]/g, "\x01"))
    .map((byte) => byte === 1 ? 0xff : byte);
  const expected = 'expected UTF-8: write other bytes as "\\xHH" in quotes';
  assertEquals(problems(bytes), [
    `a.smtp:2:5: ${expected}`,
    `a.smtp:4:1: ${expected}`,
  ]);
});

Deno.test("parseTranscript() takes a large file, but not any", () => {
  const line = `C: ${"x".repeat(1_020)}\n`;
  const file = line.repeat(MAX_TRANSCRIPT_BYTES / line.length);
  assertEquals(transcript(file).steps.length, 10_240);
  assertEquals(problems(`${file}#`), [
    "a.smtp:1:1: expected a file of at most 10485760 bytes",
  ]);
  // One long line of anything, and many escapes, take no longer.
  for (const body of ["@a ", "C: ${", 'C> "\\x00', "S~ \\", "| ", "   "]) {
    problems(body.repeat(1_000_000));
    problems(body + " ".repeat(5_000_000) + "x");
  }
});
