/**
 * How a relay is asked for a message's sender and recipients: XFORWARD, MAIL,
 * RCPT, in one write where it takes pipelining (RFC 2920).
 *
 * The rule: they go out as they came. Who asks for what the relay does not have
 * is refused without asking it.
 *
 * @module
 */

import type { Answer } from "../engine/client.ts";
import type { RcptCommand } from "../engine/events.ts";
import type { MailParameters } from "../engine/extensions.ts";
import { REPLIES, type Reply } from "../engine/reply.ts";
import type { Sender } from "../hop.ts";
import { isDone, senderRefusalOf } from "./answer.ts";
import type { RelayConnection } from "./connection.ts";
import { forwardLines } from "./forward.ts";
import { lackingOfRecipient } from "./offer.ts";

/** What the relay said of the sender and of the first recipients. */
export interface Opening {
  /** The reply to MAIL. */
  readonly sender: Reply;
  /** A reply for each recipient; without meaning where the sender is refused. */
  readonly recipients: readonly Reply[];
}

/** One transaction's dialogue with one relay, up to the message. */
export class Envelope {
  readonly #relay: RelayConnection;
  readonly #mail: Sender;
  /** Recipients that the relay was asked for. */
  #asked = 0;

  constructor(relay: RelayConnection, mail: Sender) {
    this.#relay = relay;
    this.#mail = mail;
  }

  /**
   * Asks about the sender, and then about the first recipients.
   *
   * @throws {RelayError} The relay went away or does not keep to SMTP.
   */
  async open(recipients: readonly RcptCommand[]): Promise<Opening> {
    const relay = this.#relay;
    relay.step = "MAIL FROM";
    const unasked = this.#unasked(recipients);
    const asked = recipients.filter((_, i) => unasked[i] === undefined);
    const [mail, ...answers] = await this.#askForSender(asked);
    const { reply: sender } = mail!;
    if (!isDone(sender)) return { sender, recipients: [] };
    relay.step = "RCPT TO";
    if (!relay.capabilities.pipelining) {
      answers.push(...await this.#askFor(asked));
    }
    return { sender, recipients: merged(unasked, answers) };
  }

  /**
   * Asks about further recipients.
   *
   * @throws {RelayError} As {@linkcode Envelope.open}.
   */
  async add(recipients: readonly RcptCommand[]): Promise<readonly Reply[]> {
    this.#relay.step = "RCPT TO";
    const unasked = this.#unasked(recipients);
    const asked = recipients.filter((_, i) => unasked[i] === undefined);
    return merged(unasked, await this.#askFor(asked));
  }

  /** The answer to MAIL, and where they were pipelined those of the recipients. */
  async #askForSender(
    recipients: readonly RcptCommand[],
  ): Promise<readonly Answer[]> {
    const relay = this.#relay;
    const { engine, capabilities: { pipelining, xforward } } = relay;
    const { sender, origin } = this.#mail;
    const lines = origin === undefined ? [] : forwardLines(origin, xforward);
    for (const line of lines) {
      engine.xforward(line);
      if (!pipelining) await relay.ask(1);
    }
    engine.mail(sender, this.#parameters);
    if (!pipelining) return await relay.ask(1);
    for (const each of recipients) engine.rcpt(each.recipient, each.parameters);
    const answers = await relay.ask(lines.length + 1 + recipients.length)
      .catch(senderRefusalOf);
    // A relay that doesn't want to know where it is from takes it all the same.
    return answers.filter(({ step }) => step !== "XFORWARD");
  }

  /** AUTH= is told to a relay that knows this server. RFC 4954 section 5. */
  get #parameters(): MailParameters {
    const { isAuthenticated, capabilities: { xforward } } = this.#relay;
    const { auth, ...others } = this.#mail.parameters;
    const isTold = isAuthenticated || xforward.size > 0;
    return auth !== undefined && isTold ? { ...others, auth } : others;
  }

  async #askFor(
    recipients: readonly RcptCommand[],
  ): Promise<readonly Answer[]> {
    const relay = this.#relay;
    const answers: Answer[] = [];
    const { pipelining } = relay.capabilities;
    for (const { recipient, parameters } of recipients) {
      relay.engine.rcpt(recipient, parameters);
      if (!pipelining) answers.push(...await relay.ask(1));
    }
    if (pipelining) answers.push(...await relay.ask(recipients.length));
    return answers;
  }

  /** The refusals of those recipients that the relay can't be asked for. */
  #unasked(
    recipients: readonly RcptCommand[],
  ): readonly (Reply | undefined)[] {
    const { capabilities } = this.#relay;
    const { recipients: most = Infinity } = capabilities;
    return recipients.map(({ parameters }) => {
      const lacking = lackingOfRecipient(capabilities, parameters);
      if (lacking !== undefined) return lacking;
      // RFC 9422 section 4.1: it may well end the session over one more.
      if (this.#asked >= most) return REPLIES.tooManyRecipients;
      this.#asked++;
      return undefined;
    });
  }
}

/** The refusals, and in their gaps the answers. */
function merged(
  refusals: readonly (Reply | undefined)[],
  answers: readonly Answer[],
): readonly Reply[] {
  let next = 0;
  return refusals.map((refusal) => refusal ?? answers[next++]!.reply);
}
