/**
 * What EHLO offers a client: what this server can keep with its relay, no more.
 *
 * The rule: what is only passed on (DSN, BINARYMIME, REQUIRETLS) is offered
 * where the relay is known to have it. What this server can make up for
 * (CHUNKING) or refuse message by message (8BITMIME, SMTPUTF8) is offered while
 * nothing is known of the relay. RFC 5321 section 2.2.
 *
 * @module
 */

import type { Offer } from "./engine/extensions.ts";
import type { KnownRelay } from "./relay/pool.ts";

/** What decides about an offer. */
export interface OfferGrounds {
  /** Octets of the largest message taken. */
  readonly size: number;
  /** Most recipients of one message. */
  readonly recipients: number;
  /** Whether there is a certificate, and TLS may be begun. */
  readonly startTls: boolean;
  /** The mechanisms that logins may use, where this client may log in at all. */
  readonly auth: readonly string[];
  /** Whether the client may use XCLIENT and XFORWARD. */
  readonly isProxy: boolean;
  /** Whether the session is under TLS. */
  readonly isSecure: boolean;
  /** What the relay offered lately. */
  readonly relay: KnownRelay | undefined;
}

/** RFC 9422 section 4.1 has no word for "as many as you like". */
const MAX_SAID_RECIPIENTS = 999_999;

/** Makes the offer. */
export function offerOf(grounds: OfferGrounds): Offer {
  const { size, recipients, isProxy, isSecure, relay } = grounds;
  const its = relay?.capabilities;
  return {
    size: its?.size ? Math.min(size, its.size) : size,
    eightBitMime: its?.eightBitMime ?? true,
    smtputf8: its?.smtputf8 ?? true,
    startTls: grounds.startTls,
    auth: grounds.auth,
    chunking: true,
    binaryMime: (its?.chunking ?? false) && (its?.binaryMime ?? false),
    dsn: its?.dsn ?? false,
    // RFC 8689 section 4.2.1: the next hop has to be beyond doubt too.
    requireTls: isSecure && (relay?.isVerified ?? false) &&
      (its?.requireTls ?? false),
    limits: {
      recipients: Math.min(
        recipients,
        its?.recipients ?? Infinity,
        MAX_SAID_RECIPIENTS,
      ),
    },
    xclient: isProxy,
    xforward: isProxy,
  };
}
