/**
 * Recordings of real sessions by the program: whoever logs in, nothing of the
 * password is in the file, and it plays back at once, with a password that is
 * put in anew; and so does what the server records of its own sessions.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { ALL_SPLITS } from "../../lib/suite/replay.ts";
import { leaksOf } from "../record/leaks.ts";
import { Aiosmtpd, hasAiosmtpd } from "./support/aiosmtpd.ts";
import { missing, run } from "./support/child.ts";
import { GoBetween } from "./support/go_between.ts";
import { LOGIN_CLIENTS } from "./support/logins.ts";
import { MESSAGES } from "./support/messages.ts";
import { DIRECT, Postern, postern } from "./support/postern.ts";
import { SmtpServer } from "./support/smtp_server.ts";
import { until } from "./support/wait.ts";

const USER = "tester@users.example";
const PASSWORD = "Wonderful Wednesday: 4711";
const PAIR = `${USER}:${PASSWORD}`;

/** How long a server may take for a line: far longer than these do. */
const TIMEOUT = "3s";

const SERVERS = [
  {
    name: "aiosmtpd",
    ignore: !hasAiosmtpd(),
    start: () => Aiosmtpd.start({ user: PAIR, tls: false }),
    mechanisms: ["PLAIN", "LOGIN"],
  },
  {
    name: "smtp-server",
    ignore: false,
    start: () => SmtpServer.start(PAIR),
    mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5"],
  },
];

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Fails where anything of the password, or of who logged in, is in a text. */
function assertNoSecret(text: string): void {
  for (const secret of [USER, PASSWORD]) {
    assertEquals(leaksOf(text, secret), []);
  }
  // And without any cleverness.
  const plain = [PASSWORD, base64(PASSWORD), base64(USER)];
  for (const form of [...plain, base64(`\0${USER}\0${PASSWORD}`)]) {
    assert(!text.includes(form), "a secret is left");
  }
}

/** Plays a file against a server on 127.0.0.1 with that password. */
async function replay(file: string, port: number, pair: string) {
  return await postern([
    ...["replay", "--server", `127.0.0.1:${port}`, "--timeout", TIMEOUT],
    ...["--reporter", "tap", file],
  ], { env: { POSTERN_SECRET_AUTH: pair } });
}

for (const server of SERVERS) {
  Deno.test({
    name: `postern record leaves out how clients log in to ${server.name}`,
    ignore: DIRECT || server.ignore,
    async fn(t) {
      await using running = await server.start();
      await using recording = await GoBetween.start(running.port);
      for (const client of LOGIN_CLIENTS) {
        for (const mechanism of server.mechanisms) {
          await t.step({
            name: `${client.name} with ${mechanism}`,
            ignore: missing(...client.needs).length > 0,
            async fn() {
              const login = { mechanism, user: USER, password: PASSWORD };
              await client.send(recording.port, MESSAGES[0]!, login);
              const file = await recording.recorded();
              const text = await Deno.readTextFile(file);
              assertNoSecret(text);
              assert(text.includes(`C: AUTH ${mechanism}`), text);
              assert(text.includes("${secret:auth}"), text);
              assert(/^S: 235/m.test(text), text);

              const right = await replay(file, running.port, PAIR);
              assertEquals(right.code, 0, right.output);
              assert(/^ok 1 (?!.*# SKIP)/m.test(right.output), right.output);
              const wrong = await replay(file, running.port, `${PAIR}.`);
              assertEquals(wrong.code, 1, wrong.output);
              assert(/\b535\b/.test(wrong.output), wrong.output);
              assertNoSecret(wrong.output);
            },
          });
        }
      }
    },
  });
}

Deno.test({
  name:
    "postern record's files play against the server that they are of, one that offers STARTTLS",
  ignore: DIRECT || !hasAiosmtpd() || missing("swaks").length > 0,
  async fn() {
    await using server = await Aiosmtpd.start();
    await using recording = await GoBetween.start(server.port);
    const { code, output } = await run("swaks", [
      ...["--server", "127.0.0.1", "--port", `${recording.port}`],
      ...["--from", "sender@example.org", "--to", "recipient@example.org"],
    ]);
    assertEquals(code, 0, output);
    assert(!output.includes("STARTTLS"), output);
    const file = await recording.recorded();
    assert(/^S: 250[ -]STARTTLS$/m.test(await Deno.readTextFile(file)));
    const played = await replay(file, server.port, PAIR);
    assertEquals(played.code, 0, played.output);
    const args = ["replay", "--as", "relay", "--reporter", "tap", file];
    const served = await postern(args);
    assertEquals(served.code, 0, served.output);
    assert(/^ok 1 (?!.*# SKIP)/m.test(served.output), served.output);
  },
});

/** A message through `postern serve --record` to a relay, and its recording. */
async function recordedBy(relay: number, userInfo: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "postern-recorded-" });
  try {
    const url = `${userInfo && "plain://"}${userInfo}127.0.0.1:${relay}`;
    await using server = await Postern.start({
      relay,
      args: ["--record", folder, "--relay", url],
      toml: '[relay]\ntls = "off"\n',
    });
    const { code, output } = await run("swaks", [
      ...["--server", "127.0.0.1", "--port", `${server.port}`, "--pipeline"],
      ...["--from", "sender@example.org", "--to", "recipient@example.org"],
    ]);
    assertEquals(code, 0, output);
    // Who asked whether it listens is recorded too.
    const [file, text] = await until("a recording of the message", () => {
      for (const { name } of Deno.readDirSync(folder)) {
        const text = Deno.readTextFileSync(`${folder}/${name}`);
        if (text.includes("C: RCPT TO:")) return [`${folder}/${name}`, text];
      }
      return undefined;
    });
    assert(/^P: RCPT TO:/m.test(text), text);
    assertEquals(/^P: AUTH /m.test(text), userInfo !== "", text);
    assertNoSecret(text);
    const played = await postern(
      ["replay", "--split", "all", "--reporter", "json", file],
      { env: { POSTERN_SECRET_AUTH: PAIR } },
    );
    assertEquals(played.code, 0, `${text}${played.output}`);
    const { passed, verdicts } = JSON.parse(played.output);
    assertEquals(passed, 1, played.output);
    assert(verdicts[0].plays > ALL_SPLITS.length, played.output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "postern serve --record writes sessions that play back under any split",
  ignore: DIRECT || !hasAiosmtpd() || missing("swaks").length > 0,
  async fn(t) {
    await using relay = await Aiosmtpd.start({ user: PAIR, tls: false });
    await t.step("where the relay takes mail as it is", async () => {
      await recordedBy(relay.port, "");
    });
    await t.step("where Postern logs in to the relay", async () => {
      const [user, password] = [USER, PASSWORD].map(encodeURIComponent);
      await recordedBy(relay.port, `${user}:${password}@`);
    });
  },
});
