import { assert, assertEquals } from "@std/assert";
import {
  type Command,
  needsSmtputf8,
  parseCommand,
  type ParsedCommand,
} from "../../lib/engine/command.ts";
import { LENIENCIES } from "../../lib/engine/leniency.ts";

const OFFER = { size: 10_485_760 };

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function parse(text: string, offer: typeof OFFER | undefined = OFFER) {
  return parseCommand(bytes(text), offer);
}

function mailbox(local: string, domain: string, utf8 = false) {
  const address = domain === "" ? local : `${local}@${domain}`;
  return { local, domain, address, utf8 };
}

const NONE = { smtputf8: false };

const COMMANDS: [line: string, want: Command][] = [
  ["EHLO client.example", { verb: "EHLO", name: "client.example" }],
  ["ehlo Client", { verb: "EHLO", name: "Client" }],
  ["EHLO [IPv6:::1]", { verb: "EHLO", name: "[IPv6:::1]" }],
  ["HELO my_host", { verb: "HELO", name: "my_host" }],
  ["HeLo vm \t ", { verb: "HELO", name: "vm" }],
  ["MAIL FROM:<a@b>", {
    verb: "MAIL",
    sender: mailbox("a", "b"),
    parameters: NONE,
  }],
  ["mail from:<A.B@EXAMPLE.com>", {
    verb: "MAIL",
    sender: mailbox("A.B", "EXAMPLE.com"),
    parameters: NONE,
  }],
  ["MAIL FROM:<>", { verb: "MAIL", sender: null, parameters: NONE }],
  ["MAIL FROM:<> \t", { verb: "MAIL", sender: null, parameters: NONE }],
  ['MAIL FROM:<"a b > c"@d> SIZE=1', {
    verb: "MAIL",
    sender: mailbox('"a b > c"', "d"),
    parameters: { size: 1, smtputf8: false },
  }],
  ["MAIL FROM:<a@b> SIZE=100 BODY=8BITMIME  ", {
    verb: "MAIL",
    sender: mailbox("a", "b"),
    parameters: { size: 100, body: "8BITMIME", smtputf8: false },
  }],
  ["MAIL FROM:<ü@bücher.example> SMTPUTF8", {
    verb: "MAIL",
    sender: mailbox("ü", "bücher.example", true),
    parameters: { smtputf8: true },
  }],
  ["MAIL FROM:<@relay.example:a@b>", {
    verb: "MAIL",
    sender: mailbox("a", "b"),
    parameters: NONE,
  }],
  ["RCPT TO:<b@localhost>", {
    verb: "RCPT",
    recipient: mailbox("b", "localhost"),
    parameters: {},
  }],
  ["rcpt to:<Postmaster>", {
    verb: "RCPT",
    recipient: mailbox("Postmaster", ""),
    parameters: {},
  }],
  ["RCPT TO:<b@[127.0.0.1]>\t", {
    verb: "RCPT",
    recipient: mailbox("b", "[127.0.0.1]"),
    parameters: {},
  }],
  ["RCPT TO:<@a,@b:c@localhost>", {
    verb: "RCPT",
    recipient: mailbox("c", "localhost"),
    parameters: {},
  }],
  // Whether it is allowed depends on its MAIL, so the server decides.
  ["RCPT TO:<用户@例え.jp>", {
    verb: "RCPT",
    recipient: mailbox("用户", "例え.jp", true),
    parameters: {},
  }],
  ["DATA", { verb: "DATA" }],
  ["data  \t", { verb: "DATA" }],
  ["RSET", { verb: "RSET" }],
  ["rset ", { verb: "RSET" }],
  ["QUIT", { verb: "QUIT" }],
  ["qUiT\t", { verb: "QUIT" }],
  ["NOOP", { verb: "NOOP", text: "" }],
  ["NOOP ", { verb: "NOOP", text: "" }],
  ["NOOP  any thing \x01 ü ", { verb: "NOOP", text: "any thing \x01 ü" }],
  ["HELP", { verb: "HELP", text: "" }],
  ["help mail", { verb: "HELP", text: "mail" }],
  ["VRFY Ann", { verb: "VRFY", text: "Ann" }],
  ["vrfy <a@b> SMTPUTF8", { verb: "VRFY", text: "<a@b> SMTPUTF8" }],
  ["EXPN  staff", { verb: "EXPN", text: "staff" }],
  ["lhlo Client", { verb: "LHLO", name: "Client" }],
  ["StartTLS \t", { verb: "STARTTLS" }],
  ["AUTH PLAIN", { verb: "AUTH", mechanism: "PLAIN", initial: undefined }],
  ["auth  scram-sha-256 ", {
    verb: "AUTH",
    mechanism: "SCRAM-SHA-256",
    initial: undefined,
  }],
  ["AUTH plain AGEAYg==", {
    verb: "AUTH",
    mechanism: "PLAIN",
    initial: "AGEAYg==",
  }],
  ["AUTH EXTERNAL =", { verb: "AUTH", mechanism: "EXTERNAL", initial: "" }],
  ["AUTH PLAIN ==", { verb: "AUTH", mechanism: "PLAIN", initial: "==" }],
  ["BDAT 0", { verb: "BDAT", size: 0, last: false }],
  ["bdat  007 last ", { verb: "BDAT", size: 7, last: true }],
  ["BDAT 9007199254740991 LAST", {
    verb: "BDAT",
    size: 2 ** 53 - 1,
    last: true,
  }],
  ["BDAT 99999999999999999999", {
    verb: "BDAT",
    size: 2 ** 53 - 1,
    last: false,
  }],
  ["XCLIENT NAME=mx.example addr=192.0.2.1 PORT=25", {
    verb: "XCLIENT",
    attributes: new Map([
      ["NAME", "mx.example"],
      ["ADDR", "192.0.2.1"],
      ["PORT", "25"],
    ]),
  }],
  ["xforward  IDENT=[UNAVAILABLE]\t", {
    verb: "XFORWARD",
    attributes: new Map([["IDENT", undefined]]),
  }],
];

for (const [line, value] of COMMANDS) {
  Deno.test(`parseCommand() takes ${JSON.stringify(line)}`, () => {
    assertEquals(parse(line), { ok: true, value });
    // A line is usually a view of the read buffer.
    const buffer = bytes(`RSET\r\n${line}\r\nQUIT`);
    const end = buffer.length - "\r\nQUIT".length;
    assertEquals(parseCommand(buffer.subarray(6, end), OFFER), {
      ok: true,
      value,
    });
  });
}

type Problem = Extract<ParsedCommand, { ok: false }>;

const MAIL = 'expected "MAIL FROM:<address>"';
const RCPT = 'expected "RCPT TO:<address>"';
const HELLO = "expected a domain or an address literal at column 6";

const REFUSED: [
  line: string,
  problem: Problem["problem"],
  verb: Problem["verb"],
  expected: string,
][] = [
  ["EHLO", "syntax", "EHLO", HELLO],
  ["HELO", "syntax", "HELO", HELLO],
  ["HELO ", "syntax", "HELO", HELLO],
  ["HELO -leading", "syntax", "HELO", HELLO],
  ["HELO .leading", "syntax", "HELO", HELLO],
  ["HELO _leading", "syntax", "HELO", HELLO],
  ["EHLO ü", "syntax", "EHLO", HELLO],
  ["HELO bad domain", "syntax", "HELO", "expected the end at column 9"],
  ["HELO a/b", "syntax", "HELO", "expected the end at column 7"],
  ["EHLO [::1]", "syntax", "EHLO", "expected an address literal at column 6"],
  ["MAIL", "syntax", "MAIL", MAIL],
  ["MAIL ", "syntax", "MAIL", MAIL],
  ["MAIL FROM", "syntax", "MAIL", MAIL],
  ["MAIL FROM <a@b>", "syntax", "MAIL", MAIL],
  ["MAIL FROM :<a@b>", "syntax", "MAIL", MAIL],
  ["MAIL  FROM:<a@b>", "syntax", "MAIL", MAIL],
  ["MAIL\tFROM:<a@b>", "syntax", "MAIL", MAIL],
  ["MAIL TO:<a@b>", "syntax", "MAIL", MAIL],
  ["MAIL <a@b>", "syntax", "MAIL", MAIL],
  ["RCPT", "syntax", "RCPT", RCPT],
  ["RCPT FROM:<x@y>", "syntax", "RCPT", RCPT],
  ["RCPT TO <x@y>", "syntax", "RCPT", RCPT],
  ["MAIL FROM:", "syntax", "MAIL", 'expected "<" at column 11'],
  ["MAIL FROM: <a@b>", "syntax", "MAIL", 'expected "<" at column 11'],
  ["MAIL FROM:a@b", "syntax", "MAIL", 'expected "<" at column 11'],
  ["MAIL FROM:postmaster", "syntax", "MAIL", 'expected "<" at column 11'],
  ["MAIL FROM:<postmaster>", "syntax", "MAIL", 'expected "@" at column 22'],
  ["MAIL FROM:<nodomain>", "syntax", "MAIL", 'expected "@" at column 20'],
  ["MAIL FROM:<a b@c>", "syntax", "MAIL", 'expected "@" at column 13'],
  ["MAIL FROM:<", "syntax", "MAIL", "expected a local part at column 12"],
  ["MAIL FROM:<a@@b>", "syntax", "MAIL", "expected a domain at column 14"],
  ["MAIL FROM:<a@b", "syntax", "MAIL", 'expected ">" at column 15'],
  [
    "MAIL FROM:<\x01@b>",
    "syntax",
    "MAIL",
    "expected a local part at column 12",
  ],
  ["MAIL FROM:<a@b>x", "syntax", "MAIL", "expected a space at column 16"],
  ["RCPT TO:<>", "syntax", "RCPT", "expected a local part at column 10"],
  ["RCPT TO:<b@>", "syntax", "RCPT", "expected a domain at column 12"],
  ["RCPT TO:<b@c.>", "syntax", "RCPT", "expected a label at column 14"],
  ["RCPT TO:postmaster", "syntax", "RCPT", 'expected "<" at column 9'],
  [
    "MAIL FROM:<a@b> SIZE=lots",
    "syntax",
    "MAIL",
    "expected SIZE= with up to 20 digits at column 17",
  ],
  [
    "MAIL FROM:<a@b> SIZE=1 SIZE=1",
    "syntax",
    "MAIL",
    "expected SIZE only once at column 24",
  ],
  [
    "MAIL FROM:<a@b> RET=FULL",
    "parameter",
    "MAIL",
    "expected one of SIZE, BODY, SMTPUTF8 at column 17",
  ],
  [
    "RCPT TO:<b@c> NOTIFY=NEVER",
    "parameter",
    "RCPT",
    "expected no parameter at column 15",
  ],
  [
    "MAIL FROM:<ü@b>",
    "utf8address",
    "MAIL",
    "expected SMTPUTF8 or an ASCII address",
  ],
  [
    "MAIL FROM:<a@bücher.example> SIZE=1",
    "utf8address",
    "MAIL",
    "expected SMTPUTF8 or an ASCII address",
  ],
  ["DATA x", "syntax", "DATA", "expected DATA without an argument"],
  ["RSET x", "syntax", "RSET", "expected RSET without an argument"],
  ["QUIT now", "syntax", "QUIT", "expected QUIT without an argument"],
  ["VRFY", "syntax", "VRFY", "expected VRFY with a name"],
  ["EXPN \t", "syntax", "EXPN", "expected EXPN with a name"],
  ["LHLO", "syntax", "LHLO", HELLO],
  [
    "STARTTLS now",
    "syntax",
    "STARTTLS",
    "expected STARTTLS without an argument",
  ],
  ...[
    "AUTH",
    "AUTH ",
    "AUTH\tPLAIN",
    "AUTH PL!AIN",
    `AUTH ${"A".repeat(21)}`,
    "AUTH PLAIN c2VjcmV0 c2VjcmV0",
    "AUTH PLAIN c2Vj\tcmV0",
    "AUTH PLAIN s\xfccret",
  ].map((line): [string, "syntax", "AUTH", string] => [
    line,
    "syntax",
    "AUTH",
    "expected AUTH mechanism [initial-response]",
  ]),
  ...[
    "BDAT",
    "BDAT x",
    "BDAT LAST",
    "BDAT -1",
    "BDAT 1.5",
    "BDAT 0x10",
    "BDAT 5LAST",
    "BDAT 5 LAS",
    "BDAT 5 LAST x",
    "BDAT 5 6",
    "BDAT \u0665",
    `BDAT ${"9".repeat(21)}`,
  ].map((line): [string, "syntax", "BDAT", string] => [
    line,
    "syntax",
    "BDAT",
    "expected BDAT size [LAST]",
  ]),
  ["XCLIENT", "syntax", "XCLIENT", "expected NAME=value at column 8"],
  [
    "XFORWARD NAME=a IDENT=+0D",
    "syntax",
    "XFORWARD",
    "expected xtext without control characters at column 23",
  ],
  ...[
    "",
    " ",
    " QUIT",
    "\tQUIT",
    "QUI",
    "QUITX",
    "QUIT\x01",
    "DATA:",
    "RSETRSET",
    "MAILFROM:<a@b>",
    "\x11\x55\x49\x54",
    "STARTTL",
    "STARTTLSX",
    "STARTTLS\0",
    "STAR",
    "AUTHPLAIN",
    "BDAT5",
    "XCLIENTX",
    "XCLIENT:",
    "XFORWAR",
    "XFOR",
    "SXARTTLS",
    "ETRN x",
    "GET / HTTP/1.1",
    "ÑOOP",
    "constructor",
  ].map((line): [string, "unknown", undefined, string] => [
    line,
    "unknown",
    undefined,
    "expected a known command",
  ]),
];

for (const [line, problem, verb, expected] of REFUSED) {
  Deno.test(`parseCommand() refuses ${JSON.stringify(line)}`, () => {
    const want: ParsedCommand = { ok: false, problem, verb, expected };
    assertEquals(parse(line), want);
  });
}

Deno.test("parseCommand() takes neither parameters nor UTF-8 without EHLO", () => {
  const CASES: [line: string, problem: Problem["problem"], string][] = [
    [
      "MAIL FROM:<a@b> SIZE=1",
      "parameter",
      "expected no parameter without EHLO at column 17",
    ],
    [
      "MAIL FROM:<ü@b>",
      "utf8address",
      "expected SMTPUTF8 or an ASCII address",
    ],
    ["RCPT TO:<ü@b>", "utf8address", "expected an ASCII address"],
  ];
  for (const [line, problem, expected] of CASES) {
    const parsed = parseCommand(bytes(line), undefined);
    assert(!parsed.ok);
    assertEquals([parsed.problem, parsed.expected], [problem, expected]);
  }
  assert(parseCommand(bytes("MAIL FROM:<a@b>"), undefined).ok);
});

const ALL = new Set(LENIENCIES);

Deno.test("parseCommand() refuses as before what a leniency does not mend", () => {
  for (const [line] of REFUSED) {
    const parsed = parseCommand(bytes(line), OFFER, new Set());
    assertEquals(parsed, parse(line), line);
  }
});

Deno.test("parseCommand() uses no leniency for what keeps the grammar", () => {
  for (const [line, value] of COMMANDS) {
    assertEquals(parseCommand(bytes(line), OFFER, ALL), { ok: true, value });
  }
});

Deno.test("needsSmtputf8() looks at the address and at ORCPT", () => {
  const CASES: [line: string, want: boolean][] = [
    ["RCPT TO:<a@b>", false],
    ["RCPT TO:<ü@b>", true],
    ["RCPT TO:<a@b> ORCPT=rfc822;a@b", false],
    ["RCPT TO:<a@b> ORCPT=utf-8;\\x{FC}@b", false],
    ["RCPT TO:<a@b> ORCPT=utf-8;ü@b", true],
  ];
  for (const [line, want] of CASES) {
    const parsed = parseCommand(bytes(line), { size: 0, dsn: true });
    assert(parsed.ok && parsed.value.verb === "RCPT");
    assertEquals(needsSmtputf8(parsed.value), want, line);
  }
});

Deno.test("parseCommand() says nothing of a secret in its refusals", () => {
  for (const [line] of REFUSED) {
    if (!line.startsWith("AUTH")) continue;
    const parsed = parse(line);
    assert(!parsed.ok && !/c2V|cret/.test(JSON.stringify(parsed)), line);
  }
});

Deno.test("parseCommand() refuses what is not UTF-8", () => {
  const LINES: [verb: string, ...rest: number[]][] = [
    ["MAIL FROM:<", 0xfc, 0x40, 0x62, 0x3e],
    ["RCPT TO:<", 0xc0, 0x80, 0x40, 0x62, 0x3e],
    ["NOOP ", 0xff],
    ["VRFY ", 0xed, 0xa0, 0x80],
    ["EHLO ", 0xe2, 0x82],
  ];
  for (const [text, ...rest] of LINES) {
    const parsed = parseCommand(
      new Uint8Array([...bytes(text), ...rest]),
      OFFER,
    );
    assert(!parsed.ok);
    assertEquals(parsed.problem, "syntax");
    assertEquals(parsed.expected, "expected valid UTF-8");
  }
});

Deno.test("parseCommand() keeps a byte order mark where it stands", () => {
  assertEquals(parse("NOOP \ufeffx"), {
    ok: true,
    value: { verb: "NOOP", text: "\ufeffx" },
  });
  assert(!parse("\ufeffQUIT").ok);
});

Deno.test("parseCommand() takes a long line in linear time", () => {
  const tail = "x".repeat(100_000);
  const start = performance.now();
  for (const line of COMMANDS.map(([line]) => line)) {
    parse(`${line}${tail}`);
    parse(`${line}${tail.replaceAll("x", " ")}x`);
    parse(`${line} ${tail.replaceAll("x", "A=1 ")}`);
    for (const more of [tail, tail.replaceAll("x", "."), tail + ">"]) {
      parseCommand(bytes(line.replace("<", "") + more), OFFER, ALL);
    }
  }
  assert(performance.now() - start < 5_000, "slower than 5 s");
});

/** Mulberry32: the same numbers for the same seed, from 0 to below `bound`. */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const SEED = 5_321;
const ROUNDS = 20_000;

Deno.test(`parseCommand() never throws, whatever the bytes (seed ${SEED})`, () => {
  const random = randomFrom(SEED);
  const lines = [...COMMANDS, ...REFUSED].map(([line]) => bytes(line));
  for (let round = 0; round < ROUNDS; round++) {
    const line = (lines[random(lines.length)] ?? bytes("")).slice();
    for (let change = random(4); change > 0 && line.length > 0; change--) {
      line[random(line.length)] = random(256);
    }
    const cut = line.subarray(0, line.length - random(3));
    const parsed = parseCommand(
      cut,
      random(2) === 0 ? undefined : OFFER,
      random(2) === 0 ? undefined : ALL,
    );
    if (parsed.ok) continue;
    assert(parsed.expected.startsWith("expected "), parsed.expected);
    // A reply is made of it, so nothing of the client's may be in it.
    assert(/^[ -~]+$/.test(parsed.expected), parsed.expected);
  }
});

Deno.test(`parseCommand() takes every path it printed (seed ${SEED})`, () => {
  const random = randomFrom(SEED);
  const pieces = ["a", ".", "@", "<", ">", '"', "\\", "-", "[", "]", ":", "ü"];
  let taken = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const path = Array.from(
      { length: random(9) },
      () => pieces[random(pieces.length)],
    ).join("");
    const parsed = parse(`RCPT TO:<a${path}@b>`);
    if (!parsed.ok || parsed.value.verb !== "RCPT") continue;
    taken++;
    const { recipient } = parsed.value;
    assertEquals(parse(`RCPT TO:<${recipient.address}>`), parsed);
    assertEquals(recipient.address, `${recipient.local}@${recipient.domain}`);
  }
  assert(taken > 100, `only ${taken} taken`);
});
