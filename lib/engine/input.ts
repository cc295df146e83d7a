/**
 * The bytes that have come and are not read yet, in one buffer.
 *
 * The rule: what was read once is not searched again, and nothing is moved but
 * to make room. It has no bound of its own: the buffer is the bound.
 *
 * @module
 */

import { type Scannable, scannable } from "./scan.ts";

/** The unread bytes. */
export class Input {
  #scannable: Scannable;
  /** Where the unread bytes begin. */
  start = 0;
  /** Where they end. */
  end = 0;
  /** Up to here no line end was found. */
  scanned = 0;

  /** `buffer` must begin at a multiple of four. */
  constructor(buffer: Uint8Array<ArrayBuffer>) {
    this.#scannable = scannable(buffer);
  }

  /** The buffer, for the scan. */
  get scannable(): Scannable {
    return this.#scannable;
  }

  /** The buffer. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#scannable.bytes;
  }

  /** How many bytes wait unread. */
  get unread(): number {
    return this.end - this.start;
  }

  /** Room to read into, never empty where less is unread than the buffer has. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
      this.#moveToFront();
    }
    return this.bytes.subarray(this.end);
  }

  /** Says that all before `start` is read. */
  readTo(start: number): void {
    this.start = this.scanned = start;
  }

  /** Throws away what is unread. */
  clear(): void {
    this.start = this.end = this.scanned = 0;
  }

  /** Takes another buffer, and the unread bytes with it; gives the old one. */
  exchange(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const old = this.bytes;
    buffer.set(old.subarray(this.start, this.end));
    this.#scannable = scannable(buffer);
    this.#moveToFront();
    return old;
  }

  #moveToFront(): void {
    this.end -= this.start;
    this.scanned -= this.start;
    this.start = 0;
  }
}
