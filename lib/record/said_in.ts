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

const VARIABLE = /\$\{[\w:]+\}/g;

const ESCAPE = /\\(?:x([0-9a-f]{2})|(.))/g;

const ESCAPED: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t" };

/**
 * What each speaker says in a transcript, as one text; and all comments and
 * values of settings, as another one.
 *
 * @param text The transcript; no line in it is a pattern.
 * @returns A character for each byte, NUL where a variable stands.
 */
export function saidIn(text: string): Iterable<string> {
  const said = new Map<string, string>();
  const octets = toOctets(text).replaceAll(VARIABLE, "\0");
  for (const [, letters = "", mark = "", rest = ""] of octets.matchAll(LINE)) {
    const isQuoted = /[<>]/.test(mark) && rest.startsWith('"');
    const words = isQuoted
      ? rest.slice(1, -1).replaceAll(ESCAPE, unescape)
      : `${rest}\r\n`;
    // A checker's two ends differ by their mark alone.
    const speaker = mark === "<" ? `${letters}<` : letters;
    said.set(speaker, (said.get(speaker) ?? "") + words);
  }
  return said.values();
}

function unescape(_: string, hex: string | undefined, char: string): string {
  if (hex === undefined) return ESCAPED[char] ?? char;
  return String.fromCharCode(parseInt(hex, 16));
}
