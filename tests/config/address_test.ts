import { assert, assertEquals } from "@std/assert";
import { formatListenAddress, type ListenAddress } from "../../lib/address.ts";
import {
  formatRelay,
  formatRelayDomain,
  parseListenAddress,
  parseRelayDomain,
  parseRelayUrl,
} from "../../lib/config/address.ts";
import type { RelayEntry } from "../../lib/policy/relay_table.ts";

const tcp = (hostname: string, port: number): ListenAddress => ({
  transport: "tcp",
  hostname,
  port,
});

const LISTEN: [text: string, want: ListenAddress][] = [
  ["127.0.0.1:2525", tcp("127.0.0.1", 2525)],
  ["0.0.0.0:0", tcp("0.0.0.0", 0)],
  ["localhost:25", tcp("localhost", 25)],
  ["[::1]:2525", tcp("::1", 2525)],
  ["smtp://mx.example.org:25", tcp("mx.example.org", 25)],
  ["SMTP://[::]:25/", tcp("::", 25)],
  ["unix:/run/postern.sock", { transport: "unix", path: "/run/postern.sock" }],
];

Deno.test("parseListenAddress() reads each form, and formatListenAddress() writes what it reads", () => {
  for (const [text, value] of LISTEN) {
    assertEquals(parseListenAddress(text), { ok: true, value });
    assertEquals(parseListenAddress(formatListenAddress(value)), {
      ok: true,
      value,
    });
  }
});

Deno.test("parseListenAddress() refuses a socket path that the system has no room for", () => {
  assertEquals(parseListenAddress(`unix:/${"a".repeat(106)}`).ok, true);
  assertEquals(parseListenAddress(`unix:/${"a".repeat(107)}`).ok, false);
  assertEquals(parseListenAddress(`unix:/${"ä".repeat(54)}`).ok, false);
});

const RELAYS: [text: string, want: string, user?: string, password?: string][] =
  [
    ["localhost", "smtp://localhost:25"],
    ["localhost:2525", "smtp://localhost:2525"],
    ["smtp://localhost:25", "smtp://localhost:25"],
    ["smtp://relay.example", "smtp://relay.example:25"],
    ["relay.example.", "smtp://relay.example:25"],
    ["[::1]:25", "smtp://[::1]:25"],
    ["[2001:db8::1]", "smtp://[2001:db8::1]:25"],
    ["bücher.example", "smtp://xn--bcher-kva.example:25"],
    ["unix:/run/relay.sock", "unix:/run/relay.sock"],
    [
      "plain://joe:sesame@submit.example",
      "plain://joe@submit.example:587",
      "joe",
      "sesame",
    ],
    ["plain://joe@submit.example:25", "plain://joe@submit.example:25", "joe"],
    ["plain://joe:@submit.example", "plain://joe@submit.example:587", "joe"],
    [
      "plain://joe%40a.example:p%3Aq%2f%25@[::1]:465/",
      "plain://joe%40a.example@[::1]:465",
      "joe@a.example",
      "p:q/%",
    ],
    [
      "plain://joe:p@ss:w0rd@submit.example",
      "plain://joe@submit.example:587",
      "joe",
      "p@ss:w0rd",
    ],
    [
      "plain://j%C3%B6:%E2%82%AC@submit.example",
      "plain://j%C3%B6@submit.example:587",
      "jö",
      "€",
    ],
  ];

Deno.test("parseRelayUrl() reads each form, and formatRelay() writes it without the password", () => {
  for (const [text, want, user, password] of RELAYS) {
    const parsed = parseRelayUrl(text);
    assert(parsed.ok, text);
    const relay = parsed.value;
    assertEquals(formatRelay(relay), want);
    if (relay.transport !== "tcp") continue;
    assertEquals([relay.user, relay.password?.reveal()], [user, password]);
  }
});

const BAD_RELAYS: [text: string, expected: RegExp][] = [
  ["plain://joe:%zz-sesame@submit.example", /two hex digits/],
  ["plain://joe:%ff-sesame@submit.example", /two hex digits/],
  ["plain://joe:sesame%00@submit.example", /two hex digits/],
  ["plain://:sesame@submit.example", /a user/],
  ["plain://sesame", /USER:PWD@/],
  ["plain://joe:sesame@", /host name/],
  ["plain://joe:sesame@submit.example:0", /port from 1/],
  ["joe:sesame@submit.example", /plain:\/\//],
  ["smtps://submit.example", /smtps:\/\/ is not yet supported/],
  ["lmtp://localhost:24", /lmtp:\/\/ is not yet supported/],
  ["login://joe:sesame@submit.example", /login:\/\/ is not yet supported/],
  ["xoauth2://joe:sesame@submit.example", /xoauth2:\/\/ is not yet supported/],
  ["http://localhost", /^"smtp:/],
  ["::1", /host name/],
  ["", /host name/],
  ["localhost:25\r\n", /port/],
];

Deno.test("parseRelayUrl() says what it expected, and never the password", () => {
  for (const [text, expected] of BAD_RELAYS) {
    const parsed = parseRelayUrl(text);
    assert(!parsed.ok, text);
    assert(expected.test(parsed.expected), `${text}: ${parsed.expected}`);
    assert(!parsed.expected.includes("sesame"));
  }
});

const DOMAINS: [text: string, want: RelayEntry][] = [
  ["Example.ORG", { domain: "example.org" }],
  ["example.org:mx.lan", {
    domain: "example.org",
    hostname: "mx.lan",
    port: 25,
  }],
  ["example.org:mx.lan:2525", {
    domain: "example.org",
    hostname: "mx.lan",
    port: 2525,
  }],
  ["example.org:[::1]:2525", {
    domain: "example.org",
    hostname: "::1",
    port: 2525,
  }],
  ["localhost:127.0.0.1", {
    domain: "localhost",
    hostname: "127.0.0.1",
    port: 25,
  }],
];

Deno.test("parseRelayDomain() reads each form, and formatRelayDomain() writes what it reads", () => {
  for (const [text, value] of DOMAINS) {
    assertEquals(parseRelayDomain(text), { ok: true, value });
    assertEquals(parseRelayDomain(formatRelayDomain(value)), {
      ok: true,
      value,
    });
  }
});
