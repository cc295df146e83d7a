import { assertEquals, assertMatch } from "@std/assert";
import { addressOf, messageAt } from "../../lib/mutation/framing_model.ts";
import type { Evidence, Heard } from "../../lib/mutation/evidence.ts";
import { judge } from "../../lib/mutation/judge.ts";
import type { Taken } from "../../lib/mutation/judge_mail.ts";

/**
 * A conversation in short: what the client sends, `"S:"` before what Postern
 * says, or a message that came out.
 */
type Talk = readonly (string | Partial<Taken>)[];

const MESSAGE: Taken = {
  sender: "a@b.test",
  recipients: ["c@d.test"],
  octets: "Hello\r\n",
  hasTrace: false,
  isTaken: true,
};

/** A listener where nothing comes before SMTP. */
const PLAIN = { isSmtps: false, isProxied: false, isLmtp: false };

function evidenceOf(talk: Talk, options: Partial<Evidence> = {}): Evidence {
  let sent = "";
  const heard: Heard[] = [];
  const taken: Taken[] = [];
  for (const each of talk) {
    if (typeof each !== "string") taken.push({ ...MESSAGE, ...each });
    else if (each.startsWith("S:")) {
      const line = each.slice(2);
      heard.push({ line, sent: sent.length, taken: taken.length });
    } else sent += each;
  }
  return {
    ...{ sent, heard, taken, unfinished: "", wasReset: false, secured: [] },
    listener: PLAIN,
    limits: { line: 64, data: 100, rejectsBareNewlines: false },
    ...options,
  };
}

const START: Talk = ["S:220 mx.test ESMTP"];
const ENVELOPE: Talk = [
  ...START,
  ...["MAIL FROM:<a@b.test>\r\n", "S:250 Ok", "RCPT TO:<c@d.test>\r\n"],
  "S:250 Ok",
];
const DATA: Talk = [...ENVELOPE, "DATA\r\n", "S:354 Go"];
const SENT: Talk = [...DATA, "Hello\r\n.\r\n"];
const QUIT: Talk = ["QUIT\r\n", "S:221 Bye"];

const RIGHT: [string, Talk, Partial<Evidence>?][] = [
  ["a message that came out", [...SENT, MESSAGE, "S:250 Ok", ...QUIT]],
  ["a message that was refused", [...SENT, "S:550 No", ...QUIT]],
  [
    "a refusal of what the relay took: its yes may be lost",
    [...SENT, MESSAGE, "S:451 Lost", ...QUIT],
  ],
  ["a message that was not ended", [...DATA, "Hello\r\n", "S:421 4.4.2 Bye"]],
  ["several lines", [...START, "EHLO x\r\n", "S:250-mx", "S:250 SIZE 1"]],
  ["a batch", [...START, "NOOP\r\nRSET\r\n", "S:250 Ok", "S:250 Ok"]],
  ["a line that is not ended", [...START, "NOO"]],
  [
    "a bad line refused before its end",
    [...START, "NO\nOP", "S:500 Bare", "\r\n", ...QUIT],
  ],
  ["a long line refused before its end", [
    ...START,
    "x".repeat(64),
    "S:500 Long",
    "x\r\n",
    ...QUIT,
  ]],
  [
    "a message for two hops",
    [
      ...ENVELOPE,
      ...["RCPT TO:<e@f.test>\r\n", "S:250 Ok", "DATA\r\n", "S:354 Go"],
      ...["Hello\r\n.\r\n", MESSAGE, { recipients: ["e@f.test"] }],
      ...["S:250 Ok", ...QUIT],
    ],
  ],
  ["what a break leaves unanswered", [...START, "NOOP\r\n"], {
    wasReset: true,
  }],
  ["the goodbye to an idle client", [...START, "S:421 4.4.2 Timeout"]],
  ["no service", ["S:554 No"]],
  [
    "a trace",
    [
      ...SENT,
      {
        octets: "Received: from x\r\n by y; Thu\r\nHello\r\n",
        hasTrace: true,
      },
      ...["S:250 Ok", ...QUIT],
    ],
  ],
  [
    "a message in chunks, with line ends of every kind",
    [
      ...ENVELOPE,
      ...["BDAT 9\r\nQUIT\r\n.\r\n", "S:250 Ok", "BDAT 3 LAST\r\na\nb"],
      ...[{ octets: "QUIT\r\n.\r\na\r\nb\r\n" }, "S:250 Ok", ...QUIT],
    ],
  ],
  [
    "a chunk that is refused, and dropped",
    [...START, "BDAT 6 LAST\r\nQUIT\r\n", "S:503 No", ...QUIT],
  ],
  [
    "a BDAT that can't be read: it ends the session",
    [...START, "BDAT x\r\nQUIT\r\n", "S:501 Closing"],
  ],
  [
    "what was thrown away behind STARTTLS, and a session that begins anew",
    [
      ...[...ENVELOPE, "STARTTLS\r\nDATA\r\n", "S:220 Go"],
      ...["DATA\r\n", "S:503 No", ...QUIT],
    ],
    { secured: [58] },
  ],
  [
    "nothing but a hangup where TLS comes first",
    ["EHLO x\r\n"],
    { listener: { ...PLAIN, isSmtps: true } },
  ],
  [
    "a greeting behind a PROXY header",
    ["PROXY UNKNOWN\r\n", "S:220 mx", ...QUIT],
    { listener: { ...PLAIN, isProxied: true } },
  ],
  [
    "a verdict for each recipient",
    [
      ...[...ENVELOPE, "RCPT TO:<e@f.test>\r\n", "S:250 Ok", "DATA\r\n"],
      ...["S:354 Go", "Hello\r\n.\r\n", MESSAGE, "S:250 Ok", "S:452 Full"],
      ...QUIT,
    ],
    { listener: { ...PLAIN, isLmtp: true } },
  ],
  [
    "an exchange with challenges",
    [
      ...[...START, "AUTH LOGIN\r\n", "S:334 a", "x\r\n", "S:334 b"],
      ...["y\r\n", "S:235 Ok", ...QUIT],
    ],
  ],
];

for (const [name, talk, options] of RIGHT) {
  Deno.test(`judge() finds nothing wrong in ${name}`, () => {
    assertEquals(judge(evidenceOf(talk, options)), undefined);
  });
}

const WRONG: [string, Talk, RegExp, Partial<Evidence>?][] = [
  [
    "a chunk run as commands",
    [...START, "BDAT 6 LAST\r\nQUIT\r\n", "S:503 No", "S:221 Bye"],
    /asked/,
  ],
  [
    "a chunk that is answered before it is there",
    [...ENVELOPE, "BDAT 3 LAST\r\n", "S:250 Ok", "a\r\n"],
    /asked/,
  ],
  [
    "a chunk of nothing that is taken",
    [...START, "BDAT 1 LAST\r\na", "S:250 Ok"],
    /of nothing/,
  ],
  [
    "what runs behind a BDAT that can't be read",
    [...START, "BDAT x\r\nNOOP\r\n", "S:501 No", "S:250 Ok"],
    /behind the end/,
  ],
  [
    "chunks that came out otherwise",
    [...ENVELOPE, "BDAT 3 LAST\r\n..a", { octets: ".a\r\n" }, "S:250 Ok"],
    /another text/,
  ],
  [
    "a chunk too many",
    [...ENVELOPE, "BDAT 101 LAST\r\n" + "x".repeat(101), {
      octets: `${"x".repeat(101)}\r\n`,
    }, "S:250 Ok"],
    /more than 100/,
  ],
  [
    "plaintext behind STARTTLS that is kept",
    [...START, "STARTTLS\r\nNOOP\r\n", "S:220 Go", "S:250 Ok"],
    /asked/,
    { secured: [16] },
  ],
  [
    "an envelope that outlives STARTTLS",
    [...ENVELOPE, "STARTTLS\r\n", "S:220 Go", "DATA\r\n", "S:354 Go"],
    /DATA/,
    { secured: [52] },
  ],
  [
    "a verdict too few",
    [
      ...[...ENVELOPE, "RCPT TO:<e@f.test>\r\n", "S:250 Ok", "DATA\r\n"],
      ...["S:354 Go", "Hello\r\n.\r\n", MESSAGE, "S:250 Ok", ...QUIT],
    ],
    /QUIT|did not/,
    { listener: { ...PLAIN, isLmtp: true } },
  ],
  ["a conversation without a greeting", [], /greeting/],
  [
    "a command without a reply",
    [...START, "NOOP\r\n"],
    /did not answer "NOOP"/,
  ],
  ["a doubled reply", [...START, "NOOP\r\n", "S:250 Ok", "S:250 Ok"], /asked/],
  ["a reply before its command", [...START, "S:250 Ok", "NOOP\r\n"], /asked/],
  [
    "a reply to the next line before it came",
    [...START, "NOOP\r\n", "S:250 Ok", "S:250 Ok", "NOOP\r\n"],
    /asked/,
  ],
  [
    "a bad line answered twice",
    [...START, "NO\nOP\r\n", "S:500 Bare", "S:500 Bare"],
    /asked/,
  ],
  [
    "a bad line answered twice before its end",
    [...START, "NO\nOP", "S:500 Bare", "S:500 Bare"],
    /asked/,
  ],
  ["a bad line that is taken", [...START, "NO\nOP\r\n", "S:250 Ok"], /NO\\nOP/],
  [
    "a long line that is taken",
    [...START, `NOOP ${"x".repeat(60)}\r\n`, "S:250 Ok"],
    /NOOP x/,
  ],
  ["an unknown verb that is taken", [...START, "X\r\n", "S:250 Ok"], /"X"/],
  ["354 without a recipient", [...START, "DATA\r\n", "S:354 Go"], /DATA/],
  ["354 to another command", [...ENVELOPE, "RSET\r\n", "S:354 Go"], /RSET/],
  ["221 to another command", [...START, "NOOP\r\n", "S:221 Bye"], /NOOP/],
  ["QUIT answered with 250", [...START, "QUIT\r\n", "S:250 Ok"], /QUIT/],
  [
    "a recipient without a sender",
    [...START, "RCPT TO:<c@d.test>\r\n", "S:250 Ok"],
    /RCPT/,
  ],
  [
    "words behind 221",
    [...START, ...QUIT, "NOOP\r\n", "S:250 Ok"],
    /behind the end/,
  ],
  ["words behind 421", [...START, "S:421 4.4.2 Bye", "S:250 Ok"], /behind/],
  [
    "a timeout while a command waits",
    [...START, "NOOP\r\n", "S:421 4.4.2 Timeout"],
    /in vain/,
  ],
  ["an exception", [...START, "NOOP\r\n", "S:421 4.3.0 Local"], /exception/],
  ["a reply with a control character", ["S:220 mx\x07"], /no reply/],
  ["a reply with a bare LF", ["S:220 mx\n250 Ok"], /no reply/],
  ["a reply line that is too long", [`S:220 ${"x".repeat(507)}`], /no reply/],
  [
    "two codes in a reply",
    [...START, "EHLO x\r\n", "S:250-mx", "S:550 No"],
    /no reply/,
  ],
  [
    "half a reply",
    [...START, "EHLO x\r\n", "S:250-mx"],
    /no end/,
  ],
  ["a line without CRLF", START, /no end/, { unfinished: "250 O" }],
  [
    "a body run as commands",
    [...SENT, MESSAGE, "S:250 Ok", "S:500 Unknown", ...QUIT],
    /asked/,
  ],
  [
    "a verdict before the final dot",
    [...DATA, "Hello\n.\n", MESSAGE, "S:250 Ok", "x\r\n.\r\n"],
    /before the message's end/,
  ],
  [
    "another 354 to a message",
    [...SENT, "S:354 Go", "x\r\n.\r\n", "S:250 Ok"],
    /was answered/,
  ],
  [
    "a message that was not ended and came out",
    [...DATA, "Hello\r\n", MESSAGE, "S:421 4.4.2 Bye"],
    /not ended/,
  ],
  ["a 250 for nothing", [...SENT, "S:250 Ok"], /did not come out/],
  ["a 250 before the message is out", [
    ...[...SENT, "S:250 Ok", MESSAGE],
    ...QUIT,
  ], /came out/],
  [
    "a 250 for what was refused",
    [...SENT, { isTaken: false }, "S:250 Ok"],
    /refused/,
  ],
  ["a message that came out twice", [
    ...[...SENT, MESSAGE, MESSAGE, "S:250 Ok"],
  ], /came out/],
  [
    "another sender",
    [...SENT, { sender: "x@b.test" }, "S:250 Ok"],
    /came out wrong/,
  ],
  [
    "a recipient who was refused",
    [
      ...[...ENVELOPE, "RCPT TO:<x@d.test>\r\n", "S:550 No"],
      ...["DATA\r\n", "S:354 Go", "Hello\r\n.\r\n"],
      ...[{ recipients: ["c@d.test", "x@d.test"] }, "S:250 Ok"],
    ],
    /came out wrong/,
  ],
  [
    "a recipient who is missing",
    [
      ...[...ENVELOPE, "RCPT TO:<x@d.test>\r\n", "S:250 Ok"],
      ...["DATA\r\n", "S:354 Go", "Hello\r\n.\r\n", MESSAGE, "S:250 Ok"],
    ],
    /came out|did not/,
  ],
  [
    "a recipient from before RSET",
    [
      ...[...ENVELOPE, "RSET\r\n", "S:250 Ok", ...ENVELOPE.slice(1)],
      ...["DATA\r\n", "S:354 Go", "Hello\r\n.\r\n"],
      ...[{ recipients: ["c@d.test", "c@d.test"] }, "S:250 Ok"],
    ],
    /came out wrong/,
  ],
  [
    "dots that were not taken off",
    [...DATA, "..x\r\n.\r\n", { octets: "..x\r\n" }, "S:250 Ok"],
    /another text/,
  ],
  [
    "a bare LF that came out",
    [...DATA, "x\ny\r\n.\r\n", { octets: "x\ny\r\n" }, "S:250 Ok"],
    /another text/,
  ],
  [
    "text that is no trace before the message",
    [
      ...SENT,
      { octets: "Received: x\r\nBcc: y\r\nHello\r\n", hasTrace: true },
      "S:250 Ok",
    ],
    /another text/,
  ],
  [
    "a message over the limit",
    [
      ...[...DATA, `${"x".repeat(99)}\r\n.\r\n`],
      ...[{ octets: `${"x".repeat(99)}\r\n` }, "S:250 Ok"],
    ],
    /101 bytes/,
  ],
  [
    "a bare newline where they are refused",
    [...DATA, "x\ny\r\n.\r\n", { octets: "x\r\ny\r\n" }, "S:250 Ok"],
    /bare newline/,
    { limits: { line: 64, data: 0, rejectsBareNewlines: true } },
  ],
];

for (const [name, talk, broken, options] of WRONG) {
  Deno.test(`judge() finds ${name}`, () => {
    assertMatch(judge(evidenceOf(talk, options)) ?? "nothing", broken);
  });
}

const MESSAGES: [sent: string, octets: string | undefined, end?: number][] = [
  [".\r\n", "", 3],
  ["x\r\n.\r\n", "x\r\n", 6],
  ["..\r\n.x\r\n.\r\n", ".\r\nx\r\n", 11],
  ["x\r\n.\n\r\n.\r\n", "x\r\n.\r\n\r\n", 10],
  ["x\n.\r\n.\r\n", "x\r\n.\r\n", 8],
  ["x\r.\r\n", undefined],
  ["\r\r\n.\r\n", "\r\n\r\n", 6],
  ["x\r\n.\r", undefined],
];

for (const [sent, octets, end] of MESSAGES) {
  Deno.test(`messageAt() reads ${JSON.stringify(sent)}`, () => {
    const unit = messageAt(sent, 0);
    assertEquals([unit?.octets, unit?.end], [octets, end]);
  });
}

const ADDRESSES: [line: string, address: string | undefined][] = [
  ["MAIL FROM:<a@b.test> SIZE=1", "a@b.test"],
  ["mail from:<>", ""],
  ['RCPT TO:<"x>y"@b.test>', '"x>y"@b.test'],
  ["RCPT TO:<@one.test,@[192.0.2.1]:a@b.test>", "a@b.test"],
  ["RCPT TO: a@b.test", "a@b.test"],
];

for (const [line, address] of ADDRESSES) {
  Deno.test(`addressOf() reads ${line}`, () => {
    assertEquals(addressOf(line), address);
  });
}
