/**
 * What a transcript's text says, without its notation: for whoever makes sure
 * that something is not in it.
 *
 * The rule: it knows nothing of how the text was made. It does not read steps
 * or settings for what they mean; that is `parse.ts`, which takes longer.
 *
 * @module
 */

import { toOctets } from "../transcript/template.ts";

/** A line: the letters and mark of what is said, and the rest. */
const LINE = /^(?:(\w+)([:<>]) ?|@[\w.-]+ |== )?(.*)$/gm;

/** How many lines are read before others may work: about 1 ms. */
const LINES_AT_ONCE = 1_000;

const VARIABLE = /\$\{[\w:]+\}/g;

const ESCAPE = /\\(?:x([0-9a-f]{2})|(.))/g;

const ESCAPED: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t" };

/**
 * What each speaker says in a transcript, as one text; and all comments and
 * values of settings, as another one.
 *
 * @param text The transcript; no line in it is a pattern.
 * @returns A character for each byte, U+0100 where a variable stands. `undefined`
 * between them: a moment at which others may work.
 */
export function* saidIn(text: string): Generator<string | undefined> {
  const said = new Map<string, string>();
  let lines = 0;
  const octets = toOctets(text).replaceAll(VARIABLE, "\u0100");
  for (const [, letters = "", mark = "", rest = ""] of octets.matchAll(LINE)) {
    if (++lines % LINES_AT_ONCE === 0) yield;
    const isQuoted = /[<>]/.test(mark) && rest.startsWith('"');
    const words = isQuoted
      ? rest.slice(1, -1).replaceAll(ESCAPE, unescape)
      : `${rest}\r\n`;
    // A checker's two ends differ by their mark alone.
    const speaker = mark === "<" ? `${letters}<` : letters;
    said.set(speaker, (said.get(speaker) ?? "") + words);
  }
  yield* said.values();
}

function unescape(_: string, hex: string | undefined, char: string): string {
  if (hex === undefined) return ESCAPED[char] ?? char;
  return String.fromCharCode(parseInt(hex, 16));
}
