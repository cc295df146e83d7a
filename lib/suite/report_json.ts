/**
 * The report as one JSON document: all verdicts, and how many there are of each
 * kind.
 *
 * @module
 */

import type { Reporter } from "./reporter.ts";
import { countVerdicts, type Verdict } from "./verdict.ts";

/** Writes the report as JSON. */
export class JsonReporter implements Reporter {
  /** Nothing comes first. */
  begin(): string {
    return "";
  }

  /** Nothing yet. */
  add(_verdict: Verdict): string {
    return "";
  }

  /** The document. */
  end(verdicts: readonly Verdict[], ms: number): string {
    const report = { ...countVerdicts(verdicts), ms, verdicts };
    return `${JSON.stringify(report, undefined, 2)}\n`;
  }
}
