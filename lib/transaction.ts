/**
 * One mail transaction (RFC 5321 section 3.3): a sender, its recipients, and
 * the next hops that they divide into.
 *
 * The rule: every recipient is asked of its own hop, in one go with those that
 * came beside it. The hops get their final dots one after the other, and after
 * the first failure none gets any more, so that as little as can be is doubled
 * where the client sends again. What was taken by then is logged.
 *
 * @module
 */

import type { RcptCommand } from "./engine/events.ts";
import { isPositive, REPLIES, type Reply, replyLines } from "./engine/reply.ts";
import type { Hop, Sender } from "./hop.ts";
import { MAX_RECEIVED, ReceivedCounter } from "./message/received.ts";

/** Gives the hop of a recipient, or the reply that refuses it. */
export type HopFinder = (recipient: RcptCommand) => Hop | Reply;

/** A transaction in progress. */
export class Transaction {
  /** Whom it is from, and what MAIL said. */
  readonly mail: Sender;
  /** The accepted recipients, in order. */
  readonly recipients: RcptCommand[] = [];
  readonly #find: HopFinder;
  /** Whether each recipient gets a verdict of its own. RFC 2033 section 4.2. */
  readonly #isLmtp: boolean;
  /** The hops asked so far, and those that took a recipient. */
  readonly #asked = new Set<Hop>();
  readonly #hops: Hop[] = [];
  readonly #delivered: Hop[] = [];
  /** The hop of each accepted recipient, in order. */
  readonly #hopOf: Hop[] = [];
  #received = new ReceivedCounter();

  constructor(mail: Sender, find: HopFinder, isLmtp = false) {
    this.mail = mail;
    this.#find = find;
    this.#isLmtp = isLmtp;
  }

  /** The hops that took a recipient. */
  get hops(): readonly Hop[] {
    return this.#hops;
  }

  /** The hops that have taken the message. */
  get delivered(): readonly Hop[] {
    return this.#delivered;
  }

  /** A reply for each recipient: the policy's refusal, or its hop's word. */
  async rcpt(recipients: readonly RcptCommand[]): Promise<readonly Reply[]> {
    const found = recipients.map((recipient) => this.#find(recipient));
    const goOneWay = found.every((hop) => hop === found[0]);
    const replies = goOneWay
      ? await this.#ask(found[0]!, recipients)
      : await this.#askEach(found, recipients);
    recipients.forEach((recipient, i) => {
      if (!isPositive(replies[i]!)) return;
      this.recipients.push(recipient);
      this.#hopOf.push(found[i] as Hop);
    });
    return replies;
  }

  async #ask(
    hop: Hop | Reply,
    recipients: readonly RcptCommand[],
  ): Promise<readonly Reply[]> {
    if (!("rcpt" in hop)) return recipients.map(() => hop);
    this.#asked.add(hop);
    const replies = await hop.rcpt(recipients);
    const took = replies.some(isPositive);
    if (took && !this.#hops.includes(hop)) this.#hops.push(hop);
    return replies;
  }

  async #askEach(
    found: readonly (Hop | Reply)[],
    recipients: readonly RcptCommand[],
  ): Promise<readonly Reply[]> {
    const replies: Reply[] = [];
    for (const hop of new Set(found)) {
      const at = found.flatMap((each, i) => each === hop ? [i] : []);
      const answers = await this.#ask(hop, at.map((i) => recipients[i]!));
      at.forEach((i, n) => replies[i] = answers[n]!);
    }
    return replies;
  }

  /** The go-ahead of every hop, or the first refusal: then it is over. */
  async data(trace: string): Promise<Reply> {
    for (const hop of this.#hops) {
      const reply = await hop.data(trace);
      if (reply.code !== 354) {
        await this.abort();
        return reply;
      }
    }
    return REPLIES.start;
  }

  /** Passes a piece of the message on. */
  write(piece: Uint8Array): Promise<void> | undefined {
    this.#received.add(piece);
    if (this.#hops.length === 1) return this.#hops[0]!.write(piece);
    return this.#writeToAll(piece);
  }

  async #writeToAll(piece: Uint8Array): Promise<void> {
    for (const hop of this.#hops) await hop.write(piece);
  }

  /** What the message itself gives reason to refuse. */
  refusal(): Reply | undefined {
    return this.#received.count > MAX_RECEIVED ? REPLIES.loop : undefined;
  }

  /**
   * Has the message delivered: one verdict, the worst; or under LMTP one for
   * each recipient.
   */
  async finish(): Promise<readonly Reply[]> {
    const verdicts = new Map<Hop, readonly Reply[]>();
    for (const hop of this.#hops) {
      const said = await hop.finish();
      const replies = "code" in said ? [said] : said;
      verdicts.set(hop, replies);
      if (replies.some(isPositive)) this.#delivered.push(hop);
      if (replies.every(isPositive) || this.#isLmtp) continue;
      await this.abort();
      return [replies.find((reply) => !isPositive(reply))!];
    }
    await this.#abortIdle();
    return this.#isLmtp
      ? this.#each(verdicts)
      : [merged([...verdicts.values()])];
  }

  /** The verdicts in the order of the recipients. */
  #each(verdicts: ReadonlyMap<Hop, readonly Reply[]>): readonly Reply[] {
    const next = new Map<Hop, number>();
    return this.#hopOf.map((hop) => {
      const replies = verdicts.get(hop)!;
      const at = next.get(hop) ?? 0;
      next.set(hop, at + 1);
      return replies[at] ?? replies[0]!;
    });
  }

  /** Gives everything up that is not delivered yet. */
  async abort(): Promise<void> {
    for (const hop of this.#asked) await hop.abort();
  }

  /** Lets go of the hops none of whose recipients was taken. */
  async #abortIdle(): Promise<void> {
    for (const hop of this.#asked) {
      if (!this.#hops.includes(hop)) await hop.abort();
    }
  }
}

/** One consent of many: all their texts, each once. */
function merged(verdicts: readonly (readonly Reply[])[]): Reply {
  const [first = [REPLIES.delivered], ...others] = verdicts;
  if (others.length === 0 && first.length === 1) return first[0]!;
  const texts = verdicts.flat().flatMap(replyLines);
  return { ...verdicts.at(-1)!.at(-1)!, text: [...new Set(texts)] };
}
