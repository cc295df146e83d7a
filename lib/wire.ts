/**
 * A session's hold on its client's connection: one write for a batch of
 * replies, one read, and the deadlines of both.
 *
 * The rule: a command line has one deadline from its first byte to its last,
 * and so has a message; a byte now and then renews neither. Deadlines are
 * stamps that the sweep looks at; no timer is set.
 *
 * @module
 */

import { formatReply, REPLIES } from "./engine/reply.ts";
import type { ServerEngine } from "./engine/server.ts";
import type { Buffers } from "./transport/buffers.ts";
import { type Connection, DeadlineError } from "./transport/connection.ts";

/**
 * How long a whole message may take, in read timeouts: an hour with the
 * default of a minute. A client that sends a byte a minute would else hold its
 * session and its relay's for years.
 */
export const MESSAGE_READ_TIMEOUTS = 60;

/** How long a client has to take the last reply, in ms. */
const CLOSE_GRACE_MS = 2_000;

const IDLE_REPLY = encode(formatReply(REPLIES.idle));
const SHUTDOWN_REPLY = encode(formatReply(REPLIES.shuttingDown));

/** How a wire waits. */
export interface WireSettings {
  /** How long the client may be silent, and take over a command line, in ms. */
  readonly readTimeoutMs: number;
  /** How long one write to the client may take, in ms. */
  readonly writeTimeoutMs: number;
  /** Large buffers for message data. */
  readonly buffers: Buffers;
  /** The clock of the deadlines, in ms since the epoch. */
  now(): number;
}

/** The engine's bytes, to and from the client. */
export class Wire {
  #connection: Connection;
  readonly #engine: ServerEngine;
  readonly #settings: WireSettings;
  #commandBy = 0;
  #messageBy = 0;
  /** Whether the last read took all the room there was: more is waiting. */
  #hasFilled = false;
  /** The engine's own buffer, while a lent one is in its place. */
  #smallBuffer: Uint8Array<ArrayBuffer> | undefined;
  #lentBuffer: Uint8Array<ArrayBuffer> | undefined;
  #isWaiting = false;
  #isDropping = false;
  /** A read that began before the greeting, and then is the first one. */
  #early: Promise<number | null> | undefined;

  /** The wire owns `connection` from now on. */
  constructor(
    connection: Connection,
    engine: ServerEngine,
    settings: WireSettings,
  ) {
    this.#connection = connection;
    this.#engine = engine;
    this.#settings = settings;
  }

  get #isInMessage(): boolean {
    const { state } = this.#engine;
    return state === "data" || state === "chunk";
  }

  /** Chunks have one deadline together, as the data behind DATA has. */
  #readBy(now: number): number {
    if (this.#isInMessage) {
      return Math.min(now + this.#settings.readTimeoutMs, this.#messageBy);
    }
    return this.#engine.state === "chunks"
      ? Math.min(this.#commandBy, this.#messageBy)
      : this.#commandBy;
  }

  /** Whether the session waits for the client, and not for anything else. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /**
   * Writes what has gathered and reads on; whether there is more to come.
   *
   * @throws {DeadlineError} The client was silent, or takes nothing.
   * @throws {Error} The connection is lost.
   */
  async turn(): Promise<boolean> {
    const connection = this.#connection;
    const engine = this.#engine;
    const now = this.#settings.now();
    const bytes = engine.output();
    if (bytes !== undefined) await this.#write(bytes, now);
    if (engine.closed) {
      await connection.end(CLOSE_GRACE_MS);
      return false;
    }
    this.#changeBuffer();
    // A chunk that is refused has a message's time too, though it is none.
    const isDropping = engine.state === "chunk" && !engine.isInMessage;
    if (isDropping && !this.#isDropping) this.startMessage();
    this.#isDropping = isDropping;
    connection.farewell = IDLE_REPLY;
    connection.readBy = this.#readBy(now);
    this.#isWaiting = true;
    const space = engine.space();
    const count = await (this.#early ?? connection.read(space));
    this.#early = undefined;
    this.#isWaiting = false;
    connection.readBy = Infinity;
    // What comes between the farewell and the close is not listened to.
    if (connection.timedOut) throw new DeadlineError("read");
    if (count === null) return false;
    this.#hasFilled = count === space.length;
    engine.filled(count);
    return true;
  }

  async #write(bytes: Uint8Array, now: number): Promise<void> {
    const connection = this.#connection;
    connection.writeBy = now + this.#settings.writeTimeoutMs;
    await connection.write(bytes);
    connection.writeBy = Infinity;
    this.#commandBy = now + this.#settings.readTimeoutMs;
  }

  /** Writes what has gathered, as before TLS begins. */
  async flush(): Promise<void> {
    const bytes = this.#engine.output();
    if (bytes !== undefined) await this.#write(bytes, this.#settings.now());
  }

  /** Goes on over the connection that TLS has made of the one so far. */
  replace(connection: Connection): void {
    this.#connection = connection;
    this.#commandBy = this.#settings.now() + this.#settings.readTimeoutMs;
  }

  /** Whether the client says nothing, and does not close, while `pause` lasts. */
  async isSilentFor(pause: Promise<void>): Promise<boolean> {
    this.#early = this.#connection.read(this.#engine.space());
    // Should it fail, who reads next hears of it.
    const isSilent = await Promise.race([
      pause.then(() => true),
      this.#early.then(() => false, () => false),
    ]);
    return isSilent;
  }

  /** From here on a message comes, with a deadline of its own. */
  startMessage(): void {
    const { readTimeoutMs } = this.#settings;
    this.#messageBy = this.#settings.now() +
      MESSAGE_READ_TIMEOUTS * readTimeoutMs;
  }

  /** Says 421 to a client that the session waits for, and closes. */
  dismiss(): void {
    this.#connection.farewell = SHUTDOWN_REPLY;
    this.#connection.readBy = 0;
  }

  /** Writes what has gathered, if it still can be, and closes. */
  async finish(): Promise<void> {
    const bytes = this.#engine.output();
    const { writeTimeoutMs } = this.#settings;
    this.#connection.writeBy = this.#settings.now() + writeTimeoutMs;
    try {
      if (bytes !== undefined) await this.#connection.write(bytes);
    } catch {
      // The client has gone; there is nobody to tell.
    }
    this.close();
  }

  /** Closes at once, and gives back what was lent: the engine is done with it. */
  close(): void {
    this.#connection.close();
    if (this.#lentBuffer === undefined) return;
    this.#settings.buffers.give(this.#lentBuffer);
    this.#lentBuffer = undefined;
  }

  /**
   * A large buffer for data that comes faster than the small one takes it, and
   * the small one otherwise: who sends little at a time holds little.
   */
  #changeBuffer(): void {
    const { buffers } = this.#settings;
    if (!this.#isInMessage) {
      if (this.#smallBuffer === undefined) return;
      // What is unread by now is less than a line, so it fits.
      buffers.give(this.#engine.exchange(this.#smallBuffer));
      this.#smallBuffer = this.#lentBuffer = undefined;
    } else if (this.#hasFilled && this.#lentBuffer === undefined) {
      this.#lentBuffer = buffers.take();
      this.#smallBuffer = this.#engine.exchange(this.#lentBuffer);
    }
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
