import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConfigInput } from "../mod.ts";
import { until, within } from "./real/support/wait.ts";
import { tlsOf } from "./support/certificates.ts";
import { greetingAt, RawClient, verdictOf } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import { Serving, servingBefore } from "./support/serving.ts";

/** Nobody on 127.0.0.1 is local. */
const STRANGERS = { networks: ["10.0.0.0/8"] };

/** Longer than any test may take: what ends it is something else. */
const FOREVER = "60s";

/** A server for strangers. */
function serving(config: ConfigInput): Promise<Serving> {
  return Serving.start({ local: STRANGERS, ...config });
}

Deno.test("greeting_delay: who talks before the greeting gets 554 and no session", async () => {
  await using at = await serving({ limits: { greeting_delay: FOREVER } });
  using client = await RawClient.connect(at.address);
  await client.send("EHLO spam.test\r\nMAIL FROM:<a@b.test>\r\n");
  assertMatch(await client.reply(), /^554 5\.5\.1 Expected you to wait/);
  assertEquals(await client.rest(), "");
  client.close();
  await until("the end", () => at.logged("disconnect").length === 1);
  assertMatch(at.log, /refused client=127\.0\.0\.1 code=554 /);
});

Deno.test("greeting_delay: who waits is greeted, and what it then says counts", async () => {
  await using at = await serving({ limits: { greeting_delay: "100ms" } });
  const start = performance.now();
  using client = await RawClient.connect(at.address);
  assertMatch(await client.reply(), /^220 /);
  assert(performance.now() - start >= 95);
  assertMatch(await client.ask("EHLO x.test"), /^250-/);
  const to = ["postmaster@localhost"];
  assertMatch(verdictOf(await client.mail({ to })), /^250 /);
});

Deno.test("greeting_delay: who closes meanwhile leaves nothing; local clients don't wait", async () => {
  await using at = await serving({ limits: { greeting_delay: FOREVER } });
  const gone = await RawClient.connect(at.address);
  await until("it", () => at.server.sessions().length === 1);
  gone.close();
  await until("no session", () => at.server.sessions().length === 0);
  assert(!/ (?:error|warn) /.test(at.log), at.log);
  await using locals = await Serving.start({
    limits: { greeting_delay: FOREVER },
  });
  assertMatch(await greetingAt(locals.address), /^220 /);
});

Deno.test("greeting_delay: in TLS from the start the greeting waits too", async () => {
  await using at = await serving({
    server: { listen: ["smtps://127.0.0.1:0"] },
    tls: tlsOf("localhost"),
    limits: { greeting_delay: FOREVER },
  });
  using client = await RawClient.connect(at.address);
  await client.send("EHLO spam.test\r\n");
  assertMatch(await client.rest(), /^554 5\.5\.1 /);
});

Deno.test("error_delay: a stranger's bad command is answered late, what was good before it is not", async () => {
  await using at = await serving({ limits: { error_delay: "400ms" } });
  using client = await at.client();
  const timed = async (line: string) => {
    const start = performance.now();
    const reply = await client.ask(line);
    return [reply.slice(0, 3), performance.now() - start >= 390] as const;
  };
  assertEquals(await timed("NOOP"), ["250", false]);
  assertEquals(await timed("XYZZY"), ["500", true]);
  assertEquals(await timed("DATA"), ["503", true]);
  // A refusal that is no error: policy's.
  await client.ask("MAIL FROM:<a@example.org>");
  assertEquals(await timed("RCPT TO:<b@elsewhere.example>"), ["550", false]);
  assertEquals(await timed("QUIT"), ["221", false]);
});

Deno.test("error_delay: local clients have none, nor do other sessions", async () => {
  await using at = await serving({ limits: { error_delay: FOREVER } });
  using slowed = await at.client();
  await slowed.send("XYZZY\r\n");
  using client = await at.client();
  assertMatch(await client.ask("NOOP"), /^250 /);
  await using locals = await Serving.start({
    limits: { error_delay: FOREVER },
  });
  using local = await locals.client();
  assertMatch(await local.ask("XYZZY"), /^500 /);
  client.close();
  const [heard] = await Promise.all([
    slowed.rest().finally(() => slowed.close()),
    within("an end", at.server.close(), 5_000),
  ]);
  assertMatch(heard, /^500 .*\r\n421 4\.3\.2 /);
});

Deno.test("connection_rate: a stranger that comes too often hears 421, and nobody else", async () => {
  await using at = await serving({ limits: { connection_rate: 2 } });
  for (let i = 0; i < 2; i++) {
    assertMatch(await greetingAt(at.address), /^220 /);
  }
  assertMatch(
    await greetingAt(at.address),
    /^421 4\.7\.0 Too many connections in/,
  );
  assertMatch(at.log, /warn +refused client=127\.0\.0\.1 reason=rate/);
  await using locals = await Serving.start({ limits: { connection_rate: 2 } });
  for (let i = 0; i < 5; i++) {
    assertMatch(await greetingAt(locals.address), /^220 /);
  }
});

Deno.test("connection_rate: one who is refused does not count as a session", async () => {
  await using at = await serving({
    limits: { connection_rate: 1, sessions_per_client: 1, sessions: 1 },
  });
  assertMatch(await greetingAt(at.address), /^220 /);
  await until("no session", () => at.server.sessions().length === 0);
  for (let i = 0; i < 3; i++) {
    assertMatch(await greetingAt(at.address), /^421 4\.7\.0 .*in a short time/);
  }
});

Deno.test("message_rate: a stranger's message too many is refused at MAIL, by its address", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    local: STRANGERS,
    limits: { message_rate: 2, error_delay: "0s" },
    relay: { domains: ["localhost"] },
  }, { hooks: { auth: () => true } });
  using one = await before.client();
  using two = await before.client();
  assertMatch(verdictOf(await one.mail()), /^250 /);
  assertMatch(verdictOf(await two.mail()), /^250 /);
  assertMatch((await one.mail()).mail, /^450 4\.7\.1 Too many messages/);
  assertMatch(await one.ask("RCPT TO:<b@localhost>"), /^503 /);
  assertEquals(relay.taken.length, 2);
  assertMatch(before.log, /refused client=127\.0\.0\.1 code=450 /);
});

Deno.test("message_rate does not bind local clients", async () => {
  await using relay = new ScriptedRelay();
  const limits = { message_rate: 1 };
  await using before = await servingBefore(relay, { limits });
  using client = await before.client();
  for (let i = 0; i < 3; i++) {
    assertMatch(verdictOf(await client.mail()), /^250 /);
  }
});

Deno.test("sessions_per_client counts handshakes that do not come, and counts them out again", async () => {
  await using at = await serving({
    server: { listen: ["smtps://127.0.0.1:0"] },
    tls: tlsOf("localhost"),
    limits: { sessions_per_client: 1 },
  });
  const { address } = at;
  assert(address.transport === "tcp");
  const { scheme: _, ...clear } = address;
  const stalled = await RawClient.connect(clear);
  using second = await RawClient.connect(clear);
  assertMatch(await second.rest(), /^421 4\.7\.0 Too many connections from/);
  stalled.close();
  await until("its end", () => at.logged("begin-failed").length === 1);
  using client = await RawClient.connect(address);
  assertMatch(await client.reply(), /^220 /);
});

Deno.test("each leniency is taken where it is set, and logged", async () => {
  const lines: [leniency: string, line: string][] = [
    ["no-angle-brackets", "MAIL FROM:a@example.org"],
    ["space-after-colon", "MAIL FROM: <a@example.org>"],
    ["dots-in-local-part", "MAIL FROM:<a..b@example.org>"],
  ];
  for (const [leniency, line] of lines) {
    await using strict = await Serving.start();
    using client = await strict.client();
    assertMatch(await client.ask(line), /^5/);
    const limits = { lenient: [leniency] } as ConfigInput["limits"] & object;
    await using lenient = await Serving.start({ limits });
    using other = await lenient.client();
    assertMatch(await other.ask(line), /^250 /);
    const [logged] = lenient.logged("lenient");
    assertMatch(
      logged!,
      new RegExp(`client=127\\.0\\.0\\.1 leniency=${leniency}`),
    );
    assertEquals(strict.logged("lenient"), []);
  }
});

Deno.test("HTTP is refused at its first line, with all that follows", async () => {
  await using at = await serving({ limits: { error_delay: "0s" } });
  for (const verb of ["GET", "POST"]) {
    using client = await RawClient.connect(at.address);
    await client.reply();
    await client.send(
      `${verb} / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b.test>\r\n`,
    );
    assertMatch(
      await client.rest(),
      /^421 4\.7\.0 This is an SMTP server.*\r\n$/,
    );
  }
});
