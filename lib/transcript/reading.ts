/**
 * Reads a file of conversations, in whichever notation it is.
 *
 * The rule: what could be a transcript is read as one, and its mistakes are
 * told; only a file without a single line of a transcript is looked at as one of
 * swaks' logs, or as prose with listings in it. Names of files do not count.
 *
 * @module
 */

import { Imported } from "./imported.ts";
import { isListing, type ReadLine, readListing } from "./listing.ts";
import {
  MAX_PROBLEMS,
  MAX_TRANSCRIPT_BYTES,
  parseTranscript,
  type Problem,
} from "./parse.ts";
import type { Transcript } from "./steps.ts";
import { isSwaksLog, readSwaksLog } from "./swaks.ts";

/** How a file is written. */
export type Notation = "transcript" | "swaks" | "listing";

/** What a file has in it, or all that is wrong with it. */
export type Reading =
  | {
    /** There is something to play. */
    readonly ok: true;
    /** How it is written. */
    readonly notation: Notation;
    /** The conversations, at least one; a transcript is exactly one. */
    readonly transcripts: readonly Transcript[];
  }
  | {
    /** It is in no notation, or breaks it. */
    readonly ok: false;
    /** All problems, in the file's order; at least one. */
    readonly problems: readonly Problem[];
  };

/** A line of a transcript, right or wrong. */
const OWN_LINE = /^(?:[CS][:~*!<>]|[PR]\d?[:~*!<>]|@[A-Za-z]|== )/;

/**
 * Reads the conversations of a file.
 *
 * @param source The file, as text or as its bytes.
 * @param file The file's name, for messages.
 * @returns The conversations, or all problems.
 */
export function readTranscripts(
  source: string | Uint8Array,
  file: string,
): Reading {
  const parsed = parseTranscript(source, file);
  if (parsed.ok) {
    return { ok: true, notation: "transcript", transcripts: [parsed.value] };
  }
  const text = textOf(source);
  const lines = text === undefined ? [] : linesOf(text);
  if (lines.some(({ text }) => OWN_LINE.test(text))) return parsed;
  if (isSwaksLog(lines)) return importFrom("swaks", lines, file);
  if (isListing(lines)) return importFrom("listing", lines, file);
  return parsed;
}

function importFrom(
  notation: "swaks" | "listing",
  lines: readonly ReadLine[],
  file: string,
): Reading {
  const imported = new Imported(file);
  const problems: Problem[] = [];
  const report = (line: number, column: number, expected: string) => {
    if (problems.length < MAX_PROBLEMS) {
      problems.push({ file, line, column, expected });
    }
  };
  const read = notation === "swaks" ? readSwaksLog : readListing;
  read(lines, imported, report);
  const { transcripts } = imported;
  if (problems.length === 0 && transcripts.length === 0) {
    report(
      1,
      1,
      "a conversation from its greeting on, with the client's lines",
    );
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, notation, transcripts };
}

function linesOf(text: string): ReadLine[] {
  return text.split(/\r?\n/).map((text, i) => ({ number: i + 1, text }));
}

/** The text of UTF-8 of a size that is read at all. */
function textOf(source: string | Uint8Array): string | undefined {
  if (source.length > MAX_TRANSCRIPT_BYTES) return undefined;
  if (typeof source === "string") return source;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(source);
  } catch {
    return undefined;
  }
}
