/**
 * Reads a message, under DATA or in chunks (RFC 3030), and has the engine's own
 * verdict on it: the bound on its size, its bare newlines.
 *
 * The rule: what was announced as message data is read to its end, whatever
 * becomes of the message, since the rest would run as commands. A chunk that is
 * refused is dropped as it comes, and its refusal said behind it.
 *
 * @module
 */

import type { BdatCommand, Event } from "./events.ts";
import type { Framing } from "./framing.ts";
import type { ServerOptions } from "./options.ts";
import { REPLIES, type Reply } from "./reply.ts";

/** The end of a chunk that is not the end of its message. */
export interface ChunkEnd {
  /** Octets of the chunk. */
  readonly size: number;
  /** Why it was dropped; absent: it was not. */
  readonly dropped?: Dropped;
}

/** Why a chunk is of no use. */
export interface Dropped {
  /** What is said behind it. */
  readonly reply: Reply;
  /** How often that is said as the owner's answer; 0: it is the engine's own. */
  readonly answers: number;
}

/** Reads messages from a framing. */
export class MessageReader {
  readonly #framing: Framing;
  readonly #rejectsBareNewlines: boolean;
  #chunk: BdatCommand | undefined;
  #isClosed = false;
  #dropped: Dropped | undefined;

  /** Reads from `framing`. */
  constructor(framing: Framing, { bareNewline }: ServerOptions) {
    this.#framing = framing;
    this.#rejectsBareNewlines = bareNewline === "reject";
  }

  /** Whether a chunk is being dropped. */
  get isDropping(): boolean {
    return this.#dropped !== undefined;
  }

  /** What comes next ends with a dot. */
  startData(): void {
    this.#chunk = undefined;
    this.#framing.startData();
  }

  /** What comes next is the first chunk of a message. */
  startChunks(chunk: BdatCommand, isBinary: boolean): void {
    this.#isClosed = false;
    this.#framing.startChunks(isBinary);
    this.startChunk(chunk);
  }

  /** What comes next is another chunk. */
  startChunk(chunk: BdatCommand): void {
    this.#chunk = chunk;
    this.#framing.startChunk(chunk.size);
  }

  /** What comes next is a chunk that is of no use. */
  drop(chunk: BdatCommand, dropped: Dropped): void {
    this.startChunks(chunk, true);
    this.#framing.discardData();
    this.#dropped = dropped;
  }

  /**
   * What comes of the octets: a piece, the message's end, a chunk's end; or
   * nothing yet.
   *
   * @param maxSize Octets of the largest message taken.
   */
  next(
    maxSize: number,
  ): Extract<Event, { type: "body" | "end" }> | ChunkEnd | undefined {
    const framing = this.#framing;
    for (;;) {
      const bytes = this.#chunk === undefined
        ? framing.data()
        : this.#isClosed
        ? "end"
        : framing.chunk();
      if (bytes === undefined) return undefined;
      if (bytes === "end") {
        return this.#chunk === undefined
          ? this.#end(maxSize)
          : this.#endOfChunk(this.#chunk, maxSize);
      }
      if (framing.size > maxSize) framing.discardData();
      else return { type: "body", bytes };
    }
  }

  #endOfChunk(
    { size, last }: BdatCommand,
    maxSize: number,
  ): Extract<Event, { type: "body" | "end" }> | ChunkEnd {
    const dropped = this.#dropped;
    if (dropped !== undefined) {
      this.#dropped = undefined;
      return { size, dropped };
    }
    if (last && !this.#isClosed) {
      this.#isClosed = true;
      const bytes = this.#framing.closeChunks();
      if (bytes !== undefined) return { type: "body", bytes };
    }
    const end = this.#end(maxSize);
    return last || end.refusal !== undefined ? end : { size };
  }

  #end(maxSize: number): Extract<Event, { type: "end" }> {
    const { size } = this.#framing;
    return { type: "end", size, refusal: this.#verdict(maxSize) };
  }

  #verdict(maxSize: number): Reply | undefined {
    const { size, hasBareNewline } = this.#framing;
    if (size > maxSize) return REPLIES.tooBig;
    const isBad = this.#rejectsBareNewlines && hasBareNewline;
    return isBad ? REPLIES.bareNewlineInData : undefined;
  }
}
