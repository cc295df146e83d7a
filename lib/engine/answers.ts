/**
 * What the server says where nobody has another wish: the usual answer to each
 * question, and the answer to what is no command, or none that may come now.
 *
 * It decides nothing about the conversation; that is `server.ts`.
 *
 * @module
 */

import type { ParsedCommand, Verb } from "./command.ts";
import type { Event } from "./events.ts";
import { ehloLines, type Offer } from "./extensions.ts";
import type { ServerOptions } from "./options.ts";
import { REPLIES, type Reply } from "./reply.ts";

/**
 * Gives the answer to a question whose asker was content.
 *
 * @param event The question.
 * @param options What the session is run with.
 * @param offer What is offered now.
 */
export function usualReply(
  event: Event,
  { hostname, greeting }: ServerOptions,
  offer: Offer,
): Reply {
  switch (event.type) {
    case "connect":
    case "xclient":
      return { code: 220, text: `${hostname} ${greeting}` };
    case "hello":
      return event.esmtp
        ? { code: 250, text: [hostname, ...ehloLines(offer)] }
        : { code: 250, text: hostname };
    case "starttls":
      return REPLIES.tlsReady;
    case "auth":
      return REPLIES.noMechanism;
    case "response":
      return event.text === "*" ? REPLIES.authCancelled : REPLIES.noMechanism;
    case "vrfy":
      return REPLIES.cannotVerify;
    case "mail":
      return REPLIES.senderOk;
    case "rcpt":
      return REPLIES.recipientOk;
    case "data":
      return REPLIES.start;
    case "end":
      return event.refusal ?? REPLIES.delivered;
    case "quit":
      return REPLIES.bye;
    case "body":
    case "reset":
    case "xforward":
      return REPLIES.ok;
  }
}

/**
 * Gives the replies to a question, where one stands for each of several.
 *
 * @param event The question.
 * @param given What its asker said.
 * @param count How many replies it takes.
 * @throws {TypeError} There are too few or too many.
 */
export function repliesTo(
  { type }: Event,
  given: Reply | readonly Reply[],
  count: number,
): readonly Reply[] {
  const replies = "code" in given ? Array<Reply>(count).fill(given) : given;
  if (replies.length === count) return replies;
  throw new TypeError(
    `Cannot answer "${type}" with ${replies.length} replies: expected ${count}`,
  );
}

/** Gives the answer to HELP: the commands that can be used. */
export function helpReply(
  { protocol }: ServerOptions,
  { startTls, auth, chunking, xclient, xforward }: Offer,
): Reply {
  const verbs = [
    protocol === "lmtp" ? "LHLO" : "EHLO HELO",
    startTls && "STARTTLS",
    auth?.length && "AUTH",
    "MAIL RCPT DATA",
    chunking && "BDAT",
    "RSET NOOP VRFY HELP",
    xclient && "XCLIENT",
    xforward && "XFORWARD",
    "QUIT",
  ];
  return { code: 214, status: "2.0.0", text: verbs.filter(Boolean).join(" ") };
}

/** Gives the answer to a chunk that is not the last. RFC 3030 section 2. */
export function chunkReply(size: number): Reply {
  return { code: 250, status: "2.0.0", text: `${size} octets received` };
}

/**
 * Refusals of what is no bad command: bounds, and what a client that pipelines
 * could not know.
 */
export const NO_ERRORS: ReadonlySet<Reply> = new Set([
  REPLIES.tooBig,
  REPLIES.tooManyRecipients,
  REPLIES.noRecipients,
  REPLIES.noLmtpRecipients,
  REPLIES.lateChunk,
]);

/** Gives the answer to a line that is no command. RFC 5321 section 4.2.4. */
export function badLineReply(
  { problem, verb, expected }: Extract<ParsedCommand, { ok: false }>,
): Reply {
  switch (problem) {
    case "unknown":
      return REPLIES.unknown;
    case "parameter":
      return {
        code: 555,
        status: "5.5.4",
        text: `Cannot take this parameter of ${verb}: ${expected}`,
      };
    case "utf8address":
      return REPLIES.needSmtputf8;
    case "syntax":
      if (verb === "BDAT") return REPLIES.lostChunk;
      return {
        code: 501,
        status: "5.5.4",
        text: `Cannot read ${verb}: ${expected}`,
      };
  }
}

/** Gives the answer to a command that may not come now. */
export function badOrderReply(verb: Verb, expected: string): Reply {
  return {
    code: 503,
    status: "5.5.1",
    text: `${verb} out of order: expected ${expected}`,
  };
}
