/**
 * A secret that is asked for when it is needed and kept while it is good.
 *
 * The rule: it is asked for once, however many wait for it, and not again and
 * again where that fails or where the relay refuses what was given.
 *
 * @module
 */

import { SecretError, type SecretSource } from "../sasl/secret_source.ts";
import type { Secret } from "../secret.ts";

/**
 * Least time between two times of asking, in ms, where the first one gave a
 * secret that was refused: a wrong password must not lock the account.
 */
export const MIN_REFUSED_MS = 60_000;

/** Least time between two times of asking where the first one failed, in ms. */
export const MIN_FAILED_MS = 10_000;

/** What was asked for. */
export interface Obtained {
  /** The secret. */
  readonly secret: Secret;
  /** How long it is good, in ms; absent: until it is refused. */
  readonly lifeMs?: number;
}

/** What is being asked for. */
interface Asking {
  readonly answer: Promise<Secret>;
  readonly stop: AbortController;
  /** How many hear the answer. */
  waiting: number;
}

/** Keeps a secret. */
export class KeptSecret implements SecretSource {
  /** What it is. */
  readonly kind: "password" | "token";
  readonly #ask: (signal: AbortSignal) => Promise<Obtained>;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #kept: { readonly secret: Secret; readonly until: number } | undefined;
  #failure: { readonly error: unknown; readonly until: number } | undefined;
  #askedAt = -Infinity;
  #asking: Asking | undefined;

  /**
   * @param kind What it is
   * @param ask Asks for it
   * @param timeoutMs How long that may take
   * @param now The clock, in ms
   */
  constructor(
    kind: "password" | "token",
    ask: (signal: AbortSignal) => Promise<Obtained>,
    timeoutMs: number,
    now: () => number = () => performance.now(),
  ) {
    this.kind = kind;
    this.#ask = ask;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /** @throws {SecretError} It can't be had, or could not a moment ago. */
  async get(signal: AbortSignal): Promise<Secret> {
    signal.throwIfAborted();
    const now = this.#now();
    if (this.#kept !== undefined && now < this.#kept.until) {
      return this.#kept.secret;
    }
    if (this.#failure !== undefined && now < this.#failure.until) {
      throw this.#failure.error;
    }
    const asking = this.#asking ??= this.#begin();
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    asking.waiting++;
    try {
      return await Promise.race([asking.answer, promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (--asking.waiting === 0) await this.#giveUp(asking);
    }
  }

  /** Lets it go, unless it was asked for just now. */
  refused(secret: Secret): boolean {
    // One of several connections has had it replaced meanwhile.
    if (this.#kept?.secret !== secret) return true;
    if (this.#now() - this.#askedAt < MIN_REFUSED_MS) return false;
    this.#kept = undefined;
    return true;
  }

  #begin(): Asking {
    const stop = new AbortController();
    return { answer: this.#askInTime(stop.signal), stop, waiting: 0 };
  }

  async #askInTime(stop: AbortSignal): Promise<Secret> {
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(), this.#timeoutMs);
    try {
      const signal = AbortSignal.any([stop, timeUp.signal]);
      const { secret, lifeMs = Infinity } = await this.#ask(signal);
      this.#askedAt = this.#now();
      this.#kept = { secret, until: this.#askedAt + lifeMs };
      return secret;
    } catch (cause) {
      if (stop.aborted) throw cause;
      const error = timeUp.signal.aborted
        ? new SecretError(
          `Cannot get the ${this.kind} in time: expected it within ${this.#timeoutMs} ms`,
        )
        : cause;
      this.#failure = { error, until: this.#now() + MIN_FAILED_MS };
      throw error;
    } finally {
      clearTimeout(timer);
      if (this.#asking?.stop.signal === stop) this.#asking = undefined;
    }
  }

  /** Nobody is left to hear the answer: ends the asking, if it has not ended. */
  async #giveUp(asking: Asking): Promise<void> {
    if (this.#asking === asking) this.#asking = undefined;
    asking.stop.abort();
    await asking.answer.catch(() => {});
  }
}
