import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { ConfigInput } from "../mod.ts";
import { until } from "./real/support/wait.ts";
import { certsFile, certsText, tlsOf } from "./support/certificates.ts";
import { authPlain } from "./support/login_serving.ts";
import { RawClient, verdictOf } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import { IMPATIENT, Serving, servingBefore } from "./support/serving.ts";
import { traceIn } from "./support/trace.ts";

const TLS = tlsOf("localhost");

const BOTH = { listen: ["127.0.0.1:0", "smtps://127.0.0.1:0"] };

Deno.test("STARTTLS goes over to TLS and begins anew, smtps:// begins with it; Received: says how", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, { server: BOTH, tls: TLS });
  const [clear, secure] = before.server.addresses;
  using client = await RawClient.greeted(clear);
  assertMatch(await client.ask("EHLO clear.test"), /^250[- ]STARTTLS\r$/m);
  await client.startTls();
  assert(!(await client.ask("EHLO hidden.test")).includes("STARTTLS"));
  assertMatch(await client.ask("STARTTLS"), /^503 /);
  assertMatch(verdictOf(await client.mail()), /^250 /);
  using other = await RawClient.connect(secure);
  assertMatch(await other.reply(), /^220 mx\.test /);
  assert(!(await other.ask("EHLO other.test")).includes("STARTTLS"));
  assertMatch(verdictOf(await other.mail()), /^250 /);
  await other.ask("HELO old.test");
  await other.mail();
  await other.ask("EHLO other.test");
  await other.mail({ parameters: " SMTPUTF8" });
  const using = "\\(using TLSv1\\.3 with cipher TLS_[A-Z0-9_]+\\)";
  const want = [
    ["hidden", "ESMTPS"],
    ["other", "ESMTPS"],
    ["old", "ESMTPS"],
    ["other", "UTF8SMTPS"],
  ];
  relay.taken.forEach((message, i) => {
    const [name, type] = want[i]!;
    const text =
      `^from ${name}\\.test \\(\\[127\\.0\\.0\\.1\\]\\) ${using} by ` +
      `mx\\.test with ${type} id `;
    assertMatch(traceIn(message.data), new RegExp(text));
  });
  assertEquals(relay.taken.length, want.length);
  assertMatch(before.log, / tls client=127\.0\.0\.1 protocol=TLSv1\.3 /);
});

Deno.test("what is pipelined behind STARTTLS is thrown away", async () => {
  await using serving = await Serving.start({ tls: TLS });
  using client = await serving.client();
  await client.send("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\nNOOP\r\n");
  assertMatch(await client.reply(), /^220 2\.0\.0 /);
  await client.secure();
  assertMatch(await client.ask("RCPT TO:<b@localhost>"), /^503 /);
  assertMatch(await client.ask("EHLO after.test"), /^250-/);
  assertMatch(verdictOf(await client.mail()), /^250 /);
});

Deno.test("plain text after the 220 fails the handshake, and is no command", async () => {
  await using serving = await Serving.start({ tls: TLS });
  using client = await serving.client();
  assertMatch(await client.ask("STARTTLS"), /^220 /);
  await client.send("MAIL FROM:<evil@example.org>\r\nQUIT\r\n".repeat(10));
  assert(!/2\d\d /.test(await client.rest()));
  await until("the end", () => serving.logged("tls-failed").length === 1);
});

Deno.test("a login, a sender and XFORWARD from before STARTTLS are forgotten", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", xclient: ["127.0.0.1"] }],
    tls: TLS,
  }, { hooks: { auth: () => true } });
  using client = await before.client();
  assertMatch(await client.ask(authPlain("ann", "x")), /^235 /);
  await client.ask("XFORWARD NAME=far.test ADDR=192.0.2.1 HELO=far.test");
  await client.startTls();
  await client.ask("EHLO after.test");
  assertMatch(verdictOf(await client.mail()), /^250 /);
  assertMatch(
    traceIn(relay.taken[0]!.data),
    /^from after\.test .* with ESMTPS id/,
  );
  assertMatch(await client.ask(authPlain("ann", "x")), /^235 /);
  assertMatch(verdictOf(await client.mail()), /^250 /);
  assertMatch(traceIn(relay.taken[1]!.data), / with ESMTPSA id/);
});

Deno.test("a failed handshake ends its session alone, and is logged", async () => {
  await using serving = await Serving.start({ server: BOTH, tls: TLS });
  const [clear, secure] = serving.server.addresses;
  using other = await serving.client();
  // The client does not trust that name, and says so.
  using doubting = await RawClient.greeted(clear);
  await assertRejects(() => doubting.startTls("elsewhere.test"));
  await assertRejects(() => RawClient.connect(secure, { hostname: "x.test" }));
  using garbage = await RawClient.greeted(clear);
  await garbage.ask("STARTTLS");
  await garbage.send("\x16\x03\x01 this is no TLS\r\n".repeat(1_000));
  await garbage.rest();
  const gone = await RawClient.greeted(clear);
  await gone.ask("STARTTLS");
  gone.close();
  await until("three of STARTTLS", () => {
    return serving.logged("tls-failed").length === 3;
  });
  await until(
    "one of smtps",
    () => serving.logged("begin-failed").length === 1,
  );
  for (const line of serving.logged("tls-failed")) {
    assertMatch(line, /info .*client=127\.0\.0\.1 error="?.*Cannot start TLS/);
  }
  assertEquals(serving.server.sessions().length, 1);
  assertMatch(verdictOf(await other.mail()), /^250 /);
  assert(!serving.log.includes(" error "));
});

Deno.test("a client that stalls in a handshake is given up after read_timeout", async () => {
  await using serving = await Serving.start({
    server: BOTH,
    tls: TLS,
    limits: IMPATIENT,
  });
  const [clear, secure] = serving.server.addresses;
  using stalled = await RawClient.greeted(clear);
  await stalled.ask("STARTTLS");
  using silent = await RawClient.connect({ ...secure!, scheme: undefined! });
  await Promise.all([stalled.rest(), silent.rest()]);
  assertMatch(serving.log, /tls-failed .*within 500 ms/);
  assertMatch(serving.log, /begin-failed .*within 500 ms/);
});

Deno.test("a client in TLS that vanishes, or closes without a word, is no fault of ours", async () => {
  await using serving = await Serving.start({ tls: TLS });
  for (
    const [line, isReset] of [
      ["NOOP", false],
      ["MAIL FROM:<a@example.org>", false],
      ["NOOP", true],
    ] as const
  ) {
    const client = await serving.client();
    await client.startTls();
    await client.ask("EHLO x.test");
    await client.ask(line);
    // Closing with replies unread is a reset.
    if (isReset) await client.send("NOOP\r\n".repeat(2_000));
    client.close();
    await until("no session", () => serving.server.sessions().length === 0);
  }
  assert(!/ (?:error|warn) /.test(serving.log), serving.log);
});

Deno.test("a silent client in TLS hears 421 4.4.2", async () => {
  await using serving = await Serving.start({
    server: BOTH,
    tls: TLS,
    limits: IMPATIENT,
  });
  using client = await RawClient.greeted(serving.server.addresses[1]);
  assertMatch(await client.rest(), /^421 4\.4\.2 /);
});

Deno.test("a message of megabytes comes through TLS whole", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, { tls: TLS });
  using client = await before.client();
  await client.startTls();
  await client.ask("EHLO x.test");
  const line = `${"0123456789".repeat(7)}\r\n`;
  const data = `Subject: x\r\n\r\n${line.repeat(60_000)}`;
  assertMatch(verdictOf(await client.mail({ data })), /^250 /);
  assert(relay.taken[0]!.data.endsWith(data));
});

Deno.test("the certificate shown is the one for the name that is asked for, or the first", async () => {
  const folder = await Deno.makeTempDir();
  {
    // Chain and key in one file, in either order.
    const files = [["localhost.key", "localhost.pem"], [
      "other.pem",
      "other.key",
    ]]
      .map((names) => [`${folder}/${names[0]}`, names.map(certsText).join("")]);
    for (const [path, text] of files) await Deno.writeTextFile(path!, text!);
    const [certificate, other] = files.map(([path]) => path!);
    await using serving = await Serving.start({
      server: BOTH,
      tls: { certificate: certificate!, certificates: [other!] },
    });
    for (const address of serving.server.addresses) {
      for (const hostname of ["localhost", "other.test"]) {
        using client = await RawClient.connect(address, { hostname });
        await client.reply();
        await client.ask("EHLO x.test");
        if (address.scheme !== "smtps") await client.startTls(hostname);
        assertMatch(await client.ask("NOOP"), /^250 /);
      }
    }
    assertMatch(serving.log, /serverName=other\.test/);
    using client = await serving.client();
    await assertRejects(() => client.startTls("unknown.test"));
  }
  await Deno.remove(folder, { recursive: true });
});

const CLIENT = { cert: certsText("client.pem"), key: certsText("client.key") };
const FORGED = { cert: certsText("forged.pem"), key: certsText("forged.key") };

for (const wish of ["optional", "required"] as const) {
  Deno.test(`client certificates ${wish}: a good one is logged, none or another's is not one`, async () => {
    await using serving = await Serving.start({
      server: { listen: ["smtps://127.0.0.1:0"] },
      tls: {
        ...TLS,
        client_certificates: wish,
        ca_file: certsFile("client_ca.pem"),
      },
    });
    using client = await RawClient.connect(serving.address, {
      certificate: CLIENT,
    });
    assertMatch(await client.reply(), /^220 /);
    assertMatch(serving.log, /connect .*certificate="?.*CN=/);
    for (const certificate of [undefined, FORGED]) {
      const options = certificate === undefined ? {} : { certificate };
      const other = await RawClient.connect(serving.address, options)
        .catch(() => undefined);
      const greeting = await other?.reply() ?? "";
      other?.close();
      if (wish === "optional") assertMatch(greeting, /^220 /);
      else assertEquals(greeting, "");
    }
    const refused = wish === "required" ? 2 : 0;
    await until(
      "the log",
      () => serving.logged("begin-failed").length === refused,
    );
    assertEquals(serving.log.match(/certificate=/g)?.length, 1);
  });
}

Deno.test("tls = required: nothing is taken in clear", async () => {
  const config: ConfigInput = {
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", tls: "required" }],
    tls: TLS,
  };
  await using serving = await Serving.start(config);
  using client = await serving.client();
  const { mail } = await client.mail();
  assertMatch(mail, /^530 5\.7\.0 Must issue STARTTLS first/);
  assertMatch(await client.ask("NOOP"), /^250 /);
  await client.startTls();
  await client.ask("EHLO x.test");
  assertMatch(verdictOf(await client.mail()), /^250 /);
});

Deno.test("tls = off: STARTTLS is neither offered nor taken", async () => {
  await using serving = await Serving.start({
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", tls: "off" }],
    tls: TLS,
  });
  using client = await serving.client();
  assert(!(await client.ask("EHLO x.test")).includes("STARTTLS"));
  assertMatch(await client.ask("STARTTLS"), /^502 /);
});
