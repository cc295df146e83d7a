/**
 * One connection to one relay: how it is opened, asked and kept.
 *
 * The rule: commands go out in one write, and every wait has a deadline, a
 * stamp that the sweep looks at. Whatever goes wrong becomes a
 * {@linkcode RelayError} and ends the connection; nothing is said on one whose
 * state is in doubt.
 *
 * @module
 */

import { type Answer, ClientEngine, ProtocolError } from "../engine/client.ts";
import type { Capabilities } from "../engine/extensions.ts";
import { REPLIES } from "../engine/reply.ts";
import type { RelayTap } from "../record/relay_track.ts";
import { TappedConnection } from "../record/tap.ts";
import {
  type Connection,
  DeadlineError,
  deadlineErrorOf,
} from "../transport/connection.ts";
import type { Sweep } from "../transport/sweep.ts";
import { isDone } from "./answer.ts";
import { Gathering } from "./gathering.ts";
import type { KnownRelay } from "./offer.ts";
import { RelayError, type RelaySettings, type RelayStep } from "./settings.ts";

/**
 * How long a kept connection may idle, in ms: less than the five minutes that
 * servers wait (RFC 5321 section 4.5.3.2.7), little enough that a relay which
 * goes down is not held by us.
 */
export const RELAY_IDLE_MS = 30_000;

const QUIT = new TextEncoder().encode("QUIT\r\n");

/** An open connection, past EHLO once {@linkcode openRelay} gave it. */
export class RelayConnection implements KnownRelay {
  /** The dialogue. */
  readonly engine: ClientEngine = new ClientEngine();
  /** Whether it is in TLS. */
  isSecure = false;
  /** Whether the relay's certificate was verified. */
  isVerified = false;
  /** Whether the relay has accepted this server's credentials. */
  isAuthenticated = false;
  /** What a failure is put down to. */
  step: RelayStep = "greeting";
  /** The beginning of a message, not written yet. */
  readonly gathering: Gathering = new Gathering();
  /** What hears it, where sessions are recorded. */
  readonly tap: RelayTap | undefined;
  #connection: Connection;
  readonly #settings: RelaySettings;
  readonly #sweep: Sweep;
  /** A read that only listens, and then serves the next ask. */
  #pending: Promise<number | null> | undefined;
  #idle = false;
  #hasSpoken = false;

  constructor(
    connection: Connection,
    settings: RelaySettings,
    sweep: Sweep,
    tap?: RelayTap,
  ) {
    this.tap = tap;
    this.#connection = this.#tapped(connection);
    this.#settings = settings;
    this.#sweep = sweep;
    sweep.add(this.#connection);
  }

  #tapped(connection: Connection): Connection {
    const { tap } = this;
    if (tap === undefined) return connection;
    return new TappedConnection(connection, "client", tap);
  }

  /** What the relay offers. */
  get capabilities(): Capabilities {
    return this.engine.capabilities;
  }

  /** The peer's bare address; empty for a Unix socket. */
  get remote(): string {
    return this.#connection.remote;
  }

  /** Whether our side has closed it. */
  get closed(): boolean {
    return this.#connection.closed;
  }

  /** Whether it idles in vain: its time is over, it is about to be closed. */
  get isExpired(): boolean {
    return this.#connection.timedOut;
  }

  /** Whether the relay has said something, or closed, before it was asked. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  /** Goes on over another connection, which TLS has made of this one. */
  async upgrade(
    make: (connection: Connection) => Promise<Connection>,
  ): Promise<void> {
    this.engine.discard();
    this.#hasSpoken = false;
    const plain = this.#connection;
    this.#sweep.delete(plain);
    // What TLS says is heard above it.
    const inner = plain instanceof TappedConnection ? plain.takeInner() : plain;
    try {
      this.#connection = this.#tapped(await make(inner));
    } catch (error) {
      this.tap?.ended("eof");
      throw error;
    }
    this.tap?.secured();
    this.#sweep.add(this.#connection);
  }

  /**
   * Writes what the engine has to say, and waits for the answers.
   *
   * @throws {RelayError} The relay went away, was silent for too long, or does
   * not keep to SMTP.
   */
  async ask(
    answers: number,
    timeoutMs = this.#settings.readTimeoutMs,
  ): Promise<Answer[]> {
    const got: Answer[] = [];
    try {
      if (this.#hasSpoken) throw new ProtocolError("Reply came unasked");
      const bytes = this.engine.output();
      if (bytes !== undefined) await this.#write(bytes);
      this.#connection.readBy = this.#sweep.now() + timeoutMs;
      for (;;) {
        while (got.length < answers) {
          const next = this.engine.next();
          if (next === undefined) break;
          got.push(next);
        }
        if (got.length === answers) {
          // What follows unasked does not undo the answer, but is the last.
          this.#hasSpoken = this.engine.hasSurplus;
          return got;
        }
        const count = await (this.#pending ??
          this.#connection.read(this.engine.space()));
        this.#pending = undefined;
        if (count === null) throw new Error("Connection closed by the relay");
        this.engine.filled(count);
      }
    } catch (error) {
      throw this.#failed(error, got);
    } finally {
      this.#connection.readBy = Infinity;
    }
  }

  /** Ends the transaction; a connection that can't do that is closed. */
  async reset(): Promise<void> {
    this.engine.reset();
    try {
      const [answer] = await this.ask(1);
      if (!isDone(answer!.reply)) this.close();
    } catch {
      // Closed by then.
    }
  }

  /**
   * Listens while message data goes out, so that what the relay says before
   * the final dot is not taken for the answer to that.
   */
  listen(): void {
    const ended = () => this.#hasSpoken ||= this.engine.state === "data";
    this.#pending = this.#connection.read(this.engine.space());
    this.#pending.then(ended, ended);
  }

  /**
   * The reply that came before the final dot.
   *
   * @throws {RelayError} There is none: the relay has closed.
   */
  async heed(): Promise<Answer> {
    this.#hasSpoken = false;
    this.engine.end(true);
    const [answer] = await this.ask(1);
    return answer!;
  }

  /**
   * Writes message data.
   *
   * @throws {RelayError} The relay went away or takes nothing.
   */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#write(bytes);
    } catch (error) {
      throw this.#failed(error, []);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#connection.writeBy = this.#sweep.now() +
      this.#settings.writeTimeoutMs;
    await this.#connection.write(bytes);
    this.#connection.writeBy = Infinity;
  }

  #failed(error: unknown, got: readonly Answer[]): RelayError {
    const wasClosed = this.closed;
    this.close();
    const cause = deadlineErrorOf(this.#connection, error);
    const isNonsense = error instanceof ProtocolError;
    return new RelayError(
      this.step,
      isNonsense ? REPLIES.relayConfused : REPLIES.relayLost,
      cause instanceof Error ? cause.message : String(cause),
      {
        cause,
        answers: got,
        isStale: got.every(({ reply }) => reply.code === 421) &&
          !isNonsense && !wasClosed && !(cause instanceof DeadlineError),
      },
    );
  }

  /**
   * Watches the idle connection: `onEnd` is called when the relay closes it or
   * says anything unasked, or when it has idled for too long.
   */
  watch(onEnd: () => void): void {
    this.#idle = true;
    this.#connection.farewell = QUIT;
    this.#connection.readBy = this.#sweep.now() + RELAY_IDLE_MS;
    const ended = () => {
      if (!this.#idle) return;
      this.close();
      onEnd();
    };
    this.#pending = this.#connection.read(this.engine.space());
    this.#pending.then(ended, ended);
  }

  /** Takes the connection out of its idling. */
  wake(): void {
    this.#idle = false;
    this.#connection.farewell = undefined;
    this.#connection.readBy = Infinity;
  }

  /** Closes at once, as one breaks off a message before its final dot. */
  close(): void {
    this.#idle = false;
    this.#connection.close();
    this.#sweep.delete(this.#connection);
  }

  /** Says QUIT without waiting for an answer, and closes; never rejects. */
  async quit(): Promise<void> {
    this.#idle = false;
    if (this.closed) return;
    this.#connection.writeBy = this.#sweep.now() +
      this.#settings.writeTimeoutMs;
    try {
      await this.#connection.write(QUIT);
    } catch {
      // A QUIT that can't be written is not missed.
    }
    this.close();
  }
}
