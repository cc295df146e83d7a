/**
 * The vocabulary of the server's engine: what it asks its owner.
 *
 * @module
 */

import type { Command } from "./command.ts";
import type { MailParameters } from "./extensions.ts";
import type { ReversePath } from "./path.ts";
import type { Reply } from "./reply.ts";

/** A MAIL command. RFC 5321 section 4.1.1.2. */
export type MailCommand = Extract<Command, { verb: "MAIL" }>;

/** A RCPT command. RFC 5321 section 4.1.1.3. */
export type RcptCommand = Extract<Command, { verb: "RCPT" }>;

/** A BDAT command. RFC 3030 section 2. */
export type BdatCommand = Extract<Command, { verb: "BDAT" }>;

/** What XCLIENT or XFORWARD says: a name in capitals, and its value if known. */
export type Attributes = ReadonlyMap<string, string | undefined>;

/**
 * What the engine asks. It stays paused until it is answered, so pipelined
 * input waits. Only `body` wants no answer: its bytes are good until the next
 * event is taken.
 */
export type Event =
  | { readonly type: "connect" }
  /** EHLO, HELO or LHLO; `esmtp`: not HELO. */
  | { readonly type: "hello"; readonly name: string; readonly esmtp: boolean }
  /**
   * After a positive answer there are no more events until
   * `ServerEngine.secured()`. RFC 3207.
   */
  | { readonly type: "starttls" }
  /**
   * An AUTH that may come now, of a mechanism that is offered; answered by 334,
   * whereupon a `response` follows, by 235, or by a refusal. RFC 4954.
   * `initial`: base64 as it was written; "" for "=".
   */
  | {
    readonly type: "auth";
    readonly mechanism: string;
    readonly initial: string | undefined;
  }
  /** A line of the exchange, "*" where it is cancelled; answered likewise. */
  | { readonly type: "response"; readonly text: string }
  /** A positive answer is the greeting again: the session starts over. */
  | { readonly type: "xclient"; readonly attributes: Attributes }
  | { readonly type: "xforward"; readonly attributes: Attributes }
  | { readonly type: "vrfy"; readonly text: string }
  | {
    readonly type: "mail";
    readonly sender: ReversePath;
    readonly parameters: MailParameters;
  }
  /**
   * All RCPT commands that came in one piece, so that they can be asked of the
   * relay in one piece too; each is answered for itself.
   */
  | { readonly type: "rcpt"; readonly recipients: readonly RcptCommand[] }
  /**
   * DATA; or, `chunking`, the first BDAT of a message, where a positive answer
   * is not said. RFC 3030.
   */
  | { readonly type: "data"; readonly chunking?: true }
  /** Dot-stuffed; but under BODY=BINARYMIME as it came. */
  | { readonly type: "body"; readonly bytes: Uint8Array }
  /**
   * The final dot; or a chunk's end, of the last one or of one with which the
   * message is refused. `refusal`: the engine's own verdict on what came. Under
   * LMTP answered by one reply for all recipients, or (but for a chunk that is
   * not the last) one for each that was accepted. RFC 2033 section 4.2.
   */
  | {
    readonly type: "end";
    readonly size: number;
    readonly refusal: Reply | undefined;
  }
  | { readonly type: "reset" }
  | { readonly type: "quit" };

/** A command that is a question as it stands. */
export type AskedCommand = Exclude<
  Command,
  { verb: "RCPT" | "BDAT" | "NOOP" | "HELP" | "EXPN" }
>;

/** Gives the question that a command is. */
export function questionOf(command: AskedCommand): Event {
  switch (command.verb) {
    case "EHLO":
    case "HELO":
    case "LHLO": {
      const { name, verb } = command;
      return { type: "hello", name, esmtp: verb !== "HELO" };
    }
    case "STARTTLS":
      return { type: "starttls" };
    case "AUTH": {
      const { mechanism, initial } = command;
      return { type: "auth", mechanism, initial };
    }
    case "XCLIENT":
      return { type: "xclient", attributes: command.attributes };
    case "XFORWARD":
      return { type: "xforward", attributes: command.attributes };
    case "MAIL": {
      const { sender, parameters } = command;
      return { type: "mail", sender, parameters };
    }
    case "DATA":
      return { type: "data" };
    case "RSET":
      return { type: "reset" };
    case "QUIT":
      return { type: "quit" };
    default: // VRFY: its type has all four that have a text
      return { type: "vrfy", text: command.text };
  }
}
