import { assert, assertEquals } from "@std/assert";
import {
  type Capabilities,
  ehloLines,
  formatMailParameters,
  formatRcptParameters,
  type MailParameters,
  NO_CAPABILITIES,
  type Offer,
  parseCapabilities,
  parseParameters,
  type RcptParameters,
} from "../../lib/engine/extensions.ts";

const OFFER = { size: 10_485_760 };

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

const MORE_PARAMETERS: [text: string, want: Partial<MailParameters>][] = [
  [" body=binarymime", { body: "BINARYMIME" }],
  [" RET=FULL", { ret: "FULL" }],
  [" ret=hdrs", { ret: "HDRS" }],
  [" ENVID=QQ314159", { envid: "QQ314159" }],
  [" ENVID=a+2Bb+20c+3D", { envid: "a+2Bb+20c+3D" }],
  [` ENVID=${"x".repeat(100)}`, { envid: "x".repeat(100) }],
  [" RequireTLS", { requireTls: true }],
  [" AUTH=<>", { auth: "<>" }],
  [" AUTH=e+3Dmc2@example.com", { auth: "e+3Dmc2@example.com" }],
  [` AUTH=${"x".repeat(500)}`, { auth: "x".repeat(500) }],
  [" SIZE=1 RET=HDRS ENVID=1 REQUIRETLS AUTH=<> BODY=7BIT", {
    size: 1,
    ret: "HDRS",
    envid: "1",
    requireTls: true,
    auth: "<>",
    body: "7BIT",
  }],
];

for (const [text, value] of MORE_PARAMETERS) {
  Deno.test(`parseParameters() reads "${text.slice(0, 40)}" of MAIL where it was offered`, () => {
    assertEquals(parseParameters("MAIL", text, EVERYTHING), {
      ok: true,
      value: { smtputf8: false, ...value },
    });
    const refused = parseParameters("MAIL", text, OFFER);
    assert(!refused.ok);
    // BODY itself is offered, so that the value is wrong.
    assertEquals(
      refused.problem,
      value.body === "BINARYMIME" ? "syntax" : "parameter",
    );
  });
}

const RCPT_PARAMETERS: [text: string, want: RcptParameters][] = [
  ["", {}],
  [" NOTIFY=NEVER", { notify: "NEVER" }],
  [" notify=success", { notify: "SUCCESS" }],
  [" NOTIFY=delay,FAILURE,Success", { notify: "DELAY,FAILURE,SUCCESS" }],
  [" ORCPT=rfc822;Ann@example.com", { orcpt: "rfc822;Ann@example.com" }],
  [" ORCPT=RFC822;a+2Bb@c", { orcpt: "RFC822;a+2Bb@c" }],
  [" ORCPT=x400;/c=us/".replace("=us", "+3Dus"), { orcpt: "x400;/c+3Dus/" }],
  [" ORCPT=utf-8;ü@bücher.example", { orcpt: "utf-8;ü@bücher.example" }],
  [" ORCPT=UTF-8;\\x{FC}@c\\x{2B}d\\x{1F600}\\x{10FFFF}", {
    orcpt: "UTF-8;\\x{FC}@c\\x{2B}d\\x{1F600}\\x{10FFFF}",
  }],
  [` ORCPT=a;${"x".repeat(498)}`, { orcpt: `a;${"x".repeat(498)}` }],
  [" NOTIFY=NEVER ORCPT=rfc822;a@b", {
    notify: "NEVER",
    orcpt: "rfc822;a@b",
  }],
];

for (const [text, value] of RCPT_PARAMETERS) {
  Deno.test(`parseParameters() reads "${text.slice(0, 40)}" of RCPT`, () => {
    assertEquals(parseParameters("RCPT", text, EVERYTHING), {
      ok: true,
      value,
    });
  });
}

const BINARY_BODY = "BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME";
const ENVID = "ENVID= with up to 100 characters of xtext";
const AUTH = "AUTH=<>, or up to 500 characters of xtext";
const NOTIFY = "NOTIFY=NEVER or a list of SUCCESS, FAILURE and DELAY";
const ORCPT = "ORCPT=type;address with up to 500 characters";

const MORE_REFUSED: [verb: "MAIL" | "RCPT", text: string, expected: string][] =
  [
    ["MAIL", " BODY=9BIT", BINARY_BODY],
    ["MAIL", " RET", "RET=FULL or RET=HDRS"],
    ["MAIL", " RET=BODY", "RET=FULL or RET=HDRS"],
    ["MAIL", " ENVID", ENVID],
    ["MAIL", ` ENVID=${"x".repeat(101)}`, ENVID],
    ["MAIL", " ENVID=a+0D+0Ab", ENVID],
    ["MAIL", " ENVID=a+00", ENVID],
    ["MAIL", " ENVID=a+7F", ENVID],
    ["MAIL", " ENVID=a+C3+BC", ENVID],
    ["MAIL", " ENVID=+2b", ENVID],
    ["MAIL", " ENVID=+2", ENVID],
    ["MAIL", " ENVID=a+", ENVID],
    ["MAIL", " ENVID=ü", ENVID],
    ["MAIL", " REQUIRETLS=yes", "REQUIRETLS without a value"],
    ["MAIL", " AUTH", AUTH],
    ["MAIL", " AUTH=a+0A", AUTH],
    ["MAIL", ` AUTH=${"x".repeat(501)}`, AUTH],
    ["MAIL", " RET=FULL RET=FULL", "RET only once"],
    ["RCPT", " NOTIFY", NOTIFY],
    ["RCPT", " NOTIFY=ALWAYS", NOTIFY],
    ["RCPT", " NOTIFY=NEVER,SUCCESS", NOTIFY],
    ["RCPT", " NOTIFY=SUCCESS,NEVER", NOTIFY],
    ["RCPT", " NOTIFY=SUCCESS,", NOTIFY],
    ["RCPT", " NOTIFY=,SUCCESS", NOTIFY],
    ["RCPT", " NOTIFY=DELAY,DELAY,DELAY,DELAY", NOTIFY],
    ["RCPT", " ORCPT", ORCPT],
    ["RCPT", " ORCPT=a@b", ORCPT],
    ["RCPT", " ORCPT=;a@b", ORCPT],
    ["RCPT", " ORCPT=rfc822;", ORCPT],
    ["RCPT", " ORCPT=rf(c);a@b", ORCPT],
    ["RCPT", " ORCPT=rfc822;a+0Ab", ORCPT],
    ["RCPT", " ORCPT=rfc822;ü@b", ORCPT],
    ["RCPT", " ORCPT=utf-8;a+2Bb", ORCPT],
    ["RCPT", " ORCPT=utf-8;\\x{0A}", ORCPT],
    ["RCPT", " ORCPT=utf-8;\\x{7F}", ORCPT],
    ["RCPT", " ORCPT=utf-8;\\x{41}", ORCPT],
    ["RCPT", " ORCPT=utf-8;\\x{85}", ORCPT],
    ["RCPT", " ORCPT=utf-8;\\x{D800}", ORCPT],
    ["RCPT", " ORCPT=utf-8;\\x{110000}", ORCPT],
    ["RCPT", " ORCPT=utf-8;\\x{fc}", ORCPT],
    ["RCPT", " ORCPT=utf-8;a\\b", ORCPT],
    ["RCPT", ` ORCPT=a;${"x".repeat(499)}`, ORCPT],
    ["RCPT", " NOTIFY=NEVER NOTIFY=NEVER", "NOTIFY only once"],
  ];

for (const [verb, text, expected] of MORE_REFUSED) {
  Deno.test(`parseParameters() refuses ${JSON.stringify(text.slice(0, 40))} of ${verb}`, () => {
    const parsed = parseParameters(verb, text, EVERYTHING);
    assert(!parsed.ok);
    assertEquals([parsed.problem, parsed.expected], ["syntax", expected]);
  });
}

Deno.test("parseParameters() refuses what was not offered of RCPT", () => {
  for (const text of [" NOTIFY=NEVER", " SIZE=1", " ORCPT=rfc822;a@b"]) {
    assertEquals<unknown>(parseParameters("RCPT", text, OFFER), {
      ok: false,
      problem: "parameter",
      at: 1,
      expected: "no parameter",
    });
  }
  assertEquals<unknown>(parseParameters("RCPT", " RET=FULL", EVERYTHING), {
    ok: false,
    problem: "parameter",
    at: 1,
    expected: "one of NOTIFY, ORCPT",
  });
});

Deno.test("parseParameters() takes UTF-8 in ORCPT only where SMTPUTF8 is offered", () => {
  const offer = { ...EVERYTHING, smtputf8: false };
  assert(!parseParameters("RCPT", " ORCPT=utf-8;ü@b", offer).ok);
  assert(parseParameters("RCPT", " ORCPT=utf-8;\\x{FC}@b", offer).ok);
});

const ONE_EXTENSION: [text: string, offer: Partial<Offer>][] = [
  [" BODY=8BITMIME", { eightBitMime: true }],
  [" SMTPUTF8", { smtputf8: true }],
  [" AUTH=<>", { auth: ["PLAIN"] }],
  // A Postfix in front hands on what its own client said.
  [" AUTH=<>", { xforward: true }],
  [" REQUIRETLS", { requireTls: true }],
  [" RET=FULL", { dsn: true }],
  [" ENVID=1", { dsn: true }],
];

for (const [text, offer] of ONE_EXTENSION) {
  Deno.test(`parseParameters() takes "${text}" with ${JSON.stringify(offer)}, and not without`, () => {
    const none = { size: 0, eightBitMime: false, smtputf8: false };
    assert(parseParameters("MAIL", text, { ...none, ...offer }).ok);
    const parsed = parseParameters("MAIL", text, none);
    assert(!parsed.ok);
    assertEquals([parsed.problem, parsed.expected], [
      "parameter",
      "one of SIZE",
    ]);
  });
}

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

const FULL_MAIL: MailParameters = {
  size: 9,
  body: "BINARYMIME",
  smtputf8: true,
  ret: "HDRS",
  envid: "a+2Bb",
  requireTls: true,
  auth: "<>",
};

const FULL_MAIL_PIECES: [offered: string, want: string][] = [
  ["SIZE", " SIZE=9"],
  ["8BITMIME", ""],
  ["BINARYMIME", " BODY=BINARYMIME"],
  ["SMTPUTF8", " SMTPUTF8"],
  ["DSN", " RET=HDRS ENVID=a+2Bb"],
  ["REQUIRETLS", " REQUIRETLS"],
  ["AUTH PLAIN", " AUTH=<>"],
  ["XFORWARD NAME", ""],
];

Deno.test("formatMailParameters() writes of all parameters what is offered, and it reads the same", () => {
  for (const [offered, want] of FULL_MAIL_PIECES) {
    const capabilities = parseCapabilities([offered]);
    assertEquals(formatMailParameters(FULL_MAIL, capabilities), want, offered);
  }
  const all = parseCapabilities(ehloLines(EVERYTHING));
  const text = formatMailParameters(FULL_MAIL, all);
  assertEquals(text, FULL_MAIL_PIECES.map(([, want]) => want).join(""));
  assertEquals(parseParameters("MAIL", text, EVERYTHING), {
    ok: true,
    value: FULL_MAIL,
  });
});

Deno.test("formatRcptParameters() writes what is set, where DSN is offered", () => {
  const dsn = parseCapabilities(["DSN"]);
  for (const [text, parameters] of RCPT_PARAMETERS) {
    assertEquals(
      formatRcptParameters(parameters, dsn).toUpperCase(),
      text.toUpperCase(),
    );
    assertEquals(formatRcptParameters(parameters, NO_CAPABILITIES), "");
  }
});
