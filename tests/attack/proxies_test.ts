import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import type { ConfigInput } from "../../mod.ts";
import { until } from "../real/support/wait.ts";
import { tlsOf } from "../support/certificates.ts";
import { RawClient } from "../support/raw_client.ts";
import { OFFERS, ScriptedRelay } from "../support/scripted_relay.ts";
import { servingBefore } from "../support/serving.ts";
import { traceIn } from "../support/trace.ts";
import { Attacker } from "./attacker.ts";

/** Listeners, by what is believed there of peers on loopback. */
const AT = { smtp: 0, lmtp: 1, proxied: 2, trusted: 3, neither: 4 } as const;

/** Nobody on loopback is local: each test's client is a stranger. */
const CONFIG: ConfigInput = {
  server: { listen: [] },
  listener: [
    { url: "127.0.0.1:0" },
    { url: "lmtp://127.0.0.1:0" },
    { url: "127.0.0.1:0", proxy_protocol: ["127.0.0.1"] },
    { url: "127.0.0.1:0", xclient: ["127.0.0.1"] },
    {
      url: "127.0.0.1:0",
      proxy_protocol: ["192.0.2.99"],
      xclient: ["192.0.2.99"],
    },
  ].map((listener, i) => ({
    ...listener,
    // Ports are chosen by the system; the same text twice would be one listener.
    url: listener.url.replace("127.0.0.1", `127.0.0.${i + 1}`),
  })),
  local: { networks: ["192.0.2.0/24"] },
  tls: tlsOf("localhost"),
  limits: { error_delay: "0s", errors: 1_000 },
};

const TOKEN = "good-token";

const HOOKS = {
  hooks: {
    auth: (_session: unknown, { token }: { token?: string | undefined }) =>
      token === TOKEN,
  },
};

const LOGIN = { mechanisms: ["XOAUTH2", "PLAIN"] } as const;

function xoauth2(token: string): string {
  const text = `user=ann\x01auth=Bearer ${token}\x01\x01`;
  return `AUTH XOAUTH2 ${Buffer.from(text).toString("base64")}`;
}

function headerV1(source: string): string {
  return `PROXY TCP4 ${source} 198.51.100.1 4321 25`;
}

/** `TLS` stands for STARTTLS and the handshake; each line gets its reply. */
const TLS = "TLS";

/** How a stranger may begin, and still be one. */
const BEGINNINGS: [
  what: string,
  at: keyof typeof AT,
  lines: readonly string[],
][] = [
  ["at once", "smtp", []],
  ["after EHLO", "smtp", ["EHLO x.test"]],
  ["after HELO", "smtp", ["HELO x.test"]],
  ["after RSET and EHLO again", "smtp", ["EHLO x.test", "RSET", "EHLO y.test"]],
  ["by LMTP", "lmtp", ["LHLO x.test"]],
  ["as localhost", "smtp", ["EHLO localhost"]],
  ["as a local address", "smtp", ["EHLO [192.0.2.1]"]],
  ["in TLS", "smtp", ["EHLO x.test", TLS, "EHLO x.test"]],
  ["after a failed login", "smtp", [
    ...["EHLO x.test", TLS, "EHLO x.test"],
    ...[xoauth2("bad"), ""],
  ]],
  ["after a login that was cancelled", "smtp", [
    ...["EHLO x.test", TLS, "EHLO x.test"],
    ...["AUTH PLAIN", "*"],
  ]],
  ["after a login in clear", "smtp", ["EHLO x.test", xoauth2(TOKEN)]],
  ["with XCLIENT that is not its own to say", "smtp", [
    ...["EHLO x.test", "XCLIENT ADDR=192.0.2.1 LOGIN=ann", "EHLO x.test"],
  ]],
  ["with XFORWARD that is not its own to say", "smtp", [
    ...["EHLO x.test", "XFORWARD ADDR=192.0.2.1"],
  ]],
  ["with a header of a proxy that it is not", "neither", [
    headerV1("192.0.2.1"),
    "EHLO x.test",
  ]],
  ["with XCLIENT as a proxy that it is not", "neither", [
    ...["EHLO x.test", "XCLIENT ADDR=192.0.2.1", "EHLO x.test"],
  ]],
  ["by a proxy, saying XCLIENT", "proxied", [
    ...[headerV1("203.0.113.9"), "EHLO x.test"],
    ...["XCLIENT ADDR=192.0.2.1", "EHLO x.test"],
  ]],
  ["by a proxy, with a second header", "proxied", [
    ...[headerV1("203.0.113.9"), headerV1("192.0.2.1"), "EHLO x.test"],
  ]],
  ["by XCLIENT, after a local one", "trusted", [
    ...["XCLIENT ADDR=192.0.2.1", "XCLIENT ADDR=203.0.113.9", "EHLO x.test"],
  ]],
  ["by XCLIENT, after one who had logged in", "trusted", [
    ...["XCLIENT ADDR=203.0.113.9 LOGIN=ann"],
    ...["XCLIENT ADDR=203.0.113.9", "EHLO x.test"],
  ]],
  ["by XCLIENT with a login, which TLS drops", "trusted", [
    ...["XCLIENT ADDR=203.0.113.9 LOGIN=ann", "EHLO x.test"],
    ...[TLS, "EHLO x.test"],
  ]],
  ["by XCLIENT without an address", "trusted", [
    ...["XCLIENT ADDR=[UNAVAILABLE]", "EHLO x.test"],
  ]],
  ["by XCLIENT with a name only", "trusted", [
    ...["XCLIENT NAME=localhost", "EHLO x.test"],
  ]],
  ["by XFORWARD from a local one", "trusted", [
    ...["EHLO x.test", "XFORWARD ADDR=192.0.2.1 SOURCE=LOCAL NAME=localhost"],
  ]],
];

/** Ways to say "to elsewhere.test", on to it, or by it. */
const ELSEWHERE = [
  "<u@elsewhere.test>",
  "<u@ELSEWHERE.TEST>",
  "<u@elsewhere.test.>",
  "u@elsewhere.test",
  "<@localhost:u@elsewhere.test>",
  "<@mx.test,@localhost:u@elsewhere.test>",
  "<u%elsewhere.test@localhost>",
  "<u%elsewhere.test@mx.test>",
  "<u%elsewhere.test@[127.0.0.1]>",
  "<elsewhere.test!u@localhost>",
  '<"u@elsewhere.test"@localhost>',
  '<"u%elsewhere.test"@localhost>',
  '<"u\\@elsewhere.test"@localhost>',
  '<"u\\%elsewhere.test"@localhost>',
  '<"elsewhere.test!u"@localhost>',
  "<u@elsewhere.test@localhost>",
  "<u@localhost@elsewhere.test>",
  "<@elsewhere.test:u@[127.0.0.1]>",
  "<postmaster@elsewhere.test>",
  "<postmaster%elsewhere.test>",
  "<@elsewhere.test:postmaster>",
  "<u%elsewhere.test>",
  "<u@elsewhere.test\0.localhost>",
  "<u@elsewhere.test\n.localhost>",
  "<u@elsewhere.test .localhost>",
  "<u@elsewhere.test/.localhost>",
  "<u@localhost>,<u@elsewhere.test>",
  "<u@localhost> <u@elsewhere.test>",
  "<u@localhost\r>,<u@elsewhere.test>",
  "<u@xn--elsewhere.test>",
];

/** The same where addresses are UTF-8. */
const ELSEWHERE_UTF8 = [
  "<u@elsewhere\u3002test>",
  "<u@elsewhere\uff0etest>",
  "<u@else\u00adwhere.test>",
  "<u@\uff45lsewhere.test>",
  "<\u00fc%elsewhere.test@localhost>",
  "<u@elsewhere.test\u2044.localhost>",
  "<u@elsewhere.test\uff0f.localhost>",
].map((text) => Buffer.from(text).toString("latin1"));

async function say(client: RawClient, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    if (line === TLS) await client.startTls();
    else await client.ask(line);
  }
}

/** Sends to each address, in a transaction of its own; gives what was taken. */
async function taken(
  client: RawClient,
  sender: string,
  paths: readonly string[],
): Promise<string[]> {
  const accepted: string[] = [];
  for (const path of paths) {
    await client.ask("RSET");
    assertMatch(await client.ask(`MAIL FROM:${sender}`), /^250 /);
    const reply = await client.ask(`RCPT TO:${path}`);
    assertMatch(reply, /^\d{3} /);
    if (reply.startsWith("2")) accepted.push(path);
  }
  return accepted;
}

Deno.test("a stranger may send nowhere but to the relay list, however it begins and spells it", async () => {
  await using relay = new ScriptedRelay([{
    offers: [...OFFERS, "XFORWARD NAME ADDR"],
  }]);
  await using serving = await servingBefore(
    relay,
    { ...CONFIG, auth: LOGIN },
    HOOKS,
  );
  const { addresses } = serving.server;
  for (const [what, at, lines] of BEGINNINGS) {
    using client = await RawClient.connect(addresses[AT[at]]);
    if (at !== "proxied") await client.reply();
    await say(client, lines);
    assertEquals(await taken(client, "<a@b.test>", ELSEWHERE), [], what);
  }
  using client = await RawClient.greeted(addresses[AT.smtp]);
  const utf8 = await taken(client, "<a@b.test> SMTPUTF8", ELSEWHERE_UTF8);
  assertEquals(utf8, []);
  const heard = relay.peers.flatMap(({ commands }) => commands)
    .filter((line) => line.startsWith("RCPT"));
  assertEquals(heard, []);
});

Deno.test("what a stranger may not, one who has logged in, is local or is told to be local may", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(
    relay,
    { ...CONFIG, auth: LOGIN },
    HOOKS,
  );
  const { addresses } = serving.server;
  const beginnings: [at: keyof typeof AT, lines: string[]][] = [
    ["smtp", ["EHLO x.test", TLS, "EHLO x.test", xoauth2(TOKEN)]],
    ["proxied", [headerV1("192.0.2.1"), "EHLO x.test"]],
    ["trusted", ["XCLIENT ADDR=192.0.2.1", "EHLO x.test"]],
    ["trusted", ["XCLIENT ADDR=203.0.113.1 LOGIN=ann", "EHLO x.test"]],
  ];
  for (const [at, lines] of beginnings) {
    using client = await RawClient.connect(addresses[AT[at]]);
    if (at !== "proxied") await client.reply();
    await say(client, lines);
    const [path] = ELSEWHERE;
    assertEquals(await taken(client, "<a@b.test>", [path!]), [path]);
  }
});

Deno.test("XFORWARD is of one message: after RSET, EHLO or its end it says nothing", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(relay, CONFIG);
  using client = await RawClient.greeted(serving.server.addresses[AT.trusted]);
  const forward =
    "XFORWARD ADDR=198.51.100.66 NAME=forged.test HELO=forged.test";
  for (const line of ["RSET", "EHLO x.test"]) {
    assertMatch(await client.ask(forward), /^250 /);
    await client.ask(line);
    await client.mail();
  }
  assertMatch(await client.ask(forward), /^250 /);
  await client.mail();
  await client.mail();
  const forged = relay.taken.map(({ data }) => traceIn(data))
    .map((trace) => trace.includes("forged"));
  assertEquals(forged, [false, false, true, false]);
});

/** A header of version 2 with so many bytes of TLVs, and with so many of them sent. */
function headerV2(tlvs: number, sent = tlvs, length = 12 + tlvs): string {
  const head = [0x21, 0x11, length >> 8, length & 255];
  const ends = [203, 0, 113, 9, 198, 51, 100, 1, 0x10, 0xe1, 0, 25];
  const tlv = sent >= 3 ? [0x04, (sent - 3) >> 8, (sent - 3) & 255] : [];
  return "\r\n\r\n\0\r\nQUIT\n" +
    String.fromCharCode(...head, ...ends, ...tlv) +
    "\0".repeat(Math.max(0, sent - tlv.length));
}

Deno.test("PROXY, version 2: 16 KiB are taken, more is refused before it comes, and nothing is held", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(relay, CONFIG);
  const address = serving.server.addresses[AT.proxied]!;
  const most = 16 * 1_024 - 12;
  using fine = await RawClient.connect(address);
  await fine.send(`${headerV2(most)}EHLO x.test\r\n`);
  assertMatch(await fine.reply(), /^220 /);
  assertMatch(await fine.reply(), /^250-/);
  assertEquals(serving.server.sessions()[0]?.client, "203.0.113.9");
  for (
    const header of [
      headerV2(most + 1, 0),
      headerV2(0, 0, 65_535),
      headerV2(0, 65_523, 65_535),
      headerV2(0, 0, 11),
    ]
  ) {
    using client = await Attacker.connect(address);
    client.send(header);
    await client.over();
    assertEquals(client.heard, "");
  }
  assertEquals(serving.server.sessions().length, 1);
});

Deno.test("PROXY: headers that are cut anywhere or reset leave nothing", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(relay, CONFIG);
  const address = serving.server.addresses[AT.proxied]!;
  const headers = [`${headerV1("203.0.113.9")}\r\n`, headerV2(100)];
  await Promise.all(
    headers.flatMap((header) =>
      Array.from({ length: header.length - 1 }, async (_, i) => {
        using attacker = await Attacker.connect(address);
        attacker.send(header.slice(0, i));
        if (i % 3 === 0) attacker.reset();
        else if (i % 3 === 1) {
          attacker.finish();
          await attacker.over();
          assertEquals(attacker.heard, "");
        }
      })
    ),
  );
  await until("no session", () => serving.server.sessions().length === 0);
  using other = await RawClient.connect(address);
  await other.send(`${headerV1("203.0.113.9")}\r\n`);
  assertMatch(await other.reply(), /^220 /);
  assert(!serving.log.includes("session-failed"));
});
