/**
 * Something that a server can say where a file only tells what it looks like.
 *
 * The rule: what is made matches the file's line, or it is not made. Expressions
 * with alternatives, groups and the like are beyond it.
 *
 * @module
 */

import { matchWhole } from "../transcript/pattern.ts";
import type { Bindings, Template, Variable } from "../transcript/template.ts";

/** Values of the variables that look like something, by name without digits. */
const VALUES: Readonly<Record<string, string>> = {
  host: "mx.test",
  id: "1a2b3c4d",
  date: "Thu, 1 Jan 2026 12:00:00 +0000",
  // Base64, as in 334.
  challenge: "PDEuMkByZWxheS50ZXN0Pg==",
};

/** What stands for any secret: base64, as in an AUTH exchange. */
const SECRET = "eA==";

/** A part of an expression, and how often it may stand there. */
const TOKEN =
  /(\\d|\\[wSs]|\\[^]|\[[^\]]+\]|[^\\[\](){}|])(?:([*?])|\+|\{(\d{1,3})(?:,\d*)?\})?/gy;

/**
 * The value of a variable; one that has none yet gets it now.
 *
 * @param variable The variable.
 * @param bindings The variables so far; takes the new one.
 */
export function sampleValue(
  { name, secret }: Variable,
  bindings: Bindings,
): string {
  const word = name.replace(/\d+$/, "");
  const value = bindings.get(name) ??
    (secret ? SECRET : Object.hasOwn(VALUES, word) ? VALUES[word]! : name);
  if (!secret) bindings.set(name, value);
  return value;
}

/**
 * A line that an expression matches.
 *
 * @param regex The expression's source.
 * @param separator What stands behind a reply's code where anything may.
 * @param bindings The variables so far; takes the new ones.
 * @returns The line; `undefined` where none was found.
 */
export function sampleLine(
  regex: Template,
  separator: " " | "-",
  bindings: Bindings,
): string | undefined {
  let line = "";
  for (const part of regex) {
    if (typeof part !== "string") {
      line += sampleValue(part, bindings);
      continue;
    }
    let end = 0;
    TOKEN.lastIndex = 0;
    for (const { 0: token, 1: one = "", 2: maybe, 3: times } of tokens(part)) {
      end += token.length;
      const isReplaceable = one === ".";
      const text = isReplaceable && line.length === 3
        ? separator
        : characterOf(one);
      line += maybe === undefined ? text.repeat(Number(times ?? 1)) : "";
    }
    if (end < part.length) return undefined;
  }
  return matchWhole(regex, "regex", line, bindings) && line;
}

function tokens(source: string): IterableIterator<RegExpExecArray> {
  return source.matchAll(TOKEN);
}

/** What a part of an expression stands for. */
function characterOf(one: string): string {
  if (one === "\\d") return "0";
  if (one === "\\s") return " ";
  if (one === "." || one === "\\w" || one === "\\S") return "x";
  if (one.startsWith("\\")) return one.slice(1);
  return one.startsWith("[") ? one.replace(/^\[/, "")[0]! : one;
}
