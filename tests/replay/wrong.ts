/**
 * Conversations that are right, and ways to make their files wrong.
 *
 * @module
 */

/** A whole message from a client to Postern's store. */
export const STORED: string = String.raw`# Stored
S: 220 ${"${host}"} ESMTP Postern
C: EHLO client.test
S: 250-${"${host}"}
S* 250-
S! 250.STARTTLS
S: 250 HELP
C: MAIL FROM:<a@example.org>
S~ 250 2\.1\.0 .*
C: RCPT TO:<b@localhost>
S> "250 2.1.5 Recipient OK\r\n"
C: DATA
S~ 354 .*
C: Subject: x
C:
C: Hello
C: .
S~ 250 2\.0\.0 .*
C: QUIT
S~ 221 .*
== close
== delivered from=<a@example.org> to=<b@localhost>
| Subject: x
|
|> "Hello\r\n"
`;

/** A whole message from a client to a relay, one command at a time. */
export const RELAYED: string = String.raw`# Relayed
S~ 220 .*
C: HELO client.test
S: 250 ${"${host}"}
C: MAIL FROM:<a@example.org>
S~ 250 .*
C: RCPT TO:<b@localhost>
R: 220 relay.test
P: EHLO ${"${host}"}
R: 250 relay.test
P: MAIL FROM:<a@example.org>
R: 250 Ok
P~ RCPT TO:<b@.*>
R: 250 2.1.5 Fine
S: 250 2.1.5 Fine
C: DATA
P: DATA
R: 354 Go
S~ 354 .*
C: Hello
C: .
P~ Received: .*
P~  id .*
P> "Hello\r\n.\r\n"
R: 250 2.0.0 Queued
S: 250 2.0.0 Queued
C: QUIT
S~ 221 .*
== close
`;

/** What is made of a file's text, and the mismatch that it must give. */
export type Wrong = readonly [
  what: string,
  from: string,
  to: string,
  line: number,
  expected: string,
  came: string,
];

/** Of {@linkcode STORED}. */
export const WRONG_STORED: readonly Wrong[] = [
  [
    "S:",
    "ESMTP Postern",
    "ESMTP Other",
    2,
    "S: 220 ${host} ESMTP Other",
    "220 mx.postern.test ESMTP Postern",
  ],
  [
    "S: that is only a beginning",
    "ESMTP Postern",
    "ESMTP",
    2,
    "S: 220 ${host} ESMTP",
    "220 mx.postern.test ESMTP Postern",
  ],
  [
    "S: amid a reply",
    "S: 250-${host}",
    "S: 250-other",
    4,
    "S: 250-other",
    "250-mx.postern.test",
  ],
  ["S: at a reply's end", "S: 250 HELP", "S: 250 X", 7, "S: 250 X", "250 HELP"],
  [
    "S*",
    "S* 250-\n",
    "S* 250-8\n",
    7,
    "S: 250 HELP",
    "250-PIPELINING",
  ],
  [
    "no S* where lines come",
    "S* 250-\n",
    "",
    6,
    "S: 250 HELP",
    "250-PIPELINING",
  ],
  [
    "S!",
    "250.STARTTLS",
    "250.SIZE .*",
    6,
    "S! 250.SIZE .*",
    "250-SIZE 10485760",
  ],
  [
    "S~",
    String.raw`S~ 250 2\.1\.0`,
    String.raw`S~ 250 2\.1\.5`,
    9,
    String.raw`S~ 250 2\.1\.5 .*`,
    "250 2.1.0 Sender OK",
  ],
  [
    "S~ that matches a part",
    String.raw`S~ 250 2\.1\.0 .*`,
    String.raw`S~ 250 2\.1\.0`,
    9,
    String.raw`S~ 250 2\.1\.0`,
    "250 2.1.0 Sender OK",
  ],
  [
    "S>",
    String.raw`OK\r\n`,
    String.raw`Ok\r\n`,
    11,
    String.raw`S> "250 2.1.5 Recipient Ok\r\n"`,
    String.raw`"250 2.1.5 Recipient OK\r\n"`,
  ],
  [
    "a reply too many in the file",
    "S~ 354 .*",
    "S~ 354 .*\nS~ 250 .*",
    14,
    "S~ 250 .*",
    "silence",
  ],
  [
    "a reply too few in the file",
    "S~ 354 .*\n",
    "",
    17,
    String.raw`S~ 250 2\.0\.0 .*`,
    "354 End data with <CRLF>.<CRLF>",
  ],
  [
    "no S for the last reply",
    "S~ 221 .*\n",
    "",
    20,
    "== close",
    "221 2.0.0 Bye",
  ],
  [
    "no S for the last reply, and no close",
    "S~ 221 .*\n== close\n",
    "",
    0,
    "nothing more",
    "221 2.0.0 Bye",
  ],
  [
    "a close that does not come",
    "C: QUIT\nS~ 221 .*\n",
    "",
    19,
    "== close",
    "silence",
  ],
  [
    "a reply where it closes",
    "== close",
    "S~ 250 .*",
    21,
    "S~ 250 .*",
    "a close",
  ],
  [
    "another sender",
    "from=<a@",
    "from=<A@",
    22,
    "== delivered from=<A@example.org> to=<b@localhost>",
    "from=<a@example.org> to=<b@localhost>",
  ],
  [
    "a recipient too many",
    "to=<b@localhost>",
    "to=<b@localhost>,<c@localhost>",
    22,
    "== delivered from=<a@example.org> to=<b@localhost>,<c@localhost>",
    "from=<a@example.org> to=<b@localhost>",
  ],
  [
    "one byte of a delivered line",
    "| Subject: x",
    "| Subject: X",
    23,
    "| Subject: X",
    "Subject: x",
  ],
  ["a blank line with a blank", "|\n|>", "|  \n|>", 24, "|", ""],
  [
    "one byte of delivered bytes",
    String.raw`|> "Hello\r\n"`,
    String.raw`|> "Hello\n"`,
    25,
    String.raw`|> "Hello\n"`,
    "Hello",
  ],
  [
    "a delivered message that ends early",
    String.raw`|> "Hello\r\n"`,
    "| Hello\n| More",
    26,
    "| More",
    "its end",
  ],
  [
    "a delivered message that goes on",
    String.raw`|> "Hello\r\n"` + "\n",
    "",
    25,
    "the end of the message",
    "Hello",
  ],
  [
    "a delivered file",
    String.raw`|> "Hello\r\n"`,
    "|< x.eml",
    25,
    "|< x.eml",
    "Hello",
  ],
  [
    "a message that was not delivered",
    "C: .\nS~ 250 2\\.0\\.0 .*\nC: QUIT\nS~ 221 .*\n== close\n",
    "== eof\n",
    18,
    "== delivered from=<a@example.org> to=<b@localhost>",
    "no message",
  ],
];

/** Of {@linkcode RELAYED}. */
export const WRONG_RELAYED: readonly Wrong[] = [
  [
    "P:",
    "P: MAIL FROM:<a@example.org>",
    "P: MAIL FROM:<b@example.org>",
    11,
    "P: MAIL FROM:<b@example.org>",
    "MAIL FROM:<a@example.org>",
  ],
  [
    "P~",
    "P~ RCPT TO:<b@.*>",
    "P~ RCPT TO:<b>",
    13,
    "P~ RCPT TO:<b>",
    "RCPT TO:<b@localhost>",
  ],
  [
    "P>",
    String.raw`P> "Hello\r\n`,
    String.raw`P> "Hallo\r\n`,
    24,
    String.raw`P> "Hallo\r\n.\r\n"`,
    String.raw`"Hello\r\n.\r\n"`,
  ],
  [
    "P: before it can be said",
    "R: 354 Go",
    "P: Hello\nR: 354 Go",
    18,
    "P: Hello",
    "silence",
  ],
  [
    "P: behind R: though it is said before",
    "P: DATA\nR: 354 Go",
    "R: 354 Go\nP: DATA",
    17,
    "R: 354 Go (before the relay spoke)",
    "DATA",
  ],
  [
    "S: of the recipient before R:",
    "R: 250 2.1.5 Fine\nS: 250 2.1.5 Fine",
    "S: 250 2.1.5 Fine\nR: 250 2.1.5 Fine",
    14,
    "S: 250 2.1.5 Fine",
    "silence",
  ],
  [
    "S: of DATA before R:",
    "R: 354 Go\nS~ 354 .*",
    "S~ 354 .*\nR: 354 Go",
    18,
    "S~ 354 .*",
    "silence",
  ],
  [
    "S: of the message before R:",
    "R: 250 2.0.0 Queued\nS: 250 2.0.0 Queued",
    "S: 250 2.0.0 Queued\nR: 250 2.0.0 Queued",
    25,
    "S: 250 2.0.0 Queued",
    "silence",
  ],
  [
    "R: behind which S: waits that came already",
    "C: QUIT\nS~ 221 .*",
    "C: QUIT\nR: 250 Hello?\nS~ 221 .*",
    28,
    "R: 250 Hello? (before the relay spoke)",
    "221 2.0.0 Bye",
  ],
  [
    "the relay's end that does not come",
    "R: 250 2.0.0 Queued",
    "== eof",
    25,
    "== eof",
    "silence",
  ],
  [
    "what the relay is asked at last and the file does not have",
    "C: DATA\n" + RELAYED.slice(
      RELAYED.indexOf("P: DATA"),
      RELAYED.indexOf("C: QUIT"),
    ),
    "",
    0,
    "nothing more",
    "RSET",
  ],
];
