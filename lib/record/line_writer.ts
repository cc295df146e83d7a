/**
 * Writes what one end said as lines of a transcript: variables at their places,
 * and in quotes what plain text can't hold.
 *
 * It goes through a stream from its beginning to its end, once.
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

/** What is not in whole lines that plain text holds as they are. */
const NOT_PLAIN = /[^\t\r\n -~]|\r(?!\n)|(?<!\r)\n|\$\{|[^\n]$/;

/** A line that is empty has no blank behind its colon. */
const EMPTY_LINES = /^([A-Z]\d?:) $/gm;

/** Writes one stream. */
export class LineWriter {
  readonly #stream: Stream;
  /** How many of the places are behind it. */
  #placed = 0;
  /** What its lines begin with; nothing for a checker's, which differ. */
  readonly letters: string;

  /** Begins at the stream's beginning. */
  constructor(stream: Stream) {
    const { wire, from } = stream;
    this.#stream = stream;
    this.letters =
      SPEAKERS.find((speaker) => speaker.wire === wire && speaker.from === from)
        ?.letters ?? "";
  }

  /** Writes what comes next, up to `end`, line by line. */
  lines(start: number, end: number): string {
    const { places, text } = this.#stream;
    const lines: string[] = [];
    for (let at = start; at < end;) {
      const place = places[this.#placed];
      // All lines before the next one that has a variable.
      const plainEnd = place === undefined || place.start >= end
        ? end
        : lineStart(text, at, place.start);
      if (plainEnd > at) lines.push(this.#plainLines(at, plainEnd));
      at = plainEnd;
      if (at === end) break;
      const next = lineEnd(text, at, end);
      lines.push(this.#line(at, next, this.#placesUpTo(next)));
      at = next;
    }
    return lines.join("");
  }

  /** Writes what comes next, up to `end`, as one write, if a step can hold it. */
  oneWrite(start: number, end: number): string {
    const { places, wire, from, text } = this.#stream;
    const more = places.findIndex((place, i) =>
      i >= this.#placed && place.start >= end
    );
    const count = (more < 0 ? places.length : more) - this.#placed;
    if (count > MAX_VARIABLES) return this.lines(start, end);
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

  /** Lines without variables. */
  #plainLines(start: number, end: number): string {
    const { letters } = this;
    const { text } = this.#stream;
    const octets = text.slice(start, end);
    if (letters !== "" && !NOT_PLAIN.test(octets)) {
      const lines = `${letters}: ${
        octets.slice(0, -2).replaceAll("\r\n", `\n${letters}: `)
      }\n`;
      if (!octets.includes("\r\n\r\n") && !octets.startsWith("\r\n")) {
        return lines;
      }
      return lines.replaceAll(EMPTY_LINES, "$1");
    }
    const lines: string[] = [];
    for (let at = start; at < end;) {
      const next = lineEnd(text, at, end);
      lines.push(this.#line(at, next, []));
      at = next;
    }
    return lines.join("");
  }

  #line(start: number, end: number, places: readonly Place[]): string {
    const { wire, from, text } = this.#stream;
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
