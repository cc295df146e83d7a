/**
 * What one side has to say: text that gathers, and leaves in one write.
 *
 * The bytes stand in a buffer that is used again, since a fresh one for each
 * reply costs more than the reply.
 *
 * @module
 */

/** Most bytes that one UTF-16 unit becomes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

/** Room for a few replies or commands, in bytes. */
const FIRST_BYTES = 256;

const ENCODER = new TextEncoder();

/** Text on its way out. */
export class Outbox {
  #text = "";
  #bytes: Uint8Array<ArrayBuffer> | undefined;

  /** Adds text behind what waits. */
  add(text: string): void {
    this.#text += text;
  }

  /** What waits, as bytes that are good until the next call; or nothing. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const text = this.#text;
    if (text === "") return undefined;
    this.#text = "";
    const most = text.length * MAX_BYTES_PER_UNIT;
    let bytes = this.#bytes;
    if (bytes === undefined || bytes.length < most) {
      bytes = new Uint8Array(Math.max(most, FIRST_BYTES));
      this.#bytes = bytes;
    }
    return bytes.subarray(0, ENCODER.encodeInto(text, bytes).written);
  }
}
