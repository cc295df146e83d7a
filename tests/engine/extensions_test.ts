import { assert, assertEquals } from "@std/assert";
import {
  type Capabilities,
  ehloLines,
  formatMailParameters,
  type MailParameters,
  NO_CAPABILITIES,
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

Deno.test("parseParameters() knows no parameter of RCPT yet", () => {
  assertEquals(parseParameters("RCPT", "", OFFER), { ok: true, value: {} });
  for (const text of [" NOTIFY=NEVER", " SIZE=1", " ORCPT=rfc822;a@b"]) {
    assertEquals<unknown>(parseParameters("RCPT", text, OFFER), {
      ok: false,
      problem: "parameter",
      at: 1,
      expected: "no parameter",
    });
  }
});

const CAPABILITIES: [
  name: string,
  lines: readonly string[],
  want: Partial<Capabilities>,
][] = [
  ["nothing", [], {}],
  [
    "junk",
    ["", " ", "=", "\x00", "ü", "250-SIZE", "XYZZY 1 2", "__proto__"],
    {},
  ],
  ["Postfix", [
    "PIPELINING",
    "SIZE 10240000",
    "VRFY",
    "ETRN",
    "STARTTLS",
    "AUTH PLAIN LOGIN",
    "AUTH=PLAIN LOGIN",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "DSN",
    "SMTPUTF8",
    "CHUNKING",
  ], {
    pipelining: true,
    sizeOffered: true,
    size: 10_240_000,
    startTls: true,
    auth: new Set(["PLAIN", "LOGIN"]),
    enhancedStatusCodes: true,
    eightBitMime: true,
    smtputf8: true,
  }],
  ["small letters", ["pipelining", "Size 5", "auth plain", "StartTLS"], {
    pipelining: true,
    sizeOffered: true,
    size: 5,
    auth: new Set(["PLAIN"]),
    startTls: true,
  }],
  ["white space", ["SIZE \t 7 ", "PIPELINING\t", "AUTH  PLAIN\tCRAM-MD5 "], {
    sizeOffered: true,
    size: 7,
    pipelining: true,
    auth: new Set(["PLAIN", "CRAM-MD5"]),
  }],
  ["a size without a number", ["SIZE"], { sizeOffered: true }],
  ["a size that is none", ["SIZE lots"], { sizeOffered: true }],
  ["a negative size", ["SIZE -1"], { sizeOffered: true }],
  ["no limit", ["SIZE 0"], { sizeOffered: true, size: 0 }],
  ["a size that is too big", [`SIZE ${"9".repeat(20)}`], {
    sizeOffered: true,
    size: Number.MAX_SAFE_INTEGER,
  }],
  ["two sizes: the first", ["SIZE 1", "SIZE 2"], {
    sizeOffered: true,
    size: 1,
  }],
  ["AUTH in the old form", ["AUTH=LOGIN PLAIN"], {
    auth: new Set(["LOGIN", "PLAIN"]),
  }],
  ["mechanisms that can't be", ["AUTH PLAIN x;y \x01 " + "A".repeat(21)], {
    auth: new Set(["PLAIN"]),
  }],
  ["no more of AUTH than the bound", [
    "AUTH" + " A B".repeat(50) + " PLAIN",
  ], { auth: new Set(["A", "B"]) }],
  ["no more lines than the bound", [
    ...Array<string>(100).fill("X"),
    "PIPELINING",
  ], {}],
];

for (const [name, lines, want] of CAPABILITIES) {
  Deno.test(`parseCapabilities() understands ${name}`, () => {
    assertEquals(parseCapabilities(lines), { ...NO_CAPABILITIES, ...want });
  });
}

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
  });
});

const ALL = parseCapabilities(ehloLines(OFFER));

const FORMATTED: [
  parameters: MailParameters,
  capabilities: Capabilities,
  want: string,
][] = [
  [{ smtputf8: false }, ALL, ""],
  [{ size: 0, smtputf8: false }, ALL, " SIZE=0"],
  [{ size: 2 ** 53 - 1, smtputf8: false }, ALL, " SIZE=9007199254740991"],
  [{ body: "7BIT", smtputf8: false }, ALL, " BODY=7BIT"],
  [
    { size: 9, body: "8BITMIME", smtputf8: true },
    ALL,
    " SIZE=9 BODY=8BITMIME SMTPUTF8",
  ],
  [{ size: 9, body: "8BITMIME", smtputf8: true }, NO_CAPABILITIES, ""],
  [
    { size: 9, body: "8BITMIME", smtputf8: true },
    parseCapabilities(["SIZE"]),
    " SIZE=9",
  ],
  [
    { size: 9, body: "8BITMIME", smtputf8: true },
    parseCapabilities(["8BITMIME"]),
    " BODY=8BITMIME",
  ],
  [
    { size: 9, body: "8BITMIME", smtputf8: true },
    parseCapabilities(["SMTPUTF8"]),
    " SMTPUTF8",
  ],
];

for (const [parameters, capabilities, want] of FORMATTED) {
  const name = JSON.stringify(parameters);
  const offered = capabilities === ALL ? "all" : "some or none";
  Deno.test(`formatMailParameters() writes ${name} as "${want}" where ${offered} are offered`, () => {
    assertEquals(formatMailParameters(parameters, capabilities), want);
    if (capabilities !== ALL) return;
    const parsed = parseParameters("MAIL", want, OFFER);
    assertEquals(parsed, { ok: true, value: parameters });
  });
}
