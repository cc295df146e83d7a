/**
 * What the server's side of a conversation is run with: its name, what it
 * offers, its bounds.
 *
 * @module
 */

import type { Offer } from "./extensions.ts";
import type { BareNewline } from "./framing.ts";
import type { Leniency } from "./leniency.ts";

/** What a session is run with. */
export interface ServerOptions {
  /** The name in the greeting and in the reply to EHLO. */
  readonly hostname: string;
  /** What follows the name in the greeting. */
  readonly greeting: string;
  /**
   * What EHLO offers at first; `size` is the bound on a message, in octets.
   */
  readonly offer: Offer;
  /** Longest command line in bytes, CRLF included. */
  readonly maxLine: number;
  /** Most recipients of one message. */
  readonly maxRecipients: number;
  /** Bad commands until 421. */
  readonly maxErrors: number;
  /** What becomes of a bare CR or LF in data. */
  readonly bareNewline: BareNewline;
  /** Whether MAIL needs EHLO or HELO before it. */
  readonly needHello: boolean;
  /**
   * The protocol: LMTP is RFC 2033.
   *
   * @default {"smtp"}
   */
  readonly protocol?: "smtp" | "lmtp";
  /** Where the grammar is laxer than RFC 5321; nowhere where it is missing. */
  readonly lenient?: ReadonlySet<Leniency>;
  /**
   * Whether TLS is on from the start.
   *
   * @default {false}
   */
  readonly secure?: boolean;
  /**
   * Whether MAIL, AUTH and VRFY need TLS before them. RFC 3207 section 4.
   *
   * @default {false}
   */
  readonly needTls?: boolean;
  /**
   * Whether MAIL and VRFY need AUTH before them. RFC 4954 section 6.
   *
   * @default {false}
   */
  readonly needAuth?: boolean;
  /**
   * Longest line of an AUTH exchange in bytes, CRLF included.
   *
   * @default {12288}
   */
  readonly maxAuthLine?: number;
}

/**
 * Longest line of an AUTH exchange in bytes, CRLF included, where no other
 * bound is given. RFC 4954 section 4.
 */
export const MAX_AUTH_LINE_BYTES = 12_288;
