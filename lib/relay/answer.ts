/**
 * What a relay's answers mean, beyond their words.
 *
 * @module
 */

import type { Answer } from "../engine/client.ts";
import {
  isPositive,
  REPLIES,
  type Reply,
  replyLines,
} from "../engine/reply.ts";
import { formatWords, RelayError, type RelayStep } from "./settings.ts";

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

/**
 * The relay's own word, passed on.
 *
 * @throws {RelayError} It is none: 421 and 3xx are not a verdict.
 */
export function verdictOf(step: RelayStep, reply: Reply): Reply {
  if (reply.code === 421) throw lost(step, reply);
  if (reply.code >= 300 && reply.code < 400) throw confused(step, reply);
  return passedOn(reply);
}

/** The relay lets go of the connection. */
export function lost(
  step: RelayStep,
  reply: Reply,
  isStale = false,
): RelayError {
  const problem = `the relay said ${formatWords(reply)}`;
  return new RelayError(step, REPLIES.relayLost, problem, { isStale });
}

/** The relay says what can't be said there. */
export function confused(step: RelayStep, reply: Reply): RelayError {
  const problem = `the relay said ${formatWords(reply)}`;
  return new RelayError(step, REPLIES.relayConfused, problem);
}

/** A relay that refuses the sender may hang up on the rest: a verdict too. */
export function senderRefusalOf(error: unknown): readonly Answer[] {
  const answers = error instanceof RelayError ? error.answers : [];
  const mail = answers.find(({ step }) => step === "MAIL");
  const isRefusal = mail !== undefined && mail.reply.code !== 421 &&
    !isPositive(mail.reply);
  if (isRefusal) return [mail];
  throw error;
}
