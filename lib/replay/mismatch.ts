/**
 * Where a conversation went another way than its file says.
 *
 * @module
 */

import type { Step } from "../transcript/steps.ts";

/** Steps that would make a transcript right. */
export interface Amendment {
  /** Index of the first step that gives way. */
  readonly from: number;
  /** How many of them give way; 0: the new ones are put before `from`. */
  readonly count: number;
  /** What comes in their place. */
  readonly steps: readonly Step[];
}

/** Where a conversation went another way than the file says. */
export interface Mismatch {
  /** The step's line in the file; 0: behind the last. */
  readonly line: number;
  /** What was expected there. */
  readonly expected: string;
  /** What came instead. */
  readonly came: string;
  /** What would make the file right; absent where nothing came to be written. */
  readonly amendment?: Amendment;
}

/** A mismatch on its way out of the player. */
export class Deviation extends Error {
  /** The class's name. */
  override name = "Deviation";

  /**
   * @param mismatch What it is.
   * @param step The step it is about.
   */
  constructor(readonly mismatch: Mismatch, readonly step?: Step) {
    super(mismatch.expected);
  }
}

/** The mismatch at `step` where nobody said anything: for that reason. */
export function absence(
  step: Step,
  reason: string,
  details: DeviationDetails = {},
): Deviation {
  // Without the step, which is there to hide what came in its place.
  return new Deviation(deviation(step, reason, details).mismatch);
}

/** What a deviation may also say. */
export interface DeviationDetails {
  /** When it was expected, if not right here. */
  readonly when?: string;
  /** What would make the file right. */
  readonly amendment?: Amendment | undefined;
}

/** The mismatch at `step`: `came` instead of it, or at the wrong time. */
export function deviation(
  step: Step,
  came: string,
  { when, amendment }: DeviationDetails = {},
): Deviation {
  const source = step.source?.trim().split("\n")[0] ?? step.kind;
  const expected = when === undefined ? source : `${source} (${when})`;
  return new Deviation({
    line: step.line,
    expected,
    came,
    ...(amendment === undefined ? {} : { amendment }),
  }, step);
}
