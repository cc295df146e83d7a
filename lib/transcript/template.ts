/**
 * Texts with variables in them, read and written: the plain rest of a line,
 * and bytes in quotes.
 *
 * A plain text is UTF-8, goes to the end of its line, trailing spaces included,
 * and has no control characters but tabs. What it can't hold (those, bytes that
 * are no UTF-8, a literal `${`) is written in quotes: `\r \n \t \\ \" \xHH`, so
 * `\x24{`. In a regular expression a literal `${` is `\$\{`.
 *
 * What a variable stands for is `pattern.ts`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Parsed } from "../engine/path.ts";

/** `${name}` in a text. */
export interface Variable {
  /** What stands in the braces: `id`, `secret:ann`. */
  readonly name: string;
  /** Whether it is never written down or shown. */
  readonly secret: boolean;
}

/** A text, its variables apart; no string in it is empty or follows another. */
export type Template = readonly (string | Variable)[];

/** Values of variables, by what stands in their braces. */
export type Bindings = Map<string, string>;

/**
 * Most variables of one line: trying where each of them ends can take a time
 * with as many factors.
 */
export const MAX_VARIABLES = 8;

const VARIABLE = /\$\{((secret:)?[A-Za-z]\w*)\}/y;

/** A quoted text's parts: an escape, or what stands for itself. */
const ESCAPE = /\\(?:([rnt\\"])|x([0-9A-Fa-f]{2}))/y;
const UNESCAPED = /[^\\"$\p{Cc}]+|[$\t]/uy;

/** Controls, which terminals and editors change or obey; but tabs. */
const CONTROL = /(?!\t)\p{Cc}/u;

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ r: "\r", n: "\n", t: "\t", "\\": "\\", '"': '"' },
};

/**
 * Reads the rest of a line as plain text.
 *
 * @param line The whole line.
 * @param at Where the text begins.
 * @returns The text.
 */
export function parseText(line: string, at: number): Parsed<Template> {
  const control = controlIn(line, at);
  if (control !== undefined) return control;
  const parts = new Parts();
  for (let from = at;;) {
    const dollar = line.indexOf("${", from);
    if (dollar < 0) {
      parts.add(line.slice(from));
      return { ok: true, value: parts.template };
    }
    parts.add(line.slice(from, dollar));
    const variable = parseVariable(line, dollar, parts);
    if (!variable.ok) return variable;
    from = variable.value;
  }
}

function controlIn(line: string, at: number): Parsed<never> | undefined {
  const found = line.slice(at).search(CONTROL);
  if (found < 0) return undefined;
  return refused(at + found, "no control character outside of quotes");
}

/**
 * The rest of a line where it has no variables.
 *
 * @param line The whole line.
 * @param at Where the text begins.
 * @param text What was read of it.
 * @returns The text itself.
 */
export function plainRest(
  line: string,
  at: number,
  text: Template,
): Parsed<string> {
  if (text.some((part) => typeof part !== "string")) {
    return refused(line.indexOf("${", at), "no variable here");
  }
  return { ok: true, value: line.slice(at) };
}

/**
 * Reads the rest of a line as a regular expression's source; whether it is one
 * shows when it is compiled.
 *
 * @param line The whole line.
 * @param at Where the source begins.
 * @returns The source.
 */
export function parseRegex(line: string, at: number): Parsed<Template> {
  if (at >= line.length) return refused(at, "a regular expression");
  const control = controlIn(line, at);
  if (control !== undefined) return control;
  const parts = new Parts();
  let from = at;
  for (const { 0: token, index } of line.slice(at).matchAll(/\\.|\$\{/gsu)) {
    if (token !== "${") continue;
    parts.add(line.slice(from, at + index));
    const variable = parseVariable(line, at + index, parts);
    if (!variable.ok) return variable;
    from = variable.value;
  }
  parts.add(line.slice(from));
  return { ok: true, value: parts.template };
}

/**
 * Reads the rest of a line as bytes in quotes.
 *
 * @param line The whole line.
 * @param at Where the opening quote must stand.
 * @param least How many bytes there must be: nothing can't be sent, but come out.
 * @returns The bytes, as characters up to U+00FF.
 */
export function parseQuoted(
  line: string,
  at: number,
  least: 0 | 1 = 1,
): Parsed<Template> {
  if (line[at] !== '"') return refused(at, "bytes in double quotes");
  const parts = new Parts();
  for (let from = at + 1;;) {
    if (line[from] === '"') {
      if (from + 1 < line.length) {
        return refused(from + 1, "nothing behind the closing quote");
      }
      if (parts.template.length < least) {
        return refused(from, "at least one byte");
      }
      return { ok: true, value: parts.template };
    }
    if (line.startsWith("${", from)) {
      const variable = parseVariable(line, from, parts);
      if (!variable.ok) return variable;
      from = variable.value;
      continue;
    }
    const escape = matchAt(ESCAPE, line, from);
    const plain = escape ?? matchAt(UNESCAPED, line, from);
    if (plain === null) return refused(from, expectedInQuotes(line, from));
    if (escape === null) parts.add(toOctets(plain[0]));
    else {
      parts.add(
        ESCAPES[escape[1] ?? ""] ??
          String.fromCharCode(parseInt(escape[2]!, 16)),
      );
    }
    from += plain[0].length;
  }
}

function expectedInQuotes(line: string, at: number): string {
  if (at >= line.length) return "a closing quote";
  return line[at] === "\\"
    ? String.raw`\r, \n, \t, \\, \" or \x and two hexadecimal digits`
    : "no control character: write it as an escape";
}

/** Adds the variable that begins at `at`; gives the offset just past it. */
function parseVariable(
  line: string,
  at: number,
  parts: Parts,
): Parsed<number> {
  const found = matchAt(VARIABLE, line, at);
  if (found === null) {
    return refused(at, "a variable such as ${id} or ${secret:name}");
  }
  if (!parts.addVariable(found[1]!, found[2] !== undefined)) {
    return refused(at, `at most ${MAX_VARIABLES} variables in a line`);
  }
  return { ok: true, value: at + found[0].length };
}

/** Gathers a template's parts. */
class Parts {
  readonly #parts: (string | Variable)[] = [];
  /** Pieces of one string: joined at the end, since many escapes may follow each other. */
  #text: string[] = [];
  #variables = 0;

  add(text: string): void {
    if (text !== "") this.#text.push(text);
  }

  /** Whether there may be one more. */
  addVariable(name: string, secret: boolean): boolean {
    this.#endText();
    this.#parts.push({ name, secret });
    return ++this.#variables <= MAX_VARIABLES;
  }

  get template(): Template {
    this.#endText();
    return this.#parts;
  }

  #endText(): void {
    if (this.#text.length > 0) this.#parts.push(this.#text.join(""));
    this.#text = [];
  }
}

/**
 * Writes a template as plain text.
 *
 * @returns The text; `undefined` for what a plain text can't hold.
 */
export function formatText(template: Template): string | undefined {
  for (const part of template) {
    if (typeof part !== "string") continue;
    if (CONTROL.test(part) || part.includes("${") || !part.isWellFormed()) {
      return undefined;
    }
  }
  return formatSource(template);
}

/** Writes a template as it is, which is how a regular expression is written. */
export function formatSource(template: Template): string {
  return template.map((part) =>
    typeof part === "string" ? part : `\${${part.name}}`
  ).join("");
}

/** Writes octets in quotes: as text where they are UTF-8, all others escaped. */
export function formatQuoted(octets: Template): string {
  const parts = octets.map((part) =>
    typeof part === "string" ? escapeOctets(part) : `\${${part.name}}`
  );
  return `"${parts.join("")}"`;
}

function escapeOctets(octets: string): string {
  let text: string;
  try {
    text = STRICT_UTF8.decode(fromOctets(octets));
  } catch {
    return octets.replaceAll(
      /[\\"\u0080-\u00ff]|\$(?=\{)|\p{Cc}/gu,
      escapeChar,
    );
  }
  return text.replaceAll(
    /[\\"]|\$(?=\{)|\p{Cc}/gu,
    (char) =>
      char < "\u0080"
        ? escapeChar(char)
        : toOctets(char).replaceAll(/[^]/g, escapeChar),
  );
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  ...{ "\r": "\\r", "\n": "\\n", "\t": "\\t", "\\": "\\\\", '"': '\\"' },
};

function escapeChar(octet: string): string {
  return SHORT_ESCAPES[octet] ??
    `\\x${octet.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A line of text as octets, CRLF included. */
export function lineOctets(text: Template): Template {
  const octets = text.map((part) =>
    typeof part === "string" ? toOctets(part) : part
  );
  const last = octets.at(-1);
  return typeof last === "string"
    ? [...octets.slice(0, -1), `${last}\r\n`]
    : [...octets, "\r\n"];
}

/** A character for each byte of the text's UTF-8. */
export function toOctets(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** A character for each byte. */
export function octetsOf(bytes: Uint8Array): string {
  const { buffer, byteOffset, length } = bytes;
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

/** The text whose UTF-8 these octets are; U+FFFD for what is none. */
export function textOf(octets: string): string {
  // Most lines are ASCII, and then the same.
  return /[^\0-\x7f]/.test(octets) ? UTF8.decode(fromOctets(octets)) : octets;
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes that these characters stand for. */
export function fromOctets(octets: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(octets, "latin1"));
}

function matchAt(
  pattern: RegExp,
  text: string,
  at: number,
): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function refused(at: number, expected: string): Parsed<never> {
  return { ok: false, at, expected };
}
