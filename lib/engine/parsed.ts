/**
 * What the parsers of the engine give: a value that can't be wrong, or the
 * place in the text and what was expected there.
 *
 * @module
 */

/** What a parser gives: a value, or where the text went wrong. */
export type Parsed<T> =
  | {
    /** The text kept the grammar. */
    readonly ok: true;
    /** What it says. */
    readonly value: T;
  }
  | {
    /** The text broke the grammar. */
    readonly ok: false;
    /** Offset in the text, in UTF-16 units, of what is wrong. */
    readonly at: number;
    /** What would have been right there: `"@"` in quotes, `a domain` without. */
    readonly expected: string;
  };

/** The text said `value`. */
export function accepted<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** The text went wrong at `at`. */
export function refused(at: number, expected: string): Parsed<never> {
  return { ok: false, at, expected };
}

/** Where the sticky pattern's match at `at` ends; `at` where there is none. */
export function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
