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

/**
 * What the engine asks. It stays paused until it is answered, so pipelined
 * input waits. Only `body` wants no answer: its bytes are good until the next
 * event is taken.
 */
export type Event =
  | { readonly type: "connect" }
  | { readonly type: "hello"; readonly name: string; readonly esmtp: boolean }
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
  | { readonly type: "data" }
  | { readonly type: "body"; readonly bytes: Uint8Array }
  /** The final dot. `refusal`: the engine's own verdict on what came. */
  | {
    readonly type: "end";
    readonly size: number;
    readonly refusal: Reply | undefined;
  }
  | { readonly type: "reset" }
  | { readonly type: "quit" };
