/**
 * Message data up to its final dot, as DATA brings it.
 *
 * The rule: only CRLF.CRLF ends it. A bare CR or LF becomes CRLF, stuffed so
 * that it can't end the message further on, or what follows is not given out;
 * nothing is passed on as it came (RFC 5321 section 2.3.8). Dot-stuffing stays
 * on. Clean data is not copied: a piece is a view of the input's buffer.
 *
 * @module
 */

import type { Input } from "./input.ts";
import { findSpecial } from "./scan.ts";

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** What becomes of a bare CR or LF in message data. */
export type BareNewline = "normalize" | "reject";

/** What stands before the next byte of data. */
type DataAt = "line start" | "behind a bare newline" | "in a line";

/** Reads the data of one message after the other from an input. */
export class DottedData {
  readonly #input: Input;
  readonly #bareNewline: BareNewline;
  #at: DataAt = "line start";
  #size = 0;
  #hasBareNewline = false;
  #discarding = false;

  /** Reads from `input`. */
  constructor(input: Input, bareNewline: BareNewline) {
    this.#input = input;
    this.#bareNewline = bareNewline;
  }

  /** Octets so far, stuffed dots not counted. */
  get size(): number {
    return this.#size;
  }

  /** Whether there was a bare CR or LF so far. */
  get hasBareNewline(): boolean {
    return this.#hasBareNewline;
  }

  /** A message begins. */
  start(): void {
    this.#at = "line start";
    this.#size = 0;
    this.#hasBareNewline = false;
    this.#discarding = false;
  }

  /** The data is read on to its end, but no longer given out. */
  discard(): void {
    this.#discarding = true;
    // From here on nothing is changed, and behind a bare newline no line begins.
    if (this.#at === "behind a bare newline") this.#at = "in a line";
  }

  /** The next piece of data, dot-stuffed; `"end"`; or nothing yet. */
  next(): Uint8Array | "end" | undefined {
    if (this.#at === "behind a bare newline") return this.#normalize();
    const { bytes, end } = this.#input;
    let from = this.#input.start;
    let dots = 0;
    for (;;) {
      const start = this.#input.start;
      const atDot = from === start && this.#at === "line start" && from < end &&
        bytes[from] === DOT;
      const special = atDot
        ? from
        : findSpecial(this.#input.scannable, from, end);
      const kind = special < end && bytes[special] === DOT
        ? dotKind(bytes, special, end)
        : undefined;
      if (kind === "stuffed") {
        dots++;
        from = special + 1;
        continue;
      }
      if (special > start) {
        const piece = this.#take(special, dots);
        if (!this.#discarding) return piece;
        from = special;
        dots = 0;
        continue;
      }
      // Nothing clean stands before it: decide, or wait for what follows.
      if (kind === "end") {
        this.#input.readTo(start + 3);
        return "end";
      }
      if (
        special === end || kind === "undecided" ||
        (bytes[special] === CR && special + 1 === end)
      ) return undefined;
      this.#hasBareNewline = true;
      if (this.#bareNewline === "reject") this.#discarding = true;
      if (!this.#discarding) return this.#normalize();
      from = special + 1;
      this.#input.readTo(from);
      this.#at = "in a line";
    }
  }

  /** Gives out the clean bytes up to `end`. */
  #take(end: number, dots: number): Uint8Array {
    const piece = this.#input.bytes.subarray(this.#input.start, end);
    this.#at = piece[piece.length - 1] === LF ? "line start" : "in a line";
    this.#size += piece.length - dots;
    this.#input.readTo(end);
    return piece;
  }

  /**
   * The slow way for what has bare newlines: a copy in which each is CRLF. A
   * line that begins behind one is stuffed, and so is a lone dot before one:
   * its CRLF would end the message at the next hop.
   */
  #normalize(): Uint8Array | undefined {
    const { bytes, end } = this.#input;
    const out = new Uint8Array(2 * (end - this.#input.start));
    let length = 0;
    let dots = 0;
    let i = this.#input.start;
    while (i < end) {
      const byte = bytes[i]!;
      if (byte === CR || byte === LF) {
        if (byte === CR && i + 1 === end) break;
        const whole = byte === CR && bytes[i + 1] === LF;
        out[length++] = CR;
        out[length++] = LF;
        this.#at = whole ? "line start" : "behind a bare newline";
        i += whole ? 2 : 1;
        continue;
      }
      if (byte === DOT && this.#at !== "in a line") {
        const kind = this.#at === "line start"
          ? dotKind(bytes, i, end)
          : "alone";
        if (kind === "end" || kind === "undecided") break;
        if (kind === "alone") out[length++] = DOT;
        dots++;
      }
      out[length++] = byte;
      this.#at = "in a line";
      i++;
    }
    this.#input.readTo(i);
    this.#size += length - dots;
    if (length > 0) return out.subarray(0, length);
    return undefined;
  }
}

/**
 * What a dot at the start of a line is: the end of data, one that the sender
 * put before a line, one that stands alone before a bare newline, or not to
 * say yet.
 */
function dotKind(
  bytes: Uint8Array,
  dot: number,
  end: number,
): "end" | "stuffed" | "alone" | "undecided" {
  if (dot + 1 >= end) return "undecided";
  if (bytes[dot + 1] === LF) return "alone";
  if (bytes[dot + 1] !== CR) return "stuffed";
  if (dot + 2 >= end) return "undecided";
  return bytes[dot + 2] === LF ? "end" : "alone";
}
