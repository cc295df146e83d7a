/**
 * Finds secrets in a text, in the forms that mail gives them.
 *
 * The rule: a form is looked for whole, in the text as it is and in the text as
 * it reads without its line breaks, percent signs, quoted-printable or
 * backslashes.
 * The forms are the secret itself, its base64 in either alphabet, as part of
 * something longer too, and its hexadecimal digits.
 *
 * A secret that is compressed, encrypted or said in another charset is not found.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/**
 * Shortest secret that is looked for, in bytes. What is shorter stands in any
 * text by chance, and hiding it would keep it no secret.
 */
export const MIN_SECRET_BYTES = 4;

/** What is looked for. */
export interface Secret {
  /** A character for each byte. */
  readonly octets: string;
  /** Whether it is base64 already, so that no further form of it is likely. */
  readonly isEncoded: boolean;
}

/** Where one stands. */
export interface Hit {
  /** Which one. */
  readonly secret: Secret;
  /** Where it begins. */
  readonly start: number;
  /** Just past its end. */
  readonly end: number;
  /** Whether it stands there as it is. */
  readonly isLiteral: boolean;
}

/** One form of a secret. */
interface Form {
  readonly text: string;
  /** How many characters before and behind it hold some of its bits too. */
  readonly before: number;
  readonly behind: number;
}

/**
 * All forms of a secret, each as it is looked for; the secret itself is first.
 */
function formsOf({ octets, isEncoded }: Secret): readonly Form[] {
  const plain = { text: octets, before: 0, behind: 0 };
  if (isEncoded) return [{ ...plain, text: octets.replace(/=+$/, "") }];
  const bytes = Buffer.from(octets, "latin1");
  const hex = bytes.toString("hex");
  const forms: Form[] = [plain];
  for (const text of new Set([hex, hex.toUpperCase()])) {
    forms.push({ ...plain, text });
  }
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    const bits = shifted.length * 8;
    // The characters that no neighbour has a part in.
    const [first, end] = [Math.ceil(shift * 8 / 6), Math.floor(bits / 6)];
    const text = shifted.toString("base64").slice(first, end);
    const before = shift === 0 ? 0 : 1;
    const behind = bits % 6 === 0 ? 0 : 1;
    const url = text.replaceAll("+", "-").replaceAll("/", "_");
    for (const each of new Set([text, url])) {
      forms.push({ text: each, before, behind });
    }
  }
  return forms;
}

/** A text as it reads when something is taken out or decoded. */
interface View {
  readonly text: string;
  /** What was taken out or decoded; nothing: it is the text as it is. */
  readonly pattern: RegExp | undefined;
}

/** Where in a view something was taken out or decoded. */
interface Mark {
  readonly at: number;
  /** What of the original the character there is, and all behind it follow. */
  readonly start: number;
  readonly end: number;
}

/** Line breaks, as they wrap base64, with what a reply puts before each line. */
const LINE_BREAK = /\r?\n[ \t>]*/g;

const PERCENT = /%([0-9A-Fa-f]{2})/g;

/** RFC 2045 section 6.7; a dot behind a soft break may be doubled. */
const QUOTED_PRINTABLE = /=(?:([0-9A-Fa-f]{2})|[ \t]*\r?\n(?:\.(?=\.))?)/g;

/** RFC 5321 section 4.1.2, and many other notations. */
const BACKSLASH = /\\(["\\])/g;

const ENCODINGS: readonly (readonly [sign: string, pattern: RegExp])[] = [
  ...[["\n", LINE_BREAK], ["%", PERCENT], ["=", QUOTED_PRINTABLE]] as const,
  ["\\", BACKSLASH],
];

function* viewsOf(text: string): Generator<View> {
  yield { text, pattern: undefined };
  for (const [sign, pattern] of ENCODINGS) {
    if (!text.includes(sign)) continue;
    const read = pattern === LINE_BREAK
      ? text.replaceAll(pattern, "")
      : text.replaceAll(pattern, (_, code?: string) => decode(code));
    if (read !== text) yield { text: read, pattern };
  }
}

function decode(code: string | undefined): string {
  if (code?.length !== 2) return code ?? "";
  return String.fromCharCode(parseInt(code, 16));
}

/** The marks of the view that a pattern makes of a text: ascending. */
function marksOf(text: string, pattern: RegExp): readonly Mark[] {
  const marks: Mark[] = [];
  let [at, from] = [0, 0];
  for (const { 0: found, 1: code, index } of text.matchAll(pattern)) {
    at += index - from;
    from = index + found.length;
    if (code !== undefined) marks.push({ at: at++, start: index, end: from });
    marks.push({ at, start: from, end: from + 1 });
  }
  return marks;
}

/** What of the original a view's character is. */
function originOf(
  marks: readonly Mark[],
  at: number,
): { readonly start: number; readonly end: number } {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (marks[middle]!.at <= at) low = middle + 1;
    else high = middle;
  }
  const mark = marks[low - 1];
  if (mark === undefined) return { start: at, end: at + 1 };
  if (mark.at === at) return mark;
  const start = mark.start + at - mark.at;
  return { start, end: start + 1 };
}

/** Finds secrets, once their forms are known. */
export class SecretSearch {
  readonly #searched: readonly {
    readonly secret: Secret;
    readonly forms: readonly Form[];
  }[];

  /** Gets ready to find any of these. */
  constructor(secrets: Iterable<Secret>) {
    this.#searched = [...secrets].map((secret) => ({
      secret,
      forms: formsOf(secret),
    }));
  }

  /** All that is looked for, once each. */
  get forms(): ReadonlySet<string> {
    const forms = this.#searched.flatMap(({ forms }) => forms);
    return new Set(forms.map(({ text }) => text));
  }

  /**
   * Finds them in a text.
   *
   * @param text Where, a character for each byte.
   * @returns Where they stand, in no order; they may overlap. `undefined` after
   * each look through the text: a moment at which others may work.
   */
  *find(text: string): Generator<Hit | undefined> {
    if (this.#searched.length === 0) return;
    for (const view of viewsOf(text)) {
      let marks: readonly Mark[] | undefined;
      for (const { secret, forms } of this.#searched) {
        for (const form of forms) {
          yield;
          if (!view.text.includes(form.text)) continue;
          marks ??= view.pattern ? marksOf(text, view.pattern) : [];
          yield* hitsOf(view, marks, secret, form, text);
        }
      }
    }
  }
}

function* hitsOf(
  view: View,
  marks: readonly Mark[],
  secret: Secret,
  form: Form,
  original: string,
): Generator<Hit> {
  const { length } = form.text;
  const isLiteral = view.pattern === undefined &&
    (secret.isEncoded || form.text === secret.octets);
  const next = (at: number) => {
    // Of those that overlap this one the last, which covers all between.
    const last = view.text.lastIndexOf(form.text, at + length - 1);
    return last > at ? last : view.text.indexOf(form.text, at + length);
  };
  let at = view.text.indexOf(form.text);
  for (; at >= 0; at = next(at)) {
    let start = originOf(marks, at).start;
    let end = originOf(marks, at + length - 1).end;
    // Without anything taken out of it, the first view has it already.
    if (view.pattern !== undefined && end - start === length) continue;
    if (form.before && isBase64(original[start - 1])) start--;
    if (form.behind && isBase64(original[end])) end++;
    while (secret.isEncoded && original[end] === "=") end++;
    yield { secret, start, end, isLiteral };
  }
}

function isBase64(char: string | undefined): boolean {
  return char !== undefined && /[\w+/-]/.test(char);
}
