/**
 * Puts amendments into a text, as `--update` does.
 *
 * @module
 */

import { playInMemory } from "../../lib/replay/in_memory.ts";
import type { Failure } from "../../lib/replay/played.ts";
import { formatTranscript } from "../../lib/transcript/print.ts";
import { transcript } from "../transcript/support.ts";

/** Most rounds for one text. */
const MAX_ROUNDS = 40;

/** What became of a text. */
export interface Amended {
  /** The text in the end. */
  readonly text: string;
  /** What is wrong with it still. */
  readonly failure: Failure | undefined;
  /** How many amendments it took. */
  readonly rounds: number;
}

/** Amends a text until it passes, or nothing more can be done. */
export async function amended(
  text: string,
  readMessage: (path: string) => Uint8Array,
): Promise<Amended> {
  for (let rounds = 0;; rounds++) {
    const parsed = transcript(text);
    const splits = ["whole"] as const;
    const { failure } = await playInMemory(parsed, { splits, readMessage });
    if (failure?.amendment === undefined || rounds === MAX_ROUNDS) {
      return { text, failure, rounds };
    }
    const { from, count, steps } = failure.amendment;
    text = formatTranscript({
      ...parsed,
      steps: parsed.steps.toSpliced(from, count, ...steps),
    });
  }
}
