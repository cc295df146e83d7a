/**
 * This host as a next hop: one message into the Maildir or mbox.
 *
 * @module
 */

import {
  type Delivery,
  type DeliveryTarget,
  openDelivery,
} from "./delivery/delivery.ts";
import type { RcptCommand } from "./engine/events.ts";
import { REPLIES, type Reply } from "./engine/reply.ts";
import type { Hop, Sender } from "./hop.ts";
import type { Log } from "./log/log.ts";

/** What local delivery needs to know. */
export interface LocalSettings {
  /** Where messages go. */
  readonly target: DeliveryTarget;
  /** This host's name. */
  readonly hostname: string;
}

/** One message into the local store. */
export class LocalHop implements Hop {
  /** Its name in logs. */
  readonly name: string = "local";
  readonly #settings: LocalSettings;
  readonly #mail: Sender;
  readonly #log: Log;
  readonly #recipients: string[] = [];
  #delivery: Delivery | undefined;
  #failure: Reply | undefined;

  constructor(settings: LocalSettings, mail: Sender, log: Log) {
    this.#settings = settings;
    this.#mail = mail;
    this.#log = log;
  }

  /** Every recipient is taken: who may send here was decided before. */
  rcpt(recipients: readonly RcptCommand[]): Promise<readonly Reply[]> {
    for (const { recipient } of recipients) {
      this.#recipients.push(recipient.address);
    }
    return Promise.resolve(recipients.map(() => REPLIES.recipientOk));
  }

  /** Begins the file. */
  async data(trace: string): Promise<Reply> {
    const { target, hostname } = this.#settings;
    const sender = this.#mail.sender?.address ?? "";
    const recipients = this.#recipients;
    try {
      const envelope = { sender, recipients, hostname };
      this.#delivery = await openDelivery(target, envelope, trace);
      return REPLIES.start;
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** Writes a piece; what goes wrong is told by `finish`. */
  write(piece: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return undefined;
    return this.#delivery!.write(piece)?.catch((error) => {
      this.#fail(error);
    });
  }

  /** Makes it a delivered message. */
  async finish(): Promise<Reply> {
    if (this.#failure !== undefined) return this.#failure;
    try {
      await this.#delivery!.finish();
      return REPLIES.delivered;
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** Leaves nothing of it. */
  async abort(): Promise<void> {
    await this.#delivery?.abort();
  }

  #fail(error: unknown): Reply {
    this.#log.error("delivery-failed", { error });
    return this.#failure = isDiskFull(error)
      ? REPLIES.diskFull
      : REPLIES.localError;
  }
}

function isDiskFull(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as { code?: unknown } | undefined)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}
