/**
 * Clients beyond what `tests/real/support/clients.ts` has of them: with other
 * options, and those that only talk.
 *
 * @module
 */

import config from "../../../deno.json" with { type: "json" };
import nodemailer from "npm:nodemailer@10.6.0";
import { type Finished, run } from "../../../tests/real/support/child.ts";
import { CLIENTS } from "../../../tests/real/support/clients.ts";
import { type Message, withLf } from "../../../tests/real/support/messages.ts";
import { PROGRAM, PROGRAM_ARGS } from "../../../tests/real/support/postern.ts";
import { needPrograms, versionOf } from "./packages.ts";
import { postfixTo, postfixVersion } from "./postfix.ts";
import { CLIENT_HOST, folderIn } from "./server.ts";

/** Version of Postern, on either side. */
export const POSTERN_VERSION: string = config.version;

/** Each client with its version, by the name it has in the names of files. */
export const SOFTWARE = {
  swaks: async () =>
    `swaks ${await version(/version (\S+)/, "swaks", "--version")}`,
  curl: async () => `curl ${await version(/^curl (\S+)/, "curl", "-V")}`,
  msmtp: async () =>
    `msmtp ${await version(/version (\S+)/, "msmtp", "--version")}`,
  smtplib: async () =>
    `smtplib of Python ${await version(/^Python (\S+)/, "python3", "-V")}`,
  nodemailer: () => Promise.resolve(`nodemailer ${nodemailerVersion()}`),
  postfix_smtp: async () => `smtp of Postfix ${await postfixVersion()}`,
  postern_send: () => Promise.resolve(`postern send ${POSTERN_VERSION}`),
  smtp_source: async () => `smtp-source of Postfix ${await postfixVersion()}`,
} as const;

async function version(
  pattern: RegExp,
  program: string,
  argument: string,
): Promise<string> {
  needPrograms(program);
  return await versionOf(pattern, program, argument);
}

function nodemailerVersion(): string {
  const { transporter } = nodemailer.createTransport({});
  return transporter.version.replace(/\[.*/, "");
}

/** Sends a message with a client of the tests, whatever becomes of it. */
export async function send(
  name: string,
  port: number,
  message: Message,
): Promise<void> {
  const client = CLIENTS.find((client) => client.name === name);
  if (client === undefined) throw new Error(`Cannot find client "${name}"`);
  // A refusal is an error there; here the recording tells.
  await client.send(port, message).catch(() => {});
}

/** swaks, which waits for every reply unless `options` say otherwise. */
export async function swaks(
  port: number,
  { content, from, to }: Message,
  ...options: readonly string[]
): Promise<Finished> {
  return await run("swaks", [
    ...["--server", "127.0.0.1", "--port", `${port}`, "--ehlo", CLIENT_HOST],
    ...["--from", from, "--to", to.join(","), "--data", "-"],
    ...options,
  ], { stdin: withLf(content) });
}

/** curl with a request instead of a message. */
export async function curlRequest(
  port: number,
  ...options: readonly string[]
): Promise<Finished> {
  return await run("curl", [
    ...["--silent", "--show-error", ...options],
    `smtp://127.0.0.1:${port}/${CLIENT_HOST}`,
  ]);
}

/** Python's smtplib, with `statements` about `server` and `message`. */
export async function smtplib(
  port: number,
  message: Message,
  statements: string,
): Promise<Finished> {
  const script = `
import smtplib, sys
message = sys.stdin.buffer.read()
with smtplib.SMTP("127.0.0.1", ${port}, "${CLIENT_HOST}") as server:
${statements.trim().replaceAll(/^/gm, "    ")}
`;
  return await run("python3", ["-c", script], { stdin: message.content });
}

/** nodemailer: all messages over one connection. */
export async function nodemailerPool(
  port: number,
  messages: readonly Message[],
): Promise<void> {
  const transport = nodemailer.createTransport({
    host: "127.0.0.1",
    port,
    name: CLIENT_HOST,
    ignoreTLS: true,
    pool: true,
    maxConnections: 1,
  });
  try {
    for (const { from, to, content } of messages) {
      await transport.sendMail({
        envelope: { from, to: [...to] },
        raw: withLf(content),
      });
    }
  } finally {
    transport.close();
  }
}

/** Postfix: what its `smtpd` gets from curl goes to `port`. */
export async function postfixSmtp(
  port: number,
  stack: AsyncDisposableStack,
  message: Message,
): Promise<void> {
  const start = postfixTo(port, CLIENT_HOST);
  const postfix = await start(stack, await folderIn(stack));
  await send("curl", postfix.port, message);
}

/** smtp-source: a message of the tests, or with `-o` one of its own. */
export async function smtpSource(
  port: number,
  message: Message,
  ...options: readonly string[]
): Promise<Finished> {
  return await run("/usr/sbin/smtp-source", [
    ...["-M", CLIENT_HOST, "-f", message.from, "-t", message.to[0]!],
    ...options.includes("-o") ? [] : ["-F", "/dev/stdin"],
    ...options,
    `127.0.0.1:${port}`,
  ], { stdin: withLf(message.content) });
}

/** Postern's own `send`; with `userInfo`, `USER:PASSWORD@`, it logs in. */
export async function posternSend(
  port: number,
  { from, to, content }: Message,
  userInfo = "",
): Promise<Finished> {
  const scheme = userInfo === "" ? "smtp" : "plain";
  const config = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    await Deno.writeTextFile(
      config,
      `[server]\nhostname = "${CLIENT_HOST}"\n[relay]\ntls = "off"\n`,
    );
    return await run(PROGRAM, [
      ...[...PROGRAM_ARGS, "send", "-c", config, "--from", from],
      ...["--server", `${scheme}://${userInfo}127.0.0.1:${port}`],
      ...to.flatMap((to) => ["--to", to]),
    ], { stdin: withLf(content) });
  } finally {
    await Deno.remove(config);
  }
}
