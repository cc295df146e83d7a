/**
 * Whether what a relay offers is enough for a message.
 *
 * @module
 */

import type { Capabilities, MailParameters } from "../engine/extensions.ts";
import { REPLIES, type Reply } from "../engine/reply.ts";

/** What the message needs and the relay does not offer, as a refusal. */
export function lackingOf(
  capabilities: Capabilities,
  { body, size, smtputf8 }: MailParameters,
): Reply | undefined {
  if (body === "8BITMIME" && !capabilities.eightBitMime) {
    return REPLIES.relayNo8bit;
  }
  if (smtputf8 && !capabilities.smtputf8) return REPLIES.relayNoUtf8;
  const limit = capabilities.size ?? 0; // RFC 1870: 0 is no limit
  if (limit > 0 && (size ?? 0) > limit) return REPLIES.relayTooSmall;
  return undefined;
}
