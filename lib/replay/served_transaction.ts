/**
 * What a server has let happen of a mail transaction, and so what its client
 * may leave out or put in without a difference.
 *
 * @module
 */

/** What the client had said when it was answered. */
export interface Answered {
  /** The command's verb; `.` for a message, nothing for other lines. */
  readonly verb: string;
  /** The reply's code; `NaN` where it has none. */
  readonly code: number;
  /** Whether the client had gone on without waiting for it. */
  readonly isAhead: boolean;
}

/** The transaction of one connection. */
export class ServedTransaction {
  /** The sender was refused, or the message. */
  #isRefused = false;
  #hasRecipient = false;
  /** Whether the client had gone on when something was refused. */
  #isAhead = false;

  /** Whether the sender was refused, or the message. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Takes note of a reply. */
  note({ verb, code, isAhead }: Answered): void {
    // What is no reply at all refuses nothing.
    const isRefusal = code >= 400;
    if (verb === "MAIL") {
      this.#isRefused = false;
      this.#hasRecipient = false;
      this.#isAhead = false;
    } else if (verb === "RCPT") this.#hasRecipient ||= !isRefusal;
    else if (verb === ".") this.#hasRecipient = false;
    if (!isRefusal) return;
    if (verb !== "RCPT" && verb !== ".") this.#isRefused = true;
    this.#isAhead ||= isAhead;
  }

  /** Whether a command changes nothing here, so that it may be left out. */
  isVain(verb: string): boolean {
    if (verb === "RCPT") return this.#isRefused;
    if (verb !== "RSET" && verb !== "DATA") return false;
    return this.#isRefused || !this.#hasRecipient;
  }

  /**
   * Whether a client may say a command that the file does not have: an RSET,
   * and what was on its way already when its transaction was refused.
   */
  isOwnBusiness(verb: string): boolean {
    return this.isVain(verb) && (verb === "RSET" || this.#isAhead);
  }
}
