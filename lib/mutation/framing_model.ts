/**
 * SMTP's framing in its simplest form: where a line or a message ends, on the
 * whole of what was sent, a character for each byte.
 *
 * The rule: nothing here is shared with the engine, so that a fault in its
 * framing is not found right by the same fault. It is slow, and meant to be.
 *
 * It knows no state: `judge.ts` and `answering_relay.ts` say what comes next.
 *
 * @module
 */

/** Something whole that was sent: a line or a message. */
export interface Unit {
  /** A line without its CRLF, or a message as it comes out: dots taken off. */
  readonly octets: string;
  /** Where it ends in what was sent, CRLF included. */
  readonly end: number;
  /** Whether a message had a bare CR or LF. */
  readonly hasBareNewline: boolean;
}

/** Bytes that no command line may have: a CR or LF of its own, NUL. */
const FORBIDDEN = /[\0\r\n]/;

/** The same in a line that is not whole, where a CR at the end may be half a CRLF. */
const FORBIDDEN_SO_FAR = /\0|\r(?!\n|$)|(?<!\r)\n/;

const BARE_NEWLINE = /\r(?!\n)|(?<!\r)\n/;

/** A path in its brackets: quoted strings may hold ">". */
const PATH = /^[a-z]+ [a-z]+:[ \t]*<((?:"(?:\\[^]|[^"\\])*"|[^">])*)>/i;

/** RFC 5321 appendix C. */
const SOURCE_ROUTE = /^(?:@(?:\[[^\]]*\]|[^:,[\]]+),?)+:/;

/** A whole reply that says yes, and nothing else. */
const POSITIVE = /^(?:2\d\d-[^\r\n]*\r\n)*2\d\d(?: [^\r\n]*)?\r\n/;

/** A whole reply that asks for message data. */
const GO_AHEAD = /^(?:354-[^\r\n]*\r\n)*354(?: [^\r\n]*)?\r\n/;

/**
 * The line that begins at `at`.
 *
 * @returns `undefined` where its CRLF was not sent.
 */
export function lineAt(sent: string, at: number): Unit | undefined {
  const end = sent.indexOf("\r\n", at);
  if (end < 0) return undefined;
  const octets = sent.slice(at, end);
  return { octets, end: end + 2, hasBareNewline: FORBIDDEN.test(octets) };
}

/**
 * The message whose data begins at `at`, as it must come out: every line ended
 * by CRLF, the dots taken off that the sender put before lines. A dot alone
 * before a bare newline is the message's own.
 *
 * @returns `undefined` where its end was not sent. RFC 5321 section 4.1.1.4.
 */
export function messageAt(sent: string, at: number): Unit | undefined {
  if (sent.startsWith(".\r\n", at)) {
    return { octets: "", end: at + 3, hasBareNewline: false };
  }
  const end = sent.indexOf("\r\n.\r\n", at);
  if (end < 0) return undefined;
  const data = sent.slice(at, end + 2);
  return {
    octets: data.replace(/(^|\r\n)\.(?![\r\n])/g, "$1")
      .replace(/\r\n|\r|\n/g, "\r\n"),
    end: end + 5,
    hasBareNewline: BARE_NEWLINE.test(data),
  };
}

/**
 * Whether a server may refuse these bytes before their CRLF is there.
 *
 * @param octets A line's beginning.
 * @param maxLine Longest line in bytes, CRLF included.
 */
export function isBadSoFar(octets: string, maxLine: number): boolean {
  return octets.length >= maxLine || FORBIDDEN_SO_FAR.test(octets);
}

/**
 * The address in MAIL's or RCPT's path, without a source route.
 *
 * @param line The command.
 * @returns `undefined` where there is no path.
 */
export function addressOf(line: string): string | undefined {
  return PATH.exec(line)?.[1]?.replace(SOURCE_ROUTE, "");
}

/** Whether what a relay said begins with a whole reply that says yes. */
export function isConsent(said: string): boolean {
  return POSITIVE.test(said);
}

/** Whether what a relay said begins with a whole reply that asks for data. */
export function isGoAhead(said: string): boolean {
  return GO_AHEAD.test(said);
}
