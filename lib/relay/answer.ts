/**
 * What a relay's answers mean, beyond their words.
 *
 * @module
 */

import type { Answer } from "../engine/client.ts";
import { isPositive, type Reply, replyLines } from "../engine/reply.ts";
import { RelayError } from "./settings.ts";

/** RFC 2034 section 3: each such reply has a status code, if only a general one. */
export function withStatus(reply: Reply): Reply {
  if (reply.status !== undefined) return reply;
  const hasOwn = replyLines(reply).some((line) => /^[245]\.\d/.test(line));
  return hasOwn
    ? reply
    : { ...reply, status: `${Math.trunc(reply.code / 100)}.0.0` };
}

/** A relay that refuses the sender may hang up on the rest: a verdict too. */
export function senderRefusalOf(error: unknown): readonly Answer[] {
  const [first] = error instanceof RelayError ? error.answers : [];
  const isRefusal = first !== undefined && first.reply.code !== 421 &&
    !isPositive(first.reply);
  if (isRefusal) return [first];
  throw error;
}
