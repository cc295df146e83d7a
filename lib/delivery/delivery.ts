/**
 * Local delivery: one message into a Maildir or an mbox.
 *
 * The rule: written aside, synced, then made a delivered message in one step;
 * {@linkcode Delivery.finish} resolves only after that, and whatever goes wrong
 * before leaves nothing. There is one copy for all recipients, who are named in
 * its header.
 *
 * The message is stored with LF line ends, as is the custom on Unix, without
 * stuffing, and otherwise byte for byte behind its trace.
 *
 * It does not ask whether a recipient exists, and it does not look for a
 * `Return-Path:` that the message brings along.
 *
 * @module
 */

import { Unstuffer } from "../engine/dots.ts";
import { type Aside, writeAll } from "./aside.ts";
import { openMaildir } from "./maildir.ts";
import { fromLine, openMbox } from "./mbox.ts";
import { StoredForm } from "./stored_form.ts";

/** Where messages go. Relative paths are relative to the working folder. */
export type DeliveryTarget =
  /** A Maildir; made where it is missing. */
  | { readonly maildir: string; readonly mbox?: never }
  /** An mbox file; made where it is missing. */
  | { readonly mbox: string; readonly maildir?: never };

/** Whom the message is from and for. */
export interface DeliveryEnvelope {
  /** The reverse-path without brackets; empty for bounces. */
  readonly sender: string;
  /** The forward-paths without brackets. */
  readonly recipients: readonly string[];
  /** This host's name, a part of the names of a Maildir's files. */
  readonly hostname: string;
}

/** One message on its way into the store. */
export interface Delivery {
  /**
   * Takes the next bytes of the message, in stuffed form, cut anywhere. They
   * may change as soon as it returns `undefined` or what it returns resolves;
   * the next call comes after that.
   *
   * @returns `undefined` where there was nothing to wait for.
   * @throws {DeliveryError} When it rejects: nothing is left of the message.
   * @throws {TypeError} When the delivery is over: finished, aborted or failed.
   */
  write(piece: Uint8Array): Promise<void> | undefined;

  /**
   * Delivers the message; resolves when it would outlive a loss of power.
   *
   * @returns The path of the file that holds it.
   * @throws {DeliveryError} When it rejects: nothing is left of the message.
   * @throws {TypeError} When the delivery is over.
   */
  finish(): Promise<string>;

  /**
   * Takes everything back. Does nothing once `finish` has been called, whose
   * outcome counts, or when it is called again. Never throws.
   */
  abort(): Promise<void>;
}

/** A message could not be stored; the system's reason is the `cause`. */
export class DeliveryError extends Error {
  /** Its name in a stack. */
  override name = "DeliveryError";

  /**
   * Says where and why.
   *
   * @param path The Maildir or mbox.
   * @param cause What the system said.
   */
  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot store a message in ${JSON.stringify(path)}: ${reason}`, {
      cause,
    });
  }
}

/**
 * Begins to store a message: the file is there and its header's first lines are
 * written.
 *
 * @param target Where the message goes.
 * @param envelope Whom it is from and for.
 * @param trace The `Received:` field to put before it, ended by CRLF, as
 * `formatReceived()` makes it.
 * @returns The message, to be written and then finished or aborted.
 * @throws {DeliveryError} When it rejects: nothing is left of the message.
 */
export async function openDelivery(
  target: DeliveryTarget,
  envelope: DeliveryEnvelope,
  trace: string,
): Promise<Delivery> {
  const path = target.maildir ?? target.mbox;
  let aside: Aside;
  try {
    aside = target.maildir !== undefined
      ? await openMaildir(path, envelope.hostname)
      : await openMbox(path, fromLine(envelope.sender, new Date()));
  } catch (cause) {
    throw new DeliveryError(path, cause);
  }
  const delivery = new AsideDelivery(path, aside, target.mbox !== undefined);
  await delivery.write(new TextEncoder().encode(head(envelope) + trace));
  return delivery;
}

/**
 * What final delivery puts on top (RFC 5321 section 4.4), and whom it was for,
 * as Postfix and qmail write it.
 */
function head({ sender, recipients }: DeliveryEnvelope): string {
  const clean = (path: string) => path.replaceAll(/\p{Cc}/gu, "?");
  const lines = recipients.map((path) => `Delivered-To: ${clean(path)}\r\n`);
  return `Return-Path: <${clean(sender)}>\r\n${lines.join("")}`;
}

class AsideDelivery implements Delivery {
  readonly #path: string;
  readonly #aside: Aside;
  readonly #form: StoredForm;
  readonly #unstuffer = new Unstuffer();
  #isOver = false;

  constructor(path: string, aside: Aside, isMbox: boolean) {
    this.#path = path;
    this.#aside = aside;
    this.#form = new StoredForm(isMbox);
  }

  write(piece: Uint8Array): Promise<void> | undefined {
    if (this.#isOver) throw new TypeError("Cannot write: the delivery is over");
    const parts = this.#unstuffer.add(piece);
    for (const [index, part] of parts.entries()) {
      const from = this.#form.take(part, 0);
      if (from < part.length) return this.#writeRest(parts, index, from);
    }
    return undefined;
  }

  async finish(): Promise<string> {
    if (this.#isOver) {
      throw new TypeError("Cannot finish: the delivery is over");
    }
    this.#isOver = true;
    try {
      await this.#flush();
      await writeAll(this.#aside.file, this.#form.end());
      return await this.#aside.commit();
    } catch (cause) {
      await this.#aside.discard();
      throw new DeliveryError(this.#path, cause);
    }
  }

  async abort(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#aside.discard();
  }

  /** What did not fit into the buffer at once, from `from` in one of `parts`. */
  async #writeRest(
    parts: readonly Uint8Array[],
    index: number,
    from: number,
  ): Promise<void> {
    try {
      for (const part of parts.slice(index)) {
        while ((from = this.#form.take(part, from)) < part.length) {
          await this.#flush();
        }
        from = 0;
      }
    } catch (cause) {
      await this.abort();
      throw new DeliveryError(this.#path, cause);
    }
  }

  async #flush(): Promise<void> {
    await writeAll(this.#aside.file, this.#form.flushed());
  }
}
