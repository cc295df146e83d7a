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
import { ehloLines } from "./extensions.ts";
import type { ServerOptions } from "./options.ts";
import { REPLIES, type Reply } from "./reply.ts";
import { EXPECTED, type ServerState } from "./states.ts";

/** Gives the answer to a question whose asker was content. */
export function usualReply(
  event: Event,
  { hostname, greeting, offer }: ServerOptions,
): Reply {
  switch (event.type) {
    case "connect":
      return { code: 220, text: `${hostname} ${greeting}` };
    case "hello":
      return event.esmtp
        ? { code: 250, text: [hostname, ...ehloLines(offer)] }
        : { code: 250, text: hostname };
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
      return REPLIES.ok;
  }
}

/** The answers to commands about which nobody has to be asked. */
export const OWN_REPLIES = {
  NOOP: REPLIES.ok,
  HELP: REPLIES.help,
  VRFY: REPLIES.cannotVerify,
} as const;

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
      return {
        code: 501,
        status: "5.5.4",
        text: `Cannot read ${verb}: ${expected}`,
      };
  }
}

/** Gives the answer to a command that the table has no entry for. */
export function badOrderReply(verb: Verb, state: ServerState): Reply {
  return {
    code: 503,
    status: "5.5.1",
    text: `${verb} out of order: expected ${EXPECTED[state]}`,
  };
}
