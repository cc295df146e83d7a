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

/** RFC 3030 section 2; a size that is none of a message is not read. */
const BDAT = /^BDAT +(\d{1,20})( +LAST)?[ \t]*$/i;

/** The PROXY protocol's second version begins so. */
const PROXY_V2 = "\r\n\r\n\0\r\nQUIT\n";

/** Octets of its header before those that it tells the number of. */
const PROXY_V2_OCTETS = 16;

/** A path in its brackets: quoted strings may hold ">". */
const PATH = /^[a-z]+ [a-z]+:[ \t]*<((?:"(?:\\[^]|[^"\\])*"|[^">])*)>/i;

/** A path without them, where that is put up with. */
const BARE_PATH = /^[a-z]+ [a-z]+:[ \t]*((?:"(?:\\[^]|[^"\\])*"|[^" \t<>])+)/i;

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

/** A BDAT: its chunk's octets, and whether it is the last. */
export interface Chunk extends Unit {
  /** Whether it ends the message. */
  readonly isLast: boolean;
}

/**
 * The chunk whose BDAT is a line that was sent.
 *
 * @param line The line.
 * @returns `undefined` where it is no BDAT; without `octets` where not all of
 * them were sent.
 */
export function chunkBehind(
  sent: string,
  line: Unit,
): Chunk | Pick<Chunk, "isLast"> | undefined {
  const [, size, last] = BDAT.exec(line.octets) ?? [];
  if (size === undefined) return undefined;
  const end = line.end + Number(size);
  const isLast = last !== undefined;
  if (end > sent.length) return { isLast };
  const octets = sent.slice(line.end, end);
  return { octets, end, hasBareNewline: false, isLast };
}

/** A message that came in chunks, as it must come out. RFC 3030 section 2. */
export function messageOf(chunks: string, isBinary: boolean): Unit {
  const end = 0;
  if (isBinary) return { octets: chunks, end, hasBareNewline: false };
  const isOpen = chunks !== "" && !/[\r\n]$/.test(chunks);
  return {
    octets: chunks.replace(/\r\n|\r|\n/g, "\r\n") + (isOpen ? "\r\n" : ""),
    end,
    hasBareNewline: BARE_NEWLINE.test(chunks),
  };
}

/** Where SMTP begins behind a PROXY header; 0: there is none. */
export function proxyHeaderEnd(sent: string): number {
  if (sent.startsWith("PROXY ")) return sent.indexOf("\r\n") + 2;
  if (!sent.startsWith(PROXY_V2)) return 0;
  const [high, low] = [sent.charCodeAt(14), sent.charCodeAt(15)];
  return PROXY_V2_OCTETS + 256 * high + low;
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
  const [, address] = PATH.exec(line) ?? BARE_PATH.exec(line) ?? [];
  return address?.replace(SOURCE_ROUTE, "");
}

/** Whether what a relay said begins with a whole reply that says yes. */
export function isConsent(said: string): boolean {
  return POSITIVE.test(said);
}

/** Whether what a relay said begins with a whole reply that asks for data. */
export function isGoAhead(said: string): boolean {
  return GO_AHEAD.test(said);
}
