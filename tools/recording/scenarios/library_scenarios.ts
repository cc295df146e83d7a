/**
 * Libraries as clients: Python's smtplib, and nodemailer.
 *
 * @module
 */

import { nodemailerPool, send, smtplib } from "../software/clients.ts";
import { exim } from "../software/exim.ts";
import { REFUSED } from "../software/server.ts";
import {
  DENIED,
  EIGHT_BIT,
  ONE_ELSEWHERE,
  PLAIN,
  row,
  STORED,
  STRANGER,
  TWO,
  UTF8,
} from "./client_row.ts";
import type { ClientScenario } from "./scenario.ts";

/** All of them, by client. */
export const LIBRARY_SCENARIOS: readonly ClientScenario[] = [
  row(
    "smtplib",
    "plain",
    "smtplib's sendmail() sends a message",
    STORED,
    (port) =>
      smtplib(
        port,
        PLAIN,
        'server.sendmail("sender@example.org", "recipient@example.org", message)',
      ),
  ),
  row(
    "smtplib",
    "two_messages",
    "smtplib sends two messages, with RSET and NOOP between them",
    /^C: rset$[^]*^C: noop$[^]*^S: 250 2\.0\.0 Message delivered$/mi,
    (port) =>
      smtplib(
        port,
        PLAIN,
        `
server.sendmail("sender@example.org", "recipient@example.org", message)
server.rset()
server.noop()
server.sendmail("", ["other@example.org"], message)`,
      ),
  ),
  row(
    "smtplib",
    "all_refused",
    "smtplib has every recipient refused and resets",
    /^C: rset$/mi,
    (port) =>
      smtplib(
        port,
        PLAIN,
        `
try:
    server.sendmail("sender@example.org",
                    ["b@elsewhere.test", "c@elsewhere.test"], message)
except smtplib.SMTPRecipientsRefused:
    pass`,
      ),
    { toml: STRANGER },
  ),
  row(
    "smtplib",
    "utf8",
    "smtplib sends to addresses in UTF-8, and says BODY=8BITMIME",
    /^C: mail .* SMTPUTF8\b.*$/mi,
    (port) => send("smtplib", port, UTF8),
  ),
  row(
    "smtplib",
    "relay_refuses",
    "smtplib sends a message for three, of whom Exim takes one",
    /^R: 451 Mailbox full$[^]*^R: 550 No such user$[^]*^R: 250 OK id=/m,
    (port) =>
      smtplib(
        port,
        PLAIN,
        `server.sendmail("sender@example.org", ["${REFUSED.full}",
  "recipient@example.org", "${REFUSED.recipient}"], message)`,
      ),
    { relay: exim },
  ),
  row(
    "nodemailer",
    "plain",
    "nodemailer sends a message",
    STORED,
    (port) => send("nodemailer", port, PLAIN),
  ),
  row(
    "nodemailer",
    "8bit",
    "nodemailer sends a body of 8 bits",
    /^C: MAIL .* BODY=8BITMIME\b.*$/m,
    (port) => send("nodemailer", port, EIGHT_BIT),
  ),
  row(
    "nodemailer",
    "two_messages",
    "nodemailer sends two messages over one connection",
    /^C: \.$[^]*^C: \.$[^]*^S: 250 2\.0\.0 Message delivered$/m,
    (port) => nodemailerPool(port, [PLAIN, TWO]),
  ),
  row(
    "nodemailer",
    "recipient_refused",
    "nodemailer has one of two recipients refused",
    DENIED,
    (port) => send("nodemailer", port, ONE_ELSEWHERE),
    { toml: STRANGER },
  ),
];
