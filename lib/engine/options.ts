/**
 * What the server's side of a conversation is run with: its name, what it
 * offers, its bounds.
 *
 * @module
 */

import type { Offer } from "./extensions.ts";
import type { BareNewline } from "./framing.ts";

/** What a session is run with. */
export interface ServerOptions {
  /** The name in the greeting and in the reply to EHLO. */
  readonly hostname: string;
  /** What follows the name in the greeting. */
  readonly greeting: string;
  /** What EHLO offers; `size` is the bound on a message, in octets. */
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
}
