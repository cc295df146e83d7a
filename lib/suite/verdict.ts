/**
 * What came of one conversation of a file: the one thing that all reports are
 * made of.
 *
 * @module
 */

import type { Failure } from "../replay/played.ts";
import { withoutCredentials } from "./credentials.ts";

/** A line of the file beside the place of a failure. */
export interface NumberedLine {
  /** Its number, from 1. */
  readonly number: number;
  /** The line without its end. */
  readonly text: string;
}

/** A mutation after which something did not hold that always holds. */
export interface BrokenRule {
  /** What gives the same mutation again. */
  readonly seed: number;
  /** What was changed, in words. */
  readonly mutation: string;
  /** What did not hold, in words. */
  readonly broken: string;
  /** The mutated conversation, a transcript that can be saved. */
  readonly conversation: string;
}

/** What came of one conversation. */
export interface Verdict {
  /** The file, as it was named. */
  readonly file: string;
  /** What the conversation shows; the file's name where nothing could be read. */
  readonly name: string;
  /**
   * Whether all plays went as written, one did not, it could not be played
   * here, or the file could not be read.
   */
  readonly status: "passed" | "failed" | "skipped" | "unreadable";
  /** How many times it was played. */
  readonly plays: number;
  /** How long that took, in milliseconds. */
  readonly ms: number;
  /** Where a play went another way. */
  readonly failure?: Pick<Failure, "line" | "expected" | "came" | "way">;
  /** The file's lines around that place. */
  readonly around?: readonly NumberedLine[];
  /** The command that plays it in that way again. */
  readonly repeat?: string;
  /** What a mutation broke. */
  readonly broken?: BrokenRule;
  /** Why it was skipped. */
  readonly skipped?: string;
  /** Why the file could not be read, a line each. */
  readonly problems?: readonly string[];
  /** What `--update` did, or could not do. */
  readonly note?: string;
}

/** How many verdicts of each kind there are. */
export type Counts = Readonly<Record<Verdict["status"], number>>;

/** Lines shown before and behind the place of a failure: the commands that led there. */
const LINES_AROUND = 3;

/**
 * The lines around the place of a failure, without the credentials in them.
 *
 * @param text The file.
 * @param line The place, from 1; 0: behind the last line.
 */
export function linesAround(text: string, line: number): NumberedLine[] {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const at = line === 0 ? lines.length + 1 : line;
  const first = Math.max(1, at - LINES_AROUND);
  // All of them: what a line answers may stand before those that are shown.
  return withoutCredentials(lines).slice(first - 1, at + LINES_AROUND)
    .map((text, i) => ({ number: first + i, text }));
}

/** Counts verdicts by what they say. */
export function countVerdicts(verdicts: readonly Verdict[]): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0, unreadable: 0 };
  for (const { status } of verdicts) counts[status]++;
  return counts;
}
