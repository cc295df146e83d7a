/**
 * What a next hop is to a mail transaction, whether a relay or this host.
 *
 * The order: `rcpt` once or more, then `data`, `write` for each piece, and
 * `finish` or `abort`. Nothing is delivered before `finish`; `abort` may come
 * at any time and after anything.
 *
 * @module
 */

import type { MailCommand, RcptCommand } from "./engine/events.ts";
import type { Reply } from "./engine/reply.ts";

/** The sender's side of a transaction. */
export type Sender = Pick<MailCommand, "sender" | "parameters">;

/** One message to one next hop. */
export interface Hop {
  /** Its name in logs. */
  readonly name: string;
  /** A reply for each recipient. */
  rcpt(recipients: readonly RcptCommand[]): Promise<readonly Reply[]>;
  /**
   * The go-ahead, 354, or the refusal of the whole message. `trace` is the
   * `Received:` field, which goes first.
   */
  data(trace: string): Promise<Reply>;
  /**
   * Takes a piece of the message, dot-stuffed, good until the promise
   * resolves. What goes wrong is told by `finish`.
   */
  write(piece: Uint8Array): Promise<void> | undefined;
  /** Delivers: the verdict on the message. */
  finish(): Promise<Reply>;
  /** Gives the message up. */
  abort(): Promise<void>;
}
