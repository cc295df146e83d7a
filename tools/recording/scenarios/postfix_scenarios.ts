/**
 * Postfix as a client: its `smtp`, and its test program `smtp-source`.
 *
 * @module
 */

import { postfixSmtp, smtpSource } from "../software/clients.ts";
import { postfixSmtpd, smtpSink } from "../software/postfix.ts";
import {
  DENIED,
  DOTS,
  EIGHT_BIT,
  LARGE,
  ONE_ELSEWHERE,
  PLAIN,
  RELAYED,
  row,
  SMALL,
  STORED,
  STRANGER,
  TWO,
  UTF8,
} from "./client_row.ts";
import type { ClientScenario } from "./scenario.ts";

/** All of them, by client. */
export const POSTFIX_SCENARIOS: readonly ClientScenario[] = [
  row(
    "postfix_smtp",
    "plain",
    "Postfix's smtp sends a message for two, pipelined",
    /^C: RCPT .*\nC: RCPT .*\nC: DATA$/m,
    (port, stack) => postfixSmtp(port, stack, TWO),
  ),
  row(
    "postfix_smtp",
    "recipient_refused",
    "Postfix's smtp, pipelined, has one of two recipients refused",
    DENIED,
    (port, stack) => postfixSmtp(port, stack, ONE_ELSEWHERE),
    { toml: STRANGER },
  ),
  row(
    "postfix_smtp",
    "utf8",
    "Postfix's smtp sends to addresses in UTF-8",
    /^C: MAIL .* SMTPUTF8\b.*$/m,
    (port, stack) => postfixSmtp(port, stack, UTF8),
  ),
  row(
    "postfix_smtp",
    "too_large",
    "Postfix's smtp reads SIZE and does not even try",
    /^S: 250 HELP\n(?:C: QUIT|== eof)$/m,
    (port, stack) => postfixSmtp(port, stack, LARGE),
    { toml: SMALL },
  ),
  row(
    "postfix_smtp",
    "8bit",
    "Postfix's smtp sends a body of 8 bits",
    STORED,
    (port, stack) => postfixSmtp(port, stack, EIGHT_BIT),
  ),
  row(
    "postfix_smtp",
    "dots",
    "Postfix's smtp sends a message whose lines begin with dots",
    STORED,
    (port, stack) => postfixSmtp(port, stack, DOTS),
  ),
  row(
    "postfix_smtp",
    "relayed",
    "Postfix's smtp sends a message that another Postfix takes",
    RELAYED,
    (port, stack) => postfixSmtp(port, stack, PLAIN),
    { relay: postfixSmtpd },
  ),
  row(
    "smtp_source",
    "plain",
    "smtp-source sends a message",
    STORED,
    (port) => smtpSource(port, PLAIN),
  ),
  row(
    "smtp_source",
    "recipients",
    "smtp-source sends a message for five",
    /(?:^C: RCPT [^]*?){5}^S: 250 2\.0\.0 Message delivered$/m,
    (port) => smtpSource(port, PLAIN, "-r", "5"),
  ),
  row(
    "smtp_source",
    "messages",
    "smtp-source sends three messages over one connection",
    /(?:^C: \.$[^]*?){3}^S: 250 2\.0\.0 Message delivered$/m,
    (port) => smtpSource(port, PLAIN, "-d", "-m", "3"),
  ),
  row(
    "smtp_source",
    "old",
    "smtp-source begins without HELO and with no header section",
    /^S: 220 .*\nC: MAIL /m,
    (port) => smtpSource(port, PLAIN, "-o"),
  ),
  row(
    "smtp_source",
    "relayed",
    "smtp-source sends two messages that smtp-sink takes over one connection",
    /(?:^P: \.\nR: 250 2\.0\.0 Ok\nS: 250 2\.0\.0 Ok$[^]*?){2}/m,
    (port) => smtpSource(port, PLAIN, "-d", "-m", "2"),
    { relay: smtpSink() },
  ),
];
