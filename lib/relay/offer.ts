/**
 * Whether what a relay offers is enough for a message.
 *
 * The rule: what the sender asks for is passed on or refused, and never left
 * out in silence. RFC 5321 section 2.2.1.
 *
 * @module
 */

import type {
  Capabilities,
  MailParameters,
  RcptParameters,
} from "../engine/extensions.ts";
import { REPLIES, type Reply } from "../engine/reply.ts";

/** Beside those of {@linkcode REPLIES}: what the relay can't do for a message. */
export const LACKING = {
  relayNoBinary: {
    code: 554,
    status: "5.6.1",
    text: "Relay does not offer BINARYMIME, which this message needs",
  },
  // RFC 8689 section 5.
  relayNoRequireTls: {
    code: 550,
    status: "5.7.30",
    text: "Relay does not offer REQUIRETLS over a verified connection",
  },
  relayNoDsn: {
    code: 550,
    status: "5.3.3",
    text: "Relay does not offer DSN, which this message asks for",
  },
} as const satisfies Record<string, Reply>;

/** What a relay offered lately. */
export interface KnownRelay {
  /** What it offered to this server, under TLS and logged in where that is so. */
  readonly capabilities: Capabilities;
  /** Whether its certificate was verified. */
  readonly isVerified: boolean;
}

/**
 * What the message needs and the relay does not offer, as a refusal.
 * `isVerified`: whether the relay's certificate was verified.
 */
export function lackingOf(
  capabilities: Capabilities,
  parameters: MailParameters,
  isVerified = false,
): Reply | undefined {
  const { body, size = 0, smtputf8, ret, envid, requireTls } = parameters;
  if (body === "8BITMIME" && !capabilities.eightBitMime) {
    return REPLIES.relayNo8bit;
  }
  if (
    body === "BINARYMIME" &&
    !(capabilities.chunking && capabilities.binaryMime)
  ) return LACKING.relayNoBinary;
  if (smtputf8 && !capabilities.smtputf8) return REPLIES.relayNoUtf8;
  if (requireTls && !(capabilities.requireTls && isVerified)) {
    return LACKING.relayNoRequireTls;
  }
  if ((ret ?? envid) !== undefined && !capabilities.dsn) {
    return LACKING.relayNoDsn;
  }
  const limit = capabilities.size ?? 0; // RFC 1870: 0 is no limit
  if (limit > 0 && size > limit) return REPLIES.relayTooSmall;
  return undefined;
}

/**
 * The same for one recipient. RFC 3461 section 5.2.2 has a relay without DSN
 * made up for with notifications, which this server does not write.
 */
export function lackingOfRecipient(
  capabilities: Capabilities,
  { notify, orcpt }: RcptParameters,
): Reply | undefined {
  const asks = (notify ?? orcpt) !== undefined;
  return asks && !capabilities.dsn ? LACKING.relayNoDsn : undefined;
}
