/**
 * Mail servers as relays: Postfix, Exim and OpenSMTPD.
 *
 * @module
 */

import { exim, eximClosed } from "../software/exim.ts";
import { opensmtpd } from "../software/opensmtpd.ts";
import { postfixSmtpd } from "../software/postfix.ts";
import {
  ACCEPTED,
  ALL_REFUSED,
  BLOCKED,
  DEFERRED,
  DOTS,
  EIGHT_BIT,
  LARGE,
  MIXED,
  PLAIN,
  row,
  TWO,
  UNWANTED,
  UTF8,
} from "./relay_row.ts";
import type { RelayScenario } from "./scenario.ts";

const POSTFIX = ["postfix_smtpd", postfixSmtpd] as const;
const EXIM = ["exim", exim] as const;
const OPENSMTPD = ["opensmtpd", opensmtpd] as const;

/** All of them, by server. */
export const DAEMON_SCENARIOS: readonly RelayScenario[] = [
  row(POSTFIX, "accepted", "Postfix takes a message for two", ACCEPTED, TWO),
  row(
    POSTFIX,
    "8bit",
    "Postfix takes a body of 8 bits",
    /^C: MAIL .* BODY=8BITMIME/m,
    EIGHT_BIT,
  ),
  row(
    POSTFIX,
    "utf8",
    "Postfix takes a message for an address in UTF-8",
    /^C: MAIL .* SMTPUTF8/m,
    UTF8,
  ),
  row(
    POSTFIX,
    "dots",
    "Postfix takes a message whose lines begin with dots",
    ACCEPTED,
    DOTS,
  ),
  row(
    POSTFIX,
    "sender_refused",
    "Postfix refuses the sender",
    /^S: 550 5\.7\.1 .*Sender refused here$/m,
    BLOCKED,
  ),
  row(
    POSTFIX,
    "recipient_refused",
    "Postfix takes a message for one of three: one is unknown, one full",
    /^S: 550 5\.1\.1 [^]*^S: 452 4\.2\.2 [^]*^S: 250 2\.0\.0 /m,
    MIXED,
  ),
  row(
    POSTFIX,
    "all_refused",
    "Postfix refuses every recipient",
    /^S: 550 5\.1\.1 [^]*^S: [45]54 5\.7\.1 .*Relay access denied$/m,
    ALL_REFUSED,
  ),
  row(
    POSTFIX,
    "deferred",
    "Postfix refuses the only recipient for now",
    /^S: 452 4\.2\.2 /m,
    DEFERRED,
  ),
  row(
    POSTFIX,
    "too_large",
    "Postfix says a SIZE that the message is over",
    /^S: 250-SIZE 2000$/m,
    LARGE,
  ),
  row(EXIM, "accepted", "Exim takes a message for two", ACCEPTED, TWO),
  row(
    EXIM,
    "sender_refused",
    "Exim refuses the sender",
    /^S: 550 Sender refused here$/m,
    BLOCKED,
  ),
  row(
    EXIM,
    "recipient_refused",
    "Exim takes a message for one of three: one is unknown, one full",
    /^S: 550 No such user$[^]*^S: 451 Mailbox full$[^]*^S: 250 OK id=/m,
    MIXED,
  ),
  row(
    EXIM,
    "all_refused",
    "Exim refuses every recipient",
    /^S: 550 No such user$[^]*^S: 550 Relaying denied$/m,
    ALL_REFUSED,
  ),
  row(
    EXIM,
    "message_refused",
    "Exim refuses a message for its subject, at the end",
    /^S: 550 Not with that subject$/m,
    UNWANTED,
  ),
  row(
    ["exim", eximClosed],
    "greeting_refused",
    "Exim refuses the connection",
    /^S: 55[04] Go away, nobody at home$/m,
    PLAIN,
  ),
  row(
    OPENSMTPD,
    "accepted",
    "OpenSMTPD takes a message for two",
    ACCEPTED,
    TWO,
  ),
  row(
    OPENSMTPD,
    "sender_refused",
    "OpenSMTPD refuses a sender, but says so to RCPT",
    /^S: 550 Invalid recipient/m,
    BLOCKED,
  ),
  row(
    OPENSMTPD,
    "recipient_refused",
    "OpenSMTPD takes a message for one of three",
    /^S: 5\d\d [^]*^S: 5\d\d [^]*^S: 250 2\.0\.0 /m,
    MIXED,
  ),
  row(
    OPENSMTPD,
    "too_large",
    "OpenSMTPD says a SIZE that the message is over",
    /^S: 250-SIZE 2000$/m,
    LARGE,
  ),
];
