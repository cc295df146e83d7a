/**
 * Clients that log in before they send a message.
 *
 * @module
 */

import nodemailer from "npm:nodemailer@10.6.0";
import { run } from "./child.ts";
import { type Message, withLf } from "./messages.ts";

/** Who logs in, and how. */
export interface Login {
  /** PLAIN, LOGIN or CRAM-MD5. */
  readonly mechanism: string;
  /** The user. */
  readonly user: string;
  /** His password. */
  readonly password: string;
}

/** A client that can. */
export interface LoginClient {
  /** Its name, for the test's. */
  readonly name: string;
  /** Programs it needs on this machine. */
  readonly needs: readonly string[];
  /** Sends `message` to 127.0.0.1:`port`; fails where it could not. */
  send(port: number, message: Message, login: Login): Promise<void>;
}

/** EHLO argument of every client that can be told. */
const EHLO = "client.example.org";

async function runWell(
  program: string,
  args: readonly string[],
  stdin: Uint8Array,
): Promise<void> {
  const { code, output } = await run(program, args, { stdin });
  if (code !== 0) throw new Error(output);
}

function swaks(
  port: number,
  { from, to, content }: Message,
  { mechanism, user, password }: Login,
): Promise<void> {
  return runWell("swaks", [
    ...["--server", "127.0.0.1", "--port", `${port}`, "--ehlo", EHLO],
    ...["--auth", mechanism, "--auth-user", user, "--auth-password", password],
    ...["--from", from, "--to", to.join(","), "--data", "-"],
  ], withLf(content));
}

/** It chooses from what is offered. */
const SMTPLIB = `
import smtplib, sys
port, mechanism, user, password, sender, *recipients = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", int(port), "${EHLO}") as server:
    server.ehlo()
    server.esmtp_features["auth"] = mechanism
    server.login(user, password)
    server.sendmail(sender, recipients, sys.stdin.buffer.read())
`;

function smtplib(
  port: number,
  { from, to, content }: Message,
  { mechanism, user, password }: Login,
): Promise<void> {
  return runWell("python3", [
    ...["-c", SMTPLIB, `${port}`, mechanism, user, password, from, ...to],
  ], content);
}

async function viaNodemailer(
  port: number,
  { from, to, content }: Message,
  { mechanism, user, password }: Login,
): Promise<void> {
  const transport = nodemailer.createTransport({
    host: "127.0.0.1",
    port,
    name: EHLO,
    secure: false,
    ignoreTLS: true,
    auth: { user, pass: password },
    authMethod: mechanism,
  });
  try {
    await transport.sendMail({
      envelope: { from, to: [...to] },
      raw: withLf(content),
    });
  } finally {
    transport.close();
  }
}

function curl(
  port: number,
  { from, to, content }: Message,
  { mechanism, user, password }: Login,
): Promise<void> {
  return runWell("curl", [
    ...["--silent", "--show-error", `smtp://127.0.0.1:${port}/${EHLO}`],
    ...["--user", `${user}:${password}`],
    ...["--login-options", `AUTH=${mechanism}`],
    ...["--mail-from", from, ...to.flatMap((to) => ["--mail-rcpt", to])],
    ...["--upload-file", "-"],
  ], content);
}

/** Every client. */
export const LOGIN_CLIENTS: readonly LoginClient[] = [
  { name: "swaks", needs: ["swaks"], send: swaks },
  { name: "smtplib", needs: ["python3"], send: smtplib },
  { name: "nodemailer", needs: [], send: viaNodemailer },
  { name: "curl", needs: ["curl"], send: curl },
];
