/**
 * The engine alone: SMTP's both sides as values. No Deno, no socket, no clock,
 * no promise.
 *
 * @example A server that is asked one thing at a time
 * ```ts
 * import { ServerEngine } from "@postern/smtpd/engine";
 * import { assertEquals } from "@std/assert";
 *
 * const engine = new ServerEngine({
 *   hostname: "mx.example.org",
 *   greeting: "ESMTP Postern",
 *   offer: { size: 10_485_760 },
 *   maxLine: 4_096,
 *   maxRecipients: 100,
 *   maxErrors: 10,
 *   bareNewline: "normalize",
 *   needHello: false,
 * });
 *
 * assertEquals(engine.next()?.type, "connect");
 * engine.answer();
 * const line = new TextEncoder().encode("HELO client.example\r\n");
 * engine.space().set(line);
 * engine.filled(line.length);
 * assertEquals(engine.next()?.type, "hello");
 * engine.answer();
 * assertEquals(
 *   new TextDecoder().decode(engine.output()),
 *   "220 mx.example.org ESMTP Postern\r\n250 mx.example.org\r\n",
 * );
 * ```
 *
 * @module
 */

export {
  type Answer,
  ClientEngine,
  MAX_REPLY_LINE_TAKEN_BYTES,
  MAX_REPLY_LINES,
  ProtocolError,
} from "./client.ts";
export {
  type Command,
  parseCommand,
  type ParsedCommand,
  type Verb,
} from "./command.ts";
export { Stuffer, Unstuffer } from "./dots.ts";
export type { Attributes, Event, MailCommand, RcptCommand } from "./events.ts";
export {
  type Capabilities,
  type MailParameters,
  type Offer,
  type RcptParameters,
} from "./extensions.ts";
export { type BareNewline, Framing, type LineFault } from "./framing.ts";
export {
  type Mailbox,
  type Parsed,
  parseForwardPath,
  parseMailbox,
  parseReversePath,
  type ReversePath,
} from "./path.ts";
export {
  formatReply,
  isPositive,
  MAX_REPLY_LINE_BYTES,
  REPLIES,
  type Reply,
  replyLines,
} from "./reply.ts";
export { Lenience, LENIENCIES, type Leniency } from "./leniency.ts";
export { MAX_AUTH_LINE_BYTES, type ServerOptions } from "./options.ts";
export { ServerEngine } from "./server.ts";
export {
  CLIENT_MOVES,
  type ClientState,
  type ClientStep,
  type Moves,
  SERVER_MOVES,
  type ServerState,
  type ServerStep,
} from "./states.ts";
