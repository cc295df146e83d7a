/**
 * One message to one relay: each recipient's fate, and the message's.
 *
 * The rule: the client never hears 250 for what the relay did not take. The
 * relay's verdict is passed on with its code and text; where there is no
 * verdict (silence, a lost connection, nonsense, 421) it is 451, for this and
 * for every further question of the message. The final dot (or the last chunk)
 * is sent by {@linkcode RelayHop.finish} alone; {@linkcode RelayHop.abort} breaks off
 * before it.
 *
 * @module
 */

import type { RcptCommand } from "../engine/events.ts";
import { isPositive, REPLIES, type Reply } from "../engine/reply.ts";
import type { Hop, Sender } from "../hop.ts";
import type { Log } from "../log/log.ts";
import type { RelayTrack } from "../record/relay_track.ts";
import { confused, isDone, lost, verdictOf } from "./answer.ts";
import { ChunkPassage } from "./chunks.ts";
import type { RelayConnection } from "./connection.ts";
import { Envelope } from "./envelope.ts";
import { lackingOf } from "./offer.ts";
import { DataPassage, type Passage } from "./passage.ts";
import type { RelayPool } from "./pool.ts";
import {
  FINAL_DOT_TIMEOUT_MS,
  RelayError,
  relayName,
  type RelayStep,
} from "./settings.ts";

/** One message on its way to one relay. */
export class RelayHop implements Hop {
  readonly #pool: RelayPool;
  readonly #mail: Sender;
  readonly #log: Log;
  readonly #track: RelayTrack | undefined;
  #relay: RelayConnection | undefined;
  #envelope: Envelope | undefined;
  #passage: Passage | undefined;
  /** No verdict is to be had any more: what every further question gets. */
  #failure: Reply | undefined;
  /** The relay's refusal of the sender, which is each recipient's refusal. */
  #senderRefusal: Reply | undefined;
  #error: RelayError | undefined;
  #step: RelayStep = "connect";

  /** `track` gets to know what is said, where the session is recorded. */
  constructor(
    pool: RelayPool,
    mail: Sender,
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
    // RFC 3030 section 3: DATA can't carry it.
    const isBinary = this.#mail.parameters.body === "BINARYMIME";
    const way = isBinary ? new ChunkPassage(relay) : new DataPassage(relay);
    this.#passage = way;
    try {
      const reply = await way.start(trace);
      return reply === REPLIES.start ? reply : this.#verdict(relay, reply);
    } catch (error) {
      return this.#fail(error);
    }
  }

  /**
   * Takes a piece of the message, dot-stuffed unless it is binary. Small ones
   * are gathered, and so copied; a large one is good again once the promise
   * resolves.
   */
  write(piece: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return undefined;
    return this.#passage!.write(piece)?.catch((error) => {
      this.#fail(error);
    });
  }

  /**
   * Ends the message: the relay's verdict, or under LMTP its verdicts, one for
   * each recipient that it took.
   */
  async finish(): Promise<Reply | readonly Reply[]> {
    if (this.#failure !== undefined) return this.#failure;
    const relay = this.#relay!;
    const { verdicts: count } = relay.engine;
    let verdicts: Reply[] = [];
    let failure: Reply | undefined;
    try {
      const replies = await this.#passage!.finish(this.#finalDotTimeoutMs);
      verdicts = replies.map((reply) => this.#settle(relay, reply));
    } catch (error) {
      // Where one is missing, the others hold all the same.
      const answers = error instanceof RelayError ? error.answers : [];
      verdicts = answers.filter(({ step }) => step === "END" || step === "LAST")
        .map(({ reply }) => this.#settle(relay, reply));
      failure = this.#fail(error);
    }
    if (this.#relay !== undefined) this.#release();
    if (this.#pool.settings.protocol !== "lmtp" || verdicts.length === 0) {
      return verdicts[0] ?? failure!;
    }
    // What was refused before the end was refused for all.
    const rest = failure ?? verdicts[0]!;
    return Array.from({ length: count }, (_, i) => verdicts[i] ?? rest);
  }

  /** One of several verdicts: what can't be one is a failure for its recipient. */
  #settle(relay: RelayConnection, reply: Reply): Reply {
    try {
      return this.#verdict(relay, reply);
    } catch (error) {
      return this.#fail(error);
    }
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
    if (relay.engine.state === "data" || relay.engine.state === "chunks") {
      this.#relay = undefined;
      return relay.close();
    }
    await this.#reset(relay);
  }

  async #reset(relay: RelayConnection): Promise<void> {
    await relay.reset();
    this.#release();
  }

  #release(): void {
    const relay = this.#relay!;
    this.#relay = undefined;
    this.#pool.give(relay);
  }

  async #askRecipients(
    recipients: readonly RcptCommand[],
  ): Promise<readonly Reply[]> {
    const relay = this.#relay;
    if (relay !== undefined) {
      const replies = await this.#envelope!.add(recipients);
      return replies.map((reply) => this.#verdict(relay, reply));
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
        kept.close();
        if (!isStale) throw error;
        this.#log.debug("relay-stale", { relay: this.name });
      } finally {
        kept.tap?.settle(!isStale);
      }
    }
    return await this.#begin(await this.#pool.open(this.#track), recipients);
  }

  /** The sender and the first recipients, on a connection without a transaction. */
  async #begin(
    relay: RelayConnection,
    recipients: readonly RcptCommand[],
  ): Promise<readonly Reply[]> {
    this.#relay = relay;
    this.#step = relay.step = "MAIL FROM";
    const lacking = lackingOf(
      relay.capabilities,
      this.#mail.parameters,
      relay.isVerified,
    );
    if (lacking !== undefined) {
      this.#release();
      this.#senderRefusal = lacking;
      return recipients.map(() => lacking);
    }
    this.#envelope = new Envelope(relay, this.#mail);
    const { sender, recipients: replies } = await this.#envelope
      .open(recipients);
    if (isDone(sender)) {
      return replies.map((reply) => this.#verdict(relay, reply));
    }
    if (sender.code === 421) throw lost(relay.step, sender, true);
    // It refuses what it offered, or answers what can't be.
    if (sender.code === 555 || isPositive(sender)) {
      throw confused(relay.step, sender);
    }
    const refusal = this.#verdict(relay, sender);
    this.#senderRefusal = refusal;
    await this.#reset(relay);
    return recipients.map(() => refusal);
  }

  /** The relay's own word, passed on; 421 and 3xx are not a verdict. */
  #verdict(relay: RelayConnection, reply: Reply): Reply {
    this.#step = relay.step;
    return verdictOf(relay.step, reply);
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
