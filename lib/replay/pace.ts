/**
 * Decides behind which bytes a client must wait for the answer, so that nothing
 * may be joined to them.
 *
 * The rule: EHLO, HELO, LHLO, STARTTLS, AUTH and each of its answers, DATA,
 * XCLIENT and QUIT, the end of data and of the last BDAT chunk (RFC 2920 section
 * 3.1, RFC 3207 section 4, RFC 3030 section 4.2). What is not sure is waited
 * for. NOOP, VRFY and unknown commands are not on the list, though RFC 2920 puts
 * the former at a batch's end: a server must take it all the same.
 *
 * @module
 */

/** Verbs whose reply decides what may be said next. */
const WAITING: ReadonlySet<string> = new Set([
  ...["EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "DATA", "XCLIENT", "QUIT"],
]);

/**
 * Whether a client must wait for the reply to a command.
 *
 * @param verb The command's verb, in capitals.
 */
export function mustWaitBehind(verb: string): boolean {
  return WAITING.has(verb);
}

/** RFC 3030 section 2. */
const BDAT = /^BDAT +(\d{1,15})( +LAST)? *$/i;

/** What of a line is kept while its end is missing: its verb shows by then. */
const MAX_HEAD_BYTES = 64;

const END_OF_DATA = "\r\n.\r\n";

/**
 * - `command`: lines are commands.
 * - `auth`: lines answer a challenge.
 * - `data`: message data, up to its end.
 * - `unknown`: the client goes on without having waited, or the reply may be
 *   any; it waits behind each step.
 */
type Phase = "command" | "auth" | "data" | "unknown";

/** One client, as it speaks. */
export class Pace {
  #phase: Phase = "command";
  /** The line so far, or its head; in data the last bytes. */
  #kept = "";
  /** Bytes of the BDAT chunk that are still to come, and whether it is the last. */
  #chunk = 0;
  #isLast = false;

  /**
   * Hears a reply.
   *
   * @param code What it begins with: a code, or a pattern for one.
   */
  hear(code: string): void {
    const before = this.#phase;
    if (/^[245]/.test(code)) this.#phase = "command";
    else if (code.startsWith("33")) this.#phase = "auth";
    else if (code.startsWith("3")) this.#phase = "data";
    else this.#phase = "unknown";
    // The end of data may be its first line. A command may go on over a reply.
    if (this.#phase === "data") this.#kept = "\r\n";
    else if (before === "data" || before === "unknown") this.#kept = "";
  }

  /** Sends a whole message as data; then the client must wait in any case. */
  sayMessage(): void {
    this.#phase = "command";
    this.#kept = "";
  }

  /**
   * Sends bytes.
   *
   * @param octets A character for each byte.
   * @returns Whether the client must wait behind them.
   */
  say(octets: string): boolean {
    let waits = this.#phase === "auth" || this.#phase === "unknown";
    for (let rest = octets; rest !== "" && this.#phase !== "unknown";) {
      if (this.#chunk > 0) {
        const taken = Math.min(this.#chunk, rest.length);
        rest = rest.slice(taken);
        this.#chunk -= taken;
        waits ||= this.#chunk === 0 && this.#isLast;
        continue;
      }
      const isData = this.#phase === "data";
      const text = this.#kept + rest;
      const mark = isData ? END_OF_DATA : "\r\n";
      const end = text.indexOf(mark);
      if (end < 0) {
        this.#kept = isData ? text.slice(-END_OF_DATA.length + 1) : head(text);
        return waits;
      }
      this.#kept = "";
      rest = text.slice(end + mark.length);
      if (isData) this.#phase = "command";
      waits = (isData || this.#command(text.slice(0, end))) || waits;
    }
    return waits;
  }

  /** Sends a command; whether its reply must be waited for. */
  #command(line: string): boolean {
    const [, size, last] = BDAT.exec(line) ?? [];
    if (size !== undefined) {
      this.#chunk = Number(size);
      this.#isLast = last !== undefined;
      return this.#isLast && this.#chunk === 0;
    }
    const verb = /^[A-Za-z]*/.exec(line)![0].toUpperCase();
    if (verb === "DATA" || verb === "AUTH") this.#phase = "unknown";
    return mustWaitBehind(verb);
  }
}

/** The head of a line, and whether its end has begun. */
function head(text: string): string {
  if (text.length <= MAX_HEAD_BYTES) return text;
  return text.slice(0, MAX_HEAD_BYTES) + (text.endsWith("\r") ? "\r" : "");
}
