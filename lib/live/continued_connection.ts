/**
 * A connection whose next read was begun by someone else: it gives what came of
 * that first, so that TLS can be started where a read is pending.
 *
 * @module
 */

import { BaseConnection, type Connection } from "../transport/connection.ts";

/** The same connection from its pending read on. */
export class ContinuedConnection extends BaseConnection {
  readonly remote: string;
  readonly remotePort: number;
  readonly local: string;
  readonly localPort: number;
  readonly #inner: Connection;
  #pending: Promise<Uint8Array> | undefined;
  /** What came and did not fit. */
  #rest: Uint8Array = new Uint8Array();

  /**
   * Takes over a connection.
   *
   * @param inner The connection; this one closes it.
   * @param pending What the pending read gives; no bytes: the peer has ended
   * its side. `undefined`: no read is pending.
   */
  constructor(inner: Connection, pending: Promise<Uint8Array> | undefined) {
    super();
    this.remote = inner.remote;
    this.remotePort = inner.remotePort;
    this.local = inner.local;
    this.localPort = inner.localPort;
    this.#inner = inner;
    this.#pending = pending;
  }

  /** Reads on. */
  async read(into: Uint8Array): Promise<number | null> {
    if (this.#pending !== undefined) {
      this.#rest = await this.#pending;
      this.#pending = undefined;
    }
    if (this.#rest.length === 0) return await this.#inner.read(into);
    const count = Math.min(this.#rest.length, into.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  /** Writes as before. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  /** Ends our side. */
  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  protected release(): void {
    this.#inner.close();
  }
}
