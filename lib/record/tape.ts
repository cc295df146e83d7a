/**
 * What was said in one session, as it came: bytes, who said them, and when.
 *
 * The rule: it is cheap while the session runs. Bytes are copied to one place
 * and stamped; what they mean is found out afterwards, in `conversation.ts`.
 *
 * @module
 */

import type { End, Wire } from "../transcript/steps.ts";

/** Room for the bytes to begin with: a session without a long message. */
const FIRST_BYTES = 4_096;

/** What an entry takes beside its bytes, in bytes: many small ones count too. */
const ENTRY_BYTES = 64;

/**
 * What follows the beginning of a line so soon is one entry with it, in ms: a
 * client that sends byte by byte must not cost more than one that sends lines.
 * Pauses are rounded to this anyway.
 */
const MERGE_MS = 100;

const LF = 0x0a;

/** One end of a wire said something. */
export interface SaidEntry {
  /** What it is. */
  readonly kind: "said";
  /** The connection. */
  readonly wire: Wire;
  /** Who said it. */
  readonly from: End;
  /** When it began to come, in ms. */
  readonly at: number;
  /** Where its bytes begin. */
  readonly start: number;
  /** Just past its bytes. */
  end: number;
}

/** Something happened to a wire: TLS began, or it ended. */
export interface Happening {
  /** What it is. */
  readonly kind: "tls" | "close" | "eof" | "reset";
  /** The connection. */
  readonly wire: Wire;
  /** When, in ms. */
  readonly at: number;
}

/** What came, one thing after the other. */
export type Entry = SaidEntry | Happening;

/** Takes down what comes. */
export class Tape {
  readonly #maxBytes: number;
  #bytes = new Uint8Array(0);
  #used = 0;
  #entries: Entry[] = [];
  #isFull = false;

  /** Holds at most so many bytes, entries included. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** All entries, in their order. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The bytes of all entries, one behind the other: a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  /** How much it holds, in bytes, entries included. */
  get heldBytes(): number {
    return this.#used + this.#entries.length * ENTRY_BYTES;
  }

  /** Whether more came than it may hold; then it holds nothing any more. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Takes a copy of what was said at a time, in ms. */
  say(wire: Wire, from: End, bytes: Uint8Array, at: number): void {
    const { length } = bytes;
    if (length === 0 || !this.#hasRoom(length + ENTRY_BYTES)) return;
    const start = this.#used;
    const end = start + length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, start);
    this.#used = end;
    const last = this.#entries.at(-1);
    if (
      last?.kind === "said" && last.from === from && last.wire === wire &&
      at - last.at < MERGE_MS && this.#bytes[start - 1] !== LF
    ) last.end = end;
    else this.#entries.push({ kind: "said", wire, from, at, start, end });
  }

  /** Takes down what happened; a wire that said nothing since ends only once. */
  add(happening: Happening): void {
    if (!this.#hasRoom(ENTRY_BYTES)) return;
    const { wire, kind } = happening;
    const last = this.#entries.findLast((entry) => entry.wire === wire);
    const isOver = last !== undefined && last.kind !== "said" &&
      last.kind !== "tls";
    if (!isOver || kind === "tls") this.#entries.push(happening);
  }

  #hasRoom(bytes: number): boolean {
    if (this.#isFull) return false;
    if (this.heldBytes + bytes <= this.#maxBytes) return true;
    // Part of it would be no transcript, and might end within a secret.
    this.#isFull = true;
    this.#bytes = new Uint8Array(0);
    this.#used = 0;
    this.#entries = [];
    return false;
  }

  #grow(needed: number): void {
    const size = Math.max(FIRST_BYTES, needed, this.#bytes.length * 2);
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes);
    this.#bytes = bytes;
  }
}
