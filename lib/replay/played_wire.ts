/**
 * One wire as the player has it: what it still has to say there, cut as it
 * shall be, and what Postern has said.
 *
 * The rule: nothing is waited for that was not asked for. Lines and bytes may be
 * asked for in turn; a byte is given out once. A wire stays with its connection
 * until that is over: closed by Postern and all heard, or ended by the file;
 * what is said behind that goes over the next one.
 *
 * @module
 */

import { type Piece, type Way, type Write, writesOf } from "./splits.ts";
import type { StageWire } from "./stage.ts";
import {
  isSaid,
  posternEnd,
  type Step,
  type Wire,
} from "../transcript/steps.ts";
import { octetsOf } from "../transcript/template.ts";
import { Unanswered } from "./unanswered.ts";

/** What a wire said, or `undefined`: nothing more, `null`: it has closed. */
export type Heard = string | undefined | null;

/** One wire, through all the connections that it has in a conversation. */
export class PlayedWire {
  /** Its name in the file. */
  readonly name: Wire;
  /** What the client is owed: a greeting, and replies to its commands. */
  readonly unanswered: Unanswered = new Unanswered(1);
  readonly #pieces: readonly Piece[];
  readonly #writes: Iterator<Write>;
  /** How many pieces are out, and how many of them the file has said. */
  #out = 0;
  #said = 0;
  /** How many bytes are out that the file has further down. */
  #aheadBytes = 0;
  readonly #connections: () => readonly StageWire[];
  /** The index of its connection. */
  #nth = -1;
  #wire: StageWire | undefined;
  /** Whether Postern was asked for a message whose final dot was not heard. */
  #isInMessage = false;
  /** Whether the file has ended this connection, on the player's side. */
  #hasLeft = false;
  /** Whether the file has claimed its end, on Postern's side. */
  #hasEnded = false;
  /** The last reply that was heard as bytes, its lines; nothing: as lines. */
  saidInBytes: string[] = [];
  /** Whole lines that were taken, CRLFs included, and not given out yet. */
  #kept = "";
  /** How much was given out of what stands behind the last whole line. */
  #given = 0;

  /**
   * A wire on which nothing was said yet.
   *
   * @param name Its name in the file.
   * @param connections Its connections so far, in their order.
   * @param pieces What the player says there.
   * @param way How that is cut.
   */
  constructor(
    name: Wire,
    connections: () => readonly StageWire[],
    pieces: readonly Piece[] = [],
    way: Way = "whole",
  ) {
    this.name = name;
    this.#connections = connections;
    this.#pieces = pieces;
    this.#writes = writesOf(pieces, way);
  }

  /** Whether it has a connection; takes the first one as soon as there is one. */
  get isConnected(): boolean {
    return this.#wire !== undefined || this.#goOn();
  }

  /** The connection, once there is one. */
  get connection(): StageWire {
    return this.#wire!;
  }

  /** Whether the player has ended its side of this connection. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Whether there is a connection behind this one. */
  get hasNext(): boolean {
    return this.#connections().length > this.#nth + 1;
  }

  /**
   * Goes to the connection that a step is about.
   *
   * @returns Whether it is there; not yet where the player is to speak, and this
   * one is over.
   */
  reach(step: Step): boolean {
    if (!this.isConnected) return false;
    if (!this.#isBehind(step) || this.#goOn()) return true;
    return !isSaid(step) || step.from === posternEnd(step.wire);
  }

  /** Whether a step is about a later connection, if there is one. */
  #isBehind(step: Step): boolean {
    if (isPosternsEnd(step)) return this.#hasEnded;
    // What is out was said here.
    if (this.isAhead || this.saysMore) return false;
    const isOver = this.#hasLeft || this.#hasEnded;
    return isOver || (isSaid(step) && this.#isClosed);
  }

  get #isClosed(): boolean {
    return this.connection.isClosed === true;
  }

  /** Goes to the next connection; whether there is one. */
  #goOn(): boolean {
    const next = this.#connections()[this.#nth + 1];
    if (next === undefined) return false;
    this.#nth++;
    this.#wire = next;
    this.#hasLeft = this.#hasEnded = this.#isInMessage = false;
    this.#kept = "";
    this.#given = 0;
    return true;
  }

  /** Ends the player's side. */
  leave(how: "eof" | "reset"): void {
    this.#hasLeft = true;
    this.connection.end(how);
  }

  /** Hears Postern's end; what it says instead, as {@linkcode line} does. */
  async end(): Promise<Heard> {
    const line = await this.line();
    this.#hasEnded = line === null;
    return line;
  }

  /** Whether whole steps are out that the file has further down. */
  get isAhead(): boolean {
    return this.#out > this.#said;
  }

  /** Whether anything is out of what is to be said next. */
  get hasBegun(): boolean {
    return this.#aheadBytes > 0;
  }

  /** What is to be said next. */
  get next(): Piece | undefined {
    return this.#pieces[this.#said];
  }

  /** Says that: what is not out yet of it, and what is joined to it. */
  async say(): Promise<void> {
    const { next: piece } = this;
    if (piece === undefined) return;
    const octets = octetsOf(piece.bytes);
    if (this.name === "client") this.unanswered.say(octets);
    else if (octets.startsWith("354")) this.#isInMessage = true;
    this.#said++;
    this.#aheadBytes -= piece.bytes.length;
    while (this.#out < this.#said) {
      const next = this.#writes.next();
      if (next.done) break;
      const { bytes, through } = next.value;
      const sending = this.connection.send(bytes);
      if (sending !== undefined) await sending;
      this.#out = through;
      this.#aheadBytes += bytes.length;
    }
  }

  /** Whether a whole line is there that was not given out yet. */
  hasLine(): boolean {
    return this.#kept.includes("\r\n") || this.connection.hasLine();
  }

  /**
   * Whether there is a line that the file must have. Of a message that Postern
   * has broken off it need not: how much was said depends on how it came.
   */
  get saysMore(): boolean {
    return this.hasLine() && !(this.#isClosed && this.#isInMessage);
  }

  /** What is there behind the last whole line, an octet a character. */
  get unfinished(): string {
    return this.connection.unfinished.slice(this.#given);
  }

  /** The next line without its CRLF, an octet a character. */
  async line(): Promise<Heard> {
    for (;;) {
      const end = this.#kept.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#kept.slice(0, end);
        this.take(end + 2);
        return line;
      }
      const line = await this.#keepLine();
      if (typeof line !== "string") return line;
    }
  }

  /**
   * What is there, an octet a character: `count` of them or more, or all that
   * comes. It stays there until it is taken.
   */
  async octets(count: number): Promise<string> {
    while (this.#kept.length < count) {
      if (!this.connection.hasLine()) {
        const all = this.#kept + this.unfinished;
        if (all.length >= count) return all;
      }
      const line = await this.#keepLine();
      if (typeof line !== "string") return this.#kept + this.unfinished;
    }
    return this.#kept;
  }

  /** Gives out `count` of the octets that are there. */
  take(count: number): void {
    if (/(?:^|\r\n)\.\r\n$/.test(this.#kept.slice(0, count))) {
      this.#isInMessage = false;
    }
    this.#given += Math.max(0, count - this.#kept.length);
    this.#kept = this.#kept.slice(count);
  }

  async #keepLine(): Promise<Heard> {
    const line = await this.connection.line();
    if (typeof line !== "string") return line;
    this.#kept += `${line.slice(this.#given)}\r\n`;
    this.#given = 0;
    return line;
  }
}

/** Whether a step claims that Postern ends its side. */
export function isPosternsEnd(step: Step): boolean {
  if (step.kind !== "close" && step.kind !== "eof") return false;
  const ender = step.kind === "close" ? "server" : "client";
  return ender === posternEnd(step.wire);
}
