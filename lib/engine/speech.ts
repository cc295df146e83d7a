/**
 * What the server says: replies that gather until they are written, those of
 * them that were said unasked, and the last one.
 *
 * The rule: behind a reply that closes nothing more is said or read, and bad
 * commands come to an end.
 *
 * @module
 */

import { NO_ERRORS } from "./answers.ts";
import type { Framing } from "./framing.ts";
import type { ServerOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { formatReply, REPLIES, type Reply } from "./reply.ts";

const NONE: readonly Reply[] = [];

/** The server's replies of one session. */
export class Speech {
  readonly #maxErrors: number;
  readonly #framing: Framing;
  readonly #out = new Outbox();
  readonly #refusals: Reply[] = [];
  #errors = 0;
  #closed = false;

  /** Nothing is said yet to whom `framing` hears. */
  constructor(framing: Framing, { maxErrors }: ServerOptions) {
    this.#framing = framing;
    this.#maxErrors = maxErrors;
  }

  /** Bad commands so far. */
  get errors(): number {
    return this.#errors;
  }

  /** Whether the last reply ends the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Says a reply. */
  say(reply: Reply): void {
    if (this.#closed) return;
    this.#out.add(formatReply(reply));
    if (!reply.close) return;
    this.#closed = true;
    this.#framing.clear();
  }

  /** Refuses what nobody was asked about; a bad command counts. */
  refuse(reply: Reply): void {
    if (!NO_ERRORS.has(reply)) this.#errors++;
    const isLast = this.#errors > this.#maxErrors;
    const said = isLast ? REPLIES.tooManyErrors : reply;
    this.#refusals.push(said);
    this.say(said);
  }

  /** What was refused so since the last call. */
  refusals(): readonly Reply[] {
    return this.#refusals.length === 0 ? NONE : this.#refusals.splice(0);
  }

  /** What waits, as bytes that are good until the next call; or nothing. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    return this.#out.take();
  }
}
