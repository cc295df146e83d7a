/**
 * Decides whether a line, or bytes, are what a transcript says. Whole replies
 * are `reply_pattern.ts`, delivered messages `message_pattern.ts`.
 *
 * The rule: a line matches whole or not at all. A variable stands for anything
 * within its line the first time, and for the same from then on. `${host}` and
 * `${id}` must look like one, and so must `${host2}` and `${id7}`, which are
 * variables of their own. A `${date}` (RFC 5322 section 3.3) is only looked at,
 * since time passes between two of them; a `${secret:…}` too, so that none is
 * kept. Whoever knows a value beforehand puts it in the bindings.
 *
 * In a regular expression variables are groups: refer back to groups by name,
 * not by number. How long it takes is up to its author.
 *
 * @module
 */

import type { Expectation } from "./steps.ts";
import { type Bindings, type Template, textOf, toOctets } from "./template.ts";

/** What variables look like, by their names without digits at the end. */
const FORMS: Readonly<Record<string, string>> = {
  host: String.raw`(?:[\w.\-]+|\[[\w.:]+\])`,
  id: String.raw`[^\s<>()\[\];,:"]+`,
  date: String
    .raw`(?:\p{L}{3}, +)?\d{1,2} \p{L}{3} \d{4} \d\d:\d\d(?::\d\d)? (?:[+\-]\d{4}|\p{Lu}{1,5})(?: \(\p{L}{1,5}\))?`,
};

/** Anything, as little as will do. */
const ANYTHING = String.raw`[^\r\n]*?`;

/** A secret or its base64: one word, or nothing. */
const SECRET = String.raw`\S*`;

/** Expressions without variables, compiled. */
const compiled = new WeakMap<Template, RegExp>();

/** How the strings of a template are meant. */
type Kind = "text" | "octets" | "regex";

function sourceOf(
  template: Template,
  kind: Kind,
  bindings: ReadonlyMap<string, string>,
): string {
  const seen = new Set<string>();
  return template.map((part) => {
    if (typeof part === "string") {
      return kind === "regex" ? part : RegExp.escape(part);
    }
    const { name, secret } = part;
    const bound = bindings.get(name);
    if (bound !== undefined) {
      const value = RegExp.escape(kind === "octets" ? toOctets(bound) : bound);
      // A quantifier behind it counts for the whole value.
      return `(?:${value})`;
    }
    if (secret) return SECRET;
    const word = name.replace(/\d+$/, "");
    const form = Object.hasOwn(FORMS, word) ? FORMS[word]! : ANYTHING;
    if (word === "date") return form;
    if (seen.has(name)) return `\\k<v_${name}>`;
    seen.add(name);
    return `(?<v_${name}>${form})`;
  }).join("");
}

/**
 * Why a source is no regular expression.
 *
 * @param regex The source, as it was read.
 * @returns The reason; `undefined` where it is one.
 */
export function regexFault(regex: Template): string | undefined {
  try {
    // On its own: within "(?:" and ")" what closes one group too many would pass.
    new RegExp(sourceOf(regex, "regex", new Map()), "u");
    return undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { message } = error;
    return message.slice(message.lastIndexOf("/u: ") + 4).toLowerCase();
  }
}

/** The bindings with what a match adds; the same ones where it adds nothing. */
function withGroups(
  bindings: ReadonlyMap<string, string>,
  found: RegExpExecArray,
  kind: Kind,
): ReadonlyMap<string, string> {
  // What stands in the other branch of an alternative has no value.
  const groups = Object.entries(found.groups ?? {}).filter(([group, value]) =>
    group.startsWith("v_") && value !== undefined
  );
  if (groups.length === 0) return bindings;
  const more = new Map(bindings);
  for (const [group, value] of groups) {
    const text = kind === "octets" ? textOf(value) : value;
    more.set(group.slice(2), text);
  }
  return more;
}

/**
 * Matches a whole line with a template.
 *
 * @param template A plain text, or a regular expression's source.
 * @param kind Which of the two.
 * @param line What came, without its CRLF.
 * @param bindings The variables so far; they stay as they are.
 * @returns The bindings afterwards; `undefined`: it does not match.
 */
export function matchWhole(
  template: Template,
  kind: "text" | "regex",
  line: string,
  bindings: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> | undefined {
  if (kind === "text" && template.length < 2) {
    const [text = ""] = template;
    if (typeof text === "string") return text === line ? bindings : undefined;
  }
  let regex = compiled.get(template);
  if (regex === undefined) {
    const source = sourceOf(template, kind, bindings);
    regex = new RegExp(`^(?:${source})$`, "u");
    if (template.every((part) => typeof part === "string")) {
      compiled.set(template, regex);
    }
  }
  const found = regex.exec(line);
  return found === null ? undefined : withGroups(bindings, found, kind);
}

/**
 * Matches a line with a step, and leaves the bindings as they are.
 *
 * @param step The line, regular expression or prefix.
 * @param line What came, without its CRLF.
 * @param bindings The variables so far.
 * @returns The bindings afterwards; `undefined`: it does not match.
 */
export function matchStep(
  step: Exclude<Expectation, { kind: "absent" }>,
  line: string,
  bindings: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> | undefined {
  switch (step.kind) {
    case "line":
      return matchWhole(step.text, "text", line, bindings);
    case "regex":
      return matchWhole(step.regex, "regex", line, bindings);
    case "prefix":
      return line.startsWith(step.prefix) ? bindings : undefined;
  }
}

/**
 * Takes over what a match has added.
 *
 * @param bindings The caller's, which are changed.
 * @param found The bindings after the match.
 */
export function keep(
  bindings: Bindings,
  found: ReadonlyMap<string, string>,
): void {
  if (found === bindings) return;
  for (const [name, value] of found) bindings.set(name, value);
}

/**
 * Whether the bytes that came begin with what stands in quotes. A variable
 * there does not go beyond its line, and is as short as will do.
 *
 * @param expected The bytes, a character for each.
 * @param came What came, a character for each byte.
 * @param bindings The variables so far; takes the new ones of a match.
 * @returns How many bytes they are; `"more"`: not to say yet; `undefined`: no.
 */
export function matchOctets(
  expected: Template,
  came: string,
  bindings: Bindings,
): number | "more" | undefined {
  const [first = ""] = expected;
  const start = typeof first === "string" ? first : "";
  if (start.startsWith(came)) {
    if (came.length < start.length) return "more";
  } else if (!came.startsWith(start)) return undefined;
  if (expected.every((part) => typeof part === "string")) return start.length;
  const source = sourceOf(expected, "octets", bindings);
  const found = new RegExp(source, "uy").exec(came);
  if (found === null) return "more";
  keep(bindings, withGroups(bindings, found, "octets"));
  return found[0].length;
}
