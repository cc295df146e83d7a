import { assert, assertEquals } from "@std/assert";
import {
  type Attributes,
  parseAttributes,
} from "../../lib/engine/attributes.ts";

type Values = Record<string, string | undefined>;

const TAKEN: [verb: "XCLIENT" | "XFORWARD", text: string, want: Values][] = [
  ["XCLIENT", " ADDR=192.0.2.7", { ADDR: "192.0.2.7" }],
  ["XCLIENT", " ADDR=IPV6:2001:db8::1", { ADDR: "2001:db8::1" }],
  ["XCLIENT", " addr=ipv6:::ffff:192.0.2.7", { ADDR: "::ffff:192.0.2.7" }],
  ["XCLIENT", " PROTO=esmtp", { PROTO: "ESMTP" }],
  ["XCLIENT", " NAME=[unavailable] ADDR=[TEMPUNAVAIL]", {
    NAME: undefined,
    ADDR: undefined,
  }],
  ["XCLIENT", " PROTO=[UNAVAILABLE] PORT=[UNAVAILABLE]", {
    PROTO: undefined,
    PORT: undefined,
  }],
  ["XCLIENT", "   LOGIN=ann+20b+2B+3D  HELO=[192.0.2.1]", {
    LOGIN: "ann b+=",
    HELO: "[192.0.2.1]",
  }],
  ["XCLIENT", " LOGIN=+C3+BC", { LOGIN: "ü" }],
  ["XCLIENT", " PORT=65535 DESTADDR=127.0.0.1 DESTPORT=0", {
    PORT: "65535",
    DESTADDR: "127.0.0.1",
    DESTPORT: "0",
  }],
  [
    "XFORWARD",
    " NAME=a ADDR=192.0.2.7 PORT=1 PROTO=SMTP HELO=b IDENT=Q1 SOURCE=remote",
    {
      NAME: "a",
      ADDR: "192.0.2.7",
      PORT: "1",
      PROTO: "SMTP",
      HELO: "b",
      IDENT: "Q1",
      SOURCE: "REMOTE",
    },
  ],
  // "This may be an SMTP or non-SMTP protocol name", XFORWARD_README.
  ["XFORWARD", " PROTO=QMQP SOURCE=LOCAL", { PROTO: "QMQP", SOURCE: "LOCAL" }],
  ["XFORWARD", ` HELO=${"x".repeat(255)}`, { HELO: "x".repeat(255) }],
];

for (const [verb, text, want] of TAKEN) {
  Deno.test(`parseAttributes() reads "${text.slice(0, 50)}" of ${verb}`, () => {
    const value: Attributes = new Map(Object.entries(want));
    assertEquals(parseAttributes(verb, text, 0), { ok: true, value });
    assertEquals(parseAttributes(verb, `${verb}${text}`, verb.length), {
      ok: true,
      value,
    });
  });
}

const XCLIENT_NAMES =
  "one of NAME, ADDR, PORT, PROTO, HELO, LOGIN, DESTADDR, DESTPORT";
const XFORWARD_NAMES = "one of NAME, ADDR, PORT, PROTO, HELO, IDENT, SOURCE";
const ADDRESS = 'an IPv4 address, or "IPV6:" and an IPv6 address';
const PORT = "a port up to 65535";
const PROTOCOL = "a protocol such as SMTP or ESMTP";
const XTEXT = "xtext without control characters";
const PAIR = "NAME=value";

const REFUSED: [
  verb: "XCLIENT" | "XFORWARD",
  text: string,
  at: number,
  expected: string,
][] = [
  ["XCLIENT", "", 0, PAIR],
  ["XCLIENT", " ", 0, PAIR],
  ["XCLIENT", " NAME", 0, PAIR],
  ["XCLIENT", " NAME=", 0, PAIR],
  ["XCLIENT", " =a", 0, PAIR],
  ["XCLIENT", "\tNAME=a", 0, PAIR],
  ["XCLIENT", " NAME=a\tADDR=1.2.3.4", 0, PAIR],
  ["XCLIENT", " NAME=a ", 7, PAIR],
  ["XCLIENT", " NAME=a x", 7, PAIR],
  ["XCLIENT", " NAME=ü", 0, PAIR],
  ["XCLIENT", " IDENT=a", 1, XCLIENT_NAMES],
  ["XCLIENT", " SOURCE=LOCAL", 1, XCLIENT_NAMES],
  ["XCLIENT", " constructor=a", 1, XCLIENT_NAMES],
  ["XFORWARD", "  LOGIN=a", 2, XFORWARD_NAMES],
  ["XFORWARD", " DESTADDR=1.2.3.4", 1, XFORWARD_NAMES],
  ["XCLIENT", " NAME=a name=b", 8, "NAME only once"],
  ["XCLIENT", " NAME=a=b", 6, XTEXT],
  ["XCLIENT", " NAME=a+", 6, XTEXT],
  ["XCLIENT", " NAME=a+0D+0Ab", 6, XTEXT],
  ["XCLIENT", " NAME=a+00", 6, XTEXT],
  ["XCLIENT", " NAME=a+7F", 6, XTEXT],
  ["XCLIENT", " NAME=a+C2+85", 6, XTEXT],
  ["XCLIENT", " NAME=a+FF", 6, XTEXT],
  ["XCLIENT", ` HELO=${"x".repeat(256)}`, 6, "at most 255 characters"],
  ["XCLIENT", " ADDR=example.org", 6, ADDRESS],
  ["XCLIENT", " ADDR=2001:db8::1", 6, ADDRESS],
  ["XCLIENT", " ADDR=[192.0.2.7]", 6, ADDRESS],
  ["XCLIENT", " ADDR=192.0.2.256", 6, ADDRESS],
  ["XCLIENT", " ADDR=IPV6:fe80::1%eth0", 6, ADDRESS],
  ["XCLIENT", " DESTADDR=x", 10, ADDRESS],
  ["XCLIENT", " PORT=65536", 6, PORT],
  ["XCLIENT", " PORT=-1", 6, PORT],
  ["XCLIENT", " NAME=a DESTPORT=smtp", 17, PORT],
  ["XCLIENT", " PROTO=a+20b", 7, PROTOCOL],
  ["XFORWARD", ` PROTO=${"A".repeat(65)}`, 7, PROTOCOL],
  ["XFORWARD", " SOURCE=HERE", 8, "LOCAL or REMOTE"],
];

for (const [verb, text, at, expected] of REFUSED) {
  Deno.test(`parseAttributes() refuses ${JSON.stringify(text.slice(0, 40))} of ${verb}, and says where`, () => {
    const parsed = parseAttributes(verb, text, 0);
    assert(!parsed.ok);
    assertEquals([parsed.at, parsed.expected], [at, expected]);
  });
}

Deno.test("parseAttributes() takes linear time over 100 kB", () => {
  const start = performance.now();
  for (const piece of [" ", " A", "A", "NAME=", " NAME=", "+", "=", ":1"]) {
    const text = piece.repeat(100_000 / piece.length);
    parseAttributes("XCLIENT", text, 0);
    parseAttributes("XCLIENT", ` NAME=${text}`, 0);
    parseAttributes("XCLIENT", ` ADDR=IPV6:${text}`, 0);
  }
  assert(performance.now() - start < 1_000, "slower than 1 s");
});
