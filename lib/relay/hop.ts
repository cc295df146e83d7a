/**
 * One message to one relay: each recipient's fate, and the message's.
 *
 * The rule: the client never hears 250 for what the relay did not take. The
 * relay's verdict is passed on with its code and text; where there is no
 * verdict (silence, a lost connection, nonsense, 421) it is 451, for this and
 * for every further question of the message. The final dot is sent by
 * {@linkcode RelayHop.finish} alone; {@linkcode RelayHop.abort} breaks off
 * before it.
 *
 * @module
 */

import type { Answer } from "../engine/client.ts";
import type { MailCommand, RcptCommand } from "../engine/events.ts";
import { isPositive, REPLIES, type Reply } from "../engine/reply.ts";
import type { Log } from "../log/log.ts";
import type { RelayTrack } from "../record/relay_track.ts";
import { isDone, passedOn, senderRefusalOf } from "./answer.ts";
import type { RelayConnection } from "./connection.ts";
import { lackingOf } from "./offer.ts";
import type { RelayPool } from "./pool.ts";
import {
  FINAL_DOT_TIMEOUT_MS,
  formatWords,
  RelayError,
  relayName,
  type RelayStep,
} from "./settings.ts";

const ENCODER = new TextEncoder();

/** One message on its way to one relay. */
export class RelayHop {
  readonly #pool: RelayPool;
  readonly #mail: Pick<MailCommand, "sender" | "parameters">;
  readonly #log: Log;
  readonly #track: RelayTrack | undefined;
  #relay: RelayConnection | undefined;
  /** No verdict is to be had any more: what every further question gets. */
  #failure: Reply | undefined;
  /** The relay's refusal of the sender, which is each recipient's refusal. */
  #senderRefusal: Reply | undefined;
  #error: RelayError | undefined;
  #step: RelayStep = "connect";

  /** `track` gets to know what is said, where the session is recorded. */
  constructor(
    pool: RelayPool,
    mail: Pick<MailCommand, "sender" | "parameters">,
    log: Log,
    track?: RelayTrack,
  ) {
    this.#pool = pool;
    this.#mail = mail;
    this.#log = log;
    this.#track = track;
  }

  /** The relay's name, for logs. */
  get name(): string {
    return relayName(this.#pool.settings);
  }

  /** Where the last verdict fell. */
  get step(): RelayStep {
    return this.#error?.step ?? this.#step;
  }

  /** Why there is no verdict, where there is none. */
  get error(): RelayError | undefined {
    return this.#error;
  }

  /** Asks the relay about recipients, and the first time about the sender. */
  async rcpt(recipients: readonly RcptCommand[]): Promise<readonly Reply[]> {
    const refusal = this.#failure ?? this.#senderRefusal;
    if (refusal !== undefined) return recipients.map(() => refusal);
    try {
      return await this.#askRecipients(recipients);
    } catch (error) {
      const reply = this.#fail(error);
      return recipients.map(() => reply);
    }
  }

  /**
   * Asks for the go-ahead: 354, or the refusal of the whole message. `trace`
   * then goes first.
   */
  async data(trace: string): Promise<Reply> {
    if (this.#failure !== undefined) return this.#failure;
    const relay = this.#relay!;
    try {
      relay.step = "DATA";
      relay.engine.data();
      const [answer] = await relay.ask(1);
      const { reply } = answer!;
      if (reply.code === 354) {
        relay.listen();
        if (!relay.gathering.start(trace)) {
          await this.write(ENCODER.encode(trace));
        }
        return REPLIES.start;
      }
      if (isPositive(reply)) throw this.#confused(reply);
      return this.#verdict(reply);
    } catch (error) {
      return this.#fail(error);
    }
  }

  /**
   * Takes a piece of the message, dot-stuffed. Small ones are gathered, and so
   * copied; a large one is good again once the promise resolves.
   */
  write(piece: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return undefined;
    if (this.#relay!.gathering.add(piece)) return undefined;
    return this.#writeThrough(piece);
  }

  async #writeThrough(piece: Uint8Array): Promise<void> {
    const relay = this.#relay!;
    relay.step = "message";
    // It has made up its mind, which `finish` will hear.
    if (relay.hasSpoken) return;
    try {
      const gathered = relay.gathering.take();
      if (gathered !== undefined) await relay.write(gathered);
      await relay.write(piece);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends the final dot: the relay's verdict on the message. */
  async finish(): Promise<Reply> {
    if (this.#failure !== undefined) return this.#failure;
    const relay = this.#relay!;
    try {
      relay.step = "final dot";
      if (relay.hasSpoken) return await this.#heed(relay);
      // The dot's own bytes ride on the last of the message.
      const last = relay.gathering.takeWithDot();
      relay.engine.end(last !== undefined);
      if (last !== undefined) await relay.write(last);
      const [answer] = await relay.ask(1, this.#finalDotTimeoutMs);
      const { reply } = answer!;
      if (reply.code >= 300 && reply.code < 400) throw this.#confused(reply);
      const verdict = this.#verdict(reply);
      if (this.#failure === undefined) this.#release();
      return verdict;
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** A refusal may come before the final dot; consent to what, then? */
  async #heed(relay: RelayConnection): Promise<Reply> {
    const { reply } = await relay.heed();
    if (isPositive(reply)) throw this.#confused(reply);
    const verdict = this.#verdict(reply);
    relay.close();
    this.#relay = undefined;
    return verdict;
  }

  get #finalDotTimeoutMs(): number {
    return this.#pool.settings.finalDotTimeoutMs ?? FINAL_DOT_TIMEOUT_MS;
  }

  /**
   * Gives the message up. While it flows the connection is broken off, so that
   * the relay can't take what came for the whole; before that, RSET.
   */
  async abort(): Promise<void> {
    const relay = this.#relay;
    if (relay === undefined) return;
    this.#failure ??= REPLIES.relayLost;
    if (relay.engine.state === "data") {
      this.#relay = undefined;
      return relay.close();
    }
    await this.#reset(relay);
  }

  /** Ends the transaction; a connection that can't do that is closed. */
  async #reset(relay: RelayConnection): Promise<void> {
    try {
      relay.engine.reset();
      const [answer] = await relay.ask(1);
      if (!isDone(answer!.reply)) relay.close();
      this.#release();
    } catch {
      this.#relay = undefined;
    }
  }

  #release(): void {
    const relay = this.#relay!;
    this.#relay = undefined;
    this.#pool.give(relay);
  }

  async #askRecipients(
    recipients: readonly RcptCommand[],
  ): Promise<readonly Reply[]> {
    if (this.#relay !== undefined) {
      return await this.#askFor(this.#relay, recipients);
    }
    const kept = this.#pool.take(this.#track);
    if (kept !== undefined) {
      let isStale = false;
      try {
        return await this.#begin(kept, recipients);
      } catch (error) {
        // The relay let go of it while it idled. Nothing of this message has
        // been answered, so a fresh connection is asked the same.
        isStale = error instanceof RelayError && error.isStale;
        if (!isStale) throw error;
        this.#log.debug("relay-stale", { relay: this.name });
      } finally {
        kept.tap?.settle(!isStale);
      }
    }
    return await this.#begin(await this.#pool.open(this.#track), recipients);
  }

  /** MAIL and the first recipients; pipelined where that is offered. */
  async #begin(
    relay: RelayConnection,
    recipients: readonly RcptCommand[],
  ): Promise<readonly Reply[]> {
    this.#relay = relay;
    this.#step = relay.step = "MAIL FROM";
    const { sender, parameters } = this.#mail;
    const lacking = lackingOf(relay.engine.capabilities, parameters);
    if (lacking !== undefined) {
      this.#release();
      this.#senderRefusal = lacking;
      return recipients.map(() => lacking);
    }
    relay.engine.mail(sender, parameters);
    let reply: Reply;
    let replies: readonly Reply[] = [];
    if (relay.engine.capabilities.pipelining) {
      for (const { recipient } of recipients) relay.engine.rcpt(recipient);
      const answers = await relay.ask(1 + recipients.length)
        .catch(senderRefusalOf);
      [reply, ...replies] = answers.map((answer) => answer.reply) as [Reply];
    } else reply = (await relay.ask(1))[0]!.reply;
    if (isDone(reply)) {
      if (replies.length === 0) return await this.#askFor(relay, recipients);
      relay.step = "RCPT TO";
      return replies.map((each) => this.#verdict(each));
    }
    if (reply.code === 421) throw this.#lost(reply, true);
    // It refuses what it offered, or answers what can't be.
    if (reply.code === 555 || isPositive(reply)) throw this.#confused(reply);
    const refusal = this.#verdict(reply);
    this.#senderRefusal = refusal;
    await this.#reset(relay);
    return recipients.map(() => refusal);
  }

  /** Further recipients of a transaction that has its sender. */
  async #askFor(
    relay: RelayConnection,
    recipients: readonly RcptCommand[],
  ): Promise<readonly Reply[]> {
    relay.step = "RCPT TO";
    const answers: Answer[] = [];
    const isPipelined = relay.engine.capabilities.pipelining;
    for (const { recipient } of recipients) {
      relay.engine.rcpt(recipient);
      if (!isPipelined) answers.push(...await relay.ask(1));
    }
    if (isPipelined) answers.push(...await relay.ask(recipients.length));
    return answers.map(({ reply }) => this.#verdict(reply));
  }

  /** The relay's own word, passed on; 421 and 3xx are not a verdict. */
  #verdict(reply: Reply): Reply {
    this.#step = this.#relay!.step;
    if (reply.code === 421) throw this.#lost(reply, false);
    if (reply.code >= 300 && reply.code < 400) throw this.#confused(reply);
    return passedOn(reply);
  }

  #lost(reply: Reply, isStale: boolean): RelayError {
    this.#relay?.close();
    const { step } = this.#relay!;
    return new RelayError(
      step,
      REPLIES.relayLost,
      `the relay said ${formatWords(reply)}`,
      {
        isStale,
      },
    );
  }

  #confused(reply: Reply): RelayError {
    const { step } = this.#relay!;
    return new RelayError(
      step,
      REPLIES.relayConfused,
      `the relay said ${formatWords(reply)}`,
    );
  }

  /** From here on there is no verdict to be had. */
  #fail(error: unknown): Reply {
    this.#relay?.close();
    this.#relay = undefined;
    if (!(error instanceof RelayError)) throw error;
    this.#error = error;
    this.#log.warn("relay-failed", { relay: this.name, error });
    this.#failure = error.reply;
    return error.reply;
  }
}
