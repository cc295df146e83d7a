/**
 * The table of `smtp-sink`'s refusals: each option of its manual page with each
 * command, and what a client of Postern must hear.
 *
 * Left out: options that change nothing for the client (`-c`, `-v`, `-s`, `-h`,
 * `-n`, `-R`, `-S`), and `-M`, `-m` and `-t`, which relay_gone_test.ts has.
 *
 * @module
 */

/** What the client must hear. */
export interface Expected {
  /** Whether the relay takes the message; undefined: as it happens. */
  readonly taken: boolean | undefined;
  /** The reply where it does not. */
  readonly reply: RegExp;
  /** The step that this reply is for; undefined: Postern's choice. */
  readonly step?: string;
}

/** One way for the relay to be difficult. */
export interface Row {
  /** Command line of `smtp-sink`. */
  readonly options: readonly string[];
  /** What comes of it. */
  readonly expected: Expected;
  /** Parameters of MAIL. */
  readonly parameters?: string;
}

/** The relay takes the message all the same. */
const TAKEN: Expected = { taken: true, reply: /^250/ };

/** The standard does not say; but there is an answer. */
const EITHER: Expected = { taken: undefined, reply: /^[45]\d\d/ };

function refused(reply: RegExp, step?: string): Expected {
  return { taken: false, reply, ...(step === undefined ? {} : { step }) };
}

/** The relay can't be used, which is no word on this message. */
export const DEFERRED: Expected = refused(/^451[ -]4\.4\.\d /);

/** Refusals passed on: what smtp-sink says unless told otherwise. */
const SOFT = /^450[ -]4\.3\.0 Error: command failed$/;
const HARD = /^500[ -]5\.3\.0 Error: command failed$/;

/** A relay that refuses before any message: only the class is left of its words. */
const SOFT_CLASS = refused(/^4\d\d/);
const EITHER_CLASS = refused(/^[45]\d\d/);

/** What the relay would need and does not offer is 5.6.3 or 5.6.7 (RFC 6531). */
const NOT_OFFERED = refused(/^5\d\d[ -]5\.6\.[37] /);

/** Commands refused softly and hard, cut off, and cut off with a 421. */
const COMMANDS: readonly [
  command: string,
  r: Expected,
  f: Expected,
  q: Expected,
  Q: Expected,
][] = [
  ["CONNECT", SOFT_CLASS, EITHER_CLASS, DEFERRED, DEFERRED],
  // Refused hard: an old server, and HELO is asked. Else that may be tried.
  ["EHLO", EITHER, TAKEN, EITHER, EITHER],
  ["EHLO,HELO", SOFT_CLASS, EITHER_CLASS, DEFERRED, DEFERRED],
  ["MAIL", refused(SOFT), refused(HARD), DEFERRED, DEFERRED],
  ["RCPT", refused(SOFT, "RCPT"), refused(HARD, "RCPT"), DEFERRED, DEFERRED],
  ["DATA", refused(SOFT), refused(HARD), DEFERRED, DEFERRED],
  [".", refused(SOFT, "."), refused(HARD, "."), DEFERRED, DEFERRED],
  ...["HELO", "LHLO", "RSET", "NOOP", "VRFY", "QUIT"].map((
    command,
  ): [string, Expected, Expected, Expected, Expected] => [
    command,
    TAKEN,
    TAKEN,
    TAKEN,
    TAKEN,
  ]),
];

/** Refusals in the relay's own words; smtp-sink allows only 4xx and 5xx. */
const REPLIES: readonly [command: string, reply: string, Expected][] = [
  [
    "RCPT",
    "452 4.2.2 Mailbox full of cats",
    refused(/^452[ -]4\.2\.2 Mailbox full of cats$/, "RCPT"),
  ],
  [
    "RCPT",
    "550 5.1.1 No such user",
    refused(/^550[ -]5\.1\.1 No such user$/, "RCPT"),
  ],
  [
    ".",
    "554 5.7.1 Not with that subject",
    refused(/^554[ -]5\.7\.1 Not with that subject$/, "."),
  ],
  ["MAIL", "421 4.3.2 Going down", SOFT_CLASS],
  ["DATA", "554", EITHER_CLASS],
];

/** Seconds after which nobody should still be waiting. */
const FOR_EVER_S = 60;

/**
 * Steps that the relay is slow at, by its own names. Without pipelining: while
 * it delays a reply, smtp-sink answers the commands that came behind.
 */
const SLOW = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"];

/** Premature ends, and what the relay does not offer. */
const OTHERS: readonly [options: string, Expected, parameters?: string][] = [
  ["", TAKEN],
  ["", TAKEN, "BODY=8BITMIME"],
  // smtp-sink never offers SMTPUTF8.
  ["", NOT_OFFERED, "SMTPUTF8"],
  ["-8", TAKEN],
  ["-8", NOT_OFFERED, "BODY=8BITMIME"],
  ["-e", TAKEN],
  ["-e", NOT_OFFERED, "BODY=8BITMIME"],
  ["-E", TAKEN],
  ["-p", TAKEN],
  ["-P", TAKEN],
  ["-N", TAKEN],
  ["-a", TAKEN],
  ["-C -F", TAKEN],
  ["-T 100", TAKEN],
  ["-w 1", TAKEN],
  ["-H 1", TAKEN],
  ["-A 0", refused(/^(?:550|451)[ -]/)],
  ["-A 1", refused(/^(?:550|451)[ -]/)],
  [`-w ${FOR_EVER_S}`, DEFERRED],
  // Beyond the read timeout: the final dot may take ten minutes (RFC 5321
  // section 4.5.3.2.6), and giving up early would double the message.
  ["-W .:5", TAKEN],
  ["-L", EITHER_CLASS],
];

/** The whole table. */
export const ROWS: readonly Row[] = [
  ...COMMANDS.flatMap(([command, r, f, q, Q]) =>
    Object.entries({ r, f, q, Q }).map(([option, expected]) => ({
      options: [`-${option}`, command],
      expected,
    }))
  ),
  ...REPLIES.map(([command, reply, expected]) => ({
    options: reply.startsWith("4")
      ? ["-r", command, "-b", reply]
      : ["-f", command, "-B", reply],
    expected,
  })),
  ...SLOW.flatMap((command) => [
    { options: ["-p", "-W", `${command}:1`], expected: TAKEN },
    { options: ["-p", "-W", `${command}:${FOR_EVER_S}`], expected: DEFERRED },
  ]),
  ...OTHERS.map(([options, expected, parameters]) => ({
    options: options.split(" ").filter(Boolean),
    expected,
    ...(parameters === undefined ? {} : { parameters }),
  })),
];
