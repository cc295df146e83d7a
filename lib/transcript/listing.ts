/**
 * Reads conversations as RFCs show them: indented lines with `C:` and `S:`, and
 * prose around them.
 *
 * The rule: only those lines count, wherever prose, page breaks and blank lines
 * stand between them. A section's heading ends a conversation and names the next
 * one. A `<CRLF>` at a line's end is its line end; what stands in `<>`, `()` or
 * `[]` alone tells what happens, and nobody says it; in a message it is a line.
 *
 * It does not join lines that the page was too narrow for.
 *
 * @module
 */

import type { Imported } from "./imported.ts";

/** A line of a file. */
export interface ReadLine {
  /** Its number, from 1. */
  readonly number: number;
  /** The line without its end. */
  readonly text: string;
}

const SAID = /^([ \t]+)([CS]):(?: ?(.*))?$/;

/** A section's heading: `D.1.  A Typical SMTP Transaction Scenario`. */
const HEADING = /^(?:[A-Z]|\d+)(?:\.\d+)*\.[ \t]+(\S.*)$/;

/** `<waits for connection>`, `(…)`, `[…]`, or dots. */
const REMARK = /^(?:<[^>]*>|\(.*\)|\[.*\]|\.\.+.*)$/;

const LINE_END = /(?:<CRLF>|<CR><LF>)$/;

/** Whether a file has a listing in it. */
export function isListing(lines: readonly ReadLine[]): boolean {
  return lines.some(({ text }) => SAID.test(text));
}

/**
 * Reads the listings of a file.
 *
 * @param lines Its lines.
 * @param imported Takes what was said.
 * @param report Hears what was expected, and where.
 */
export function readListing(
  lines: readonly ReadLine[],
  imported: Imported,
  report: (line: number, column: number, expected: string) => void,
): void {
  for (const { number, text } of lines) {
    const heading = HEADING.exec(text);
    if (heading !== null) {
      imported.end();
      imported.name = heading[1]!.trimEnd();
    }
    const [, indent, letter, rest = ""] = SAID.exec(text) ?? [];
    if (indent === undefined) continue;
    const said = rest.replace(LINE_END, "");
    const isRemark = REMARK.test(said) &&
      (letter === "S" || !imported.isInData);
    if (isRemark) continue;
    if (letter === "C") {
      imported.clientSays(number, said);
      continue;
    }
    const expected = imported.serverSays(number, said);
    if (expected !== undefined) report(number, indent.length + 4, expected);
  }
  imported.end();
}
