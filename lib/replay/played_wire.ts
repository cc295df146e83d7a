/**
 * One wire as the player has it: what it still has to say there, cut as it
 * shall be, and what Postern has said.
 *
 * The rule: nothing is waited for that was not asked for. Lines and bytes may be
 * asked for in turn; a byte is given out once.
 *
 * @module
 */

import { type Piece, type Way, type Write, writesOf } from "./splits.ts";
import type { StageWire } from "./stage.ts";
import type { Wire } from "../transcript/steps.ts";
import { octetsOf } from "../transcript/template.ts";
import { Unanswered } from "./unanswered.ts";

/** What a wire said, or `undefined`: nothing more, `null`: it has closed. */
export type Heard = string | undefined | null;

/** One wire, through all the connections that it has in a conversation. */
export class PlayedWire {
  /** Its name in the file. */
  readonly name: Wire;
  /** The client's commands that have no reply yet. */
  readonly unanswered: Unanswered = new Unanswered();
  readonly #pieces: readonly Piece[];
  readonly #writes: Iterator<Write>;
  /** How many pieces are out, and how many of them the file has said. */
  #out = 0;
  #said = 0;
  #wire: StageWire | undefined;
  /** Whole lines that were taken, CRLFs included, and not given out yet. */
  #kept = "";
  /** How much was given out of what stands behind the last whole line. */
  #given = 0;

  /**
   * A wire on which nothing was said yet.
   *
   * @param name Its name in the file.
   * @param pieces What the player says there.
   * @param way How that is cut.
   */
  constructor(name: Wire, pieces: readonly Piece[], way: Way) {
    this.name = name;
    this.#pieces = pieces;
    this.#writes = writesOf(pieces, way);
  }

  /** Goes on over `wire`, which may be a new connection. */
  use(wire: StageWire): void {
    if (wire === this.#wire) return;
    this.#wire = wire;
    this.#kept = "";
    this.#given = 0;
  }

  /** The connection. */
  get connection(): StageWire {
    return this.#wire!;
  }

  /** Whether bytes are out that the file has further down. */
  get isAhead(): boolean {
    return this.#out > this.#said;
  }

  /** What is to be said next. */
  get next(): Piece | undefined {
    return this.#pieces[this.#said];
  }

  /** Says that: what is not out yet of it, and what is joined to it. */
  async say(): Promise<void> {
    const { next: piece } = this;
    if (piece === undefined) return;
    if (this.name === "client") this.unanswered.say(octetsOf(piece.bytes));
    this.#said++;
    while (this.#out < this.#said) {
      const next = this.#writes.next();
      if (next.done) break;
      const { bytes, through } = next.value;
      const sending = this.connection.send(bytes);
      if (sending !== undefined) await sending;
      this.#out = through;
    }
  }

  /** Whether a whole line is there that was not given out yet. */
  hasLine(): boolean {
    return this.#kept.includes("\r\n") || this.connection.hasLine();
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
        this.#kept = this.#kept.slice(end + 2);
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
