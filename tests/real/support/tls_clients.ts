/**
 * The clients people really use, in TLS, each with the mechanisms it knows for
 * logging in. They check the server's certificate.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import nodemailer from "npm:nodemailer@10.6.0";
import { run } from "./child.ts";
import { type Message, withDots, withLf } from "./messages.ts";

/** How the connection is secured. */
export type TlsMode = "STARTTLS" | "TLS from the start";

/** Who logs in, and how. */
export interface Login {
  /** A SASL mechanism. */
  readonly mechanism: string;
  /** The user. */
  readonly user: string;
  /** His password, or under XOAUTH2 and OAUTHBEARER a token. */
  readonly secret: string;
}

/** Where a client sends, and how. */
export interface Target {
  /** Port of `localhost`. */
  readonly port: number;
  /** How the connection is secured. */
  readonly mode: TlsMode;
  /** File of the authority that the server's certificate must be from. */
  readonly ca: string;
  /** Where it logs in. */
  readonly login?: Login;
}

/** A client. */
export interface TlsClient {
  /** Its name, for the test's. */
  readonly name: string;
  /** Programs it needs on this machine. */
  readonly needs: readonly string[];
  /** Mechanisms it knows, of those that Postern has. */
  readonly mechanisms: readonly string[];
  /** Sends `message`; fails, with all that it said, where it could not. */
  send(target: Target, message: Message): Promise<void>;
}

/** EHLO argument of every client that can be told. */
const EHLO = "client.example.org";

async function runWell(
  program: string,
  args: readonly string[],
  stdin?: Uint8Array,
): Promise<string> {
  const options = stdin === undefined ? {} : { stdin };
  const { code, output } = await run(program, args, options);
  if (code !== 0) throw new Error(output);
  return output;
}

async function withFile(
  content: Uint8Array,
  use: (path: string) => Promise<unknown>,
): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "postern-message-" });
  try {
    await Deno.writeFile(path, content);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

async function swaks(
  { port, mode, ca, login }: Target,
  { from, to, content }: Message,
): Promise<void> {
  await withFile(withDots(content), (path) =>
    runWell("swaks", [
      ...["--server", "localhost", "--port", `${port}`, "--ehlo", EHLO],
      mode === "STARTTLS" ? "--tls" : "--tls-on-connect",
      ...["--tls-verify", "--tls-ca-path", ca, "--suppress-data"],
      ...(login === undefined ? [] : [
        ...["--auth", login.mechanism, "--auth-user", login.user],
        ...["--auth-password", login.secret],
      ]),
      ...["--from", from, "--to", to.join(","), "--no-data-fixup"],
      ...["--data", `@${path}`],
    ]));
}

/** Says it all at once and hears it in the end: no client, a pipe. */
async function sClient(
  { port, mode, ca, login }: Target,
  { from, to, content }: Message,
): Promise<void> {
  const auth = login && Buffer.from(`\0${login.user}\0${login.secret}`);
  const said = Buffer.concat([
    Buffer.from(
      [
        `EHLO ${EHLO}`,
        ...(auth === undefined
          ? []
          : [`AUTH PLAIN ${auth.toString("base64")}`]),
        `MAIL FROM:<${from}> BODY=8BITMIME`,
        ...to.map((to) => `RCPT TO:<${to}>`),
        "DATA\r\n",
      ].join("\r\n"),
    ),
    withDots(content),
    Buffer.from("\r\nQUIT\r\n"),
  ]);
  const output = await runWell("openssl", [
    ...["s_client", "-connect", `localhost:${port}`, "-quiet"],
    ...["-CAfile", ca, "-verify_return_error"],
    ...["-verify_hostname", "localhost"],
    ...(mode === "STARTTLS" ? ["-starttls", "smtp"] : []),
  ], said);
  if (!/^250 2\.0\.0 [^\n]*\r?\n221 /m.test(output)) throw new Error(output);
}

async function curl(
  { port, mode, ca, login }: Target,
  { from, to, content }: Message,
): Promise<void> {
  const scheme = mode === "STARTTLS" ? "smtp" : "smtps";
  const isToken = login && /^(?:XOAUTH2|OAUTHBEARER)$/.test(login.mechanism);
  await runWell("curl", [
    ...["--silent", "--show-error", `${scheme}://localhost:${port}/${EHLO}`],
    ...["--ssl-reqd", "--cacert", ca],
    ...(login === undefined ? [] : [
      "--login-options",
      `AUTH=${login.mechanism}`,
      ...(isToken
        ? ["--user", login.user, "--oauth2-bearer", login.secret]
        : ["--user", `${login.user}:${login.secret}`]),
    ]),
    ...["--mail-from", from, ...to.flatMap((to) => ["--mail-rcpt", to])],
    ...["--upload-file", "-"],
  ], content);
}

async function msmtp(
  { port, mode, ca, login }: Target,
  { from, to, content }: Message,
): Promise<void> {
  await runWell("msmtp", [
    ...["--host=localhost", `--port=${port}`, `--domain=${EHLO}`],
    ...["--tls=on", `--tls-starttls=${mode === "STARTTLS" ? "on" : "off"}`],
    `--tls-trust-file=${ca}`,
    ...(login === undefined ? ["--auth=off"] : [
      `--auth=${login.mechanism.toLowerCase()}`,
      `--user=${login.user}`,
      `--passwordeval=echo '${login.secret}'`,
    ]),
    ...["--set-from-header=off", "--set-date-header=off", `--from=${from}`],
    ...["--", ...to],
  ], withLf(content));
}

/** It chooses from what is offered. */
const SMTPLIB = `
import smtplib, ssl, sys
port, mode, ca, mechanism, user, secret, sender, *recipients = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
if mode == "STARTTLS":
    server = smtplib.SMTP("localhost", int(port), "${EHLO}")
    server.starttls(context=context)
else:
    server = smtplib.SMTP_SSL("localhost", int(port), "${EHLO}", context=context)
with server:
    server.ehlo()
    if mechanism:
        server.esmtp_features["auth"] = mechanism
        server.login(user, secret)
    server.sendmail(sender, recipients, sys.stdin.buffer.read())
`;

async function smtplib(
  { port, mode, ca, login }: Target,
  { from, to, content }: Message,
): Promise<void> {
  const { mechanism = "", user = "", secret = "" } = login ?? {};
  await runWell("python3", [
    ...["-c", SMTPLIB, `${port}`, mode, ca, mechanism, user, secret, from],
    ...to,
  ], content);
}

async function viaNodemailer(
  { port, mode, ca, login }: Target,
  { from, to, content }: Message,
): Promise<void> {
  const transport = nodemailer.createTransport({
    host: "localhost",
    port,
    name: EHLO,
    secure: mode !== "STARTTLS",
    requireTLS: true,
    tls: { ca: await Deno.readTextFile(ca) },
    ...(login === undefined ? {} : login.mechanism === "XOAUTH2"
      ? {
        auth: { type: "OAuth2", user: login.user, accessToken: login.secret },
      }
      : {
        auth: { user: login.user, pass: login.secret },
        authMethod: login.mechanism,
      }),
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

/** Every client. */
export const TLS_CLIENTS: readonly TlsClient[] = [
  {
    name: "swaks",
    needs: ["swaks"],
    mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5"],
    send: swaks,
  },
  {
    name: "openssl s_client",
    needs: ["openssl"],
    mechanisms: ["PLAIN"],
    send: sClient,
  },
  {
    name: "curl",
    needs: ["curl"],
    mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER"],
    send: curl,
  },
  {
    name: "msmtp",
    needs: ["msmtp"],
    mechanisms: [
      ...["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"],
      ...["XOAUTH2", "OAUTHBEARER"],
    ],
    send: msmtp,
  },
  {
    name: "smtplib",
    needs: ["python3"],
    mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5"],
    send: smtplib,
  },
  {
    name: "nodemailer",
    needs: [],
    mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
    send: viaNodemailer,
  },
];
