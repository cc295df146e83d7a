/**
 * Message data in chunks of known size, as BDAT brings it. RFC 3030.
 *
 * The rule: what goes out has the form that DATA would have had. A line that
 * begins with a dot gets another one, so that nothing in a chunk can end the
 * message further on; a bare CR or LF becomes CRLF, or what follows is not
 * given out. Where one chunk or read ends and the next begins means nothing: a
 * CR and the LF behind it are one CRLF. A binary message is given out as it
 * comes. What needs no change is not copied, but is a view of the input's
 * buffer.
 *
 * It does not read the commands between the chunks.
 *
 * @module
 */

import type { BareNewline } from "./dotted_data.ts";
import type { Input } from "./input.ts";
import { findSpecial } from "./scan.ts";

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** At worst each octet becomes two: all bare newlines. */
const MAX_GROWTH = 2;

/** What a CR that was held back may add: CRLF. */
const NEWLINE_OCTETS = 2;

/** Reads the chunks of one message after the other from an input. */
export class ChunkedData {
  readonly #input: Input;
  readonly #bareNewline: BareNewline;
  #isBinary = false;
  /** Octets of the chunk that are still to come. */
  #left = 0;
  #isLineStart = true;
  /** Whether the last octet was a CR, which goes out with what it turns into. */
  #holdsCr = false;
  #size = 0;
  #hasBareNewline = false;
  #discarding = false;

  /** Reads from `input`. */
  constructor(input: Input, bareNewline: BareNewline) {
    this.#input = input;
    this.#bareNewline = bareNewline;
  }

  /** Octets so far, without the dots that were put in. */
  get size(): number {
    return this.#size;
  }

  /** Whether there was a bare CR or LF so far, where that is looked at. */
  get hasBareNewline(): boolean {
    return this.#hasBareNewline;
  }

  /** A message begins. */
  start(isBinary: boolean): void {
    this.#isBinary = isBinary;
    this.#left = 0;
    this.#isLineStart = true;
    this.#holdsCr = false;
    this.#size = 0;
    this.#hasBareNewline = false;
    this.#discarding = false;
  }

  /** The next `size` octets are a chunk. */
  startChunk(size: number): void {
    this.#left = size;
  }

  /** What is still to come is only counted, and no longer given out. */
  discard(): void {
    this.#discarding = true;
  }

  /** The next piece of the chunk; its `"end"`; or nothing yet. */
  next(): Uint8Array | "end" | undefined {
    while (this.#left > 0) {
      const { start } = this.#input;
      const end = Math.min(this.#input.end, start + this.#left);
      if (start === end) return undefined;
      if (this.#discarding) this.#take(end);
      else if (this.#isBinary) return this.#take(end);
      else {
        const piece = this.#nextOfText(start, end);
        if (piece.length > 0) return piece;
      }
    }
    return "end";
  }

  /** What the last line lacks of its CRLF; nothing where it lacks nothing. */
  close(): Uint8Array | undefined {
    if (this.#discarding) return undefined;
    const holdsCr = this.#holdsCr;
    this.#holdsCr = false;
    if (holdsCr && !this.#takesBareNewline()) return undefined;
    if (!holdsCr && this.#isLineStart) return undefined;
    this.#isLineStart = true;
    this.#size += NEWLINE_OCTETS;
    return Uint8Array.of(CR, LF);
  }

  #nextOfText(start: number, end: number): Uint8Array {
    const { bytes, scannable } = this.#input;
    const isDotted = this.#isLineStart && bytes[start] === DOT;
    const special = this.#holdsCr || isDotted
      ? start
      : findSpecial(scannable, start, end);
    if (special === start) return this.#rewrite(start, end);
    this.#isLineStart = bytes[special - 1] === LF;
    return this.#take(special);
  }

  /** Gives out the octets up to `end` as they are. */
  #take(end: number): Uint8Array {
    const piece = this.#input.bytes.subarray(this.#input.start, end);
    this.#readTo(end);
    this.#size += piece.length;
    return piece;
  }

  #readTo(end: number): void {
    this.#left -= end - this.#input.start;
    this.#input.readTo(end);
  }

  /**
   * A copy of the octets from `start` to `end` in which dots are stuffed and
   * every line end is CRLF; up to a bare one where those are rejected.
   */
  #rewrite(start: number, end: number): Uint8Array {
    const { bytes, scannable } = this.#input;
    const out = new Uint8Array(MAX_GROWTH * (end - start) + NEWLINE_OCTETS);
    let length = 0;
    let dots = 0;
    let i = start;
    while (i < end) {
      if (!this.#holdsCr && bytes[i] === CR) {
        this.#holdsCr = true;
        i++;
      } else if (this.#holdsCr || bytes[i] === LF) {
        const isLf = bytes[i] === LF;
        const isBare = !(this.#holdsCr && isLf);
        this.#holdsCr = false;
        if (isLf) i++;
        if (isBare && !this.#takesBareNewline()) break;
        out[length++] = CR;
        out[length++] = LF;
        this.#isLineStart = true;
      } else {
        if (this.#isLineStart && bytes[i] === DOT) {
          out[length++] = DOT;
          dots++;
        }
        const special = findSpecial(scannable, i, end);
        out.set(bytes.subarray(i, special), length);
        length += special - i;
        this.#isLineStart = bytes[special - 1] === LF;
        i = special;
      }
    }
    this.#readTo(i);
    this.#size += length - dots;
    return out.subarray(0, length);
  }

  /** Whether a bare CR or LF becomes CRLF; if not, nothing more is given out. */
  #takesBareNewline(): boolean {
    this.#hasBareNewline = true;
    if (this.#bareNewline === "reject") this.#discarding = true;
    return !this.#discarding;
  }
}
