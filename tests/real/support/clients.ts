/**
 * The clients people really use, each driven so that it sends a message as it
 * is and shows what the server answered to the end of data.
 *
 * @module
 */

import nodemailer from "npm:nodemailer@10.6.0";
import { run } from "./child.ts";
import { type Message, withDots, withLf } from "./messages.ts";
import { PROGRAM, PROGRAM_ARGS } from "./postern.ts";

/** How a client sends. */
export interface Client {
  /** Its name, for the test's. */
  readonly name: string;
  /** Programs it needs on this machine. */
  readonly needs: readonly string[];
  /** Whether it can send to UTF-8 addresses (RFC 6531). */
  readonly utf8: boolean;
  /** Sends `message` to 127.0.0.1:`port` and gives the server's reply to the final dot. */
  send(port: number, message: Message): Promise<string>;
}

/** EHLO argument of every client that can be told. */
const EHLO = "client.example.org";

/**
 * The reply to the end of data: the line after the 354 in a client's
 * transcript, whose lines from the server begin as `mark` says.
 */
function replyAfterData(transcript: string, mark: RegExp): string {
  const replies = transcript.split(/\r?\n/)
    .filter((line) => mark.test(line))
    .map((line) => line.replace(mark, ""));
  const data = replies.findIndex((reply) => reply.startsWith("354"));
  const reply = replies[data + 1];
  if (data < 0 || reply === undefined) {
    throw new Error(`No reply to the end of data in:\n${transcript}`);
  }
  return reply;
}

async function withFile<T>(
  content: Uint8Array,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const path = await Deno.makeTempFile({ prefix: "postern-message-" });
  try {
    await Deno.writeFile(path, content);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

/** Sends a file just as it stands; whatever line ends it has go over the wire. */
export async function curl(port: number, message: Message): Promise<string> {
  return await withFile(message.content, async (path) => {
    const { output } = await run("curl", [
      "--silent",
      "--show-error",
      "--verbose",
      `smtp://127.0.0.1:${port}/${EHLO}`,
      ...["--mail-from", message.from],
      ...message.to.flatMap((to) => ["--mail-rcpt", to]),
      ...["--upload-file", path],
    ]);
    return replyAfterData(output, /^< /);
  });
}

/**
 * With its own "fixup" swaks appends an empty line, and takes a last line that
 * is a dot for the end of data; so it gets what is to go over the wire.
 */
async function swaks(port: number, message: Message): Promise<string> {
  return await withFile(withDots(message.content), async (path) => {
    const { output } = await run("swaks", [
      ...["--server", "127.0.0.1", "--port", `${port}`, "--ehlo", EHLO],
      ...["--from", message.from, "--to", message.to.join(",")],
      ...["--data", `@${path}`, "--no-data-fixup"],
      ...["--suppress-data", "--pipeline"],
    ]);
    return replyAfterData(output, /^<(?:-|\*\*) +/);
  });
}

async function msmtp(port: number, message: Message): Promise<string> {
  const { output } = await run("msmtp", [
    "--debug",
    ...["--host=127.0.0.1", `--port=${port}`, `--domain=${EHLO}`],
    ...["--tls=off", "--auth=off", `--from=${message.from}`],
    ...["--set-from-header=off", "--set-date-header=off"],
    "--",
    ...message.to,
  ], { stdin: withLf(message.content) });
  return replyAfterData(output, /^<-- /);
}

/** Prints the reply to the end of data; smtplib stuffs the dots. */
const SMTPLIB = `
import smtplib, sys
port, utf8, sender, *recipients = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", int(port), "${EHLO}") as server:
    server.ehlo()
    server.mail(sender, ["BODY=8BITMIME"] + (["SMTPUTF8"] if utf8 == "utf8" else []))
    for recipient in recipients:
        server.rcpt(recipient)
    code, text = server.data(sys.stdin.buffer.read())
    print(code, text.decode())
`;

async function smtplib(port: number, message: Message): Promise<string> {
  const utf8 = message.utf8 ? "utf8" : "ascii";
  const { output } = await run(
    "python3",
    ["-c", SMTPLIB, `${port}`, utf8, message.from, ...message.to],
    { stdin: message.content },
  );
  return output.trim();
}

async function viaNodemailer(port: number, message: Message): Promise<string> {
  const transport = nodemailer.createTransport({
    host: "127.0.0.1",
    port,
    name: EHLO,
    secure: false,
    ignoreTLS: true,
  });
  try {
    const sent: Promise<{ response: string }> = transport.sendMail({
      envelope: {
        from: message.from,
        to: [...message.to],
        use8BitMime: true,
      },
      raw: withLf(message.content),
    });
    return (await sent).response;
  } finally {
    transport.close();
  }
}

async function posternSend(port: number, message: Message): Promise<string> {
  return await withFile(withLf(message.content), async (path) => {
    const { output } = await run(PROGRAM, [
      ...PROGRAM_ARGS,
      ...["send", "--server", `127.0.0.1:${port}`, "--from", message.from],
      ...message.to.flatMap((to) => ["--to", to]),
      path,
    ]);
    return output;
  });
}

/** Every client, the real world's first. */
export const CLIENTS: readonly Client[] = [
  { name: "swaks", needs: ["swaks"], utf8: false, send: swaks },
  { name: "curl", needs: ["curl"], utf8: true, send: curl },
  // Sends such addresses, but without the SMTPUTF8 that they need.
  { name: "msmtp", needs: ["msmtp"], utf8: false, send: msmtp },
  { name: "smtplib", needs: ["python3"], utf8: true, send: smtplib },
  { name: "nodemailer", needs: [], utf8: true, send: viaNodemailer },
  { name: "postern send", needs: [], utf8: true, send: posternSend },
];
