/**
 * Large read buffers, lent while message data comes.
 *
 * A session that idles, or gets its message bit by bit, holds a few KiB; only one
 * whose data fills that borrows a large buffer, so ten thousand slow sessions cost
 * little.
 *
 * @module
 */

/**
 * One read of message data, in bytes. Larger reads gain nothing, smaller ones
 * cost CPU (16, 64, 128 KiB: 672, 541, 474 µs a MB).
 */
export const DATA_BUFFER_BYTES = 128 * 1_024;

/** Most buffers kept for later: 4 MiB. */
const MAX_KEPT = 32;

/** The buffers at hand. */
export class Buffers {
  readonly #kept: Uint8Array<ArrayBuffer>[] = [];

  /** Lends a buffer of {@linkcode DATA_BUFFER_BYTES}. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#kept.pop() ?? new Uint8Array(DATA_BUFFER_BYTES);
  }

  /** Takes a buffer back. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#kept.length < MAX_KEPT) this.#kept.push(buffer);
  }
}
