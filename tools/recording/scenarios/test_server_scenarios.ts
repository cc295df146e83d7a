/**
 * Libraries and test programs as relays: aiosmtpd, smtp-server, and Postfix's
 * `smtp-sink`.
 *
 * @module
 */

import { aiosmtpd } from "../software/aiosmtpd.ts";
import { smtpSink } from "../software/postfix.ts";
import { CREDENTIALS, type Start } from "../software/server.ts";
import { smtpServer } from "../software/smtp_server.ts";
import {
  ACCEPTED,
  BLOCKED,
  GONE,
  login,
  MIXED,
  PLAIN,
  posternLogin,
  row,
  TWO,
} from "./relay_row.ts";
import type { RelayScenario } from "./scenario.ts";

const AIOSMTPD = ["aiosmtpd", aiosmtpd] as const;
const SMTP_SERVER = ["smtp_server", smtpServer] as const;

function sink(...options: string[]): readonly [string, Start] {
  return ["smtp_sink", smtpSink(...options)];
}

/** All of them, by server. */
export const TEST_SERVER_SCENARIOS: readonly RelayScenario[] = [
  row(AIOSMTPD, "accepted", "aiosmtpd takes a message for two", ACCEPTED, TWO),
  row(
    AIOSMTPD,
    "sender_refused",
    "aiosmtpd refuses the sender",
    /^S: 550 5\.7\.1 Sender refused here$/m,
    BLOCKED,
  ),
  row(
    AIOSMTPD,
    "recipient_refused",
    "aiosmtpd takes a message for one of three: one is unknown, one full",
    /^S: 550 5\.1\.1 [^]*^S: 452 4\.2\.2 [^]*^S: 250 /m,
    MIXED,
  ),
  login(
    AIOSMTPD,
    "auth_plain",
    "swaks logs in to aiosmtpd with AUTH PLAIN",
    /^C: AUTH PLAIN \$\{secret:auth\}\nS: 235 /m,
    "PLAIN",
  ),
  login(
    AIOSMTPD,
    "auth_login",
    "swaks logs in to aiosmtpd with AUTH LOGIN",
    /^C: AUTH LOGIN\nS: 334 .*\nC: \$\{secret:auth\}\nS: 334 /m,
    "LOGIN",
  ),
  row(
    SMTP_SERVER,
    "accepted",
    "smtp-server takes a message for two",
    ACCEPTED,
    TWO,
  ),
  row(
    SMTP_SERVER,
    "sender_refused",
    "smtp-server refuses the sender",
    /^S: 550 5\.7\.1 Sender refused here$/m,
    BLOCKED,
  ),
  row(
    SMTP_SERVER,
    "recipient_refused",
    "smtp-server takes a message for one of three: one is unknown, one full",
    /^S: 550 5\.1\.1 [^]*^S: 452 4\.2\.2 [^]*^S: 250 /m,
    MIXED,
  ),
  posternLogin(
    SMTP_SERVER,
    "postern_auth",
    "smtp-server lets Postern log in with AUTH PLAIN and takes its message",
    /^C: AUTH PLAIN \$\{secret:auth\}\nS: 235 /m,
  ),
  login(
    SMTP_SERVER,
    "auth_plain",
    "swaks logs in to smtp-server with AUTH PLAIN",
    /^C: AUTH PLAIN \$\{secret:auth\}\nS: 235 /m,
    "PLAIN",
  ),
  login(
    SMTP_SERVER,
    "auth_login",
    "swaks logs in to smtp-server with AUTH LOGIN",
    /^C: AUTH LOGIN\nS: 334 .*\nC: \$\{secret:auth\}\nS: 334 /m,
    "LOGIN",
  ),
  login(
    SMTP_SERVER,
    "auth_cram_md5",
    "swaks logs in to smtp-server with AUTH CRAM-MD5",
    /^C: AUTH CRAM-MD5\nS: 334 .*\nC: \$\{secret:auth\}\nS: 235 /m,
    "CRAM-MD5",
  ),
  login(
    SMTP_SERVER,
    "auth_refused",
    "swaks gives smtp-server a wrong password",
    /^C: AUTH PLAIN \$\{secret:wrong\}\nS: 535 5\.7\.8 /m,
    "PLAIN",
    CREDENTIALS.wrongPassword,
  ),
  row(sink(), "accepted", "smtp-sink takes a message for two", ACCEPTED, TWO),
  row(
    sink("-p", "-8", "-E", "-N"),
    "few_extensions",
    "smtp-sink offers next to nothing and takes a message",
    ACCEPTED,
    TWO,
  ),
  row(
    sink("-e"),
    "no_ehlo",
    "smtp-sink does not know EHLO and takes a message",
    /^C: HELO .*$[^]*^C: \.$/m,
    PLAIN,
  ),
  row(
    sink("-r", "CONNECT"),
    "greeting_deferred",
    "smtp-sink greets with a refusal for now",
    /^S: 450 4\.3\.0 /m,
    PLAIN,
  ),
  row(
    sink("-r", "MAIL"),
    "sender_deferred",
    "smtp-sink refuses the sender for now",
    /^C: MAIL .*\nS: 450 4\.3\.0 /m,
    PLAIN,
  ),
  row(
    sink("-f", "RCPT"),
    "recipients_refused",
    "smtp-sink refuses every recipient",
    /^S: 500 5\.3\.0 /m,
    TWO,
  ),
  row(
    sink("-f", "DATA"),
    "data_refused",
    "smtp-sink refuses DATA",
    /^C: DATA\nS: 500 5\.3\.0 /m,
    PLAIN,
  ),
  row(
    sink("-r", "."),
    "message_deferred",
    "smtp-sink refuses the message for now, at its end",
    /^C: \.\nS: 450 4\.3\.0 /m,
    PLAIN,
  ),
  row(
    sink("-q", "DATA"),
    "gone_at_data",
    "smtp-sink hangs up at DATA",
    GONE,
    PLAIN,
  ),
  row(
    sink("-Q", "RCPT"),
    "closing_at_rcpt",
    "smtp-sink closes with 421 at RCPT",
    /^S: 421 [^]*^== close$/m,
    PLAIN,
  ),
];
