import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConfigInput } from "../mod.ts";
import { until } from "./real/support/wait.ts";
import { tlsOf } from "./support/certificates.ts";
import { authPlain } from "./support/login_serving.ts";
import { RawClient, verdictOf } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import { IMPATIENT, servingBefore } from "./support/serving.ts";
import { traceIn } from "./support/trace.ts";

/** 192.0.2.0/24 is local, and nobody on 127.0.0.1 is. */
const LOCAL = { networks: ["192.0.2.0/24"] };

const TO = ["a@elsewhere.example"];

/** One listener on loopback, with settings. */
function listening(
  settings: Omit<NonNullable<ConfigInput["listener"]>[number], "url">,
  others: ConfigInput = {},
): ConfigInput {
  return {
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", ...settings }],
    local: LOCAL,
    ...others,
    limits: { error_delay: "0s", ...others.limits },
  };
}

const PROXIED = { proxy_protocol: ["127.0.0.1"] };
const TRUSTED = { xclient: ["127.0.0.1"] };

/** The header of version 2 for TCP over IPv4, as bytes. */
function headerV2(source: string, port: number): string {
  const octets = (address: string) => address.split(".").map(Number);
  const bytes = [
    ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
    ...[0x21, 0x11, 0, 12],
    ...octets(source),
    ...octets("198.51.100.1"),
    ...[port >> 8, port & 255, 0, 25],
  ];
  return String.fromCharCode(...bytes);
}

const HEADERS: [name: string, header: (source: string) => string][] = [
  ["v1", (source) => `PROXY TCP4 ${source} 198.51.100.1 4321 25\r\n`],
  ["v2", (source) => headerV2(source, 4321)],
];

for (const [name, header] of HEADERS) {
  Deno.test(`PROXY ${name}: the client is the one in the header, for policy, log, limits and Received:`, async () => {
    await using relay = new ScriptedRelay();
    const config = listening(PROXIED, { limits: { sessions_per_client: 1 } });
    await using before = await servingBefore(relay, config);
    using local = await RawClient.connect(before.address);
    await local.send(header("192.0.2.7"));
    assertMatch(await local.reply(), /^220 /);
    await local.ask("EHLO local.test");
    assertMatch(verdictOf(await local.mail({ to: TO })), /^250 /);
    assertMatch(
      traceIn(relay.taken[0]!.data),
      /^from local\.test \(\[192\.0\.2\.7\]\) by/,
    );
    using stranger = await RawClient.connect(before.address);
    await stranger.send(`${header("203.0.113.9")}EHLO stranger.test\r\n`);
    assertMatch(await stranger.reply(), /^220 /);
    await stranger.reply();
    assertMatch(verdictOf(await stranger.mail({ to: TO })), /^550 5\.7\.1 /);
    const clients = before.server.sessions().map(({ client }) => client);
    assertEquals(clients, ["192.0.2.7", "203.0.113.9"]);
    assertMatch(before.log, /connect client=203\.0\.113\.9 port=4321/);
    using second = await RawClient.connect(before.address);
    await second.send(header("203.0.113.9"));
    assertMatch(await second.rest(), /^421 4\.7\.0 Too many connections from/);
  });
}

Deno.test("PROXY: a peer that is no proxy is its own client, and its header no command", async () => {
  await using relay = new ScriptedRelay();
  const config = listening({ proxy_protocol: ["10.0.0.1"] });
  await using before = await servingBefore(relay, config);
  using client = await RawClient.connect(before.address);
  assertMatch(await client.reply(), /^220 /);
  assertMatch(
    await client.ask("PROXY TCP4 192.0.2.7 198.51.100.1 4321 25"),
    /^(500|421) /,
  );
  using other = await before.client();
  assertMatch(verdictOf(await other.mail({ to: TO })), /^550 5\.7\.1 /);
});

Deno.test("PROXY: without a good header in time there is no session; others are served", async () => {
  await using relay = new ScriptedRelay();
  const config = listening(PROXIED, { limits: IMPATIENT });
  await using before = await servingBefore(relay, config);
  const sent = ["EHLO x.test\r\n", "PROXY UNKNOWN\r\n", "PROXY TC", ""];
  const heard = await Promise.all(sent.map(async (text) => {
    using client = await RawClient.connect(before.address);
    await client.send(text);
    return await client.rest();
  }));
  assertEquals(heard, ["", "", "", ""]);
  await until("four lines", () => before.logged("begin-failed").length === 4);
  assertMatch(before.log, /begin-failed client=127\.0\.0\.1 .*PROXY header/);
  using fine = await RawClient.connect(before.address);
  await fine.send("PROXY TCP4 192.0.2.7 198.51.100.1 4321 25\r\n");
  assertMatch(await fine.reply(), /^220 /);
});

Deno.test("PROXY: headers that do not come are no more than sessions may be", async () => {
  await using relay = new ScriptedRelay();
  const config = listening(PROXIED, { limits: { sessions: 2 } });
  await using before = await servingBefore(relay, config);
  using _one = await RawClient.connect(before.address);
  using two = await RawClient.connect(before.address);
  using third = await RawClient.connect(before.address);
  assertMatch(await third.rest(), /^421 4\.3\.2 /);
  await two.send("PROXY TCP4 192.0.2.7 198.51.100.1 4321 25\r\n");
  assertMatch(await two.reply(), /^220 /);
  using fourth = await RawClient.connect(before.address);
  assertMatch(await fourth.rest(), /^421 4\.3\.2 /);
});

Deno.test("PROXY before smtps://: the header in clear, then TLS", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    server: { listen: [] },
    listener: [{ url: "smtps://127.0.0.1:0", ...PROXIED }],
    tls: tlsOf("localhost"),
    local: LOCAL,
  });
  const { address } = before;
  assert(address.transport === "tcp");
  const { scheme: _, ...clear } = address;
  using client = await RawClient.connect(clear);
  await client.send("PROXY TCP6 2001:db8::7 2001:db8::1 4321 465\r\n");
  await client.secure();
  assertMatch(await client.reply(), /^220 /);
  await client.ask("EHLO six.test");
  assertMatch(verdictOf(await client.mail()), /^250 /);
  assertMatch(
    traceIn(relay.taken[0]!.data),
    /^from six\.test \(\[IPv6:2001:db8::7\]\) \(using TLSv1\.3 .*ESMTPS id/,
  );
});

Deno.test("XCLIENT: the peer speaks for another client, whose rights hold", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, listening(TRUSTED));
  using client = await before.client();
  assertMatch(await client.ask("EHLO x.test"), /^250[- ]XCLIENT NAME ADDR/m);
  assertMatch(verdictOf(await client.mail({ to: TO })), /^550 /);
  const line = "XCLIENT NAME=far.test ADDR=192.0.2.7 PORT=99";
  assertMatch(await client.ask(line), /^220 mx\.test /);
  await client.ask("EHLO far.test");
  assertMatch(verdictOf(await client.mail({ to: TO })), /^250 /);
  assertMatch(
    traceIn(relay.taken[0]!.data),
    /^from far\.test \(far\.test \[192\.0\.2\.7\]\) by mx\.test with ESMTP id/,
  );
  assertEquals(before.server.sessions()[0]!.client, "192.0.2.7");
  assertMatch(before.log, / message client=192\.0\.2\.7 /);
  await client.ask("XCLIENT ADDR=203.0.113.9");
  await client.ask("EHLO x.test");
  assertMatch(verdictOf(await client.mail({ to: TO })), /^550 5\.7\.1 /);
  assertMatch(await client.ask("XCLIENT LOGIN=ann"), /^220 /);
  await client.ask("EHLO x.test");
  assertMatch(verdictOf(await client.mail({ to: TO })), /^250 /);
  assertMatch(traceIn(relay.taken[1]!.data), / with ESMTPA id/);
});

Deno.test("XCLIENT and XFORWARD: who is not known is a stranger, and no local one", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    ...listening(TRUSTED),
    local: { networks: ["127.0.0.0/8"] },
  });
  using client = await before.client();
  await client.ask("XFORWARD NAME=far.test HELO=far.helo");
  assertMatch(verdictOf(await client.mail({ to: TO })), /^250 /);
  assertMatch(
    traceIn(relay.taken[0]!.data),
    /^from far\.helo \(far\.test \[unknown\]\) by/,
  );
  const line = "XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]";
  assertMatch(await client.ask(line), /^220 /);
  await client.ask("EHLO x.test");
  assertMatch(verdictOf(await client.mail({ to: TO })), /^550 5\.7\.1 /);
  const to = ["postmaster"];
  assertMatch(verdictOf(await client.mail({ to })), /^250 /);
  assertMatch(
    traceIn(relay.taken[1]!.data),
    /^from x\.test \(\[unknown\]\) by/,
  );
});

Deno.test("XCLIENT and XFORWARD are neither offered to nor taken from anybody else", async () => {
  await using relay = new ScriptedRelay();
  const config = listening({ xclient: ["192.0.2.1"] });
  await using before = await servingBefore(relay, config);
  using client = await before.client();
  assert(!(await client.ask("EHLO x.test")).includes("XCLIENT"));
  assertMatch(await client.ask("XCLIENT ADDR=192.0.2.7"), /^502 /);
  assertMatch(await client.ask("XFORWARD ADDR=192.0.2.7"), /^502 /);
  assertMatch(verdictOf(await client.mail({ to: TO })), /^550 5\.7\.1 /);
});

Deno.test("who comes by PROXY from a trusted proxy is not trusted for it", async () => {
  await using relay = new ScriptedRelay();
  const config = listening({ ...PROXIED, ...TRUSTED });
  await using before = await servingBefore(relay, config);
  using client = await RawClient.connect(before.address);
  await client.send(HEADERS[0]![1]("203.0.113.9"));
  await client.reply();
  assert(!(await client.ask("EHLO x.test")).includes("XCLIENT"));
});

Deno.test("XFORWARD: the message's origin is written down and passed on, and gives no right", async () => {
  const XFORWARD = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE";
  await using relay = new ScriptedRelay([{ offers: ["PIPELINING", XFORWARD] }]);
  const config = listening(TRUSTED, { relay: { domains: ["example.org"] } });
  await using before = await servingBefore(relay, config);
  const mail = { to: ["b@example.org"] };
  using client = await before.client();
  const line = "XFORWARD NAME=far.test ADDR=192.0.2.7 PORT=99 PROTO=SMTP " +
    "HELO=far.helo";
  assertMatch(await client.ask(line), /^250 /);
  assertMatch(verdictOf(await client.mail({ to: TO })), /^550 5\.7\.1 /);
  await client.ask(line);
  assertMatch(verdictOf(await client.mail(mail)), /^250 /);
  assertMatch(
    traceIn(relay.taken[0]!.data),
    /^from far\.helo \(far\.test \[192\.0\.2\.7\]\) by mx\.test/,
  );
  const told = () =>
    relay.peers[0]!.commands.filter((line) => line.startsWith("XFORWARD"));
  assertEquals(told(), [
    "XFORWARD NAME=far.test ADDR=192.0.2.7 PORT=99 PROTO=SMTP HELO=far.helo " +
    "IDENT=[UNAVAILABLE] SOURCE=REMOTE",
  ]);
  assertMatch(verdictOf(await client.mail(mail)), /^250 /);
  assertMatch(told()[1]!, /ADDR=127\.0\.0\.1 .*HELO=client\.test/);
  assertMatch(
    traceIn(relay.taken[1]!.data),
    /^from client\.test \(\[127\.0\.0\.1\]\) by/,
  );
});

Deno.test("each listener has its own rules", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    server: { listen: ["127.0.0.1:0"] },
    listener: [
      { url: "smtps://127.0.0.1:0", auth: "required" },
      { url: "lmtp://127.0.0.1:0", auth: "off", tls: "off" },
    ],
    tls: tlsOf("localhost"),
  }, { hooks: { auth: () => true } });
  const [smtp, smtps, lmtp] = before.server.addresses;
  using plain = await RawClient.greeted(smtp);
  assertMatch(await plain.ask("EHLO x.test"), /STARTTLS\r\n[^]*AUTH PLAIN/);
  using secure = await RawClient.greeted(smtps);
  assertMatch((await secure.mail()).mail, /^530 5\.7\.0 /);
  assertMatch(await secure.ask(authPlain("ann", "x")), /^235 /);
  assertMatch(verdictOf(await secure.mail()), /^250 /);
  using local = await RawClient.connect(lmtp);
  assertMatch(await local.reply(), /^220 mx\.test .*\r\n/);
  assertMatch(await local.ask("EHLO x.test"), /^500 5\.5\.1 .*LHLO/);
  assert(!/STARTTLS|AUTH/.test(await local.ask("LHLO x.test")));
  assertEquals([smtp?.scheme, smtps?.scheme, lmtp?.scheme], [
    undefined,
    "smtps",
    "lmtp",
  ]);
});
