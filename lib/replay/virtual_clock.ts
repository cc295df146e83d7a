/**
 * The time of a conversation in memory: it passes when the player says so.
 *
 * @module
 */

import { Sweep } from "../transport/sweep.ts";
import { settle } from "./memory.ts";

/** How far the clock moves at a time, in ms, as the sweep looks. */
const TICK_MS = 1_000;

/** A clock, and the sweep that looks at the deadlines by it. */
export class VirtualClock {
  /** Looks at the deadlines. */
  readonly sweep: Sweep;
  #now: number;

  /** @param start The time at the beginning, in ms since the epoch. */
  constructor(start: number) {
    this.#now = start;
    this.sweep = new Sweep({ now: () => this.#now });
  }

  /** Lets that much time pass, in ms, and everything happen that is due in it. */
  async wait(ms: number): Promise<void> {
    const until = this.#now + ms;
    while (this.#now < until) {
      this.#now = Math.min(until, this.#now + TICK_MS);
      this.sweep.pass(this.#now);
      await settle();
    }
  }
}
