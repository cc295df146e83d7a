/**
 * Ends connections whose deadline has passed, all of them with one timer.
 *
 * The rule it keeps: waiting costs an owner one number. A look at 10,000
 * connections takes some 70 µs a second, a timer for each read costs more than
 * the read. The price is that a deadline may be late by one interval.
 *
 * Not here: what the owner does then; its pending read or write fails.
 *
 * @module
 */
import type { Connection } from "./connection.ts";

/**
 * How often connections are looked at, in ms. SMTP's deadlines are tens of
 * seconds and more (RFC 5321 section 4.5.3.2), so a second late is on time.
 */
const SWEEP_INTERVAL_MS = 1_000;

/** How a {@linkcode Sweep} works. */
export interface SweepOptions {
  /**
   * The time between two looks, in ms.
   *
   * @default {1000}
   */
  readonly intervalMs?: number;
  /**
   * The clock that the stamps are read from, in ms since the epoch. Another one
   * than the machine's passes only when its owner calls {@linkcode Sweep.pass}.
   *
   * @default {Date.now}
   */
  readonly now?: (() => number) | undefined;
}

/** Watches the stamps of the connections it was given. */
export class Sweep implements Disposable {
  readonly #intervalMs: number;
  /** The time by the clock that stamps are made of, in ms since the epoch. */
  readonly now: () => number;
  readonly #connections = new Set<Connection>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * Creates one that watches nothing yet and has no timer.
   *
   * @param options How it works.
   */
  constructor(options: SweepOptions = {}) {
    this.#intervalMs = options.now === undefined
      ? options.intervalMs ?? SWEEP_INTERVAL_MS
      : Infinity;
    this.now = options.now ?? Date.now;
  }

  /** How many connections are watched. */
  get size(): number {
    return this.#connections.size;
  }

  /**
   * Watches `connection` until it is deleted or its deadline passes. After
   * STARTTLS it is the TLS connection that has to be added.
   *
   * @param connection What to watch.
   */
  add(connection: Connection): void {
    this.#connections.add(connection);
    if (this.#intervalMs === Infinity) return;
    this.#timer ??= setInterval(() => this.pass(this.now()), this.#intervalMs);
  }

  /**
   * Forgets `connection`; its owner's duty once it is closed.
   *
   * @param connection What not to watch any longer.
   */
  delete(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this[Symbol.dispose]();
  }

  /**
   * Looks at each connection once; what the timer does.
   *
   * A passed `writeBy` closes at once: a peer that does not take our reply
   * will not take a farewell. A passed `readBy` leaves the farewell the time
   * until the next look. None is said while a write is pending, it could land
   * in the middle of it.
   *
   * @param now The time, in ms since the epoch.
   */
  pass(now: number): void {
    for (const connection of this.#connections) {
      if (now >= connection.writeBy) {
        connection.expire("write");
        this.#end(connection);
      } else if (now >= connection.readBy) {
        const { farewell, timedOut, writeBy } = connection;
        connection.expire("read");
        if (timedOut || farewell === undefined || writeBy !== Infinity) {
          this.#end(connection);
        } else {
          const end = () => this.#end(connection);
          connection.write(farewell).then(end, end);
        }
      }
    }
  }

  /** Closes every connection, and so ends what is pending on it. */
  closeAll(): void {
    for (const connection of this.#connections) this.#end(connection);
  }

  /** Forgets all connections and stops the timer; closes none of them. */
  [Symbol.dispose](): void {
    this.#connections.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #end(connection: Connection): void {
    connection.close();
    this.delete(connection);
  }
}
