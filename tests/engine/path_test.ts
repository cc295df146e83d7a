import { assert, assertEquals } from "@std/assert";
import { isAddressLiteral } from "../../lib/engine/literal.ts";
import {
  type Parsed,
  parseForwardPath,
  parseHelloName,
  parseMailbox,
  parseReversePath,
} from "../../lib/engine/path.ts";

/** What a refusal looks like in the tables. */
type Refusal = [at: number, expected: string];

function refusal(parsed: Parsed<unknown>): Refusal | unknown {
  return parsed.ok ? parsed.value : [parsed.at, parsed.expected];
}

const LABEL_63 = "a".repeat(63);
const DOMAIN_255 = [LABEL_63, LABEL_63, LABEL_63, LABEL_63].join(".");
const DOMAIN_256 = `${"a".repeat(62)}.${"b".repeat(62)}.${LABEL_63}.${
  "c".repeat(62)
}.d`.padEnd(256, "d");

Deno.test("the domains of these tests have the length in their name", () => {
  assertEquals([DOMAIN_255.length, DOMAIN_256.length], [255, 256]);
});

const MAILBOXES: [text: string, local: string, domain: string][] = [
  ["ann@example.org", "ann", "example.org"],
  ["Ann.B@EXAMPLE.Org", "Ann.B", "EXAMPLE.Org"],
  ["a@b", "a", "b"],
  ["1@2", "1", "2"],
  ["a.b.c@d", "a.b.c", "d"],
  ["!#$%&'*+-/=?^_`{|}~@d", "!#$%&'*+-/=?^_`{|}~", "d"],
  ["-@d", "-", "d"],
  ["b%other@localhost", "b%other", "localhost"],
  ["a+tag=x@d", "a+tag=x", "d"],
  [`${"v".repeat(200)}@d`, "v".repeat(200), "d"],
  ['"a"@d', '"a"', "d"],
  ['""@d', '""', "d"],
  ['"quoted local"@d', '"quoted local"', "d"],
  ['"a@b"@d', '"a@b"', "d"],
  ['"a>b"@d', '"a>b"', "d"],
  ['"a\\"b"@d', '"a\\"b"', "d"],
  ['"a\\\\"@d', '"a\\\\"', "d"],
  ['"\\ \\~"@d', '"\\ \\~"', "d"],
  ['" .. "@d', '" .. "', "d"],
  ["a@x-y.z", "a", "x-y.z"],
  ["a@x--y", "a", "x--y"],
  ["a@xn--bcher-kva.example", "a", "xn--bcher-kva.example"],
  ["a@3com.com", "a", "3com.com"],
  ["a@192.0.2.1", "a", "192.0.2.1"],
  [`a@${LABEL_63}`, "a", LABEL_63],
  [`a@${DOMAIN_255}`, "a", DOMAIN_255],
  ["a@[127.0.0.1]", "a", "[127.0.0.1]"],
  ["a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"],
  ["postmaster@example.org", "postmaster", "example.org"],
];

for (const [text, local, domain] of MAILBOXES) {
  Deno.test(`parseMailbox() takes ${text.slice(0, 40)} as it was written`, () => {
    const mailbox = { local, domain, address: text, utf8: false };
    assertEquals(parseMailbox(text), { ok: true, value: mailbox });
    const value = { path: mailbox, end: text.length + 2 };
    assertEquals(parseReversePath(`<${text}>`), { ok: true, value });
    assertEquals(parseForwardPath(`<${text}> X`), { ok: true, value });
  });
}

const UTF8_MAILBOXES = [
  "jürgen@example.org",
  "用户@例え.jp",
  "a@bücher.example",
  "a@BÜCHER.example",
  "a@bu\u0308cher.example",
  "a@عربي.de",
  "a@l·l.example",
  "😀@example.org",
  '"😀 \\a ü"@example.org',
  "ü@[127.0.0.1]",
  "a.ü.b@d",
];

for (const text of UTF8_MAILBOXES) {
  Deno.test(`parseMailbox() takes ${text}, and says that it needs SMTPUTF8`, () => {
    const parsed = parseMailbox(text);
    assert(parsed.ok);
    assertEquals(parsed.value.address, text);
    assert(parsed.value.utf8);
  });
}

const LABEL = "a label that ends in a letter or digit";
const LABELS_63 = "labels of at most 63 octets";
const U_LABELS = "a domain of valid U-labels";

const NO_MAILBOXES: [text: string, ...Refusal][] = [
  ["", 0, "a local part"],
  ["@d", 0, "a local part"],
  [".a@d", 0, "a local part"],
  [" a@d", 0, "a local part"],
  ["\t@d", 0, "a local part"],
  ["(c)a@d", 0, "a local part"],
  ["a", 1, '"@"'],
  ["a b@d", 1, '"@"'],
  ["a,b@d", 1, '"@"'],
  ["a;b@d", 1, '"@"'],
  ["a:b@d", 1, '"@"'],
  ["a\\b@d", 1, '"@"'],
  ["a\x01@d", 1, '"@"'],
  ["a\x7f@d", 1, '"@"'],
  ["a\x85@d", 1, '"@"'],
  ['a"b"@d', 1, '"@"'],
  ["a[1]@d", 1, '"@"'],
  ["a..b@d", 2, "an atom"],
  ["a.@d", 2, "an atom"],
  ['a."b"@d', 2, "an atom"],
  ['"a', 2, "a closing quote"],
  ['"', 1, "a closing quote"],
  ['"a\\"@d', 6, "a closing quote"],
  ['"a\tb"@d', 2, "a printable character"],
  ['"a\x00"@d', 2, "a printable character"],
  ['"a\x7f"@d', 2, "a printable character"],
  ['"a\x85"@d', 2, "a printable character"],
  ['"a\\\x01"@d', 2, "a printable character"],
  ['"a\\ü"@d', 2, "a printable character"],
  ['"a\\', 2, "a printable character"],
  ['"a"b@d', 3, '"@"'],
  ['"a"."b"@d', 3, '"@"'],
  ["a@", 2, "a domain"],
  ["a@@d", 2, "a domain"],
  ["a@ d", 2, "a domain"],
  ["a@.d", 2, "a domain"],
  ["a@-bad-.com", 2, "a domain"],
  ["a@_d", 2, "a domain"],
  ["a@bad-.com", 5, LABEL],
  ["a@d--", 3, LABEL],
  ["a@d.", 4, "a label"],
  ["a@d..e", 4, "a label"],
  ["a@d.-e", 4, "a label"],
  ["a@d_e", 3, "the end"],
  ["a@d ", 3, "the end"],
  ["a@d>", 3, "the end"],
  ["a@d@e", 3, "the end"],
  ["a@d\x01", 3, "the end"],
  [`a@${LABEL_63}a`, 2, LABELS_63],
  [`a@d.${LABEL_63}a.e`, 2, LABELS_63],
  [`a@${DOMAIN_256}`, 2, "a domain of at most 255 octets"],
  [`a@${"ü".repeat(256)}`, 2, "a domain of at most 255 octets"],
  [`a@${"üb.".repeat(60)}de`, 2, "a domain of at most 255 octets"],
  [`a@${"ü".repeat(63)}.de`, 2, LABELS_63],
  ["a@d\u3002e", 2, U_LABELS],
  ["a@d\u00ade", 2, U_LABELS],
  ["a@d\u2028e", 2, U_LABELS],
  ["a@d\u00a0e", 2, U_LABELS],
  ["a@d\u200de", 2, U_LABELS],
  ["a@d\uff0fe", 2, U_LABELS],
  ["a@😀.example", 2, U_LABELS],
  ["a@\u0301d", 2, U_LABELS],
  ["a@\ud800", 2, U_LABELS],
  ["\ud800@d", 0, "whole characters"],
  ["a@[", 2, "an address literal"],
  ["a@[]", 2, "an address literal"],
  ["a@[127.0.0.1", 2, "an address literal"],
  ["a@[127.0.0.256]", 2, "an address literal"],
  ["a@[ 127.0.0.1]", 2, "an address literal"],
  ["a@[::1]", 2, "an address literal"],
  ["a@[127.0.0.1].d", 13, "the end"],
];

for (const [text, ...want] of NO_MAILBOXES) {
  const name = JSON.stringify(text.slice(0, 40));
  Deno.test(`parseMailbox() refuses ${name}, and says where`, () => {
    assertEquals(refusal(parseMailbox(text)), want);
  });
}

// What the end is of a mailbox alone, and what begins a route, differ there.
for (const [text, at, expected] of NO_MAILBOXES) {
  if (expected === "the end" || text.startsWith("@")) continue;
  const path = `<${text}`;
  const name = JSON.stringify(path.slice(0, 40));
  Deno.test(`parseReversePath() refuses ${name}, and says where`, () => {
    assertEquals(refusal(parseReversePath(path)), [at + 1, expected]);
  });
}

Deno.test("parseReversePath() takes the empty path", () => {
  assertEquals(refusal(parseReversePath("<>")), { path: null, end: 2 });
  assertEquals(refusal(parseReversePath("MAIL FROM:<> SIZE=1", 10)), {
    path: null,
    end: 12,
  });
});

Deno.test("parseForwardPath() refuses the empty path", () => {
  assertEquals(refusal(parseForwardPath("<>")), [1, "a local part"]);
});

for (const local of ["postmaster", "Postmaster", "POSTMASTER"]) {
  Deno.test(`parseForwardPath() takes <${local}> without a domain`, () => {
    assertEquals(refusal(parseForwardPath(`TO:<${local}>`, 3)), {
      path: { local, domain: "", address: local, utf8: false },
      end: 15,
    });
    assertEquals(refusal(parseReversePath(`<${local}>`)), [11, '"@"']);
  });
}

const ROUTES: [text: string, address: string][] = [
  ["<@relay.example:a@example.com>", "a@example.com"],
  ["<@a,@b:c@localhost>", "c@localhost"],
  ["<@a.b,@c-d,@ü.example:c@[127.0.0.1]>", "c@[127.0.0.1]"],
];

for (const [text, address] of ROUTES) {
  Deno.test(`parseForwardPath() drops the source route of ${text}`, () => {
    const parsed = parseForwardPath(text);
    assert(parsed.ok);
    assertEquals(parsed.value.path.address, address);
    assertEquals(parsed.value.path.utf8, false);
    assertEquals(parsed.value.end, text.length);
    assertEquals(parseReversePath(text), parsed);
  });
}

const NO_PATHS: [text: string, ...Refusal][] = [
  ["", 0, '"<"'],
  ["a@d", 0, '"<"'],
  [" <a@d>", 0, '"<"'],
  ['"John Doe" <a@d>', 0, '"<"'],
  ["postmaster", 0, '"<"'],
  ["<", 1, "a local part"],
  ["< >", 1, "a local part"],
  ["< a@d>", 1, "a local part"],
  ["<<a@d>>", 1, "a local part"],
  ["<nodomain>", 9, '"@"'],
  ["<postmaster", 11, '"@"'],
  ['<"postmaster">', 13, '"@"'],
  ["<@a:postmaster>", 14, '"@"'],
  ["<a@d", 4, '">"'],
  ["<a@d >", 4, '">"'],
  ["<a@d_e>", 4, '">"'],
  ["<a@[127.0.0.1]x>", 14, '">"'],
  ["<a@d.>", 5, "a label"],
  ["<@localhost>", 11, '"," or ":"'],
  ["<@a", 3, '"," or ":"'],
  ["<@a@b>", 3, '"," or ":"'],
  ["<@a,b:c@d>", 4, '"@"'],
  ["<@a,>", 4, '"@"'],
  ["<@a, @b:c@d>", 4, '"@"'],
  ["<@:c@d>", 2, "a domain"],
  ["<@[127.0.0.1]:c@d>", 2, "a domain"],
  ["<@a.:c@d>", 4, "a label"],
  ["<@a:>", 4, "a local part"],
  ["<@a:@b:c@d>", 4, "a local part"],
];

for (const [text, ...want] of NO_PATHS) {
  Deno.test(`parseForwardPath() refuses ${text}, and says where`, () => {
    assertEquals(refusal(parseForwardPath(text)), want);
    const [at, expected] = want;
    assertEquals(refusal(parseReversePath(`FROM:${text}`, 5)), [
      at + 5,
      expected,
    ]);
  });
}

const LITERALS = [
  "[0.0.0.0]",
  "[255.255.255.255]",
  "[127.000.00.1]",
  "[IPv6:1:2:3:4:5:6:7:8]",
  "[ipv6:ABCD:EF01:2345:6789:abcd:ef01:2345:6789]",
  "[IPV6:0000:0:0:0:0:0:0:1]",
  "[IPv6:::]",
  "[IPv6:::1]",
  "[IPv6:1::]",
  "[IPv6:fe80::1:2]",
  "[IPv6:1:2:3:4:5:6::]",
  "[IPv6:::1:2:3:4:5:6]",
  "[IPv6:1:2:3::4:5:6]",
  "[IPv6:1:2:3:4:5:6:192.0.2.1]",
  "[IPv6:::192.0.2.1]",
  "[IPv6:::ffff:192.0.2.1]",
  "[IPv6:1:2:3:4::192.0.2.1]",
  "[IPv6:1:2::3:4:192.0.2.1]",
];

const NO_LITERALS = [
  "",
  "[]",
  "127.0.0.1",
  "[127.0.0.1",
  "127.0.0.1]",
  "[127.0.0.1]]",
  "[127.0.0]",
  "[127.0.0.1.1]",
  "[127.0.0.256]",
  "[127.0.0.0001]",
  "[127.0..1]",
  "[1270.0.1.1]",
  "[2001:db8::1]",
  "[IPv6:]",
  "[IPv6:1]",
  "[IPv6::]",
  "[IPv6:1:2:3:4:5:6:7]",
  "[IPv6:1:2:3:4:5:6:7:8:9]",
  "[IPv6:1:2:3:4:5:6:7::]",
  "[IPv6:1:2:3:4::5:6:7]",
  "[IPv6::::]",
  "[IPv6:1::2::3]",
  "[IPv6:12345::1]",
  "[IPv6:g::1]",
  "[IPv6:1:::2]",
  "[IPv6::1:2:3:4:5:6:7]",
  "[IPv6:fe80::1%eth0]",
  "[IPv6:192.0.2.1]",
  "[IPv6:192.0.2.1::]",
  "[IPv6:1:2:3:4:5:192.0.2.1]",
  "[IPv6:1:2:3:4:5:6:7:192.0.2.1]",
  "[IPv6:1:2:3:4:5::192.0.2.1]",
  "[IPv6:::192.0.2.256]",
  "[IPv6:::192.0.2]",
  "[IPv6 :::1]",
  "[IPv6:::1 ]",
  "[IPv4:127.0.0.1]",
  "[x-tag:text]",
];

Deno.test("isAddressLiteral() takes every form of RFC 5321 section 4.1.3", () => {
  for (const text of LITERALS) {
    assert(isAddressLiteral(text), text);
    assertEquals(refusal(parseHelloName(text)), text);
  }
});

Deno.test("isAddressLiteral() refuses what is no address, or has no tag", () => {
  for (const text of NO_LITERALS) assert(!isAddressLiteral(text), text);
});

const HELLO_NAMES = [
  "vm",
  "client.example",
  "CLIENT",
  "my_host",
  "my_host_.example",
  "a._b",
  "192.0.2.1",
  "[192.0.2.1]",
  "[IPv6:::1]",
  DOMAIN_255,
];

for (const name of HELLO_NAMES) {
  Deno.test(`parseHelloName() takes ${name.slice(0, 40)}`, () => {
    assertEquals(refusal(parseHelloName(name)), name);
    assertEquals(refusal(parseHelloName(`EHLO ${name}`, 5)), name);
  });
}

const HELLO = "a domain or an address literal";

const NO_HELLO_NAMES: [text: string, ...Refusal][] = [
  ["", 0, HELLO],
  ["-leading", 0, HELLO],
  [".leading", 0, HELLO],
  ["_leading", 0, HELLO],
  [" leading", 0, HELLO],
  ["ü.example", 0, HELLO],
  ["bad domain", 3, "the end"],
  ["a/b", 1, "the end"],
  ["a@b", 1, "the end"],
  ["a,b", 1, "the end"],
  ["bü.example", 1, "the end"],
  ["a\x01", 1, "the end"],
  ["a.", 2, "a label"],
  ["a..b", 2, "a label"],
  ["a-", 1, LABEL],
  ["a-.b", 1, LABEL],
  ["[127.0.0.1", 0, "an address literal"],
  ["[127.0.0.1] x", 11, "the end"],
  [DOMAIN_256, 0, "a domain of at most 255 octets"],
  [`${LABEL_63}a`, 0, LABELS_63],
];

for (const [text, ...want] of NO_HELLO_NAMES) {
  const name = JSON.stringify(text.slice(0, 40));
  Deno.test(`parseHelloName() refuses ${name}, and says where`, () => {
    assertEquals(refusal(parseHelloName(text)), want);
    const [at, expected] = want;
    assertEquals(refusal(parseHelloName(`EHLO ${text}`, 5)), [
      at + 5,
      expected,
    ]);
  });
}

const LONG = 100_000;

/** Each would take hours where a pattern went back over what it took. */
const LONG_TEXTS: [name: string, text: string][] = [
  ["atoms", "a".repeat(LONG)],
  ["dots", "a.".repeat(LONG / 2)],
  ["open quotes", `"${"a".repeat(LONG)}`],
  ["quoted pairs", `"${"\\\\".repeat(LONG / 2)}`],
  ["labels", `x@${"a.".repeat(LONG / 2)}`],
  ["hyphens", `x@a${"-".repeat(LONG)}`],
  ["hyphens and letters", `x@${"a-".repeat(LONG / 2)}`],
  ["U-labels", `x@${"ü-".repeat(LONG / 2)}!`],
  ["routes", "@a,".repeat(LONG / 3)],
  ["literals", `x@[IPv6:${"1:".repeat(LONG / 2)}`],
  ["closed literals", `x@[IPv6:${":1.1.1".repeat(LONG / 6)}]`],
  ["tags", `x@[${"a-".repeat(LONG / 2)}]`],
  ["underscores", "a_".repeat(LONG / 2)],
];

for (const [name, text] of LONG_TEXTS) {
  Deno.test(`the parsers take linear time over 100 kB of ${name}`, () => {
    const start = performance.now();
    parseReversePath(`<${text}`);
    parseForwardPath(`<${text}>`);
    parseMailbox(text);
    parseHelloName(text.replace("x@", ""));
    assert(performance.now() - start < 1_000, "slower than 1 s");
  });
}
