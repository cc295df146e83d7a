/**
 * How many replies a relay owes: one for its greeting, one for each command, one
 * for the end of a message.
 *
 * It need not know whether the relay keeps to that.
 *
 * @module
 */

import type { Passage } from "./conversation.ts";

/** The last line of each reply. RFC 5321 section 4.2. */
const LAST_LINES = /^\d{3}(?!-).*$/gm;

/** One relay connection, as it is heard. */
export class Owed {
  #count = 1;
  #isInData = false;

  /** Hears what is said to the relay. */
  hearClient({ stream: { text }, start, end }: Passage): void {
    if (!this.#isInData) {
      this.#count += lineEnds(text, start, end);
      return;
    }
    const said = text.slice(start, end);
    if (said.startsWith(".\r\n") || said.includes("\r\n.\r\n")) {
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
    for (const line of said.match(LAST_LINES) ?? []) {
      this.#count--;
      this.#isInData = line.startsWith("354");
    }
    const isMore = this.#count < 0;
    this.#count = Math.max(0, this.#count);
    return isMore;
  }
}

function lineEnds(text: string, start: number, end: number): number {
  let count = 0;
  let at = text.indexOf("\r\n", start);
  for (; at >= 0 && at + 2 <= end; at = text.indexOf("\r\n", at + 2)) count++;
  return count;
}
