import { assertEquals } from "@std/assert";
import {
  type Capabilities,
  NO_CAPABILITIES,
  parseCapabilities,
} from "../../lib/engine/capabilities.ts";

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
    dsn: true,
    chunking: true,
  }],
  ["an after-filter Postfix", [
    "XFORWARD NAME ADDR PROTO HELO IDENT",
    "XFORWARD source",
    "XFORWARD= X-1",
    "BINARYMIME",
    "REQUIRETLS",
  ], {
    xforward: new Set(["NAME", "ADDR", "PROTO", "HELO", "IDENT", "SOURCE"]),
    binaryMime: true,
    requireTls: true,
  }],
  ["limits", ["LIMITS MAILMAX=5 rcptmax=20 RCPTMAX=30", "LIMITS RCPTMAX=9"], {
    recipients: 20,
  }],
  ["limits that are none", [
    "LIMITS RCPTMAX=0 RCPTMAX=1000000 RCPTMAX RCPTMAX=x XRCPTMAX=5",
  ], {}],
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
