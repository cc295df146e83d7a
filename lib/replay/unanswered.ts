/**
 * Counts the replies that a server owes its client.
 *
 * The rule: one for each command and for each message, at its end. Where DATA is refused and the client has sent its message all the same,
 * each of its lines is one; so it is where the client did not wait for the 354,
 * which makes too many of them, never too few.
 *
 * @module
 */

const END_OF_DATA = "\r\n.\r\n";

/** One client's commands, as they are said and answered. */
export class Unanswered {
  #count: number;
  #isInData = false;
  /** The last octets that are no whole line; of data what its end may begin in. */
  #tail = "";

  /**
   * A client that has said nothing yet.
   *
   * @param count What it is owed all the same: 1 for a greeting.
   */
  constructor(count = 0) {
    this.#count = count;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Whether the client has asked for nothing, and is amid nothing. */
  get isIdle(): boolean {
    return this.#count === 0 && !this.#isInData && this.#tail === "";
  }

  /** The client says these bytes, a character for each. */
  say(octets: string): void {
    let rest = this.#tail + octets;
    if (this.#isInData) {
      const end = rest.indexOf(END_OF_DATA);
      this.#tail = rest.slice(1 - END_OF_DATA.length);
      if (end < 0) return;
      this.#isInData = false;
      this.#count++;
      rest = rest.slice(end + END_OF_DATA.length);
    }
    const lines = rest.split("\r\n");
    this.#count += lines.length - 1;
    this.#tail = lines.at(-1)!.slice(-1);
  }

  /** The client hears a reply, by its code or more of it. */
  hear(code: string): void {
    this.#count = Math.max(0, this.#count - 1);
    // 33x asks for an answer in an AUTH exchange, which is a line.
    this.#isInData = code.startsWith("3") && !code.startsWith("33");
    // The end of data may be its first line.
    if (this.#isInData) this.#tail = "\r\n";
  }
}
