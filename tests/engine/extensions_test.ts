import { assert, assertEquals } from "@std/assert";
import {
  ehloLines,
  type MailParameters,
  type Offer,
  parseCapabilities,
  parseParameters,
} from "../../lib/engine/extensions.ts";

const OFFER = { size: 10_485_760 };

Deno.test("ehloLines() lists what is offered, in order", () => {
  assertEquals(ehloLines(OFFER), [
    "PIPELINING",
    "SIZE 10485760",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "SMTPUTF8",
    "HELP",
  ]);
});

const EVERYTHING: Offer = {
  size: 0,
  startTls: true,
  auth: ["PLAIN", "LOGIN"],
  chunking: true,
  binaryMime: true,
  dsn: true,
  requireTls: true,
  limits: { recipients: 100 },
  xclient: true,
  xforward: true,
};

Deno.test("ehloLines() lists all that can be offered, in order", () => {
  assertEquals(ehloLines(EVERYTHING), [
    "PIPELINING",
    "SIZE 0",
    "STARTTLS",
    "AUTH PLAIN LOGIN",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "SMTPUTF8",
    "CHUNKING",
    "BINARYMIME",
    "DSN",
    "REQUIRETLS",
    "LIMITS RCPTMAX=100",
    "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
    "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE",
    "HELP",
  ]);
});

/** What one field of the offer adds to the lines, or takes away. */
const OFFERS: [offer: Partial<Offer>, added: string[], removed: string[]][] = [
  [{ eightBitMime: true, smtputf8: true }, [], []],
  [{ eightBitMime: false }, [], ["8BITMIME"]],
  [{ smtputf8: false }, [], ["SMTPUTF8"]],
  [{ startTls: true }, ["STARTTLS"], []],
  [{ startTls: false }, [], []],
  [{ auth: [] }, [], []],
  [{ auth: ["CRAM-MD5"] }, ["AUTH CRAM-MD5"], []],
  [{ chunking: true }, ["CHUNKING"], []],
  [{ chunking: true, binaryMime: true }, ["CHUNKING", "BINARYMIME"], []],
  // Only BDAT can carry a binary body.
  [{ binaryMime: true }, [], []],
  [{ dsn: true }, ["DSN"], []],
  [{ requireTls: true }, ["REQUIRETLS"], []],
  // RFC 9422 gives it six digits.
  [{ limits: { recipients: 1e9 } }, ["LIMITS RCPTMAX=999999"], []],
];

for (const [offer, added, removed] of OFFERS) {
  Deno.test(`ehloLines() adds ${added.join(", ") || "nothing"} for ${JSON.stringify(offer)}`, () => {
    const usual = ehloLines(OFFER);
    const lines = ehloLines({ ...OFFER, ...offer });
    assertEquals(lines.filter((line) => !usual.includes(line)), added);
    assertEquals(usual.filter((line) => !lines.includes(line)), removed);
  });
}

Deno.test("ehloLines() announces SIZE 0 where there is no limit", () => {
  assert(ehloLines({ size: 0 }).includes("SIZE 0"));
});

const PARAMETERS: [text: string, want: MailParameters][] = [
  ["", { smtputf8: false }],
  [" SIZE=100", { size: 100, smtputf8: false }],
  [" size=0", { size: 0, smtputf8: false }],
  [" SIZE=007", { size: 7, smtputf8: false }],
  [" SIZE=9007199254740991", { size: 2 ** 53 - 1, smtputf8: false }],
  [" SIZE=99999999999999999999", { size: 2 ** 53 - 1, smtputf8: false }],
  [" BODY=7BIT", { body: "7BIT", smtputf8: false }],
  [" Body=8bitMIME", { body: "8BITMIME", smtputf8: false }],
  [" SMTPUTF8", { smtputf8: true }],
  ["  smtputf8   SIZE=1", { size: 1, smtputf8: true }],
  [" SIZE=1 BODY=8BITMIME SMTPUTF8", {
    size: 1,
    body: "8BITMIME",
    smtputf8: true,
  }],
];

for (const [text, value] of PARAMETERS) {
  Deno.test(`parseParameters() reads "${text}" of MAIL`, () => {
    assertEquals(parseParameters("MAIL", text, OFFER), { ok: true, value });
    assertEquals(parseParameters("MAIL", `<>${text}`, OFFER, 2), {
      ok: true,
      value,
    });
  });
}

const ONE_OF = "one of SIZE, BODY, SMTPUTF8";
const SIZE = "SIZE= with up to 20 digits";
const BODY = "BODY=7BIT or BODY=8BITMIME";
const PAIR = "KEYWORD or KEYWORD=value";

const REFUSED: [
  text: string,
  problem: "parameter" | "syntax",
  at: number,
  expected: string,
][] = [
  [" FOO", "parameter", 1, ONE_OF],
  [" FOO=bar", "parameter", 1, ONE_OF],
  [" SIZE=1 FOO", "parameter", 8, ONE_OF],
  [" AUTH=<>", "parameter", 1, ONE_OF],
  [" RET=HDRS", "parameter", 1, ONE_OF],
  [" NOTIFY=NEVER", "parameter", 1, ONE_OF],
  [" PIPELINING", "parameter", 1, ONE_OF],
  [" 8BITMIME", "parameter", 1, ONE_OF],
  [" constructor", "parameter", 1, ONE_OF],
  [" __proto__", "syntax", 1, PAIR],
  [" FOO=ü", "parameter", 1, ONE_OF],
  [" SIZE", "syntax", 1, SIZE],
  [" SIZE=a", "syntax", 1, SIZE],
  [" SIZE=-1", "syntax", 1, SIZE],
  [" SIZE=1.5", "syntax", 1, SIZE],
  [" SIZE=1e3", "syntax", 1, SIZE],
  [" SIZE=0x10", "syntax", 1, SIZE],
  [" SIZE=\u0661", "syntax", 1, SIZE],
  [" SIZE=100000000000000000000", "syntax", 1, SIZE],
  [" BODY", "syntax", 1, BODY],
  [" BODY=BINARYMIME", "syntax", 1, BODY],
  [" BODY=8BIT", "syntax", 1, BODY],
  [" SMTPUTF8=yes", "syntax", 1, "SMTPUTF8 without a value"],
  [" SIZE=1 SIZE=1", "syntax", 8, "SIZE only once"],
  [" BODY=7BIT size=1 body=7BIT", "syntax", 18, "BODY only once"],
  [" SMTPUTF8 SMTPUTF8", "syntax", 10, "SMTPUTF8 only once"],
  ["SIZE=1", "syntax", 0, "a space"],
  ["\tSIZE=1", "syntax", 0, "a space"],
  [">", "syntax", 0, "a space"],
  [" ", "syntax", 1, PAIR],
  ["  ", "syntax", 2, PAIR],
  [" SIZE=1 ", "syntax", 8, PAIR],
  [" SIZE=", "syntax", 1, PAIR],
  [" SIZE==1", "syntax", 1, PAIR],
  [" SIZE=1=2", "syntax", 1, PAIR],
  [" SIZE =1", "syntax", 1, SIZE],
  [" SIZE=1\tBODY=7BIT", "syntax", 1, PAIR],
  [" SIZE=1\x01", "syntax", 1, PAIR],
  [" SIZE=1\x7f", "syntax", 1, PAIR],
  [" SIZE=1\x85", "syntax", 1, PAIR],
  [" -SIZE=1", "syntax", 1, PAIR],
  [" =1", "syntax", 1, PAIR],
  [" SÏZE=1", "syntax", 1, PAIR],
  [" SI_ZE=1", "syntax", 1, PAIR],
];

for (const [text, problem, at, expected] of REFUSED) {
  Deno.test(`parseParameters() refuses ${JSON.stringify(text)} of MAIL`, () => {
    const refusal = { ok: false, problem, expected };
    assertEquals<unknown>(parseParameters("MAIL", text, OFFER), {
      ...refusal,
      at,
    });
    assertEquals<unknown>(parseParameters("MAIL", `<>${text}`, OFFER, 2), {
      ...refusal,
      at: at + 2,
    });
  });
}

Deno.test("parseParameters() refuses every parameter without EHLO", () => {
  for (const text of [" SIZE=1", " BODY=7BIT", " SMTPUTF8", " FOO"]) {
    assertEquals<unknown>(parseParameters("MAIL", text, undefined), {
      ok: false,
      problem: "parameter",
      at: 1,
      expected: "no parameter without EHLO",
    });
  }
  assertEquals(parseParameters("MAIL", "", undefined), {
    ok: true,
    value: { smtputf8: false },
  });
});

Deno.test("parseCapabilities() understands what ehloLines() says", () => {
  assertEquals(parseCapabilities(ehloLines(OFFER)), {
    pipelining: true,
    sizeOffered: true,
    size: OFFER.size,
    eightBitMime: true,
    enhancedStatusCodes: true,
    smtputf8: true,
    startTls: false,
    auth: new Set<string>(),
    chunking: false,
    binaryMime: false,
    dsn: false,
    requireTls: false,
    xforward: new Set<string>(),
  });
  assertEquals(parseCapabilities(ehloLines(EVERYTHING)), {
    pipelining: true,
    sizeOffered: true,
    size: 0,
    eightBitMime: true,
    enhancedStatusCodes: true,
    smtputf8: true,
    startTls: true,
    auth: new Set(["PLAIN", "LOGIN"]),
    chunking: true,
    binaryMime: true,
    dsn: true,
    requireTls: true,
    xforward: new Set([
      ...["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"],
    ]),
    recipients: 100,
  });
});
