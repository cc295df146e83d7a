/**
 * Why a verdict is none to be glad of, in lines for a person.
 *
 * The rule: what came over a network or stands in a file can't move a terminal's
 * cursor, change its colours, or turn the direction of what is read.
 *
 * @module
 */

import type { Verdict } from "./verdict.ts";

/** Controls but the tab, what changes a text's direction, and no characters. */
const UNSEEN =
  /(?!\t)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;

/** The text with what can't be seen written out: `\x1b`, `\u202e`. */
export function visible(text: string): string {
  return text.toWellFormed().replaceAll(UNSEEN, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return code.length > 2
      ? `\\u${code.padStart(4, "0")}`
      : `\\x${code.padStart(2, "0")}`;
  });
}

/** What a line of an explanation is, for who colours it. */
export type LineKind =
  | "place"
  | "around"
  | "here"
  | "expected"
  | "came"
  | "saved"
  | "";

/** Most characters shown of a line: what is longer is no text. */
const MAX_LINE_CHARS = 1_000;

/** Most problems shown of a file: one with more is no transcript at all. */
const MAX_PROBLEMS = 10;

/** A line of an explanation. */
export interface ExplanationLine {
  /** What it is. */
  readonly kind: LineKind;
  /** The line. */
  readonly text: string;
}

/**
 * Explains a verdict.
 *
 * @param verdict Any; what passed has nothing to explain but its note.
 * @returns The lines, without line ends.
 */
export function explain(verdict: Verdict): ExplanationLine[] {
  const lines: ExplanationLine[] = [];
  const add = (kind: LineKind, text: string) => {
    for (const each of text.split(/\r?\n/)) {
      // What is to be saved must be whole.
      const shown = kind === "saved" ? each : shortened(each);
      lines.push({ kind, text: visible(shown) });
    }
  };
  const { failure, broken, repeat, note } = verdict;
  const { problems = [] } = verdict;
  for (const problem of problems.slice(0, MAX_PROBLEMS)) {
    add("expected", problem);
  }
  const more = problems.length - MAX_PROBLEMS;
  if (more > 0) add("expected", `… and ${more} more`);
  if (failure !== undefined) {
    const { line, way } = failure;
    const { file, around = [] } = verdict;
    const last = around.at(-1)?.number ?? 0;
    const place = line === 0 ? `${last}, behind its last line` : line;
    add("place", `${file}:${place}, split ${way}`);
    for (const { number, text } of around) {
      const sign = number === line ? ">" : " ";
      const kind = number === line ? "here" : "around";
      add(kind, `${sign} ${String(number).padStart(4)}  ${text}`);
    }
    for (const each of failure.expected.split("\n")) {
      add("expected", `- ${each}`);
    }
    for (const each of failure.came.split("\n")) add("came", `+ ${each}`);
  }
  if (broken !== undefined) {
    add("place", `${verdict.file}, mutation with seed ${broken.seed}`);
    add("", `changed: ${broken.mutation}`);
    add("came", `broken: ${broken.broken}`);
    add("", "The conversation, to be saved:");
    add("saved", broken.conversation.trimEnd());
  }
  if (repeat !== undefined) add("", `again: ${repeat}`);
  if (note !== undefined) add("", note);
  return lines;
}

function shortened(line: string): string {
  const more = line.length - MAX_LINE_CHARS;
  return more > 0
    ? `${line.slice(0, MAX_LINE_CHARS)}… (${more} characters more)`
    : line;
}
