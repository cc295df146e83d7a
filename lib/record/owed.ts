/**
 * How many replies a relay owes: one for its greeting, one for each command, one
 * for the end of a message.
 *
 * It need not know whether the relay keeps to that.
 *
 * @module
 */

import type { Passage } from "./conversation.ts";

/** One relay connection, as it is heard. */
export class Owed {
  #count = 1;
  #isInData = false;

  /** Hears what is said to the relay. */
  hearClient({ stream, start, end }: Passage): void {
    const said = stream.text.slice(start, end);
    if (!this.#isInData) {
      this.#count += said.split("\r\n").length - 1;
    } else if (said.startsWith(".\r\n") || said.includes("\r\n.\r\n")) {
      this.#isInData = false;
      this.#count++;
    }
  }

  /**
   * Hears the relay.
   *
   * @returns Whether it said more than it owed.
   */
  hearServer({ stream, start, end }: Passage): boolean {
    const said = stream.text.slice(start, end);
    for (const [line] of said.matchAll(/^\d{3}(?!-).*$/gm)) {
      this.#count--;
      this.#isInData = line.startsWith("354");
    }
    const isMore = this.#count < 0;
    this.#count = Math.max(0, this.#count);
    return isMore;
  }
}
