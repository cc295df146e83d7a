import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseUserName } from "../../lib/auth/make_hash.ts";
import type { Hooks } from "../../mod.ts";
import {
  ANN,
  authPlain,
  base64,
  LoginServing,
  TOKEN,
} from "../support/login_serving.ts";

const WRONG = authPlain(ANN.user, "wrong-password");
const GOOD = authPlain(ANN.user, ANN.password);
const BAD_TOKEN = base64(`user=${ANN.user}\x01auth=Bearer bad\x01\x01`);

/** Base64 of so many bytes that are no response of any mechanism. */
function filler(bytes: number): string {
  return base64("x".repeat(bytes));
}

/** What is said in lockstep, and how each line is answered. */
const TALKS: [what: string, talk: [line: string, reply: string][]][] = [
  ["three wrong passwords end the session", [
    [WRONG, "535 5.7.8"],
    [WRONG, "535 5.7.8"],
    [WRONG, "421 4.7.0"],
  ]],
  ["an exchange that is cancelled is an attempt too", [
    ["AUTH PLAIN", "334"],
    ["*", "501 5.7.0"],
    ["AUTH LOGIN", "334"],
    ["*", "501 5.7.0"],
    ["AUTH CRAM-MD5", "334"],
    ["*", "421 4.7.0"],
  ]],
  ["cancelling after the verdict on a token does not make it cheaper", [
    [`AUTH XOAUTH2 ${BAD_TOKEN}`, "334"],
    ["*", "501 5.7.0"],
    [`AUTH XOAUTH2 ${BAD_TOKEN}`, "334"],
    ["*", "501 5.7.0"],
    [`AUTH XOAUTH2 ${BAD_TOKEN}`, "334"],
    ["*", "421 4.7.0"],
  ]],
  ["failures are counted beyond EHLO and RSET", [
    [WRONG, "535 5.7.8"],
    ["EHLO again.test", "250"],
    [WRONG, "535 5.7.8"],
    ["RSET", "250"],
    [WRONG, "421 4.7.0"],
  ]],
  ["a login that succeeds is the only one", [
    [WRONG, "535 5.7.8"],
    [GOOD, "235 2.7.0"],
    [GOOD, "503 5.5.1"],
    ["EHLO again.test", "250"],
    [WRONG, "503 5.5.1"],
    ["MAIL FROM:<a@b.test>", "250"],
  ]],
  ["AUTH within a transaction is refused, which goes on", [
    ["MAIL FROM:<a@b.test>", "250"],
    [GOOD, "503 5.5.1"],
    ["RCPT TO:<postmaster>", "250"],
    [GOOD, "503 5.5.1"],
    ["DATA", "354"],
    [".", "250"],
  ]],
  ["AUTH after HELO is refused", [
    ["HELO old.test", "250"],
    [GOOD, "503"],
    ["EHLO new.test", "250"],
    [GOOD, "235"],
  ]],
  ["a command in the midst of an exchange is a response", [
    ["AUTH LOGIN", "334"],
    ["QUIT", "334"], // base64 by chance, and no UTF-8
    ["RSET", "501 5.5.2"],
    ["NOOP", "250"],
  ]],
  ["AUTH in the midst of an exchange ends it", [
    ["AUTH LOGIN", "334"],
    [WRONG, "501 5.5.2"],
    ["NOOP", "250"],
  ]],
  ["a cancellation that is not one alone is garbage", [
    ["AUTH PLAIN", "334"],
    ["* ", "501 5.5.2"],
    ["AUTH PLAIN *", "501|535"],
  ]],
  ["an empty initial response is no password", [
    ["AUTH PLAIN =", "501 5.5.2"],
    ["AUTH PLAIN ", "334|501"],
  ]],
  ["garbage is refused: not in base64, half of it, unpadded", [
    ["AUTH PLAIN !!!!", "501"],
    ["AUTH PLAIN QQ", "501"],
  ]],
  ["a NUL in a response is refused", [
    ["AUTH PLAIN", "334"],
    ["\0\0\0\0", "5\\d\\d"],
    ["NOOP", "250"],
  ]],
  ["a NUL in a password is no field's end", [
    [`AUTH PLAIN ${base64(`\0${ANN.user}\0${ANN.password}\0x`)}`, "501"],
    ["AUTH LOGIN", "334"],
    [base64(ANN.user), "334"],
    [base64(`${ANN.password}\0`), "501"],
  ]],
  ["lines of 12 KiB are taken, and hold nothing", [
    [`AUTH PLAIN ${filler(9_200)}`, "501 5.5.2"],
    ["AUTH PLAIN", "334"],
    [filler(9_210), "501 5.5.2"],
    ["NOOP", "250"],
  ]],
  ["longer lines are refused, and the session goes on", [
    [`AUTH PLAIN ${filler(20_000)}`, "500"],
    ["NOOP", "250"],
    ["AUTH LOGIN", "334"],
    [filler(20_000), "500"],
    ["NOOP", "250"],
    [GOOD, "235"],
  ]],
  ["a name that is not to be acted for is refused", [
    [authPlain(ANN.user, ANN.password, "root"), "535 5.7.8"],
    [authPlain(ANN.user, ANN.password, ANN.user), "235 2.7.0"],
  ]],
];

for (const [what, talk] of TALKS) {
  Deno.test(`AUTH: ${what}`, async () => {
    await using serving = await LoginServing.start();
    using client = await serving.client();
    for (const [line, reply] of talk) {
      assertMatch(await client.ask(line), new RegExp(`^(?:${reply})`), line);
    }
    // Whatever was said, somebody else is served.
    using other = await serving.client();
    assertMatch(await other.ask(GOOD), /^235 /);
  });
}

Deno.test("AUTH: what is pipelined behind it is answered after it", async () => {
  await using serving = await LoginServing.start();
  using client = await serving.client();
  await client.send(
    `${WRONG}\r\n${GOOD}\r\n${GOOD}\r\nMAIL FROM:<a@b.test>\r\n`,
  );
  const codes = [];
  for (let i = 0; i < 4; i++) codes.push((await client.reply()).slice(0, 3));
  assertEquals(codes, ["535", "235", "503", "250"]);
});

Deno.test("AUTH: ten thousand responses, or attempts, get a few replies and an end", async () => {
  const floods = [
    `AUTH LOGIN\r\n${"AAAA\r\n".repeat(10_000)}`,
    `${WRONG}\r\n`.repeat(2_000),
    "AUTH CRAM-MD5\r\n*\r\n".repeat(5_000),
    "AUTH CRAM-MD5\r\n\r\n".repeat(5_000),
    "AUTH X\r\n".repeat(10_000),
    `AUTH PLAIN ${filler(20_000)}\r\n`.repeat(100),
  ];
  await using serving = await LoginServing.start({
    config: { limits: { error_delay: "0s" } },
  });
  for (const flood of floods) {
    using client = await serving.client();
    // The server may close while it is still being sent.
    const sending = client.send(flood).catch(() => {});
    const replies = (await client.rest()).trimEnd().split("\r\n");
    client.close();
    await sending;
    assert(replies.length <= 30, `${replies.length} replies`);
  }
});

const USERS: [what: string, user: string, reply: string, logged?: string][] = [
  ["empty", "", "501"],
  ["a space", " ", "535"],
  ["a soft hyphen, which is nothing", "\u00ad", "501"],
  ["with a line end", "ann\r\nann", "501"],
  ["with an escape for terminals", "\x1b[2J", "501"],
  ["with SOH, which separates a token's fields", "a\x01auth=Bearer b", "501"],
  ["with DEL", "ann\x7f", "501"],
  ["with a C1 control", "ann\u0085", "501"],
  ["with a line separator", "ann\u2028x", "501"],
  ["that reorders the line", "ann\u202egro", "535", "ann\\u202egro"],
  ["in wide letters", "ａｎｎ", "535", "ann"],
  ["with a ligature that NFKC makes long", "\ufdfa".repeat(80), "501"],
  ["of 255 bytes", "x".repeat(255), "535"],
  ["of 256 bytes", "x".repeat(256), "501"],
  ["of thousands", "x".repeat(8_000), "501"],
  ["that looks like the log's fields", 'a" code=235 "', "535"],
  ["named as what every object has", "__proto__", "535"],
  ["constructor", "constructor", "535"],
];

for (const [what, user, reply, logged] of USERS) {
  Deno.test(`a user's name ${what} gets ${reply}, and one line in the log`, async () => {
    await using serving = await LoginServing.start();
    using client = await serving.client();
    const answer = await client.ask(authPlain(user, "wrong-password"));
    assertMatch(answer, new RegExp(`^${reply} `));
    const [line, ...others] = serving.logged("login-failed");
    assertEquals(others, []);
    assertMatch(line!, /^[\x20-\x7e\u00a0-\u1fff\ufb00-\uffef]*$/);
    assertMatch(line!, new RegExp(`code=${reply} `));
    if (logged !== undefined) assert(line!.includes(logged), line);
    if (reply === "501") assertEquals(parseUserName(user), undefined);
  });
}

Deno.test("wide letters, ligatures and soft hyphens log in whom they mean, and nobody else", async () => {
  await using serving = await LoginServing.start();
  const wide = ANN.user.replace("ann", "ａ\u00adｎｎ");
  using client = await serving.client();
  assertMatch(await client.ask(authPlain(wide, ANN.password)), /^235 /);
  assertMatch(serving.logged("login")[0]!, new RegExp(`user=${ANN.user}`));
});

/** What the operator's code may do wrong, again and again. */
const HOOKS: [what: string, auth: NonNullable<Hooks["auth"]>][] = [
  ["throws", () => Promise.reject(new Error("down"))],
  ["accepts what it can't have seen", () => true],
  ["never answers", () => new Promise(() => {})],
];

for (const [what, auth] of HOOKS) {
  Deno.test(`an auth hook that ${what} is asked three times in a session at most`, async () => {
    let calls = 0;
    await using serving = await LoginServing.start({
      config: { hooks: { timeout: "50ms" } },
      hooks: { auth: (...args) => (calls++, auth(...args)) },
    });
    using client = await serving.client();
    const replies = [];
    for (let i = 0; i < 4; i++) {
      await client.ask("AUTH CRAM-MD5");
      const digest = base64(`${ANN.user} ${"0".repeat(32)}`);
      replies.push((await client.ask(digest)).slice(0, 3));
    }
    assertEquals(replies, ["454", "454", "421", ""]);
    assertEquals(calls, 3);
    assertEquals(serving.logged("login-failed").length, 3);
  });
}

Deno.test("a server that is broken off while a hook thinks ends in peace", async () => {
  const asked = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  await using serving = await LoginServing.start({
    hooks: {
      auth: (_session, _login, { signal }) => {
        asked.resolve();
        signal.addEventListener("abort", () => told.resolve());
        return new Promise(() => {});
      },
    },
  });
  using client = await serving.client();
  await client.send(`${GOOD}\r\n`);
  await asked.promise;
  serving.server.abort();
  await told.promise;
  await client.rest();
  await serving.server.close();
  assert(!/ error |failed/.test(serving.log), serving.log);
});

Deno.test("tokens do not log in where passwords do, nor the other way round", async () => {
  await using serving = await LoginServing.start();
  using client = await serving.client();
  const token = `user=${ANN.user}\x01auth=Bearer ${TOKEN}\x01\x01`;
  assertMatch(await client.ask(authPlain(ANN.user, TOKEN)), /^535 /);
  const bearer = base64(token.replace(TOKEN, "sesame"));
  assertMatch(await client.ask(`AUTH XOAUTH2 ${bearer}`), /^334 /);
  assertMatch(await client.ask(""), /^535 /);
  assertMatch(await client.ask(`AUTH XOAUTH2 ${base64(token)}`), /^235 /);
});
