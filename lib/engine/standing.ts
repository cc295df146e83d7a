/**
 * How a session stands: its place in the table of states, and what EHLO, TLS,
 * AUTH and the transaction's commands have brought.
 *
 * The rule: an answer makes a move only where it is a success, and all moves
 * are made here. Whether a command may come is decided in `permission.ts`.
 *
 * @module
 */

import type { BdatCommand, Event } from "./events.ts";
import type { Offer } from "./extensions.ts";
import type { ServerOptions } from "./options.ts";
import { isPositive, type Reply } from "./reply.ts";
import { SERVER_MOVES, type ServerState, type ServerStep } from "./states.ts";

/** The code that asks for a response. RFC 4954 section 4. */
const CHALLENGE = 334;

/** How one session stands. */
export class Standing {
  /** What the session is run with. */
  readonly options: ServerOptions;
  #offer: Offer;
  #state: ServerState = "start";
  #recipients = 0;
  /** Whether EHLO or LHLO was said. */
  esmtp = false;
  /** Whether TLS is on. */
  isSecure: boolean;
  /** Whether AUTH succeeded, or XCLIENT brought a login. */
  authenticated = false;
  /** Whether the transaction's addresses may be UTF-8. */
  smtputf8 = false;
  /** Whether the transaction has BODY=BINARYMIME. */
  isBinary = false;
  /** Whether a recipient of the transaction was refused. */
  hasRefused = false;
  /** The transaction's last BDAT; nothing where there was none. */
  chunk: BdatCommand | undefined;
  /** Whether the last message was refused before its last chunk. */
  isChunkLate = false;

  /** A session in which nothing has been said yet. */
  constructor(options: ServerOptions) {
    this.options = options;
    this.#offer = options.offer;
    this.isSecure = options.secure ?? false;
    this.#restart();
  }

  /** Where in the conversation. */
  get state(): ServerState {
    return this.#state;
  }

  /** Recipients that were accepted. */
  get recipients(): number {
    return this.#recipients;
  }

  /** Whether octets of a message come that its owner takes, not commands. */
  get isInMessage(): boolean {
    return this.#state === "data" || this.#state === "chunk";
  }

  /** What is offered now; STARTTLS never where TLS is on. */
  get offer(): Offer {
    return this.isSecure && this.#offer.startTls
      ? { ...this.#offer, startTls: false }
      : this.#offer;
  }

  set offer(offer: Offer) {
    this.#offer = offer;
  }

  /** Octets of the largest message taken. RFC 1870: 0 is no limit. */
  get maxSize(): number {
    return this.#offer.size || Infinity;
  }

  /** TLS is on: the session begins anew. RFC 3207 section 4.2. */
  secured(): void {
    this.isSecure = true;
    this.#restart();
  }

  /** How many replies a question takes. RFC 2033 section 4.2. */
  repliesTo(event: Event): number {
    if (event.type === "rcpt") return event.recipients.length;
    return event.type === "end" ? this.verdicts : 1;
  }

  /** How many replies say what becomes of the message, or of a chunk of it. */
  get verdicts(): number {
    const isForEach = this.options.protocol === "lmtp" && this.#isWhole;
    return isForEach ? this.#recipients : 1;
  }

  /** Makes the move that `reply` to the question allows. */
  settle(event: Event, reply: Reply): void {
    if (event.type === "auth" || event.type === "response") {
      return this.#settleAuth(reply);
    }
    if (event.type === "end") return this.#settleMessage("END");
    if (!isPositive(reply)) {
      if (event.type === "rcpt") this.hasRefused = true;
      // A refused DATA ends the transaction: nobody is left to send it to.
      if (event.type === "data") this.#settleMessage("RSET");
      return;
    }
    switch (event.type) {
      case "hello":
        this.esmtp = event.esmtp;
        return this.move("EHLO");
      case "starttls":
        return this.move("STARTTLS");
      case "xclient":
        this.#restart();
        this.authenticated = event.attributes.get("LOGIN") !== undefined;
        return;
      case "mail":
        this.smtputf8 = event.parameters.smtputf8;
        this.isBinary = event.parameters.body === "BINARYMIME";
        this.chunk = undefined;
        this.isChunkLate = false;
        return this.move("MAIL");
      case "rcpt":
        this.#recipients++;
        return this.move("RCPT");
      case "data":
        return this.move(event.chunking ? "BDAT" : "DATA");
      case "reset":
        return this.move("RSET");
    }
  }

  /** Makes a move, where the table has it. */
  move(step: ServerStep): void {
    const next = SERVER_MOVES[this.#state][step] ?? this.#state;
    const isReady = next === "start" && !this.options.needHello;
    this.#state = isReady ? "ready" : next;
    if (this.#state !== "ready") return;
    this.#recipients = 0;
    this.hasRefused = this.isChunkLate = false;
  }

  #settleMessage(step: "END" | "RSET"): void {
    this.move(step);
    this.isChunkLate = !this.#isWhole;
  }

  get #isWhole(): boolean {
    return this.chunk?.last ?? true;
  }

  #settleAuth(reply: Reply): void {
    if (reply.code === CHALLENGE) return this.move("AUTH");
    this.authenticated = isPositive(reply);
    this.move("END");
  }

  /** As at its start, but for TLS. */
  #restart(): void {
    this.#state = "start";
    this.esmtp = this.authenticated = false;
    this.move("RSET");
  }
}
