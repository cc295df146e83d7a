/**
 * Transcripts as servers for the clients people really use: each plays one
 * through, and what another client would say is found at its line.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ListeningServer } from "../../lib/live/listening.ts";
import type { Played } from "../../lib/replay/played.ts";
import type { Split } from "../../lib/replay/splits.ts";
import { transcript } from "../transcript/support.ts";
import { Child, missing } from "./support/child.ts";
import { type Client, CLIENTS } from "./support/clients.ts";
import { type Message, MESSAGES } from "./support/messages.ts";
import { DIRECT, PROGRAM, PROGRAM_ARGS } from "./support/postern.ts";
import { until, within } from "./support/wait.ts";

/** How long a client may take to start, and for each of its lines, in ms. */
const TIMEOUT_MS = 20_000;

/** How long it may take in all, in ms. */
const ALL_MS = 60_000;

const WRITTEN = `# Any client sends a message.

S: 220 mx.example.org ESMTP
C: EHLO anyone
S: 250-mx.example.org
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 SMTPUTF8
C: MAIL FROM:<sender@example.org>
S: 250 2.1.0 Sender fine
C: RCPT TO:<recipient@example.org>
S: 250 2.1.5 Recipient fine
C: DATA
S: 354 Send it
C: From: Sender <sender@example.org>
C: To: Recipient <recipient@example.org>
C: Subject: Plain text
C: Date: \${date}
C: Message-ID: <\${id}@example.org>
C:
C: Hello,
C:
C: this is all.
C:
C: .
S: 250 2.0.0 Queued
C: QUIT
S: 221 2.0.0 Bye
== close
`;

/** What the transcript has wrong of a client, and the line where that shows. */
const WRONG: readonly [from: string, to: string, line: number][] = [
  ["<sender@example.org>\nS", "<other@example.org>\nS", 9],
  ["RCPT TO:<recipient@", "RCPT TO:<other@", 11],
  ["C: this is all.", "C: this is not all.", 23],
];

/** Swaks says something else. */
const ANOTHER = WRITTEN.replace("C: RCPT TO:<recipient", "C: RCPT TO:<other");

/** Someone takes such a message. */
function transcriptOf({ from, to }: Message): string {
  const recipients = to.map((path) => `C: RCPT TO:<${path}>\nS: 250 Fine\n`);
  return WRITTEN
    .replace("<sender@example.org>\nS", `<${from}>\nS`)
    .replace(/C: RCPT.*\n.*\n/, recipients.join(""))
    .replace(/C: From:[^]*?\nC: \.\n/, "C< message.eml\n");
}

/** Clients that close without a QUIT. */
const RUDE: readonly string[] = ["nodemailer"];

/** The transcript with the end that a client makes of it. */
function endedBy({ name }: Client, text: string): string {
  return RUDE.includes(name) ? text.replace(/C: QUIT[^]*/, "== eof\n") : text;
}

/** What comes of a transcript with that client, once for each split. */
async function play(
  text: string,
  client: Client,
  message: Message,
  splits: readonly Split[] = ["whole"],
): Promise<Played> {
  await using server = await ListeningServer.listen({
    listen: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
    timeoutMs: TIMEOUT_MS,
  });
  const { address } = server;
  if (address.transport !== "tcp") throw new TypeError("Expected a port");
  const playing = server.play(transcript(endedBy(client, text)), {
    splits,
    readMessage: () => message.content,
  });
  const sending = async () => {
    // Whether it was content is told by the transcript.
    for (const _ of splits) {
      await client.send(address.port, message).catch(() => {});
    }
  };
  const both = Promise.all([playing, sending()]);
  const [played] = await within("the conversation's end", both, ALL_MS);
  return played;
}

for (const client of CLIENTS) {
  Deno.test({
    name: `ListeningServer plays a transcript through with ${client.name}`,
    ignore: missing(...client.needs).length > 0,
    async fn(t) {
      const [plain] = MESSAGES;
      await t.step("as it is written, however it is cut", async () => {
        const splits = ["whole", "bytes", "random:1"] as const;
        const played = await play(WRITTEN, client, plain!, splits);
        assertEquals(played, { plays: splits.length });
      });
      for (const [from, to, line] of WRONG) {
        await t.step(`and finds what is wrong in line ${line}`, async () => {
          const text = WRITTEN.replace(from, to);
          const { failure } = await play(text, client, plain!);
          assertEquals(failure?.line, line);
        });
      }
      for (const message of MESSAGES) {
        await t.step({
          name: `with ${message.name}`,
          ignore: message.utf8 && !client.utf8,
          async fn() {
            const played = await play(transcriptOf(message), client, message);
            assertEquals(played, { plays: 1 });
          },
        });
      }
    },
  });
}

Deno.test({
  name:
    "postern replay --listen plays a transcript through with swaks, and ends",
  ignore: DIRECT || missing("swaks").length > 0,
  async fn() {
    const [swaks] = CLIENTS;
    const file = await Deno.makeTempFile({ suffix: ".txt" });
    try {
      for (const [text, status] of [[WRITTEN, 0], [ANOTHER, 1]] as const) {
        await Deno.writeTextFile(file, text);
        await using program = new Child(PROGRAM, [
          ...[...PROGRAM_ARGS, "replay", "--as", "relay"],
          ...["--listen", "127.0.0.1:0", "--reporter", "tap", file],
        ]);
        const port = await until("Postern to listen", () => {
          if (program.status !== undefined) throw new Error(program.output);
          return /^Listening on .*:(\d+)$/m.exec(program.output)?.[1];
        });
        await swaks!.send(Number(port), MESSAGES[0]!).catch(() => {});
        const ended = await until("its end", () => program.status);
        assertEquals(ended.code, status, program.output);
      }
    } finally {
      await Deno.remove(file);
    }
  },
});
