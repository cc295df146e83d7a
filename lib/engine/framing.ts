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

import { ChunkedData } from "./chunked_data.ts";
import { type BareNewline, DottedData } from "./dotted_data.ts";
import { Input } from "./input.ts";

export type { BareNewline };

const LF = 0x0a;
const CR = 0x0d;

/** Why a command line is refused before its end is there. */
export type LineFault = "too long" | "bare newline";

const NOTHING = new Uint8Array();

/** Takes bytes as they come and gives lines, or message data. */
export class Framing {
  readonly #maxLine: number;
  readonly #input: Input;
  readonly #dotted: DottedData;
  readonly #chunked: ChunkedData;
  #message: DottedData | ChunkedData;
  #skipping = false;
  #refused: Uint8Array = NOTHING;

  /** `maxLine`: longest command line in bytes, CRLF included. */
  constructor(maxLine: number, bareNewline: BareNewline = "normalize") {
    this.#maxLine = maxLine;
    this.#input = new Input(new Uint8Array((maxLine + 3) & ~3));
    this.#dotted = new DottedData(this.#input, bareNewline);
    this.#chunked = new ChunkedData(this.#input, bareNewline);
    this.#message = this.#dotted;
  }

  /** Octets of the message so far, stuffed dots not counted. RFC 1870. */
  get size(): number {
    return this.#message.size;
  }

  /** Whether the message so far had a bare CR or LF. */
  get hasBareNewline(): boolean {
    return this.#message.hasBareNewline;
  }

  /** How many bytes wait unread. */
  get unread(): number {
    return this.#input.unread;
  }

  /** Room to read into, never empty once the last answer was "nothing yet". */
  space(): Uint8Array<ArrayBuffer> {
    return this.#input.space();
  }

  /** Says that `count` bytes of {@linkcode space} are filled. */
  filled(count: number): void {
    this.#input.end += count;
  }

  /** Throws away what is unread, as after STARTTLS. */
  clear(): void {
    this.#input.clear();
    this.#skipping = false;
  }

  /** Takes another buffer, and the unread bytes with it; gives the old one. */
  exchange(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#input.exchange(buffer);
  }

  /**
   * Whether the next line is known to begin with `word`, whose capitals stand
   * for either case.
   */
  startsWith(word: string): boolean {
    if (this.#skipping && !this.#skip()) return false;
    return startsWith(
      this.#input.bytes.subarray(this.#input.start, this.#input.end),
      word,
    );
  }

  /** What there was of the line refused last; good until the next call. */
  get refused(): Uint8Array {
    return this.#refused;
  }

  /**
   * The next command line without its CRLF; or why it is refused, once, its
   * rest being skipped; or nothing yet. `maxLine`: another bound on this one.
   */
  line(
    maxLine: number = this.#maxLine,
  ): Uint8Array | LineFault | undefined {
    if (this.#skipping && !this.#skip()) return undefined;
    const input = this.#input;
    const { bytes, start } = input;
    const end = Math.min(input.end, start + maxLine);
    // Lines are some thirty bytes long: a native search costs more than it saves.
    for (let i = Math.max(input.scanned, start); i < end; i++) {
      const byte = bytes[i]!;
      if (byte > CR) continue;
      if (byte === LF && i > start && bytes[i - 1] === CR) {
        input.readTo(i + 1);
        return bytes.subarray(start, i - 1);
      }
      if (byte === CR) {
        // Not to say yet; or at the limit too long, whatever follows.
        if (i + 1 === end) {
          input.scanned = i;
          break;
        }
        if (bytes[i + 1] === LF) continue;
      }
      if (byte === CR || byte === LF || byte === 0) {
        return this.#refuse(i + 1, "bare newline");
      }
    }
    if (end - start === maxLine) {
      // A CR that came last stays, since its LF may follow.
      return this.#refuse(bytes[end - 1] === CR ? end - 1 : end, "too long");
    }
    if (input.scanned < end && bytes[end - 1] !== CR) input.scanned = end;
    return undefined;
  }

  #refuse(start: number, fault: LineFault): LineFault {
    this.#refused = this.#input.bytes.subarray(this.#input.start, start);
    this.#input.readTo(start);
    this.#skipping = true;
    return fault;
  }

  /** Drops bytes up to a CRLF; whether it was there. */
  #skip(): boolean {
    const input = this.#input;
    const unread = input.bytes.subarray(0, input.end);
    let from = input.start;
    for (;;) {
      const lf = unread.indexOf(LF, from);
      if (lf === -1) {
        const keepsCr = input.end > from && unread[input.end - 1] === CR;
        input.readTo(keepsCr ? input.end - 1 : input.end);
        return false;
      }
      if (lf > input.start && unread[lf - 1] === CR) {
        input.readTo(lf + 1);
        this.#skipping = false;
        return true;
      }
      from = lf + 1;
    }
  }

  /** What comes next is message data. */
  startData(): void {
    this.#message = this.#dotted;
    this.#dotted.start();
  }

  /** The data is read on to its end, but no longer given out. */
  discardData(): void {
    this.#message.discard();
  }

  /** The next piece of data, dot-stuffed; `"end"`; or nothing yet. */
  data(): Uint8Array | "end" | undefined {
    return this.#dotted.next();
  }

  /** What comes next are chunks of a message, which is given out so or raw. */
  startChunks(isBinary: boolean): void {
    this.#message = this.#chunked;
    this.#chunked.start(isBinary);
  }

  /** The next `size` octets are a chunk. RFC 3030 section 2. */
  startChunk(size: number): void {
    this.#chunked.startChunk(size);
  }

  /** The next piece of the chunk; its `"end"`; or nothing yet. */
  chunk(): Uint8Array | "end" | undefined {
    return this.#chunked.next();
  }

  /** What is still to be given out behind the last chunk. */
  closeChunks(): Uint8Array | undefined {
    return this.#chunked.close();
  }
}

/** Whether the line begins with `word`, whose capitals stand for either case. */
export function startsWith(line: Uint8Array, word: string): boolean {
  if (line.length < word.length) return false;
  for (let i = 0; i < word.length; i++) {
    const octet = word.charCodeAt(i);
    const isCapital = octet >= 0x41 && octet <= 0x5a;
    if ((isCapital ? line[i]! & 0xdf : line[i]!) !== octet) return false;
  }
  return true;
}
