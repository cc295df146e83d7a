/**
 * What is known of a conversation once it is over, and Postern's replies in it.
 *
 * @module
 */

import type { Taken } from "./judge_mail.ts";

/** A line that Postern said to its client. */
export interface Heard {
  /** The line without its CRLF, a character for each byte. */
  readonly line: string;
  /** How many bytes the client had sent by then. */
  readonly sent: number;
  /** How many messages had been taken by then. */
  readonly taken: number;
}

/** What is known of a conversation once it is over. */
export interface Evidence {
  /** All that the client sent, a character for each byte. */
  readonly sent: string;
  /** All that Postern said to it. */
  readonly heard: readonly Heard[];
  /** What Postern said behind its last whole line. */
  readonly unfinished: string;
  /** The messages that the store or a relay was given, in order. */
  readonly taken: readonly Taken[];
  /** Whether the client broke the connection, so that replies may be missing. */
  readonly wasReset: boolean;
  /** How many bytes the client had sent when both ends went over to TLS, each time. */
  readonly secured: readonly number[];
  /** What comes before SMTP, or goes otherwise, at the listener. */
  readonly listener: {
    /** Whether TLS comes before the greeting. */
    readonly isSmtps: boolean;
    /** Whether there are proxies, which send a PROXY header. */
    readonly isProxied: boolean;
    /** Whether each recipient of a message has a reply of its own. */
    readonly isLmtp: boolean;
  };
  /** Bounds of Postern's configuration. */
  readonly limits: {
    /** Longest command line in bytes, CRLF included. */
    readonly line: number;
    /** Largest message in bytes; 0: any. */
    readonly data: number;
    /** Whether a message with a bare CR or LF is refused. */
    readonly rejectsBareNewlines: boolean;
  };
}

/** One reply of Postern's. */
export interface Reply {
  /** Its three digits. */
  readonly code: string;
  /** Its last line. */
  readonly last: string;
  /** When its first line was heard. */
  readonly sent: number;
  /** When its last line was heard. */
  readonly taken: number;
}

/** Longest reply line, CRLF included. RFC 5321 section 4.5.3.1.5. */
const MAX_REPLY_LINE_BYTES = 512;

/** A reply's line: printable ASCII. RFC 5321 section 4.2. */
const REPLY_LINE = /^([2-5]\d\d)([ -])[ -~]*$/;

/** Most of a line that is shown, in characters. */
const MAX_SHOWN = 60;

/** Something that always holds did not. */
export class Broken extends Error {}

/**
 * The replies that these lines are.
 *
 * @throws {Broken} They are none.
 */
export function repliesOf({ heard, unfinished, wasReset }: Evidence): Reply[] {
  const replies: Reply[] = [];
  let first: Heard | undefined;
  for (const each of heard) {
    const { line, taken } = each;
    const [, code, separator] = REPLY_LINE.exec(line) ?? [];
    const isInStep = first === undefined || first.line.slice(0, 3) === code;
    if (
      code === undefined || !isInStep || line.length + 2 > MAX_REPLY_LINE_BYTES
    ) throw new Broken(`no reply has the line ${shown(line)}`);
    first ??= each;
    if (separator === "-") continue;
    replies.push({ code, last: line, sent: first.sent, taken });
    first = undefined;
  }
  const rest = first?.line ?? unfinished;
  if (rest !== "" && !wasReset) {
    throw new Broken(`a reply has no end: ${shown(rest)}`);
  }
  return replies;
}

/** A line as it is shown, cut where it is long. */
export function shown(octets: string): string {
  return JSON.stringify(
    octets.length > MAX_SHOWN ? `${octets.slice(0, MAX_SHOWN)}…` : octets,
  );
}
