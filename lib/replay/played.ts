/**
 * How a transcript is played, and what came of it: what all ways of playing
 * have in common.
 *
 * @module
 */

import type { Mismatch } from "./mismatch.ts";
import type { Split, Way } from "./splits.ts";

/** What went wrong, and in which way of cutting. */
export interface Failure extends Mismatch {
  /** How the player's bytes were cut. */
  readonly way: Way;
}

/** How a transcript is played. */
export interface PlaySettings {
  /** How the player's bytes are cut, one after the other. */
  readonly splits: readonly Split[];
  /** Reads a message that the file names, by its path there. */
  readMessage(path: string): Uint8Array;
  /**
   * Values of `${secret:NAME}` by `NAME`; for AUTH exchanges `USER:PASSWORD`,
   * or `USER:TOKEN`.
   */
  readonly secrets?: ReadonlyMap<string, string>;
}

/** What came of it: all passed, or the first failure, or why it was not played. */
export interface Played {
  /** How many times it was played. */
  readonly plays: number;
  /** The first failure; there is none where all passed. */
  readonly failure?: Failure;
  /** Why it was not played at all, in words. */
  readonly skipped?: string;
}
