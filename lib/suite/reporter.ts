/**
 * A report: text that grows by one verdict after the other.
 *
 * @module
 */

import type { Verdict } from "./verdict.ts";

/** Writes a report of a run. Each piece of text ends with a line end, or is empty. */
export interface Reporter {
  /** What comes first. */
  begin(): string;
  /** What a verdict adds, as soon as it is there. */
  add(verdict: Verdict): string;
  /**
   * What comes last.
   *
   * @param verdicts All of them.
   * @param ms How long the run took, in milliseconds.
   */
  end(verdicts: readonly Verdict[], ms: number): string;
}
