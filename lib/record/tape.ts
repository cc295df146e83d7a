/**
 * What was said in one session, as it came: bytes, who said them, and when.
 *
 * The rule: it is cheap while the session runs. Bytes are copied behind what the
 * same end said before, and stamped; what they mean is found out afterwards, in
 * `conversation.ts`. What is held is never copied again.
 *
 * @module
 */

import type { End, Wire } from "../transcript/steps.ts";
import { octetsOf } from "../transcript/template.ts";

/** Room for what one end says to begin with: a session without a message. */
const FIRST_CHUNK_BYTES = 1_024;

/** Most room that is made at once; each time it is twice as much until then. */
const MAX_CHUNK_BYTES = 64 * 1_024;

/** What an entry takes beside its bytes, in bytes: many small ones count too. */
const ENTRY_BYTES = 64;

/**
 * What follows the beginning of a line so soon is one entry with it, in ms: a
 * client that sends byte by byte must not cost more than one that sends lines.
 * Pauses are rounded to this anyway.
 */
const MERGE_MS = 100;

const LF = 0x0a;

/** All that one end of a wire said. */
export class Voice {
  /** The connection. */
  readonly wire: Wire;
  /** The end. */
  readonly from: End;
  readonly #full: Uint8Array[] = [];
  #chunk = new Uint8Array(0);
  #used = 0;

  /** One that has said nothing. */
  constructor(wire: Wire, from: End) {
    this.wire = wire;
    this.from = from;
  }

  /** A character for each byte. */
  get text(): string {
    const chunks = [...this.#full, this.#chunk.subarray(0, this.#used)];
    return chunks.map(octetsOf).join("");
  }

  /** Whether it is not in the middle of a line. */
  get isAtLineStart(): boolean {
    return this.#used === 0 || this.#chunk[this.#used - 1] === LF;
  }

  /** Takes a copy. */
  add(bytes: Uint8Array): void {
    const end = this.#used + bytes.length;
    if (end > this.#chunk.length) return this.#addChunk(bytes);
    this.#chunk.set(bytes, this.#used);
    this.#used = end;
  }

  #addChunk(bytes: Uint8Array): void {
    if (this.#used > 0) this.#full.push(this.#chunk.subarray(0, this.#used));
    const size = Math.max(FIRST_CHUNK_BYTES, this.#chunk.length * 2);
    this.#chunk = new Uint8Array(
      Math.max(bytes.length, Math.min(size, MAX_CHUNK_BYTES)),
    );
    this.#chunk.set(bytes);
    this.#used = bytes.length;
  }
}

/** One end of a wire said something. */
export interface SaidEntry {
  /** What it is. */
  readonly kind: "said";
  /** Who said it. */
  readonly voice: Voice;
  /** When it began to come, in ms. */
  readonly at: number;
  /** How much it was, in bytes. */
  length: number;
}

/** Something happened to a wire: TLS began, or it ended. */
export interface Happening {
  /** What it is. */
  readonly kind: "tls" | "close" | "eof" | "reset";
  /** The connection. */
  readonly wire: Wire;
  /** When, in ms. */
  readonly at: number;
}

/** What came, one thing after the other. */
export type Entry = SaidEntry | Happening;

/** Takes down what comes. */
export class Tape {
  readonly #maxBytes: number;
  #voices: Voice[] = [];
  #entries: Entry[] = [];
  #heldBytes = 0;
  #isFull = false;

  /** Holds at most so many bytes, entries included. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Who has said anything, in the order of their first words. */
  get voices(): readonly Voice[] {
    return this.#voices;
  }

  /** All entries, in their order. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** How much it holds, in bytes, entries included. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether more came than it may hold; then it holds nothing any more. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Takes a copy of what was said at a time, in ms. */
  say(wire: Wire, from: End, bytes: Uint8Array, at: number): void {
    const { length } = bytes;
    if (length === 0 || !this.#hasRoom(length + ENTRY_BYTES)) return;
    const voice = this.#voiceOf(wire, from);
    const last = this.#entries.at(-1);
    if (
      last?.kind === "said" && last.voice === voice &&
      at - last.at < MERGE_MS && !voice.isAtLineStart
    ) last.length += length;
    else {
      this.#entries.push({ kind: "said", voice, at, length });
      this.#heldBytes += ENTRY_BYTES;
    }
    voice.add(bytes);
    this.#heldBytes += length;
  }

  /** Takes down what happened; a wire that said nothing since ends only once. */
  add(happening: Happening): void {
    if (!this.#hasRoom(ENTRY_BYTES)) return;
    const { wire, kind } = happening;
    const last = this.#entries.findLast((entry) =>
      (entry.kind === "said" ? entry.voice : entry).wire === wire
    );
    const isOver = last !== undefined && last.kind !== "said" &&
      last.kind !== "tls";
    if (isOver && kind !== "tls") return;
    this.#entries.push(happening);
    this.#heldBytes += ENTRY_BYTES;
  }

  #voiceOf(wire: Wire, from: End): Voice {
    // Four, where there is one relay.
    for (const voice of this.#voices) {
      if (voice.from === from && voice.wire === wire) return voice;
    }
    const voice = new Voice(wire, from);
    this.#voices.push(voice);
    return voice;
  }

  #hasRoom(bytes: number): boolean {
    if (this.#isFull) return false;
    if (this.#heldBytes + bytes <= this.#maxBytes) return true;
    // Part of it would be no transcript, and might end within a secret.
    this.#isFull = true;
    this.#voices = [];
    this.#entries = [];
    this.#heldBytes = 0;
    return false;
  }
}
