/**
 * Counts the client's commands that have no reply yet.
 *
 * A message is one, at its end. Where DATA is refused and the client has sent
 * its message all the same, each of its lines is one.
 *
 * @module
 */

/** One client's commands, as they are said and answered. */
export class Unanswered {
  #count = 0;
  #isInData = false;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The client says these bytes, a character for each. */
  say(octets: string): void {
    let rest = octets;
    if (this.#isInData) {
      // The end of data may be its first line.
      const end = rest.startsWith(".\r\n") ? -2 : rest.indexOf("\r\n.\r\n");
      if (end === -1) return;
      this.#isInData = false;
      this.#count++;
      rest = rest.slice(end + 5);
    }
    this.#count += rest.split("\r\n").length - 1;
  }

  /** The client hears a reply. */
  hear(code: string): void {
    this.#count = Math.max(0, this.#count - 1);
    this.#isInData = code.startsWith("3");
  }
}
