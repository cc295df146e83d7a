/**
 * Whatever a client or a relay says, no line of the log and no reply holds a
 * control character of theirs, or is one that they made up.
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { type ConfigInput, Log, serve } from "../../mod.ts";
import { memorySink } from "../../lib/log/sink.ts";
import { random } from "../../lib/replay/random.ts";
import { RawClient } from "../support/raw_client.ts";
import {
  type Answer,
  type Behaviour,
  ScriptedRelay,
} from "../support/scripted_relay.ts";

/** What a peer may say to deceive who reads the log; one character a byte. */
const PIECES = [
  ...["\r", "\n", "\0", "\t", "\x07", "\b", "\x1b[2J", "\x1b]0;x\x07", "\x7f"],
  // C1 controls, alone and in UTF-8; line separators; a reversed order; the
  // half of a character.
  ...[
    "\x85",
    "\x9b31m",
    "\xc2\x85",
    "\xc2\x9b",
    "\xe2\x80\xa8",
    "\xe2\x80\xa9",
  ],
  ...["\xe2\x80\xae", "\xef\xbb\xbf", "\xe2\x80", "\xff", "\xc3\xa9"],
  ...["a", "@", "<", ">", '"', "\\", " ", "=", "+0A", "250 ok", "{", "}", ","],
  "2026-11-24T11:08:26.123Z error forged",
];

/** What must not stand in a line, once it is text. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

/** In the log nothing invisible either. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

const ROUNDS = 400;

function hostileText(next: () => number): string {
  let text = "";
  for (let left = 1 + Math.floor(next() * 5); left > 0; left--) {
    text += PIECES[Math.floor(next() * PIECES.length)];
  }
  // Two commands in one line are the framing's tests' affair.
  return text.replaceAll("\r\n", "\n");
}

/** Commands of a session, with the text in them. */
const COMMANDS: ((text: string) => string)[] = [
  (text) => `EHLO ${text}`,
  (text) => `HELO ${text}`,
  (text) => `LHLO ${text}`,
  (text) => `MAIL FROM:<${text}>`,
  (text) => `MAIL FROM:<"${text}"@example.org>`,
  (text) => `MAIL FROM:<a@example.org> ${text}`,
  (text) => `MAIL FROM:<a@example.org> SMTPUTF8 ENVID=${text}`,
  (text) => `RCPT TO:<${text}@localhost>`,
  (text) => `RCPT TO:<"${text}"@localhost>`,
  (text) => `RCPT TO:<b@localhost> NOTIFY=${text}`,
  (text) => `AUTH ${text}`,
  (text) => `AUTH PLAIN ${text}`,
  (text) => `AUTH PLAIN ${Buffer.from(text, "latin1").toString("base64")}`,
  (text) => `VRFY ${text}`,
  (text) => `XCLIENT NAME=${text}`,
  (text) => `XFORWARD HELO=${text}`,
  (text) => `STARTTLS ${text}`,
  (text) => text,
];

/** Steps of the relay whose replies have the text in them. */
const STEPS = ["EHLO", "MAIL", "RCPT", "DATA", "END"] as const;

/** Each reply is one that this server would give. */
function checkReply(reply: string, sent: string): void {
  const text = Buffer.from(reply, "latin1").toString("utf8");
  assert(text.endsWith("\r\n"), `${JSON.stringify(text)} to ${sent}`);
  for (const line of text.slice(0, -2).split("\r\n")) {
    const isReply = /^[2-5]\d\d[ -]/.test(line) && !CONTROL.test(line);
    assert(isReply, `${JSON.stringify(line)} to ${JSON.stringify(sent)}`);
  }
}

function checkLog(lines: readonly string[], format: "text" | "json"): void {
  assert(lines.length > 0);
  for (const line of lines) {
    assert(!UNPRINTABLE.test(line), JSON.stringify(line));
    if (format === "json") JSON.parse(line);
    else assert(/^\d{4}-\S+Z (debug|info|warn|error) /.test(line), line);
  }
}

/** A server whose log is looked at as it is written. */
async function logged(
  format: "text" | "json",
  config: ConfigInput,
  use: (connect: () => Promise<RawClient>) => Promise<void>,
): Promise<void> {
  const sink = memorySink();
  const log = new Log({ level: "debug", format, sink });
  const server = await serve({
    ...config,
    server: { hostname: "mx.test", listen: ["127.0.0.1:0"] },
    limits: { errors: 10_000, ...config.limits },
  }, { log });
  try {
    await use(() => RawClient.greeted(server.addresses[0]));
  } finally {
    await server.close();
    log.close();
  }
  checkLog(sink.lines, format);
}

/** The server has taken `sent` for one line: the next reply is the next one's. */
async function inStep(client: RawClient, sent: string): Promise<void> {
  const help = await client.ask("HELP");
  assertEquals(
    help.slice(0, 3),
    "214",
    `${help} after ${JSON.stringify(sent)}`,
  );
}

for (const format of ["text", "json"] as const) {
  Deno.test(`no control character of a client's reaches a reply or a ${format} log`, async () => {
    const next = random(1);
    await using relay = new ScriptedRelay();
    const config = { relay: { url: relay.url } };
    await logged(format, config, async (connect) => {
      for (let round = 0; round < ROUNDS / COMMANDS.length; round++) {
        using client = await connect();
        for (const command of COMMANDS) {
          const sent = command(hostileText(next));
          checkReply(await client.ask(sent), sent);
          await inStep(client, sent);
        }
        const { end } = await client.mail({ data: `${hostileText(next)}\r\n` });
        if (end !== "") checkReply(end, "a message");
        // Whatever follows one that can't be read, the session may end there.
        const last = `BDAT ${hostileText(next)}`;
        checkReply(await client.ask(last), last);
      }
    });
  });

  Deno.test(`no control character of a relay's reaches a reply or a ${format} log`, async () => {
    const next = random(2);
    let step: string = "";
    let said = "";
    /** Its reply at `own`: the usual one, or one with the text. */
    const at = (own: string, usual: string): Answer => (peer) =>
      step === own ? peer.write(said) : usual;
    await using relay = new ScriptedRelay([
      {
        EHLO: at("EHLO", "250-relay.test\r\n250 PIPELINING"),
        MAIL: at("MAIL", "250 2.1.0 Fine"),
        RCPT: at("RCPT", "250 2.1.5 Fine"),
        DATA: at("DATA", "354 Go"),
        END: at("END", "250 2.0.0 Queued"),
      } satisfies Behaviour,
    ]);
    const config: ConfigInput = {
      relay: { url: relay.url, pool: 0 },
      limits: { read_timeout: "500ms" },
    };
    await logged(format, config, async (connect) => {
      using client = await connect();
      for (let round = 0; round < ROUNDS / 4; round++) {
        step = STEPS[round % STEPS.length]!;
        const code = ["250", "354", "450", "550"][round % 4]!;
        const text = hostileText(next);
        said = round % 3 === 0
          ? `${code}-${text}\r\n${code} ${hostileText(next)}\r\n`
          : `${code} 5.7.1 ${text}\r\n`;
        const { mail, rcpt, data, end } = await client.mail();
        for (const reply of [mail, ...rcpt, data, end]) {
          if (reply !== "") checkReply(reply, said);
        }
        await client.ask("RSET");
        await inStep(client, said);
      }
    });
  });
}
