/**
 * How a message goes to a relay in chunks, which may hold anything. RFC 3030.
 *
 * The rule: the last chunk goes out once all others are accepted. So a relay
 * that refuses one in the middle can't take what follows for the whole.
 *
 * @module
 */

import { REPLIES, type Reply } from "../engine/reply.ts";
import { isDone } from "./answer.ts";
import type { RelayConnection } from "./connection.ts";
import type { Passage } from "./passage.ts";

/**
 * Chunks that may wait for their replies, where the relay takes pipelining:
 * enough to hide a round trip, while a refusal is heard after as many.
 */
const MAX_OPEN_CHUNKS = 4;

const ENCODER = new TextEncoder();

const NOTHING = new Uint8Array(0);

/** BDAT. RFC 3030 section 2. */
export class ChunkPassage implements Passage {
  readonly #relay: RelayConnection;
  /** How many chunks are not answered yet. */
  #open = 0;
  #refusal: Reply | undefined;

  constructor(relay: RelayConnection) {
    this.#relay = relay;
  }

  /** Asks nothing: the relay's first word is about the first chunk. */
  async start(trace: string): Promise<Reply> {
    const { gathering } = this.#relay;
    if (!gathering.start(trace)) await this.write(ENCODER.encode(trace));
    return REPLIES.start;
  }

  write(piece: Uint8Array): Promise<void> | undefined {
    if (this.#refusal !== undefined) return undefined;
    if (this.#relay.gathering.add(piece)) return undefined;
    return this.#send(piece);
  }

  async #send(piece: Uint8Array): Promise<void> {
    const relay = this.#relay;
    relay.step = "message";
    await this.#sendChunk(piece, false);
    this.#open++;
    const most = relay.capabilities.pipelining ? MAX_OPEN_CHUNKS : 1;
    if (this.#open >= most) await this.#hear(1);
  }

  /** One chunk of what has gathered and `piece`. */
  async #sendChunk(piece: Uint8Array, isLast: boolean): Promise<void> {
    const relay = this.#relay;
    const gathered = relay.gathering.take() ?? NOTHING;
    relay.engine.chunk(gathered.length + piece.length, isLast);
    const parts = [relay.engine.output()!, gathered, piece];
    for (const part of parts) if (part.length > 0) await relay.write(part);
  }

  async #hear(count: number): Promise<void> {
    const answers = await this.#relay.ask(count);
    this.#open -= count;
    const replies = answers.map(({ reply }) => reply);
    this.#refusal ??= replies.find((reply) => !isDone(reply));
  }

  async finish(timeoutMs: number): Promise<readonly Reply[]> {
    const relay = this.#relay;
    if (this.#open > 0) await this.#hear(this.#open);
    if (this.#refusal !== undefined) return await this.#end([this.#refusal]);
    relay.step = "last chunk";
    const { verdicts } = relay.engine;
    await this.#sendChunk(NOTHING, true);
    const answers = await relay.ask(verdicts, timeoutMs);
    return await this.#end(answers.map(({ reply }) => reply));
  }

  /** A chunk refused leaves the transaction open. */
  async #end(replies: readonly Reply[]): Promise<readonly Reply[]> {
    const isRefusal = (reply: Reply) => reply.code >= 400 && reply.code !== 421;
    if (replies.every(isRefusal)) await this.#relay.reset();
    return replies;
  }
}
