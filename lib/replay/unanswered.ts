/**
 * Counts the replies that a server owes its client.
 *
 * The rule: one for each command and for each message, at its end; BDAT's is
 * due at once. Where DATA is refused and the client has sent its message all the
 * same, each of its lines is one; so it is where the client did not wait for the
 * 354, which makes too many of them, never too few. A chunk has none, for who
 * sends one knows that BDAT is offered.
 *
 * @module
 */

const END_OF_DATA = "\r\n.\r\n";

/** RFC 3030 section 2. */
const BDAT = /^BDAT +(\d{1,15})(?: +LAST)? *$/i;

/** What of a line is kept while its end is missing: longer ones are no BDAT. */
const MAX_HEAD_CHARS = 64;

/** One client's commands, as they are said and answered. */
export class Unanswered {
  #count: number;
  #isInData = false;
  /** Octets of a chunk that are still to come. */
  #chunk = 0;
  /**
   * The last octets that are no whole line, shortened where they are many; of
   * data what its end may begin in.
   */
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
    return this.#count === 0 && !this.#isInData && this.#chunk === 0 &&
      this.#tail === "";
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
    while (rest !== "") {
      const taken = Math.min(this.#chunk, rest.length);
      this.#chunk -= taken;
      rest = rest.slice(taken);
      const end = rest.indexOf("\r\n");
      if (end < 0) break;
      this.#chunk = Number(BDAT.exec(rest.slice(0, end))?.[1] ?? 0);
      this.#count++;
      rest = rest.slice(end + 2);
    }
    this.#tail = rest.slice(0, MAX_HEAD_CHARS) +
      rest.slice(Math.max(MAX_HEAD_CHARS, rest.length - 1));
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
