/**
 * Sends a little, again and again, for as long as anybody listens.
 *
 * @module
 */

import type { Attacker } from "./attacker.ts";

/** A client that never sends much, and never nothing. */
export class Trickle implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #attacker: Attacker;

  /** Sends `bit`, or `step` characters of it at a time, every `everyMs`. */
  constructor(
    attacker: Attacker,
    bit: string,
    everyMs: number,
    step: number = bit.length,
  ) {
    let at = 0;
    this.#attacker = attacker;
    this.#timer = setInterval(() => {
      attacker.send(bit.slice(at, at + step));
      at = (at + step) % bit.length;
    }, everyMs);
  }

  /** Waits for the other end's close, for `ms` at most. */
  async ended(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((done) => timer = setTimeout(done, ms));
    await Promise.race([this.#attacker.over().catch(() => {}), late]);
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
