/**
 * What of a step is a text with variables.
 *
 * @module
 */

import type { SaidStep } from "../transcript/steps.ts";
import type { Template, Variable } from "../transcript/template.ts";

/** The text of a step, its variables apart; nothing where it has none. */
export function templateOf(step: SaidStep): Template {
  switch (step.kind) {
    case "line":
      return step.text;
    case "bytes":
      return step.octets;
    case "regex":
    case "absent":
      return step.regex;
    default:
      return [];
  }
}

/** The variables of a step. */
export function variablesOf(step: SaidStep): Variable[] {
  return templateOf(step).filter((part) => typeof part !== "string");
}
