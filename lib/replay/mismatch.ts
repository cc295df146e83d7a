/**
 * Where a conversation went another way than its file says.
 *
 * @module
 */

import type { Step } from "./steps.ts";

/** Where a conversation went another way than the file says. */
export interface Mismatch {
  /** The step's line in the file; 0: behind the last. */
  readonly line: number;
  /** What was expected there. */
  readonly expected: string;
  /** What came instead. */
  readonly came: string;
}

/** A mismatch on its way out of the player. */
export class Deviation extends Error {
  /** The class's name. */
  override name = "Deviation";

  /** @param mismatch What it is. */
  constructor(readonly mismatch: Mismatch) {
    super(mismatch.expected);
  }
}

/** The mismatch at `step`: `came` instead of it, or at the wrong time (`when`). */
export function deviation(step: Step, came: string, when = ""): Deviation {
  const source = step.source?.trim().split("\n")[0] ?? step.kind;
  const expected = when === "" ? source : `${source} (${when})`;
  return new Deviation({ line: step.line, expected, came });
}
