/**
 * Bytes in, lines and message data out: the one file that decides where a line
 * ends.
 *
 * The rule: only CRLF ends a line, only CRLF.CRLF ends data, whatever the
 * chunks the bytes come in. A bare CR, bare LF or NUL in a command is refused
 * at once and the rest of that line is skipped. In data a bare CR or LF becomes
 * CRLF, stuffed so that it can't end the message further on, or the message is
 * refused; nothing is passed on as it came (RFC 5321 section 2.3.8).
 *
 * Data keeps its dot-stuffing (RFC 5321 section 4.5.2), since it goes out in
 * the same form as it came in; `dots.ts` takes it off where the message itself
 * is wanted. Clean data is never copied: a piece is a view of the buffer, good
 * until the next call.
 *
 * @module
 */

import { findSpecial, type Scannable, scannable } from "./scan.ts";

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** Why a command line is refused before its end is there. */
export type LineFault = "too long" | "bare newline";

/** What becomes of a bare CR or LF in message data. */
export type BareNewline = "normalize" | "reject";

/** What stands before the next byte of data. */
type DataAt = "line start" | "behind a bare newline" | "in a line";

/** Takes bytes as they come and gives lines, or message data. */
export class Framing {
  readonly #maxLine: number;
  readonly #bareNewline: BareNewline;
  #buffer: Uint8Array<ArrayBuffer>;
  #scannable: Scannable;
  /** The unread bytes are `#start`..`#end`; up to `#scanned` no LF was found. */
  #start = 0;
  #end = 0;
  #scanned = 0;
  #skipping = false;
  #at: DataAt = "line start";
  #size = 0;
  #hasBareNewline = false;
  #discarding = false;

  /** `maxLine`: longest command line in bytes, CRLF included. */
  constructor(maxLine: number, bareNewline: BareNewline = "normalize") {
    this.#maxLine = maxLine;
    this.#bareNewline = bareNewline;
    this.#buffer = new Uint8Array((maxLine + 3) & ~3);
    this.#scannable = scannable(this.#buffer);
  }

  /** Octets of the message so far, stuffed dots not counted. RFC 1870. */
  get size(): number {
    return this.#size;
  }

  /** Whether the message so far had a bare CR or LF. */
  get hasBareNewline(): boolean {
    return this.#hasBareNewline;
  }

  /** How many bytes wait unread. */
  get unread(): number {
    return this.#end - this.#start;
  }

  /** Room to read into, never empty once the last answer was "nothing yet". */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#scanned -= this.#start;
      this.#start = 0;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Says that `count` bytes of {@linkcode space} are filled. */
  filled(count: number): void {
    this.#end += count;
  }

  /** Throws away what is unread, as after STARTTLS. */
  clear(): void {
    this.#start = this.#end = this.#scanned = 0;
    this.#skipping = false;
  }

  /** Takes another buffer, and the unread bytes with it; gives the old one. */
  exchange(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const old = this.#buffer;
    buffer.set(old.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#scanned -= this.#start;
    this.#start = 0;
    this.#buffer = buffer;
    this.#scannable = scannable(buffer);
    return old;
  }

  /**
   * The next command line without its CRLF; or why it is refused, once, its
   * rest being skipped; or nothing yet.
   */
  line(): Uint8Array | LineFault | undefined {
    if (this.#skipping && !this.#skip()) return undefined;
    const buffer = this.#buffer;
    const start = this.#start;
    const end = Math.min(this.#end, start + this.#maxLine);
    // Lines are some thirty bytes long: a native search costs more than it saves.
    for (let i = Math.max(this.#scanned, start); i < end; i++) {
      const byte = buffer[i]!;
      if (byte > CR) continue;
      if (byte === LF && i > start && buffer[i - 1] === CR) {
        this.#start = this.#scanned = i + 1;
        return buffer.subarray(start, i - 1);
      }
      if (byte === CR) {
        // Not to say yet; or at the limit too long, whatever follows.
        if (i + 1 === end) {
          this.#scanned = i;
          break;
        }
        if (buffer[i + 1] === LF) continue;
      }
      if (byte === CR || byte === LF || byte === 0) {
        return this.#refuse(i + 1, "bare newline");
      }
    }
    if (end - start === this.#maxLine) {
      // A CR that came last stays, since its LF may follow.
      return this.#refuse(buffer[end - 1] === CR ? end - 1 : end, "too long");
    }
    if (this.#scanned < end && buffer[end - 1] !== CR) this.#scanned = end;
    return undefined;
  }

  #refuse(start: number, fault: LineFault): LineFault {
    this.#start = this.#scanned = start;
    this.#skipping = true;
    return fault;
  }

  /** Drops bytes up to a CRLF; whether it was there. */
  #skip(): boolean {
    const unread = this.#buffer.subarray(0, this.#end);
    let from = this.#start;
    for (;;) {
      const lf = unread.indexOf(LF, from);
      if (lf === -1) {
        const keepsCr = this.#end > from && unread[this.#end - 1] === CR;
        this.#start = this.#scanned = keepsCr ? this.#end - 1 : this.#end;
        return false;
      }
      if (lf > this.#start && unread[lf - 1] === CR) {
        this.#start = this.#scanned = lf + 1;
        this.#skipping = false;
        return true;
      }
      from = lf + 1;
    }
  }

  /** What comes next is message data. */
  startData(): void {
    this.#at = "line start";
    this.#size = 0;
    this.#hasBareNewline = false;
    this.#discarding = false;
  }

  /** The data is read on to its end, but no longer given out. */
  discardData(): void {
    this.#discarding = true;
    // From here on nothing is changed, and behind a bare newline no line begins.
    if (this.#at === "behind a bare newline") this.#at = "in a line";
  }

  /** The next piece of data, dot-stuffed; `"end"`; or nothing yet. */
  data(): Uint8Array | "end" | undefined {
    if (this.#at === "behind a bare newline") return this.#normalize();
    const bytes = this.#buffer;
    const end = this.#end;
    let from = this.#start;
    let dots = 0;
    for (;;) {
      const start = this.#start;
      const atDot = from === start && this.#at === "line start" && from < end &&
        bytes[from] === DOT;
      const special = atDot ? from : findSpecial(this.#scannable, from, end);
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
        this.#start = this.#scanned = start + 3;
        return "end";
      }
      if (
        special === end || kind === "undecided" ||
        (bytes[special] === CR && special + 1 === end)
      ) return undefined;
      this.#hasBareNewline = true;
      if (this.#bareNewline === "reject") this.#discarding = true;
      if (!this.#discarding) return this.#normalize();
      from = this.#start = this.#scanned = special + 1;
      this.#at = "in a line";
    }
  }

  /** Gives out the clean bytes up to `end`. */
  #take(end: number, dots: number): Uint8Array {
    const piece = this.#buffer.subarray(this.#start, end);
    this.#at = piece[piece.length - 1] === LF ? "line start" : "in a line";
    this.#size += piece.length - dots;
    this.#start = this.#scanned = end;
    return piece;
  }

  /**
   * The slow way for what has bare newlines: a copy in which each is CRLF. A
   * line that begins behind one is stuffed, and so is a lone dot before one:
   * its CRLF would end the message at the next hop.
   */
  #normalize(): Uint8Array | undefined {
    const bytes = this.#buffer;
    const end = this.#end;
    const out = new Uint8Array(2 * (end - this.#start));
    let length = 0;
    let dots = 0;
    let i = this.#start;
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
    this.#start = this.#scanned = i;
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
