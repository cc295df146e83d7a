/**
 * Writes what one end said as lines of a transcript: variables at their places,
 * and in quotes what plain text can't hold.
 *
 * It goes through a stream from its beginning to its end, once. What plain text
 * holds as it is, which is most, is written for the whole stream at once, and
 * cut from that; only the rest becomes steps.
 *
 * @module
 */

import { formatStep } from "../transcript/print.ts";
import { SPEAKERS, UNWRITTEN } from "../transcript/steps.ts";
import {
  MAX_VARIABLES,
  type Template,
  textOf,
  toOctets,
} from "../transcript/template.ts";
import type { Place, Stream } from "./conversation.ts";

/**
 * Lines that plain text holds as they are. A dollar might begin a variable, and
 * so many lines at a time are what a regular expression has room to go back.
 */
const PLAIN_LINES = /(?:[\t -#%-~]*\r\n){1,1000}/y;

/** Ends of lines, but for those before an empty line. */
const LINE_END = /\r\n(?!\r\n)/g;

/** Those, once the others are LF: behind a bare CR one looks like CRLF. */
const BEFORE_EMPTY = /\r\n(?=\r?\n)/g;

/** Writes one stream. */
export class LineWriter {
  readonly #stream: Stream;
  /** How many of the places are behind it. */
  #placed = 0;
  /** Up to where its lines are known to be plain. */
  #plainEnd = 0;
  /** All its lines, as if they were plain. */
  readonly #written: string;
  /** A line's beginning in the text, and by how much it is later as written. */
  #at = 0;
  #shift = 0;
  /** What its lines begin with; nothing for a checker's, which differ. */
  readonly letters: string;

  /** Begins at the stream's beginning. */
  constructor(stream: Stream) {
    const { wire, from, text } = stream;
    this.#stream = stream;
    this.letters =
      SPEAKERS.find((speaker) => speaker.wire === wire && speaker.from === from)
        ?.letters ?? "";
    this.#written = this.letters === "" ? "" : written(text, this.letters);
  }

  /** Writes what comes next, up to `end`, line by line. */
  lines(start: number, end: number): string {
    const { places, text } = this.#stream;
    let lines = "";
    for (let at = start; at < end;) {
      const place = places[this.#placed];
      // All lines before the next one that has a variable.
      const limit = place === undefined || place.start >= end
        ? end
        : lineStart(text, at, place.start);
      let next = this.#plainEndAt(at, limit);
      if (next > at) lines += this.#plainLines(at, next);
      else {
        next = lineEnd(text, at, end);
        lines += this.#line(at, next, this.#placesUpTo(next));
      }
      at = next;
    }
    return lines;
  }

  /** Writes what comes next, up to `end`, as one write, if a step can hold it. */
  oneWrite(start: number, end: number): string {
    const { places, wire, from, text } = this.#stream;
    let more = this.#placed;
    while (more < places.length && places[more]!.start < end) more++;
    if (more - this.#placed > MAX_VARIABLES) return this.lines(start, end);
    const octets = templateOf(text, start, end, this.#placesUpTo(end));
    return `${
      formatStep({ ...UNWRITTEN, wire, from, kind: "bytes", octets })
    }\n`;
  }

  /** The places before `end` that no line has taken yet. */
  #placesUpTo(end: number): Place[] {
    const { places } = this.#stream;
    const within: Place[] = [];
    for (; this.#placed < places.length; this.#placed++) {
      const place = places[this.#placed]!;
      if (place.start >= end) break;
      within.push(place);
    }
    return within;
  }

  /** Where the plain lines at `at` end, at or before `limit`. */
  #plainEndAt(at: number, limit: number): number {
    const { text } = this.#stream;
    // Something may have been over in the middle of a line.
    const isLineStart = at === 0 || text.endsWith("\r\n", at);
    if (this.letters === "" || limit === at || !isLineStart) return at;
    PLAIN_LINES.lastIndex = Math.max(at, this.#plainEnd);
    while (this.#plainEnd < limit && PLAIN_LINES.test(text)) {
      this.#plainEnd = PLAIN_LINES.lastIndex;
    }
    return lineStart(text, at, Math.min(this.#plainEnd, limit));
  }

  /** Plain lines without variables. */
  #plainLines(start: number, end: number): string {
    const from = this.#writtenAt(start);
    return this.#written.slice(from, this.#writtenAt(end));
  }

  /** Where a line that begins at `at` is written, which is no earlier than the last. */
  #writtenAt(at: number): number {
    const { text } = this.#stream;
    const { length } = `${this.letters}: `;
    while (this.#at < at) {
      const end = text.indexOf("\r\n", this.#at);
      // LF alone, and no blank where the line is empty.
      this.#shift += length - (end === this.#at ? 2 : 1);
      this.#at = end + 2;
    }
    return at + this.#shift;
  }

  #line(start: number, end: number, places: readonly Place[]): string {
    const { wire, from, text } = this.#stream;
    const isFew = places.length <= MAX_VARIABLES;
    if (isFew && this.#plainEndAt(start, end) === end) {
      return this.#plainLine(start, end - 2, places);
    }
    const isLine = text.endsWith("\r\n", end) && end - start >= 2;
    const octets = templateOf(text, start, isLine ? end - 2 : end, places);
    const said = { ...UNWRITTEN, wire, from };
    const asText = isLine ? textsOf(octets) : undefined;
    return `${
      formatStep(
        asText !== undefined ? { ...said, kind: "line", text: asText } : {
          ...said,
          kind: "bytes",
          octets: isLine ? [...octets, "\r\n"] : octets,
        },
      )
    }\n`;
  }

  /** A plain line with variables. */
  #plainLine(start: number, end: number, places: readonly Place[]): string {
    const { text } = this.#stream;
    let line = `${this.letters}: `;
    let at = start;
    for (const { start, end, variable } of places) {
      line += `${text.slice(at, start)}\${${variable.name}}`;
      at = end;
    }
    return `${line}${text.slice(at, end)}\n`;
  }
}

/** A text's lines, as if plain text could hold them all. */
function written(text: string, letters: string): string {
  const begin = text.startsWith("\r\n") ? `${letters}:` : `${letters}: `;
  // Not with strings: these would make a rope of many short pieces.
  return begin + text.replaceAll(LINE_END, `\n${letters}: `)
    .replaceAll(BEFORE_EMPTY, `\n${letters}:`);
}

/** Where the line around `within` begins, which is at `from` or behind it. */
function lineStart(text: string, from: number, within: number): number {
  const found = text.lastIndexOf("\r\n", within - 2);
  return found < from ? from : found + 2;
}

/** Just past the line at `at`, which may end with `end`. */
function lineEnd(text: string, at: number, end: number): number {
  const found = text.indexOf("\r\n", at);
  return found < 0 || found + 2 > end ? end : found + 2;
}

/** Octets with variables at their places, secrets first if there are too many. */
function templateOf(
  text: string,
  start: number,
  end: number,
  places: readonly Place[],
): Template {
  const parts: Template[number][] = [];
  const secrets = places.filter(({ variable }) => variable.secret).length;
  let others = MAX_VARIABLES - secrets;
  let from = start;
  for (const place of places) {
    if (!place.variable.secret && --others < 0) continue;
    if (place.start > from) parts.push(text.slice(from, place.start));
    parts.push(place.variable);
    from = place.end;
  }
  if (end > from) parts.push(text.slice(from, end));
  return parts;
}

/** The same as text; `undefined` where it is no UTF-8. */
function textsOf(octets: Template): Template | undefined {
  const texts: Template[number][] = [];
  for (const part of octets) {
    if (typeof part !== "string") texts.push(part);
    else {
      const text = textOf(part);
      if (text !== part && toOctets(text) !== part) return undefined;
      texts.push(text);
    }
  }
  return texts;
}
