/**
 * Postern's conversations against servers that are not Postern: none of them
 * hangs, whatever another server makes of it, and what every server must do all
 * do.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { LiveServer } from "../../lib/live/live.ts";
import type { Played } from "../../lib/replay/played.ts";
import type { Split } from "../../lib/replay/splits.ts";
import type { Verdict } from "../../lib/suite/verdict.ts";
import type { Transcript } from "../../lib/transcript/steps.ts";
import { transcript } from "../transcript/support.ts";
import { Aiosmtpd, hasAiosmtpd, USER } from "./support/aiosmtpd.ts";
import { missing } from "./support/child.ts";
import { DIRECT, postern } from "./support/postern.ts";
import { Postfix } from "./support/postfix.ts";
import { within } from "./support/wait.ts";

/** How long a line may take: far longer than these servers do, in ms. */
const TIMEOUT_MS = 1_500;

/** How long all conversations may take with one server, in ms. */
const ALL_MS = 30_000;

/** Conversations at a time: most of their time is waiting. */
const AT_A_TIME = 8;

/** Ways to cut what every server takes. */
const SPLITS: readonly Split[] = ["whole", "bytes", "pipelined"];

/** What becomes of the fixtures: all can be read, and some go every way. */
const STATUSES: ReadonlySet<Verdict["status"]> = new Set([
  ...["passed", "failed", "skipped"] as const,
]);

const FIXTURES = new URL("../../fixtures/server/", import.meta.url);

const SERVERS = [
  {
    name: "Postfix",
    ignore: missing("postfix").length > 0 || Deno.uid() !== 0,
    start: () => Postfix.start(),
    user: undefined,
  },
  {
    name: "aiosmtpd",
    ignore: !hasAiosmtpd(),
    start: () => Aiosmtpd.start(),
    user: USER,
  },
];

/** What any server does with a message. */
const MESSAGE = String.raw`# Any server takes a message.
S~ 220[- ].*
C: EHLO client.example.org
S* 250-
S~ 250 .*
C: MAIL FROM:<a@example.org>
S~ 250 .*
C: RCPT TO:<b@example.org>
S~ 250 .*
C: DATA
S~ 354 .*
C> "Subject: Test\r\n\r\n..dot\r\n.\r\n"
S~ 250 .*
C: QUIT
S~ 221 .*
== close
`;

/** A login in TLS with these lines, of which the last must be answered 235. */
function login(...lines: readonly string[]): Transcript {
  return transcript(`# A user logs in.
@requires STARTTLS
@requires AUTH
S~ 220 .*
C: EHLO client.example.org
S* 250-
S! 250.AUTH.*
S~ 250 .*
C: STARTTLS
S~ 220 .*
== tls
C: EHLO client.example.org
S* 250-
S~ 250 .*
C: AUTH ${lines.join("\nS~ 334 .*\nC: ")}
S~ 235 .*
C: QUIT
S~ 221 .*
== close
`);
}

const SECRET = "${secret:auth}";

const LOGINS: readonly Transcript[] = [
  login(`PLAIN ${SECRET}`),
  login("PLAIN", SECRET),
  login(`LOGIN ${SECRET}`, SECRET),
  login("LOGIN", SECRET, SECRET),
];

function play(
  port: number,
  played: Transcript,
  splits: readonly Split[],
  secrets: Readonly<Record<string, string>> = {},
): Promise<Played> {
  const server = new LiveServer({
    server: { transport: "tcp", hostname: "127.0.0.1", port },
    timeoutMs: TIMEOUT_MS,
  });
  return server.play(played, {
    splits,
    readMessage: (path) => Deno.readFileSync(new URL(path, FIXTURES)),
    secrets: new Map(Object.entries(secrets)),
  });
}

/** All fixtures' texts. */
function fixtures(): string[] {
  return [...Deno.readDirSync(FIXTURES)].map(({ name }) =>
    Deno.readTextFileSync(new URL(name, FIXTURES))
  );
}

/** The same conversation with any replies, so that it goes on to its end. */
function withAnyReplies(text: string): string {
  return text
    .replaceAll(/^S(?:[*!]|[:~] \d{3}-).*\n/gm, "")
    .replaceAll(/^S[:~] .*$/gm, String.raw`S*${"\n"}S~ \d{3} .*`);
}

/** Plays them, some at a time; how many passed, failed and were skipped. */
async function playAll(
  port: number,
  texts: readonly string[],
): Promise<Record<"passed" | "failed" | "skipped", number>> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const left = [...texts];
  const playNext = async () => {
    for (let text; (text = left.pop()) !== undefined;) {
      const { failure, skipped } = await play(port, transcript(text), [
        "whole",
      ]);
      if (failure !== undefined) counts.failed++;
      else if (skipped !== undefined) counts.skipped++;
      else counts.passed++;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, playNext));
  return counts;
}

for (const { name, ignore, start, user } of SERVERS) {
  Deno.test({
    name: `postern replay plays every fixture against ${name} to an end`,
    ignore: ignore || DIRECT,
    async fn() {
      await using server = await start();
      const { code, output } = await postern([
        ...["replay", "--server", `127.0.0.1:${server.port}`],
        ...["--timeout", `${TIMEOUT_MS}ms`, "--reporter", "json"],
        fileURLToPath(FIXTURES),
      ], { withinMs: ALL_MS });
      assertEquals(code, 1, output);
      const { verdicts }: { verdicts: Verdict[] } = JSON.parse(output);
      assertEquals(
        verdicts.map(({ file }) => basename(file)),
        [...Deno.readDirSync(FIXTURES)].map(({ name }) => name).sort(),
      );
      // Any server says goodbye; none but Postern says it all in its words.
      assertEquals(new Set(verdicts.map(({ status }) => status)), STATUSES);
      for (const { file, status, failure } of verdicts) {
        assertEquals(failure !== undefined, status === "failed", file);
        if (failure === undefined) continue;
        assert(Number.isInteger(failure.line), file);
        assert(failure.expected !== "" && failure.came !== "", file);
      }
    },
  });

  Deno.test({
    name:
      `LiveServer plays every fixture with any replies against ${name} to an end`,
    ignore,
    async fn() {
      await using server = await start();
      const counts = await within(
        "an end of every conversation",
        playAll(server.port, fixtures().map(withAnyReplies)),
        ALL_MS,
      );
      assert(counts.passed >= 1, "some pass");
      assert(counts.failed >= 1, "some differ");
      assert(counts.skipped >= 1, "some can't be played");
    },
  });

  Deno.test({
    name: `LiveServer plays a message against ${name} as it does anywhere`,
    ignore,
    async fn() {
      await using server = await start();
      const played = await play(server.port, transcript(MESSAGE), SPLITS);
      assertEquals(played, { plays: 3 });
    },
  });

  Deno.test({
    name: `LiveServer logs in to ${name}, where that can be done`,
    ignore,
    async fn() {
      await using server = await start();
      for (const login of LOGINS) {
        const right = { auth: user ?? "joe:pw" };
        const played = await play(server.port, login, SPLITS, right);
        if (user === undefined) {
          const skipped = "the server does not offer STARTTLS, AUTH";
          assertEquals(played, { plays: 0, skipped });
          continue;
        }
        assertEquals(played, { plays: 3 });
        const wrong = { auth: "joe:pw" };
        const { failure } = await play(server.port, login, ["whole"], wrong);
        assertMatch(failure?.came ?? "", /^535 /);
      }
    },
  });
}
