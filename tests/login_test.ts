import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConfigInput, Hooks } from "../mod.ts";
import { until, within } from "./real/support/wait.ts";
import { tlsOf } from "./support/certificates.ts";
import { authPlain, base64 } from "./support/login_serving.ts";
import { RawClient, verdictOf } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import { Serving, servingBefore } from "./support/serving.ts";

/** Nobody on 127.0.0.1 is local. */
const STRANGERS = { networks: ["10.0.0.0/8"] };

const PASSWORD = "sesame-0451";

const HOOKS: Hooks = {
  auth: (_session, { user, password }) =>
    user === "ann" && password === PASSWORD,
};

/** A server for strangers with TLS, whose hook knows Ann. */
function serving(config: ConfigInput = {}): Promise<Serving> {
  return Serving.start({
    local: STRANGERS,
    tls: tlsOf("localhost"),
    limits: { error_delay: "0s" },
    ...config,
    auth: { failure_delay: "0s", ...config.auth },
  }, { hooks: HOOKS });
}

/** A client that has gone over to TLS. */
async function secureClient(at: Serving): Promise<RawClient> {
  const client = await at.client();
  await client.startTls();
  await client.ask("EHLO client.test");
  return client;
}

Deno.test("a stranger is offered AUTH under TLS only, a local client in clear too", async () => {
  const AUTH = /^250[- ]AUTH PLAIN LOGIN/m;
  await using strangers = await serving();
  using stranger = await strangers.client();
  assert(!AUTH.test(await stranger.ask("EHLO x.test")));
  assertMatch(await stranger.ask(authPlain("ann", PASSWORD)), /^538 5\.7\.11 /);
  await stranger.startTls();
  assertMatch(await stranger.ask("EHLO x.test"), AUTH);
  await using locals = await serving({ local: {} });
  using local = await locals.client();
  assertMatch(await local.ask("EHLO x.test"), AUTH);
  assertMatch(await local.ask(authPlain("ann", PASSWORD)), /^235 /);
  assert(!AUTH.test(await local.ask("EHLO x.test")));
  assertMatch(await local.ask(authPlain("ann", PASSWORD)), /^503 /);
});

Deno.test("nobody who could log in: AUTH is not offered, nor where a listener has it off", async () => {
  const tls = tlsOf("localhost");
  const off = {
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", auth: "off" as const }],
  };
  for (const [config, hooks] of [[{}, {}], [off, HOOKS]] as const) {
    await using none = await Serving.start({ tls, ...config }, { hooks });
    using client = await secureClient(none);
    assert(!(await client.ask("EHLO x.test")).includes("AUTH"));
    assertMatch(await client.ask(authPlain("ann", PASSWORD)), /^502 5\.5\.1 /);
  }
});

Deno.test("who has logged in may relay, and Received: says so", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    server: { listen: ["127.0.0.1:0", "smtps://127.0.0.1:0"] },
    local: STRANGERS,
    tls: tlsOf("localhost"),
  }, { hooks: HOOKS });
  const to = ["a@elsewhere.example"];
  const [, secure] = before.server.addresses;
  for (
    const client of [
      await secureClient(before),
      await RawClient.greeted(secure),
    ]
  ) {
    using _ = client;
    assertMatch(verdictOf(await client.mail({ to })), /^550 5\.7\.1 /);
    assertMatch(await client.ask(authPlain("ann", PASSWORD)), /^235 2\.7\.0 /);
    assertMatch(verdictOf(await client.mail({ to })), /^250 /);
    assertMatch(relay.taken.at(-1)!.data, /\swith ESMTPSA\s/);
  }
  assertEquals(before.logged("login").length, 2);
  assertMatch(before.logged("login")[0]!, /client=127\.0\.0\.1 user=ann$/);
});

Deno.test("auth = required: no mail before a login, from anybody", async () => {
  await using at = await serving({
    local: {},
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", auth: "required" }],
  });
  using client = await at.client();
  assertMatch((await client.mail()).mail, /^530 5\.7\.0 Must authenticate/);
  assertMatch(await client.ask(authPlain("ann", PASSWORD)), /^235 /);
  assertMatch(verdictOf(await client.mail()), /^250 /);
});

Deno.test("a login in steps, cancelled, malformed and too long is answered so, and mail goes on", async () => {
  await using at = await serving({ local: {}, auth: { failures: 100 } });
  using client = await at.client();
  const login = base64(`\0ann\0${PASSWORD}`);
  assertMatch(await client.ask("AUTH PLAIN"), /^334 \r\n$/);
  assertMatch(await client.ask("*"), /^501 5\.7\.0 /);
  assertMatch(await client.ask("AUTH PLAIN"), /^334 /);
  assertMatch(await client.ask("no base64!"), /^501 5\.5\.2 /);
  assertMatch(await client.ask("AUTH PLAIN"), /^334 /);
  assertMatch(await client.ask("x".repeat(20_000)), /^500 5\.5\.6 /);
  assertMatch(await client.ask("AUTH NTLM"), /^504 /);
  assertMatch(verdictOf(await client.mail()), /^250 /);
  assertMatch(await client.ask("AUTH PLAIN"), /^334 /);
  assertMatch(await client.ask(login), /^235 /);
  assertMatch(await client.ask("EHLO x.test"), /^250-/);
});

Deno.test("failures end the session with 421; the log has who it was, and no password", async () => {
  await using at = await serving({ local: {}, auth: { failures: 2 } });
  using client = await at.client();
  const wrong = "wrong-password-77";
  assertMatch(await client.ask(authPlain("ann", wrong)), /^535 5\.7\.8 /);
  assertMatch(verdictOf(await client.mail()), /^250 /);
  assertMatch(await client.ask(authPlain("bob", PASSWORD)), /^421 4\.7\.0 /);
  assertEquals(await client.rest(), "");
  const [first, last] = at.logged("login-failed");
  assertMatch(first!, /client=127\.0\.0\.1 user=ann code=535 status=5\.7\.8/);
  assertMatch(last!, /user=bob code=421/);
  using other = await at.client();
  assertMatch(await other.ask(authPlain("ann", PASSWORD)), /^235 /);
  for (const text of [wrong, PASSWORD]) {
    const forms = [text, base64(`\0ann\0${text}`), base64(`\0bob\0${text}`)];
    for (const form of forms) assert(!at.log.includes(form), form);
  }
});

Deno.test("a failure's answer takes its time, and other sessions none of it", async () => {
  // As long as the test may take: what ends it is the server's end.
  await using at = await serving({
    local: {},
    auth: { failure_delay: "30s" },
  });
  using guessing = await at.client();
  let isAnswered = false;
  const answer = guessing.ask(authPlain("ann", "wrong"))
    .finally(() => isAnswered = true);
  using client = await at.client();
  assertMatch(await client.ask(authPlain("ann", PASSWORD)), /^235 /);
  assertMatch(verdictOf(await client.mail()), /^250 /);
  await until("it", () => at.logged("login-failed").length === 1);
  assert(!isAnswered);
  client.close();
  const closed = at.server.close();
  assertMatch(await answer, /^535 /);
  assertMatch(await guessing.rest(), /^421 4\.3\.2 /);
  guessing.close();
  await within("an end", closed, 5_000);
});

Deno.test("a hook hears of client, HELO, TLS and whether it is local", async () => {
  const heard: unknown[] = [];
  await using at = await Serving.start({
    local: STRANGERS,
    tls: tlsOf("localhost"),
  }, {
    hooks: {
      auth: ({ id: _, ...session }, { mechanism, user, password }) => {
        heard.push({ ...session, mechanism, user, password });
        return "250 2.7.0 fine";
      },
      vrfy: (_session, text) => `550 5.1.1 No ${text} here`,
    },
  });
  using client = await secureClient(at);
  assertMatch(await client.ask("VRFY bob"), /^550 5\.1\.1 No bob here\r\n$/);
  assertMatch(await client.ask(authPlain("ann", "x")), /^235 /);
  const [{ tls, ...session }] = heard as [{ tls: { protocol: string } }];
  assertEquals(session, {
    client: "127.0.0.1",
    isLocal: false,
    helo: "client.test",
    mechanism: "PLAIN",
    user: "ann",
    password: "x",
  });
  assertEquals(tls.protocol, "TLSv1.3");
});

Deno.test("failure_rate: after so many failures over all its sessions a client is not heard", async () => {
  await using at = await serving({ auth: { failure_rate: 3 } });
  const attempt = async (password: string) => {
    using client = await secureClient(at);
    return (await client.ask(authPlain("ann", password))).slice(0, 3);
  };
  // What succeeds does not count.
  for (let i = 0; i < 5; i++) assertEquals(await attempt(PASSWORD), "235");
  for (let i = 0; i < 3; i++) assertEquals(await attempt("wrong"), "535");
  assertEquals(await attempt(PASSWORD), "421");
  await using locals = await serving({
    local: {},
    auth: { failure_rate: 1 },
  });
  using local = await locals.client();
  await local.ask("EHLO x.test");
  assertMatch(await local.ask(authPlain("ann", "wrong")), /^535 /);
  assertMatch(await local.ask(authPlain("ann", PASSWORD)), /^235 /);
});

Deno.test("where TLS is required a local client is offered no AUTH before it, either", async () => {
  await using at = await serving({
    local: {},
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", tls: "required" }],
  });
  using client = await at.client();
  assert(!/^250[- ]AUTH /m.test(await client.ask("EHLO x.test")));
  await client.startTls();
  assertMatch(await client.ask("EHLO x.test"), /^250[- ]AUTH PLAIN LOGIN/m);
});

Deno.test("a listener that wants logins which nobody can make is warned of", async () => {
  const hooks: Hooks = { vrfy: () => "252 2.0.0 Perhaps" };
  await using at = await Serving.start({
    tls: tlsOf("localhost"),
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", auth: "required" }],
  }, { hooks });
  assertMatch(at.log, /warn .*Nobody can log in where auth is required/);
  await using other = await serving({
    server: { listen: [] },
    listener: [{ url: "127.0.0.1:0", auth: "required" }],
  });
  assert(!other.log.includes("Nobody can log in"));
});
