/**
 * Reads what swaks prints while it sends: a hint of three characters, a space,
 * and the line that was said.
 *
 * | hint | means |
 * |---|---|
 * | ` ->`, `**>` | swaks says this line |
 * | `<- `, `<**` | the server says it |
 * | `~` in the place of `-`, or of a star | the same under TLS |
 * | `===`, `***` | swaks' own words |
 * | `  >`, `<  ` | raw bytes, which are the same once more |
 *
 * Several logs may stand in one file. A message that `--suppress-data` left out
 * is one line, as the log has it; hidden passwords are sent as the log has them.
 *
 * @module
 */

import type { Imported } from "./imported.ts";
import type { ReadLine } from "./listing.ts";

const SAID = /^(?:( [-~]>|\*[*~]>)|<[-~] |<(?:\*|~)\*)(?: (.*))?$/;

/** Swaks opens a connection, or gives it up. */
const BOUNDARY = /^=== (?:Trying |Connected to |Connection closed )/;

/** The server closed before QUIT. */
const CLOSED = /^\*\*\* Remote host closed connection/;

/** Whether a file is one of swaks' logs. */
export function isSwaksLog(lines: readonly ReadLine[]): boolean {
  return lines.some(({ text }) => SAID.test(text));
}

/**
 * Reads a log.
 *
 * @param lines Its lines.
 * @param imported Takes what was said.
 * @param report Hears what was expected, and where.
 */
export function readSwaksLog(
  lines: readonly ReadLine[],
  imported: Imported,
  report: (line: number, column: number, expected: string) => void,
): void {
  for (const { number, text } of lines) {
    if (CLOSED.test(text)) imported.close(number);
    if (BOUNDARY.test(text)) imported.end();
    const [, client, said = ""] = SAID.exec(text) ?? [];
    if (!SAID.test(text)) continue;
    if (text.slice(0, 3).includes("~")) imported.startTls(number);
    if (client !== undefined) {
      imported.clientSays(number, said);
      continue;
    }
    const expected = imported.serverSays(number, said);
    if (expected !== undefined) report(number, 5, expected);
  }
  imported.end();
}
