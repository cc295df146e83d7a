/**
 * A wire in memory: Postern's end is a connection, the other is the player's.
 *
 * What Postern writes is there at once, and what the player sends is read at
 * once: no socket, and no time passes but what the player lets pass. In TLS
 * nothing is encrypted; what matters is when both ends go over to it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { BaseConnection, type Connection } from "../transport/connection.ts";
import type { Sweep } from "../transport/sweep.ts";
import type { StageWire } from "./stage.ts";

/**
 * Turns of the microtask queue in which an answer is looked for, before
 * everything that is due is let happen: more than lie between most questions
 * and their answers, and much quicker.
 */
const MAX_TURNS = 64;

/** How long deriving a key may take, in ms: a hundred times what it does. */
const RECKONING_MS = 1_000;

/** Most that Postern may say unheard, in bytes: far over any conversation. */
const MAX_SAID_BYTES = 64 * 1_024 * 1_024;

/** Lets every callback run that is due. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets Postern's client answer what it has to derive a key for: that is done on
 * another thread, so that time passes in memory too.
 *
 * @param wire Where it is to answer; it may not.
 */
export async function reckoned(wire: StageWire): Promise<void> {
  const until = performance.now() + RECKONING_MS;
  while (!wire.hasLine() && !wire.isClosed && performance.now() < until) {
    await settle();
  }
}

/** The player's end. */
export class MemoryWire implements StageWire {
  readonly #connection: MemoryConnection;

  /** A wire to a peer of that address, as Postern sees it. */
  constructor(remote: string) {
    this.#connection = new MemoryConnection(remote);
  }

  /** Postern's end. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Sends bytes to Postern. */
  send(bytes: Uint8Array): void {
    this.#connection.feed(bytes);
  }

  /** The next line that Postern says. */
  async line(): Promise<string | undefined | null> {
    const connection = this.#connection;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      if (this.hasLine() || this.isClosed) break;
      await undefined;
    }
    if (!this.hasLine()) await settle();
    const { said } = connection;
    const end = said.indexOf("\r\n");
    if (end === -1) return this.isClosed ? null : undefined;
    connection.said = said.slice(end + 2);
    return said.slice(0, end);
  }

  /** Whether Postern has said a whole line that was not asked for yet. */
  hasLine(): boolean {
    return this.#connection.said.includes("\r\n");
  }

  /** What it has said behind its last whole line. */
  get unfinished(): string {
    const { said } = this.#connection;
    return said.slice(said.lastIndexOf("\n") + 1);
  }

  /** Whether Postern has closed it. */
  get isClosed(): boolean {
    return this.#connection.closed || this.#connection.hasSaidAll;
  }

  /** Goes over to TLS, if Postern is waiting for it. */
  async startTls(): Promise<void> {
    await settle();
    this.#connection.shakeHands();
  }

  /** Ends the player's side. */
  end(how: "eof" | "reset"): void {
    this.#connection.hangUp(how);
  }
}

/**
 * Postern's side of `startTls`, for a wire in memory.
 *
 * @param connection In clear so far, and not in the sweep.
 * @param sweep Looks at the deadline.
 * @param timeoutMs How long the player has, in ms.
 * @returns The same one, once the player has gone over too.
 * @throws The player did something else, or nothing.
 */
export async function startMemoryTls(
  connection: Connection,
  sweep: Sweep,
  timeoutMs = Infinity,
): Promise<Connection> {
  if (!(connection instanceof MemoryConnection)) {
    throw new TypeError("Cannot start TLS: expected a wire in memory");
  }
  connection.farewell = undefined; // as over a socket
  connection.readBy = sweep.now() + timeoutMs;
  sweep.add(connection);
  await connection.handshake();
  connection.readBy = Infinity;
  return connection;
}

class MemoryConnection extends BaseConnection {
  readonly remote: string;
  readonly remotePort = 0;
  readonly local = "";
  readonly localPort = 0;
  /** What Postern said and the player has not heard, an octet a character. */
  said = "";
  /** Whether Postern has closed its side, and only listens on. */
  hasSaidAll = false;
  /** What was sent and is not read yet: the writes from `#next` on. */
  readonly #sent: Uint8Array[] = [];
  #next = 0;
  #hungUp: "eof" | "reset" | undefined;
  #wake: (() => void) | undefined;
  #handshake: PromiseWithResolvers<void> | undefined;

  constructor(remote: string) {
    super();
    this.remote = remote;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#sent.length === 0 || this.closed) {
      if (this.closed) throw new Deno.errors.Interrupted("closed");
      if (this.#hungUp === "eof") return null;
      if (this.#hungUp === "reset") throw new Deno.errors.ConnectionReset();
      await new Promise<void>((wake) => this.#wake = wake);
    }
    const first = this.#sent[this.#next]!;
    const count = Math.min(first.length, into.length);
    into.set(first.subarray(0, count));
    if (count < first.length) this.#sent[this.#next] = first.subarray(count);
    else if (++this.#next === this.#sent.length) {
      this.#sent.length = 0;
      this.#next = 0;
    }
    return count;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.closed || this.#hungUp === "reset") {
      return Promise.reject(new Deno.errors.BrokenPipe());
    }
    if (this.said.length + bytes.length > MAX_SAID_BYTES) {
      return Promise.reject(new RangeError("Too much is said unheard"));
    }
    const { buffer, byteOffset, length } = bytes;
    this.said += Buffer.from(buffer, byteOffset, length).toString("latin1");
    return Promise.resolve();
  }

  closeWrite(): Promise<void> {
    this.hasSaidAll = true;
    return Promise.resolve();
  }

  /** In memory nothing is on its way, so there is nothing to wait for. */
  override end(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  feed(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#sent.push(bytes);
    this.#wake?.();
    this.#checkHandshake();
  }

  hangUp(how: "eof" | "reset"): void {
    this.#hungUp = how;
    this.#wake?.();
    this.#checkHandshake();
  }

  /** Waits until the other end goes over to TLS. */
  handshake(): Promise<void> {
    const handshake = Promise.withResolvers<void>();
    this.#handshake = handshake;
    // It may have failed already.
    this.#checkHandshake();
    return handshake.promise;
  }

  /** The other end goes over to TLS. */
  shakeHands(): void {
    if (this.#handshake === undefined) {
      throw new Error("Postern does not start TLS");
    }
    this.#handshake.resolve();
    this.#handshake = undefined;
  }

  /** What is no handshake ends it: words in clear, a hangup, a deadline. */
  #checkHandshake(): void {
    const handshake = this.#handshake;
    if (handshake === undefined) return;
    const fault = this.closed
      ? new Deno.errors.Interrupted("closed")
      : this.#hungUp !== undefined
      ? new Deno.errors.UnexpectedEof()
      : this.#sent.length > 0
      ? new Deno.errors.InvalidData("the peer does not answer in TLS")
      : undefined;
    if (fault === undefined) return;
    handshake.reject(fault);
    this.#handshake = undefined;
  }

  protected release(): void {
    this.#wake?.();
    this.#checkHandshake();
  }
}
