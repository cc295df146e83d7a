/**
 * Where a conversation is played: what the player needs of the party under
 * test, in memory or over sockets.
 *
 * @module
 */

import type { Wire } from "../transcript/steps.ts";

/** What the player holds of one wire. */
export interface StageWire {
  /** Sends bytes to the party under test, in one write. */
  send(bytes: Uint8Array): Promise<void> | void;
  /**
   * The next line that it says, without CRLF, octet for octet as Latin-1;
   * `undefined` where it says nothing more (in memory for now, over a socket
   * within the deadline), `null` where it has closed.
   */
  line(): Promise<string | undefined | null>;
  /** Whether it has said a whole line that was not asked for yet. */
  hasLine(): boolean;
  /** What it has said behind its last whole line, as Latin-1. */
  readonly unfinished: string;
  /** Goes over to TLS; rejects where the party under test does not. */
  startTls(): Promise<void>;
  /** Whether it has closed, where that shows by itself. */
  readonly isClosed?: boolean;
  /** Ends the player's side. */
  end(how: "eof" | "reset"): void;
}

/** A message that came out, as it was delivered. */
export interface Delivered {
  /** The sender; empty for none. */
  readonly sender: string;
  /** The recipients, in order. */
  readonly recipients: readonly string[];
  /** The message without its trace, dots taken off. */
  readonly message: Uint8Array;
}

/** A party under test, ready for one conversation. */
export interface Stage extends AsyncDisposable {
  /** The connections of that name so far, in the order they were opened in. */
  wires(name: Wire): readonly StageWire[];
  /** Lets everything happen that can happen by itself. */
  settle(): Promise<void>;
  /** Lets that much time pass, in ms. */
  wait(ms: number): Promise<void>;
  /** What was delivered so far; `undefined` where that can't be seen. */
  readonly delivered: readonly Delivered[] | undefined;
  /**
   * How long a line is waited for, in ms, where time is real; `undefined` in
   * memory, where what is not there at once does not come.
   */
  readonly deadlineMs?: number;
}
