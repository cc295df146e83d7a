/**
 * A connection as a `node:stream`, for `node:tls` to encrypt over.
 *
 * The rule it keeps: memory stays bounded though the runtime's `TLSSocket`
 * knows no back-pressure when it reads. A peer could push hundreds of megabytes
 * into a paused one; so nothing is read from the network while more than
 * {@linkcode GATE_BYTES} of decrypted bytes wait for the application.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { Connection } from "./connection.ts";

/**
 * How many decrypted bytes may wait before the network is left alone: enough
 * to read on while the application works, little enough for many connections.
 */
export const GATE_BYTES = 256 * 1024;

/** How much is read at once while much comes, in bytes; four TLS records. */
const READ_BYTES = 64 * 1024;

/** The same while little comes: what a connection that idles costs. */
const IDLE_READ_BYTES = 4 * 1024;

type Callback = (error?: Error | null) => void;

/** A `Duplex` over a connection that reads only while the gate is open. */
export class Gate extends Duplex {
  readonly #connection: Connection;
  #into = new Uint8Array(IDLE_READ_BYTES);
  #waitingBytes: () => number = () => 0;
  #held = false;

  /**
   * Takes over `connection`, and closes it when the stream is destroyed.
   *
   * @param connection What carries the bytes.
   * @param first What was read from it already.
   */
  constructor(connection: Connection, first?: Uint8Array) {
    super();
    this.#connection = connection;
    if (first !== undefined) this.push(Buffer.from(first));
  }

  /**
   * Says how to count the bytes that wait for the application.
   *
   * @param waitingBytes Gives their number.
   */
  watch(waitingBytes: () => number): void {
    this.#waitingBytes = waitingBytes;
  }

  /** Looks again whether there is room; to be called when the application has read. */
  reopen(): void {
    if (this.#held) this._read();
  }

  override _read(): void {
    this.#held = this.#waitingBytes() > GATE_BYTES;
    if (!this.#held) void this.#pump();
  }

  async #pump(): Promise<void> {
    try {
      const into = this.#into;
      const count = await this.#connection.read(into);
      if (count === null) return void this.push(null);
      if (count === into.length && count < READ_BYTES) {
        this.#into = new Uint8Array(READ_BYTES);
      } else if (count < IDLE_READ_BYTES && into.length > IDLE_READ_BYTES) {
        this.#into = new Uint8Array(IDLE_READ_BYTES);
      }
      // Copied: the stream keeps what it is given, and a small read would
      // otherwise hold the whole buffer.
      this.push(Buffer.from(into.subarray(0, count)));
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  override _write(chunk: Buffer, _encoding: string, done: Callback): void {
    this.#connection.write(chunk).then(() => done(), done);
  }

  override _final(done: Callback): void {
    this.#connection.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: Callback): void {
    this.#connection.close();
    done(error);
  }
}
