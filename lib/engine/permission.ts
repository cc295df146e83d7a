/**
 * Decides whether a command may come now: by the protocol, by what is offered,
 * by the table of states, by what TLS and AUTH have brought.
 *
 * Nobody has to be asked for it. Nor for what of it is believed.
 *
 * @module
 */

import { badOrderReply } from "./answers.ts";
import { type Command, needsSmtputf8, type Verb } from "./command.ts";
import type { MailCommand, RcptCommand } from "./events.ts";
import { REPLIES, type Reply } from "./reply.ts";
import type { Standing } from "./standing.ts";
import { EXPECTED, SERVER_MOVES } from "./states.ts";

/** Gives the refusal of a command that may not come now. */
export function refusalOf(
  command: Command,
  standing: Standing,
): Reply | undefined {
  const { verb } = command;
  return protocolRefusal(verb, standing) ??
    offerRefusal(verb, standing) ??
    orderRefusal(verb, standing) ??
    privilegeRefusal(command, standing);
}

/** Gives the refusal of a recipient, where `asked` before it are asked about. */
export function recipientRefusal(
  command: RcptCommand,
  asked: number,
  { recipients, smtputf8, options }: Standing,
): Reply | undefined {
  if (recipients + asked >= options.maxRecipients) {
    return REPLIES.tooManyRecipients;
  }
  return needsSmtputf8(command) && !smtputf8 ? REPLIES.needSmtputf8 : undefined;
}

/**
 * Gives a MAIL as it is believed: who has not logged in, and is not trusted to
 * speak for others, can't say who sent it first. RFC 4954 section 5.
 */
export function believed(
  command: MailCommand,
  { authenticated, offer }: Standing,
): MailCommand {
  const { parameters } = command;
  if (parameters.auth === undefined || authenticated || offer.xforward) {
    return command;
  }
  return { ...command, parameters: { ...parameters, auth: "<>" } };
}

/** RFC 2033 section 4.1. */
function protocolRefusal(
  verb: Verb,
  { options }: Standing,
): Reply | undefined {
  const isLmtp = options.protocol === "lmtp";
  if (verb === "LHLO") return isLmtp ? undefined : REPLIES.unknown;
  const isHello = verb === "EHLO" || verb === "HELO";
  return isHello && isLmtp ? REPLIES.needLhlo : undefined;
}

function offerRefusal(
  verb: Verb,
  { offer, esmtp, isSecure, authenticated, options }: Standing,
): Reply | undefined {
  switch (verb) {
    case "STARTTLS":
      if (isSecure) return REPLIES.tlsActive;
      return offer.startTls ? undefined : REPLIES.noStartTls;
    case "AUTH":
      // Not offered any more, and no reason to ask for TLS: RFC 4954 section 4.
      if (authenticated) return REPLIES.authTwice;
      if (options.needTls && !isSecure) return REPLIES.needTls;
      if (!offer.auth?.length) {
        return offer.startTls ? REPLIES.authNeedsTls : REPLIES.noAuth;
      }
      return esmtp ? undefined : REPLIES.needEhlo;
    case "BDAT":
      if (!offer.chunking) return REPLIES.noChunking;
      return esmtp ? undefined : REPLIES.needEhlo;
    case "XCLIENT":
      return offer.xclient ? undefined : REPLIES.noXclient;
    case "XFORWARD":
      return offer.xforward ? undefined : REPLIES.noXforward;
    default:
      return undefined;
  }
}

function orderRefusal(
  verb: Verb,
  { state, isBinary, hasRefused, isChunkLate, options }: Standing,
): Reply | undefined {
  const isMessage = verb === "DATA" || verb === "BDAT";
  if (SERVER_MOVES[state][verb] !== undefined) {
    const wantsBdat = verb === "DATA" && isBinary; // RFC 3030 section 3
    return wantsBdat ? REPLIES.needBdat : undefined;
  }
  // Who pipelines has sent these before it could know: that is no error.
  if (isMessage && hasRefused) {
    return options.protocol === "lmtp"
      ? REPLIES.noLmtpRecipients
      : REPLIES.noRecipients;
  }
  if (verb === "BDAT" && isChunkLate) return REPLIES.lateChunk;
  const expected = state === "start" && options.protocol === "lmtp"
    ? "LHLO first"
    : EXPECTED[state];
  return badOrderReply(verb, expected);
}

function privilegeRefusal(
  command: Command,
  { offer, isSecure, authenticated, maxSize, options }: Standing,
): Reply | undefined {
  switch (command.verb) {
    case "AUTH":
      return offer.auth?.includes(command.mechanism)
        ? undefined
        : REPLIES.noMechanism;
    case "MAIL":
    case "VRFY":
      if (options.needTls && !isSecure) return REPLIES.needTls;
      if (options.needAuth && !authenticated) return REPLIES.needAuth;
      return command.verb === "MAIL" && (command.parameters.size ?? 0) > maxSize
        ? REPLIES.tooBig
        : undefined;
    default:
      return undefined;
  }
}
