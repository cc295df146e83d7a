/**
 * The server's side of a conversation, without a socket, clock or promise.
 *
 * Bytes go in by {@linkcode ServerEngine.space} and
 * {@linkcode ServerEngine.filled}; {@linkcode ServerEngine.next} gives the next
 * question and then nothing more until {@linkcode ServerEngine.answer} is
 * called; replies gather until {@linkcode ServerEngine.output} takes them, so
 * that a batch of pipelined commands earns one write. What needs nobody's
 * decision (syntax, order, bounds, NOOP, HELP, VRFY) is answered here.
 *
 * @module
 */

import {
  badLineReply,
  badOrderReply,
  OWN_REPLIES,
  usualReply,
} from "./answers.ts";
import { type Command, parseCommand, type Verb } from "./command.ts";
import type { Event, RcptCommand } from "./events.ts";
import { Framing } from "./framing.ts";
import type { ServerOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { formatReply, isPositive, REPLIES, type Reply } from "./reply.ts";
import { SERVER_MOVES, type ServerState } from "./states.ts";

export type { ServerOptions };

const NONE: readonly Reply[] = [];

/** One conversation, the server's side. */
export class ServerEngine {
  readonly #options: ServerOptions;
  readonly #framing: Framing;
  #state: ServerState;
  #esmtp = false;
  #smtputf8 = false;
  #recipients = 0;
  #refusedRecipients = false;
  #errors = 0;
  #open: Event | undefined;
  #held: Command | Reply | undefined;
  readonly #out = new Outbox();
  readonly #refusals: Reply[] = [];
  #greeted = false;
  #closed = false;

  /** A conversation in which nothing has been said yet. */
  constructor(options: ServerOptions) {
    this.#options = options;
    this.#framing = new Framing(options.maxLine, options.bareNewline);
    this.#state = options.needHello ? "start" : "ready";
  }

  /** Where the conversation stands. */
  get state(): ServerState {
    return this.#state;
  }

  /** Whether the client said EHLO, and may use what was offered. */
  get esmtp(): boolean {
    return this.#esmtp;
  }

  /** Whether the last reply ends the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether nothing at all has come of the next command. */
  get isIdle(): boolean {
    return this.#framing.unread === 0 && this.#held === undefined;
  }

  /** Room for bytes from the client. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#framing.space();
  }

  /** Says that `count` bytes of {@linkcode space} are filled. */
  filled(count: number): void {
    this.#framing.filled(count);
  }

  /** Takes another buffer to read into, and gives the old one back. */
  exchange(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#framing.exchange(buffer);
  }

  /**
   * The replies since the last call, to be written in one piece; good until
   * the next call.
   */
  output(): Uint8Array<ArrayBuffer> | undefined {
    return this.#out.take();
  }

  /**
   * The next question; or nothing, where more bytes are needed, a question is
   * open, or the conversation is over.
   */
  next(): Event | undefined {
    if (this.#open !== undefined || this.#closed) return undefined;
    if (!this.#greeted) {
      this.#greeted = true;
      return this.#ask({ type: "connect" });
    }
    if (this.#state === "data") return this.#nextOfData();
    while (!this.#closed) {
      const command = this.#held ?? this.#read();
      this.#held = undefined;
      if (command === undefined) return undefined;
      if (!("verb" in command)) this.#refuse(command);
      else {
        const event = this.#take(command);
        if (event !== undefined) return this.#ask(event);
      }
    }
    return undefined;
  }

  /**
   * Answers the open question: with the usual reply, or with another one. A
   * `rcpt` question takes one reply a recipient, or one for all of them.
   *
   * @throws {TypeError} No question is open, or there are too few or too many
   * replies to it.
   */
  answer(reply?: Reply | readonly Reply[]): void {
    const event = this.#open;
    if (event === undefined) {
      throw new TypeError("Cannot answer: expected an open question");
    }
    const count = event.type === "rcpt" ? event.recipients.length : 1;
    const given = reply ?? usualReply(event, this.#options);
    const replies = "code" in given ? Array<Reply>(count).fill(given) : given;
    if (replies.length !== count) {
      throw new TypeError(
        `Cannot answer "${event.type}" with ${replies.length} replies: expected ${count}`,
      );
    }
    this.#open = undefined;
    for (const reply of replies) this.#settle(event, reply);
  }

  /**
   * The refusals since the last call that nobody was asked about, for the log:
   * bad commands, and what exceeds a bound.
   */
  refusals(): readonly Reply[] {
    return this.#refusals.length === 0 ? NONE : this.#refusals.splice(0);
  }

  /** Ends the conversation unasked, as with 421. RFC 5321 section 3.8. */
  close(reply: Reply): void {
    this.#open = undefined;
    this.#say({ ...reply, close: true });
  }

  #ask(event: Event): Event {
    this.#open = event;
    return event;
  }

  #say(reply: Reply): void {
    if (this.#closed) return;
    this.#out.add(formatReply(reply));
    if (!reply.close) return;
    this.#closed = true;
    this.#framing.clear();
  }

  /** A bad command: counted, and after too many of them the last one. */
  #refuse(reply: Reply): void {
    this.#errors++;
    const isLast = this.#errors > this.#options.maxErrors;
    this.#decline(isLast ? REPLIES.tooManyErrors : reply);
  }

  /** What is refused without being a bad command. */
  #decline(reply: Reply): void {
    this.#refusals.push(reply);
    this.#say(reply);
  }

  /** The next command, or the reply to what isn't one. */
  #read(): Command | Reply | undefined {
    const line = this.#framing.line();
    if (line === undefined) return undefined;
    if (line === "too long") return REPLIES.tooLong;
    if (line === "bare newline") return REPLIES.bareNewline;
    const parsed = parseCommand(
      line,
      this.#esmtp ? this.#options.offer : undefined,
    );
    return parsed.ok ? parsed.value : badLineReply(parsed);
  }

  /** Checks the order, then answers, or says what is to be asked. */
  #take(command: Command): Event | undefined {
    const { verb } = command;
    if (SERVER_MOVES[this.#state][verb] === undefined) {
      // Who pipelines has sent DATA before it could know: that is no error.
      if (verb === "DATA" && this.#refusedRecipients) {
        return void this.#decline(REPLIES.noRecipients);
      }
      return void this.#refuse(badOrderReply(verb, this.#state));
    }
    switch (verb) {
      case "EHLO":
      case "HELO":
        return { type: "hello", name: command.name, esmtp: verb === "EHLO" };
      case "MAIL": {
        const { sender, parameters } = command;
        if ((parameters.size ?? 0) > this.#maxSize) {
          return void this.#decline(REPLIES.tooBig);
        }
        return { type: "mail", sender, parameters };
      }
      case "RCPT":
        return this.#takeRecipients(command);
      case "DATA":
        return { type: "data" };
      case "RSET":
        return { type: "reset" };
      case "QUIT":
        return { type: "quit" };
      case "NOOP":
      case "HELP":
      case "VRFY":
        return void this.#say(OWN_REPLIES[verb]);
      case "EXPN":
        return void this.#refuse(REPLIES.noExpn);
    }
  }

  /** This RCPT, and those that came right behind it. */
  #takeRecipients(first: RcptCommand): Event | undefined {
    const refusal = this.#refusalOf(first, 0);
    if (refusal !== undefined) {
      this.#refusedRecipients = true;
      if (refusal !== REPLIES.needSmtputf8) return void this.#decline(refusal);
      return void this.#refuse(refusal);
    }
    const recipients = [first];
    for (;;) {
      const command = this.#read();
      if (command === undefined) break;
      if (
        "verb" in command && command.verb === "RCPT" &&
        this.#refusalOf(command, recipients.length) === undefined
      ) {
        recipients.push(command);
        continue;
      }
      this.#held = command;
      break;
    }
    return { type: "rcpt", recipients };
  }

  #refusalOf(command: RcptCommand, asked: number): Reply | undefined {
    if (this.#recipients + asked >= this.#options.maxRecipients) {
      return REPLIES.tooManyRecipients;
    }
    if (command.recipient.utf8 && !this.#smtputf8) return REPLIES.needSmtputf8;
    return undefined;
  }

  get #maxSize(): number {
    return this.#options.offer.size || Infinity; // RFC 1870: 0 is no limit
  }

  #nextOfData(): Event | undefined {
    const maxSize = this.#maxSize;
    for (;;) {
      const bytes = this.#framing.data();
      if (bytes === undefined) return undefined;
      if (bytes === "end") {
        const { size, hasBareNewline } = this.#framing;
        const refusal = size > maxSize
          ? REPLIES.tooBig
          : hasBareNewline && this.#options.bareNewline === "reject"
          ? REPLIES.bareNewlineInData
          : undefined;
        return this.#ask({ type: "end", size, refusal });
      }
      // Read to its end all the same: its rest would run as commands.
      if (this.#framing.size > maxSize) this.#framing.discardData();
      else return { type: "body", bytes };
    }
  }

  /** Says the reply and makes the move, which is made only on success. */
  #settle(event: Event, reply: Reply): void {
    this.#say(reply);
    const positive = isPositive(reply);
    switch (event.type) {
      case "hello":
        if (!positive) return;
        this.#esmtp = event.esmtp;
        return this.#move("EHLO");
      case "mail":
        if (!positive) return;
        this.#smtputf8 = event.parameters.smtputf8;
        return this.#move("MAIL");
      case "rcpt":
        if (!positive) {
          this.#refusedRecipients = true;
          return;
        }
        this.#recipients++;
        return this.#move("RCPT");
      case "data":
        // A refused DATA ends the transaction: nobody is left to send it to.
        if (!positive) return this.#move("RSET");
        this.#framing.startData();
        return this.#move("DATA");
      case "end":
        return this.#move("END");
      case "reset":
        return this.#move("RSET");
    }
  }

  #move(step: Verb | "END"): void {
    this.#state = SERVER_MOVES[this.#state][step] ?? this.#state;
    if (this.#state === "ready") {
      this.#recipients = 0;
      this.#refusedRecipients = false;
    }
  }
}
