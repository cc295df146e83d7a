/**
 * The server's side of a conversation, without a socket, clock or promise.
 *
 * Bytes go in by {@linkcode ServerEngine.space} and
 * {@linkcode ServerEngine.filled}; {@linkcode ServerEngine.next} gives the next
 * question and then nothing more until {@linkcode ServerEngine.answer} is
 * called; replies gather until {@linkcode ServerEngine.output} takes them, so
 * that a batch of pipelined commands earns one write. What needs nobody's
 * decision (syntax, order, bounds, NOOP, HELP) is answered here.
 *
 * @module
 */

import { chunkReply, helpReply, repliesTo, usualReply } from "./answers.ts";
import type { Command } from "./command.ts";
import { CommandReader } from "./command_reader.ts";
import { type Event, questionOf, type RcptCommand } from "./events.ts";
import type { Offer } from "./extensions.ts";
import { Framing } from "./framing.ts";
import type { Leniency } from "./leniency.ts";
import { MessageReader } from "./message_reader.ts";
import type { ServerOptions } from "./options.ts";
import { believed, recipientRefusal, refusalOf } from "./permission.ts";
import { gatherRecipients } from "./recipients.ts";
import { isPositive, REPLIES, type Reply } from "./reply.ts";
import { Speech } from "./speech.ts";
import { Standing } from "./standing.ts";
import type { ServerState } from "./states.ts";

export type { ServerOptions };

/** One conversation, the server's side. */
export class ServerEngine {
  readonly #options: ServerOptions;
  readonly #framing: Framing;
  readonly #reader: CommandReader;
  readonly #message: MessageReader;
  readonly #standing: Standing;
  readonly #speech: Speech;
  #open: Event | undefined;
  #held: Command | Reply | undefined;
  #greeted = false;

  /** A conversation in which nothing has been said yet. */
  constructor(options: ServerOptions) {
    this.#options = options;
    this.#standing = new Standing(options);
    this.#framing = new Framing(options.maxLine, options.bareNewline);
    this.#speech = new Speech(this.#framing, options);
    this.#reader = new CommandReader(this.#framing, options);
    this.#message = new MessageReader(this.#framing, options);
  }

  /** Where the conversation stands. */
  get state(): ServerState {
    return this.#message.isDropping ? "chunk" : this.#standing.state;
  }

  /** Whether octets of a message come that its owner takes, not commands. */
  get isInMessage(): boolean {
    return this.#standing.isInMessage;
  }

  /** Whether the client said EHLO or LHLO, and may use what was offered. */
  get esmtp(): boolean {
    return this.#standing.esmtp;
  }

  /** Whether AUTH succeeded, or XCLIENT brought a login. */
  get authenticated(): boolean {
    return this.#standing.authenticated;
  }

  /** Whether STARTTLS was granted, and {@linkcode secured} is waited for. */
  get isWaitingForTls(): boolean {
    return this.#standing.state === "tls";
  }

  /** Bad commands so far. */
  get errors(): number {
    return this.#speech.errors;
  }

  /** Whether the last reply ends the connection. */
  get closed(): boolean {
    return this.#speech.closed;
  }

  /** Whether nothing at all has come of the next command. */
  get isIdle(): boolean {
    return this.#framing.unread === 0 && this.#held === undefined &&
      !this.#message.isDropping;
  }

  /** What is offered from now on. STARTTLS never is where TLS is on. */
  get offer(): Offer {
    return this.#standing.offer;
  }

  set offer(offer: Offer) {
    this.#standing.offer = offer;
  }

  /** Room for bytes from the client. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#reader.space();
  }

  /** Says that `count` bytes of {@linkcode space} are filled. */
  filled(count: number): void {
    this.#framing.filled(count);
  }

  /** Takes another buffer to read into, and gives the old one back. */
  exchange(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#reader.exchange(buffer);
  }

  /**
   * TLS is on, after a STARTTLS that was granted: what came in clear is thrown
   * away, and the session begins anew. RFC 3207 section 4.2.
   *
   * @throws {TypeError} No STARTTLS was granted.
   */
  secured(): void {
    if (!this.isWaitingForTls) {
      throw new TypeError("Cannot be secured: expected a granted STARTTLS");
    }
    this.#framing.clear();
    this.#standing.secured();
  }

  /**
   * The replies since the last call, to be written in one piece; good until
   * the next call.
   */
  output(): Uint8Array<ArrayBuffer> | undefined {
    return this.#speech.take();
  }

  /**
   * The next question; or nothing, where more bytes are needed, a question is
   * open, or the conversation is over.
   */
  next(): Event | undefined {
    if (this.#open !== undefined || this.closed) return undefined;
    if (!this.#greeted) {
      this.#greeted = true;
      return this.#ask({ type: "connect" });
    }
    let event: Event | "more" | undefined;
    do event = this.#nextOfState(); while (event === "more" && !this.closed);
    return event === "more" ? undefined : event;
  }

  /**
   * Answers the open question: with the usual reply, or with another one. A
   * `rcpt` question takes one reply a recipient, or one for all of them; and so
   * does `end` under LMTP, for those that were accepted.
   *
   * @throws {TypeError} No question is open, or there are too few or too many
   * replies to it.
   */
  answer(reply?: Reply | readonly Reply[]): void {
    const event = this.#open;
    if (event === undefined) {
      throw new TypeError("Cannot answer: expected an open question");
    }
    const given = reply ?? usualReply(event, this.#options, this.offer);
    const replies = repliesTo(event, given, this.#standing.repliesTo(event));
    this.#open = undefined;
    for (const reply of replies) this.#settle(event, reply);
  }

  /**
   * The refusals since the last call that nobody was asked about, for the log:
   * bad commands, and what exceeds a bound.
   */
  refusals(): readonly Reply[] {
    return this.#speech.refusals();
  }

  /** The leniencies used since the last call, for the log. */
  leniencies(): readonly Leniency[] {
    return this.#reader.leniencies();
  }

  /** Ends the conversation unasked, as with 421. RFC 5321 section 3.8. */
  close(reply: Reply): void {
    this.#open = undefined;
    this.#speech.say({ ...reply, close: true });
  }

  #ask(event: Event): Event {
    this.#open = event;
    return event;
  }

  /** What comes next, a question or a piece; `"more"`: what came was no such. */
  #nextOfState(): Event | "more" | undefined {
    switch (this.state) {
      case "tls":
        return undefined;
      case "data":
      case "chunk":
        return this.#nextOfMessage();
      case "auth": {
        const response = this.#reader.response();
        if (response === undefined) return undefined;
        if (typeof response === "string") {
          return this.#ask({ type: "response", text: response });
        }
        this.#standing.move("END");
        this.#speech.refuse(response);
        return "more";
      }
      default: {
        const command = this.#held ?? this.#read();
        this.#held = undefined;
        if (command === undefined) return undefined;
        const event = "verb" in command
          ? this.#take(command)
          : this.#speech.refuse(command);
        return event === undefined ? "more" : this.#ask(event);
      }
    }
  }

  #nextOfMessage(): Event | "more" | undefined {
    const event = this.#message.next(this.#standing.maxSize);
    if (event === undefined) return undefined;
    if ("type" in event) {
      return event.type === "end" ? this.#ask(event) : event;
    }
    const { size, dropped } = event;
    if (dropped === undefined) {
      this.#standing.move("PAUSE");
      this.#speech.say(chunkReply(size));
    } else if (dropped.answers === 0) this.#speech.refuse(dropped.reply);
    else {
      for (let i = 0; i < dropped.answers; i++) this.#speech.say(dropped.reply);
    }
    return "more";
  }

  /** The next command, or the reply to what isn't one. */
  #read(): Command | Reply | undefined {
    const { offer, state, esmtp, authenticated } = this.#standing;
    const takesAuth = state === "ready" && !authenticated &&
      (offer.auth?.length ?? 0) > 0;
    return this.#reader.command(esmtp ? offer : undefined, takesAuth);
  }

  /** Checks whether it may come, then answers, or says what is to be asked. */
  #take(command: Command): Event | undefined {
    const refusal = refusalOf(command, this.#standing);
    if (refusal !== undefined) {
      if (command.verb !== "BDAT") return void this.#speech.refuse(refusal);
      const dropped = { reply: refusal, answers: 0 };
      return void this.#message.drop(command, dropped);
    }
    switch (command.verb) {
      case "RCPT":
        return this.#takeRecipients(command);
      case "MAIL":
        return questionOf(believed(command, this.#standing));
      case "BDAT":
        this.#standing.chunk = command;
        if (this.#standing.state === "rcpt") {
          return { type: "data", chunking: true };
        }
        this.#message.startChunk(command);
        return void this.#standing.move("BDAT");
      case "NOOP":
        return void this.#speech.say(REPLIES.ok);
      case "HELP":
        return void this.#speech.say(helpReply(this.#options, this.offer));
      case "EXPN":
        return void this.#speech.refuse(REPLIES.noExpn);
      default:
        return questionOf(command);
    }
  }

  /** This RCPT, and those that came right behind it. */
  #takeRecipients(first: RcptCommand): Event | undefined {
    const refusal = recipientRefusal(first, 0, this.#standing);
    if (refusal !== undefined) {
      this.#standing.hasRefused = true;
      return void this.#speech.refuse(refusal);
    }
    const read = () => this.#read();
    const gathered = gatherRecipients(first, read, this.#standing);
    this.#held = gathered.behind;
    return { type: "rcpt", recipients: gathered.recipients };
  }

  /** Says the reply and makes the move. */
  #settle(event: Event, reply: Reply): void {
    if (event.type === "data" && event.chunking) {
      return this.#settleChunk(event, reply);
    }
    this.#speech.say(reply);
    this.#standing.settle(event, reply);
    if (!isPositive(reply)) return;
    if (event.type === "data") this.#message.startData();
    // What came behind it in clear may be anybody's.
    if (event.type === "starttls") this.#framing.clear();
  }

  /** As with DATA; but the octets are there already, and come before a reply. */
  #settleChunk(event: Event, reply: Reply): void {
    const { chunk, isBinary, verdicts } = this.#standing;
    this.#standing.settle(event, reply);
    if (reply.close) this.#speech.say(reply);
    else if (isPositive(reply)) this.#message.startChunks(chunk!, isBinary);
    else this.#message.drop(chunk!, { reply, answers: verdicts });
  }
}
