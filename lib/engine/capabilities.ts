/**
 * Reads what a server offers from its EHLO reply.
 *
 * What is unknown or can't be read counts as not offered, and nothing here is
 * an error: a relay that writes nonsense is used without extensions.
 *
 * @module
 */

import { parseSize } from "./size.ts";

/** What the server of an EHLO reply can do. */
export interface Capabilities {
  /** Commands may be sent before the replies are there. RFC 2920. */
  readonly pipelining: boolean;
  /** The parameter SIZE is known. RFC 1870. */
  readonly sizeOffered: boolean;
  /** Octets of the largest message taken; 0 or missing: not said. */
  readonly size?: number;
  /** The parameter BODY is known. RFC 6152. */
  readonly eightBitMime: boolean;
  /** Replies have enhanced status codes. RFC 2034. */
  readonly enhancedStatusCodes: boolean;
  /** UTF-8 addresses are taken. RFC 6531. */
  readonly smtputf8: boolean;
  /** TLS can be begun. RFC 3207. */
  readonly startTls: boolean;
  /** SASL mechanisms, in capitals. RFC 4954. */
  readonly auth: ReadonlySet<string>;
  /** BDAT is known. RFC 3030. */
  readonly chunking: boolean;
  /** Binary bodies are taken. RFC 3030. */
  readonly binaryMime: boolean;
  /** Requests for notifications are taken. RFC 3461. */
  readonly dsn: boolean;
  /** REQUIRETLS is known. RFC 8689. */
  readonly requireTls: boolean;
  /** The attributes that XFORWARD takes, in capitals; empty: not offered. */
  readonly xforward: ReadonlySet<string>;
  /** Recipients a message may have, where it was said. RFC 9422. */
  readonly recipients?: number;
}

/** Lines of an EHLO reply that are looked at. The longest seen have 20. */
const MAX_CAPABILITY_LINES = 100;

/** Words of such a line that are looked at. AUTH has up to ten mechanisms. */
const MAX_CAPABILITY_WORDS = 32;

/** RFC 4422 section 3.1. */
const MECHANISM = /^[A-Z\d_-]{1,20}$/;

/** RFC 9422 section 4: 1 to 999,999. */
const RCPTMAX = /^RCPTMAX=([1-9]\d{0,5})$/;

/** A word of XFORWARD: longer ones than Postfix's are of no use. */
const ATTRIBUTE = /^[A-Z]{1,20}$/;

/** What a server can do that knows only HELO, or was not asked yet. */
export const NO_CAPABILITIES: Capabilities = parseCapabilities([]);

/**
 * Reads what a server offers from its EHLO reply.
 *
 * @param lines The texts of the reply's lines but the first, without code.
 * @returns What the server can do.
 */
export function parseCapabilities(lines: readonly string[]): Capabilities {
  const offered = new Set<string>();
  const auth = new Set<string>();
  const xforward = new Set<string>();
  let size: number | undefined;
  let recipients: number | undefined;
  for (const line of lines.slice(0, MAX_CAPABILITY_LINES)) {
    // Some servers write "AUTH=PLAIN" for clients older than RFC 2554.
    const [first = "", ...words] = line.trim().toUpperCase()
      .replace(/^AUTH=/, "AUTH ").split(/[ \t]+/, MAX_CAPABILITY_WORDS);
    offered.add(first);
    switch (first) {
      case "SIZE":
        size ??= parseSize(words[0]);
        break;
      case "AUTH":
        addMatching(auth, words, MECHANISM);
        break;
      case "XFORWARD":
        addMatching(xforward, words, ATTRIBUTE);
        break;
      case "LIMITS":
        recipients ??= recipientsOf(words);
    }
  }
  return {
    pipelining: offered.has("PIPELINING"),
    sizeOffered: offered.has("SIZE"),
    ...(size !== undefined && { size }),
    eightBitMime: offered.has("8BITMIME"),
    enhancedStatusCodes: offered.has("ENHANCEDSTATUSCODES"),
    smtputf8: offered.has("SMTPUTF8"),
    startTls: offered.has("STARTTLS"),
    auth,
    chunking: offered.has("CHUNKING"),
    binaryMime: offered.has("BINARYMIME"),
    dsn: offered.has("DSN"),
    requireTls: offered.has("REQUIRETLS"),
    xforward,
    ...(recipients !== undefined && { recipients }),
  };
}

function addMatching(
  set: Set<string>,
  words: readonly string[],
  pattern: RegExp,
): void {
  for (const word of words) if (pattern.test(word)) set.add(word);
}

function recipientsOf(words: readonly string[]): number | undefined {
  const found = words.map((word) => RCPTMAX.exec(word)?.[1])
    .find((digits) => digits !== undefined);
  return found === undefined ? undefined : Number(found);
}
