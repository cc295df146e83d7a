/**
 * The command line's clients: swaks, curl and msmtp.
 *
 * @module
 */

import { curlRequest, send, swaks } from "../software/clients.ts";
import { exim, eximWithTls } from "../software/exim.ts";
import { smtpSink } from "../software/postfix.ts";
import { REFUSED } from "../software/server.ts";
import {
  DENIED,
  DOTS,
  EIGHT_BIT,
  ELSEWHERE,
  LARGE,
  ONE_ELSEWHERE,
  PLAIN,
  RELAYED,
  row,
  SMALL,
  STORED,
  STRANGER,
  to,
  TOO_LARGE,
  TWO,
  UTF8,
} from "./client_row.ts";
import type { ClientScenario } from "./scenario.ts";

/** All of them, by client. */
export const TOOL_SCENARIOS: readonly ClientScenario[] = [
  row(
    "swaks",
    "plain",
    "swaks sends a message and waits for every reply",
    STORED,
    (port) => swaks(port, PLAIN),
  ),
  row(
    "swaks",
    "pipelined",
    "swaks sends a message for two, pipelined",
    /^C: MAIL .*\nC: RCPT .*\nC: RCPT .*\nC: DATA$/m,
    (port) => send("swaks", port, TWO),
  ),
  row(
    "swaks",
    "helo",
    "swaks speaks SMTP without extensions",
    /^C: HELO client[^]*^S: 250 2\.0\.0 Message delivered$/m,
    (port) => swaks(port, PLAIN, "--protocol", "SMTP", "--helo", "client"),
  ),
  row(
    "swaks",
    "recipient_refused",
    "swaks, pipelined, has one of two recipients refused",
    DENIED,
    (port) => send("swaks", port, ONE_ELSEWHERE),
    { toml: STRANGER },
  ),
  row(
    "swaks",
    "all_refused",
    "swaks, pipelined, has every recipient refused, and DATA too",
    /^S: 554 5\.5\.1 .*$/m,
    (port) => send("swaks", port, ELSEWHERE),
    { toml: STRANGER },
  ),
  row(
    "swaks",
    "too_large",
    "swaks, which does not say SIZE, hears at the end that a message is too large",
    TOO_LARGE,
    (port) => swaks(port, LARGE),
    { toml: SMALL },
  ),
  row(
    "swaks",
    "dots",
    "swaks sends a message whose lines begin with dots",
    STORED,
    (port) => send("swaks", port, DOTS),
  ),
  row(
    "swaks",
    "drops",
    "swaks hangs up behind RCPT",
    /^== eof$/m,
    (port) => swaks(port, PLAIN, "--drop-after", "RCPT"),
  ),
  row(
    "swaks",
    "quits_early",
    "swaks quits behind RCPT",
    /^C: RCPT .*\nS: 250 .*\nC: QUIT$/m,
    (port) => swaks(port, PLAIN, "--quit-after", "RCPT"),
  ),
  row(
    "swaks",
    "relayed",
    "swaks sends a message that smtp-sink takes",
    RELAYED,
    (port) => swaks(port, PLAIN),
    { relay: smtpSink() },
  ),
  row(
    "swaks",
    "relay_defers",
    "swaks, pipelined, hears smtp-sink's refusals for now",
    /^R: 450 4\.3\.0 .*$/m,
    (port) => send("swaks", port, TWO),
    { relay: smtpSink("-r", "RCPT") },
  ),
  row(
    "curl",
    "plain",
    "curl sends a message and says its SIZE",
    /^C: MAIL .* SIZE=\d+$[^]*^S: 250 2\.0\.0 Message delivered$/m,
    (port) => send("curl", port, PLAIN),
  ),
  row(
    "curl",
    "dots",
    "curl sends a message whose lines begin with dots",
    STORED,
    (port) => send("curl", port, DOTS),
  ),
  row(
    "curl",
    "8bit",
    "curl sends a body of 8 bits and does not say so",
    STORED,
    (port) => send("curl", port, EIGHT_BIT),
  ),
  row(
    "curl",
    "utf8",
    "curl sends to addresses in UTF-8",
    /^C: MAIL .* SMTPUTF8\b.*$[^]*^S: 250 2\.0\.0 Message delivered$/m,
    (port) => send("curl", port, UTF8),
  ),
  row(
    "curl",
    "too_large",
    "curl hears at MAIL that its message is too large",
    TOO_LARGE,
    (port) => send("curl", port, LARGE),
    { toml: SMALL },
  ),
  row(
    "curl",
    "vrfy",
    "curl asks whether a mailbox is there",
    /^C: VRFY .*\nS: 252 /m,
    (port) => curlRequest(port, "--mail-rcpt", "recipient"),
  ),
  row(
    "curl",
    "relay_refuses",
    "curl gives up at the first recipient that Exim refuses",
    /^R: 451 Mailbox full$[^]*^C: QUIT$/m,
    (port) => send("curl", port, to(REFUSED.full, "recipient@example.org")),
    { relay: exim },
  ),
  row(
    "curl",
    "relayed_tls",
    "curl sends a message that goes to Exim encrypted",
    /^P: STARTTLS\nR: 220 .*\n== tls\nP: EHLO /m,
    (port) => send("curl", port, PLAIN),
    { relay: eximWithTls },
  ),
  row(
    "msmtp",
    "plain",
    "msmtp sends a message for two",
    STORED,
    (port) => send("msmtp", port, TWO),
  ),
  row(
    "msmtp",
    "dots",
    "msmtp sends a message whose lines begin with dots",
    STORED,
    (port) => send("msmtp", port, DOTS),
  ),
  row(
    "msmtp",
    "recipient_refused",
    "msmtp has one of two recipients refused",
    DENIED,
    (port) => send("msmtp", port, ONE_ELSEWHERE),
    { toml: STRANGER },
  ),
];
