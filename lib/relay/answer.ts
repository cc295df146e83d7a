/**
 * What a relay's answers mean, beyond their words.
 *
 * @module
 */

import type { Answer } from "../engine/client.ts";
import { isPositive, type Reply, replyLines } from "../engine/reply.ts";
import { RelayError } from "./settings.ts";

/** Whether the relay has done what it was asked: 2xx. RFC 5321 section 4.2.1. */
export function isDone({ code }: Reply): boolean {
  return code >= 200 && code < 300;
}

/** What a client may hear of MAIL, RCPT and the final dot. RFC 5321 section 4.3.2. */
const DONE_CODES = [250, 251, 252];

/**
 * The relay's reply as the client is to hear it. A 2xx counts by its first
 * digit, but not every one may be said: 221 would be the end of the session.
 */
export function passedOn(reply: Reply): Reply {
  const isUsual = !isDone(reply) || DONE_CODES.includes(reply.code);
  return withStatus(isUsual ? reply : { ...reply, code: 250 });
}

/**
 * RFC 2034 section 3: each such reply has a status code, if only a general one.
 * One of another class than the reply's is none (section 4).
 */
function withStatus(reply: Reply): Reply {
  if (reply.status !== undefined) return reply;
  const digit = Math.trunc(reply.code / 100);
  const isOwn = (line: string) =>
    /^([245])\.\d/.exec(line)?.[1] === String(digit);
  return replyLines(reply).some(isOwn)
    ? reply
    : { ...reply, status: `${digit}.0.0` };
}

/** A relay that refuses the sender may hang up on the rest: a verdict too. */
export function senderRefusalOf(error: unknown): readonly Answer[] {
  const [first] = error instanceof RelayError ? error.answers : [];
  const isRefusal = first !== undefined && first.reply.code !== 421 &&
    !isPositive(first.reply);
  if (isRefusal) return [first];
  throw error;
}
