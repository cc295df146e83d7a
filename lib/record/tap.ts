/**
 * A connection with an ear at it: what is read and written over it is told.
 *
 * The rule: it behaves as the connection under it, to the byte. What is told
 * stands in the order in which it was done: a write before it begins, since the
 * answer to it may be read before it has ended.
 *
 * A read or write gives the promise of the connection under it, on which the tap
 * is the first to listen: so it costs no turn of the microtask queue, and whoever
 * waits for the bytes has them told before.
 *
 * What comes after our side was ended for good is thrown away, so it is not
 * told either.
 *
 * @module
 */

import type { End } from "../transcript/steps.ts";
import { BaseConnection, type Connection } from "../transport/connection.ts";

/** How a wire ended: by the server, by the client, broken. */
export type Ending = "close" | "eof" | "reset";

/** Hears what is said on one wire. */
export interface Ear {
  /** `from` said `bytes`, which are good until this returns. */
  said(from: End, bytes: Uint8Array): void;
  /** The wire has ended; told once. */
  ended(how: Ending): void;
}

/** What ends a wire when our end or the other one closes it. */
const ENDINGS = {
  client: { ours: "eof", theirs: "close" },
  server: { ours: "close", theirs: "eof" },
} as const satisfies Record<End, Record<"ours" | "theirs", Ending>>;

/** A connection that tells an {@linkcode Ear} what goes over it. */
export class TappedConnection extends BaseConnection {
  readonly remote: string;
  readonly remotePort: number;
  readonly local: string;
  readonly localPort: number;
  readonly #inner: Connection;
  readonly #own: End;
  readonly #ear: Ear;
  #hasEnded = false;
  /** Where the pending read puts its bytes. */
  #into: Uint8Array = new Uint8Array(0);

  readonly #heard = (count: number | null): void => {
    if (count === null) return this.#ended(ENDINGS[this.#own].theirs);
    const from = this.#own === "client" ? "server" : "client";
    this.#ear.said(from, this.#into.subarray(0, count));
  };

  readonly #broken = (): void => this.#ended("reset");

  /** Takes `inner` over; `own` is the end of the wire that we are. */
  constructor(inner: Connection, own: End, ear: Ear) {
    super();
    this.remote = inner.remote;
    this.remotePort = inner.remotePort;
    this.local = inner.local;
    this.localPort = inner.localPort;
    this.#inner = inner;
    this.#own = own;
    this.#ear = ear;
  }

  read(into: Uint8Array): Promise<number | null> {
    this.#into = into;
    const reading = this.#inner.read(into);
    reading.then(this.#heard, this.#broken);
    return reading;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#ear.said(this.#own, bytes);
    const writing = this.#inner.write(bytes);
    writing.then(undefined, this.#broken);
    return writing;
  }

  closeWrite(): Promise<void> {
    this.#ended(ENDINGS[this.#own].ours);
    return this.#inner.closeWrite();
  }

  override async end(graceMs: number): Promise<void> {
    this.#ended(ENDINGS[this.#own].ours);
    await this.#inner.end(graceMs);
    this.close();
  }

  /**
   * Gives away the connection under it, as TLS needs it; this one is closed
   * then, and nobody hears of it.
   *
   * @returns The connection under it.
   */
  takeInner(): Connection {
    this.markClosed();
    return this.#inner;
  }

  protected release(): void {
    this.#ended(ENDINGS[this.#own].ours);
    this.#inner.close();
  }

  /** What fails because we closed it is told as that. */
  #ended(how: Ending): void {
    if (!this.#hasEnded) this.#ear.ended(how);
    this.#hasEnded = true;
  }
}
