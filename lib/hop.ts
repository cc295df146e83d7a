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

/**
 * Where a message comes from, as far as is known: what XFORWARD tells the next
 * server.
 */
export interface Origin {
  /** The client's bare address; empty on a Unix socket, or where it is not known. */
  readonly address: string;
  /** The client's port; 0 where it is not known. */
  readonly port: number;
  /** The client's name by DNS, where it is known. */
  readonly name?: string | undefined;
  /** How it calls itself in HELO or EHLO. */
  readonly helo: string;
  /** Which of the two it said. */
  readonly protocol: "SMTP" | "ESMTP";
  /** Who it has logged in as. */
  readonly login?: string | undefined;
}

/** The sender's side of a transaction. */
export interface Sender extends Pick<MailCommand, "sender" | "parameters"> {
  /** Where the message comes from. */
  readonly origin?: Origin | undefined;
}

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
   * Takes a piece of the message, dot-stuffed (under BODY=BINARYMIME as it is),
   * good until the promise resolves. What goes wrong is told by `finish`.
   */
  write(piece: Uint8Array): Promise<void> | undefined;
  /**
   * Delivers: one verdict for all; or, as LMTP has it (RFC 2033 section 4.2),
   * one for each recipient that the hop took, in their order.
   */
  finish(): Promise<Reply | readonly Reply[]>;
  /** Gives the message up. */
  abort(): Promise<void>;
}
