/**
 * Where a small message gathers, so that its trace, its body and the final dot
 * leave in one write. One a connection, used again for each message.
 *
 * @module
 */

/** Up to here a message is gathered, in bytes; what is longer pays its way. */
const GATHER_BYTES = 16 * 1_024;

/** Most bytes that one UTF-16 unit becomes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

const ENCODER = new TextEncoder();

const FINAL_DOT = new Uint8Array([0x2e, 0x0d, 0x0a]);

/** The beginning of a message, not written yet. */
export class Gathering {
  readonly #bytes = new Uint8Array(GATHER_BYTES + FINAL_DOT.length);
  #length = 0;

  /** Takes a copy of `piece`, if there is room for it. */
  add(piece: Uint8Array): boolean {
    if (this.#length + piece.length > GATHER_BYTES) return false;
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
    return true;
  }

  /** Takes text at the beginning, if there is room for it. */
  start(text: string): boolean {
    this.#length = 0;
    if (text.length * MAX_BYTES_PER_UNIT > GATHER_BYTES) return false;
    this.#length = ENCODER.encodeInto(text, this.#bytes).written;
    return true;
  }

  /** What has gathered, good until more is added; or nothing. */
  take(): Uint8Array | undefined {
    const length = this.#length;
    this.#length = 0;
    return length === 0 ? undefined : this.#bytes.subarray(0, length);
  }

  /** The same with the final dot behind it. */
  takeWithDot(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    this.#bytes.set(FINAL_DOT, this.#length);
    this.#length += FINAL_DOT.length;
    return this.take();
  }
}
