/**
 * How many passwords are hashed at once: a flood of logins must not take all
 * cores from the mail.
 *
 * @module
 */

/**
 * Most hashes computed at once: a core is left for the event loop, and four
 * check some three hundred logins a second.
 */
export const MAX_HASHES_AT_ONCE: number = Math.max(
  1,
  Math.min(4, navigator.hardwareConcurrency - 1),
);

/**
 * Most that wait: four seconds of one core, which clients wait for without
 * trouble; and more than the connections that one client may have by default,
 * so that it alone can't fill the line.
 */
export const MAX_WAITING_HASHES = 256;

/** Lets so many computations run, has others wait, and refuses the rest. */
export class HashQueue {
  readonly #maxAtOnce: number;
  readonly #maxWaiting: number;
  #running = 0;
  /** In their order; a set, so that one can leave from anywhere. */
  readonly #waiting = new Set<() => void>();

  /** Makes one with bounds of its own. */
  constructor(
    maxAtOnce: number = MAX_HASHES_AT_ONCE,
    maxWaiting: number = MAX_WAITING_HASHES,
  ) {
    this.#maxAtOnce = maxAtOnce;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Computes when it is its turn; aborted while it waits, it rejects with the
   * signal's reason.
   *
   * @returns `undefined`: too many wait already
   */
  async run<T>(
    compute: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    signal.throwIfAborted();
    if (this.#running < this.#maxAtOnce) this.#running++;
    else if (this.#waiting.size >= this.#maxWaiting) return undefined;
    else await this.#turn(signal);
    try {
      return await compute();
    } finally {
      this.#pass();
    }
  }

  /** Waits for a place that another one passes on. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      if (this.#waiting.delete(resolve)) reject(signal.reason);
    };
    this.#waiting.add(resolve);
    signal.addEventListener("abort", leave, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running--;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}
