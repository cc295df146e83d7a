/**
 * How a message goes to a relay: behind DATA, up to the final dot.
 *
 * The rule: what the relay says before the dot is not the answer to it. A
 * refusal there is its verdict, consent is not.
 *
 * @module
 */

import { isPositive, REPLIES, type Reply } from "../engine/reply.ts";
import { confused } from "./answer.ts";
import type { RelayConnection } from "./connection.ts";

const ENCODER = new TextEncoder();

/** A way for a message. What goes wrong is a `RelayError`. */
export interface Passage {
  /** The go-ahead, 354, or the relay's refusal; `trace` then goes first. */
  start(trace: string): Promise<Reply>;
  /**
   * Takes a piece. Small ones are gathered, and so copied; a large one is good
   * again once the promise resolves.
   */
  write(piece: Uint8Array): Promise<void> | undefined;
  /** Ends the message: what the relay says of it, which may take `timeoutMs`. */
  finish(timeoutMs: number): Promise<readonly Reply[]>;
}

/** DATA. RFC 5321 section 4.1.1.4. */
export class DataPassage implements Passage {
  readonly #relay: RelayConnection;

  constructor(relay: RelayConnection) {
    this.#relay = relay;
  }

  async start(trace: string): Promise<Reply> {
    const relay = this.#relay;
    relay.step = "DATA";
    relay.engine.data();
    const [answer] = await relay.ask(1);
    const { reply } = answer!;
    if (reply.code !== 354) {
      if (isPositive(reply)) throw confused(relay.step, reply);
      return reply;
    }
    relay.listen();
    if (!relay.gathering.start(trace)) await this.write(ENCODER.encode(trace));
    return REPLIES.start;
  }

  write(piece: Uint8Array): Promise<void> | undefined {
    if (this.#relay.gathering.add(piece)) return undefined;
    return this.#writeThrough(piece);
  }

  async #writeThrough(piece: Uint8Array): Promise<void> {
    const relay = this.#relay;
    relay.step = "message";
    // It has made up its mind, which `finish` will hear.
    if (relay.hasSpoken) return;
    const gathered = relay.gathering.take();
    if (gathered !== undefined) await relay.write(gathered);
    await relay.write(piece);
  }

  async finish(timeoutMs: number): Promise<readonly Reply[]> {
    const relay = this.#relay;
    relay.step = "final dot";
    if (relay.hasSpoken) return [await this.#heed()];
    const { verdicts } = relay.engine;
    // The dot's own bytes ride on the last of the message.
    const last = relay.gathering.takeWithDot();
    relay.engine.end(last !== undefined);
    if (last !== undefined) await relay.write(last);
    return (await relay.ask(verdicts, timeoutMs)).map(({ reply }) => reply);
  }

  /** A refusal may come before the final dot; consent to what, then? */
  async #heed(): Promise<Reply> {
    const relay = this.#relay;
    const { reply } = await relay.heed();
    if (isPositive(reply)) throw confused(relay.step, reply);
    relay.close();
    return reply;
  }
}
