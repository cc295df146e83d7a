import { assert, assertEquals } from "@std/assert";
import { formatListenAddress, type ListenAddress } from "../../lib/address.ts";
import {
  formatRelay,
  formatRelayDomain,
  hasImplicitTls,
  mechanismOf,
  parseListenAddress,
  parsePlainServer,
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
  ["smtps://0.0.0.0:465", { ...tcp("0.0.0.0", 465), scheme: "smtps" }],
  ["SMTPS://[::1]:0/", { ...tcp("::1", 0), scheme: "smtps" }],
  ["lmtp://localhost:24", { ...tcp("localhost", 24), scheme: "lmtp" }],
  ["lmtp:unix:/run/postern.sock", {
    transport: "unix",
    path: "/run/postern.sock",
    scheme: "lmtp",
  }],
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

const BAD_LISTEN: [text: string, expected: RegExp][] = [
  ["smtps://0.0.0.0", /a port from 0/],
  ["smtps:unix:/run/postern.sock", /"unix:" without TLS/],
  ["lmtp://0.0.0.0:25", /another port than 25/],
  ["lmtp:unix:postern.sock", /absolute path/],
  ["lmtps://0.0.0.0:24", /"lmtp:unix:\/PATH"$/],
  ["plain://0.0.0.0:25", /"lmtp:unix:\/PATH"$/],
  ["smtps://joe@0.0.0.0:25", /a host name/],
];

Deno.test("parseListenAddress() says what it expected", () => {
  for (const [text, expected] of BAD_LISTEN) {
    const parsed = parseListenAddress(text);
    assert(!parsed.ok, text);
    assert(expected.test(parsed.expected), `${text}: ${parsed.expected}`);
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
      "smtp://joe:sesame@submit.example",
      "smtp://joe@submit.example:587",
      "joe",
      "sesame",
    ],
    [
      "smtps://joe:sesame@submit.example",
      "smtps://joe@submit.example:465",
      "joe",
      "sesame",
    ],
    ["smtps://submit.example", "smtps://submit.example:465"],
    ["lmtp://store.lan", "lmtp://store.lan:24"],
    ["lmtp://[::1]:2424", "lmtp://[::1]:2424"],
    ["lmtp:unix:/run/dovecot/lmtp", "lmtp:unix:/run/dovecot/lmtp"],
    ["LOGIN://joe@submit.example", "login://joe@submit.example:587", "joe"],
    ["cram-md5://joe@a.test", "cram-md5://joe@a.test:587", "joe"],
    ["scram-sha-256://joe@a.test", "scram-sha-256://joe@a.test:587", "joe"],
    ["xoauth2://joe@a.test:465", "xoauth2://joe@a.test:465", "joe"],
    ["oauthbearer://joe@a.test", "oauthbearer://joe@a.test:587", "joe"],
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
    if (password === undefined) {
      assertEquals(parseRelayUrl(want), parsed, "read again");
    }
    if (relay.transport !== "tcp") continue;
    assertEquals([relay.user, relay.password?.reveal()], [user, password]);
  }
});

const BAD_RELAYS: [text: string, expected: RegExp][] = [
  ["plain://joe:%zz-sesame@submit.example", /two hex digits/],
  ["plain://joe:%ff-sesame@submit.example", /two hex digits/],
  ["plain://joe:sesame%00@submit.example", /without control characters/],
  ["xoauth2://jo%01e:sesame@submit.example", /without control characters/],
  ["plain://:sesame@submit.example", /a user/],
  ["plain://sesame", /USER:PWD@/],
  ["plain://joe:sesame@", /host name/],
  ["plain://joe:sesame@submit.example:0", /port from 1/],
  ["joe:sesame@submit.example", /"smtp:\/\/USER:PWD@/],
  ["login://submit.example", /USER:PWD@ after "login:/],
  ["smtp://:sesame@submit.example", /a user after "smtp:/],
  ["lmtp://joe:sesame@store.lan", /no credentials/],
  ["lmtp:unix:run", /absolute path/],
  ["smtps:unix:/run/relay.sock", /without TLS/],
  ["lmtps://localhost:24", /^HOST:PORT/],
  ["http://localhost", /^HOST:PORT/],
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

const PLAIN_SERVERS: [text: string, want: ListenAddress | RegExp][] = [
  ["localhost", tcp("localhost", 25)],
  ["smtp://[::1]:2525", tcp("::1", 2525)],
  ["unix:/run/a.sock", { transport: "unix", path: "/run/a.sock" }],
  ["smtps://localhost", /^SMTP in clear$/],
  ["lmtp://localhost", /^SMTP in clear$/],
  ["lmtp:unix:/run/a.sock", /^SMTP in clear$/],
  ["smtp://joe@localhost", /^no credentials$/],
  ["login://joe@localhost", /^no credentials$/],
  ["localhost:0", /a port from 1/],
];

Deno.test("parsePlainServer() takes what is spoken to in clear, without credentials", () => {
  for (const [text, want] of PLAIN_SERVERS) {
    const parsed = parsePlainServer(text);
    if (want instanceof RegExp) {
      assert(!parsed.ok && want.test(parsed.expected), text);
    } else assertEquals(parsed, { ok: true, value: want });
  }
});

const SCHEMES: [text: string, mechanism: string | undefined, tls: boolean][] = [
  ["smtp://joe@a.test:465", undefined, false],
  ["smtps://a.test:25", undefined, true],
  ["lmtp://a.test:465", undefined, false],
  ["unix:/run/a.sock", undefined, false],
  ["plain://joe@a.test", "plain", false],
  ["plain://joe@a.test:465", "plain", true],
  ["scram-sha-256://joe@a.test:465", "scram-sha-256", true],
];

Deno.test("mechanismOf() and hasImplicitTls() say what a scheme and its port mean", () => {
  for (const [text, mechanism, tls] of SCHEMES) {
    const parsed = parseRelayUrl(text);
    assert(parsed.ok, text);
    assertEquals(
      [mechanismOf(parsed.value), hasImplicitTls(parsed.value)],
      [mechanism, tls],
      text,
    );
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
