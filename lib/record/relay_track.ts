/**
 * What one session and one relay say to each other, though the connections are
 * kept from one session to the next.
 *
 * The rule: the recording must play back, and there Postern dials itself. So a
 * session that takes up a kept connection gets in its recording what was said
 * when that was opened; but not once more where, on its own, it would have kept
 * the connection of its last message.
 *
 * An idle connection belongs to nobody: its QUIT is in no recording.
 *
 * @module
 */

import type { End } from "../transcript/steps.ts";
import type { Ear, Ending } from "./tap.ts";

/** What one session's recording is told of one relay. */
export interface RelayEar extends Ear {
  /** Both ends go over to TLS. */
  secured(): void;
}

/** Something that was told, kept to be told later. */
export type Piece =
  | { readonly from: End; readonly bytes: Uint8Array }
  | { readonly ended: Ending }
  | "secured";

/** One session's dealings with one relay. */
export class RelayTrack {
  readonly #ear: RelayEar;
  readonly #now: () => number;
  /** Until when a session alone would have a connection at hand. */
  #keptUntil = -Infinity;

  /** Tells `ear`; the clock is in ms. */
  constructor(ear: RelayEar, now: () => number) {
    this.#ear = ear;
    this.#now = now;
  }

  /**
   * The session begins with what is known of the relay: what was said when it
   * was asked, on a connection that is kept for at most so long, in ms.
   */
  begin(opening: readonly Piece[], idleMs: number): void {
    for (const piece of opening) this.add(piece);
    this.keep(idleMs);
  }

  /** A tap for a connection that is being opened for this session. */
  opening(): RelayTap {
    // The one of the last message must have gone: else it had been taken up.
    if (this.hasKept) this.add({ ended: "close" });
    return new RelayTap(this);
  }

  /** Whether a session alone would have a connection at hand. */
  get hasKept(): boolean {
    return this.#now() < this.#keptUntil;
  }

  /** Its connection is kept, for at most so long, in ms. */
  keep(idleMs: number): void {
    this.#keptUntil = this.#now() + idleMs;
  }

  /** Writes down what was said; most of what there is, so without a detour. */
  said(from: End, bytes: Uint8Array): void {
    this.#ear.said(from, bytes);
  }

  /** Writes a piece down. */
  add(piece: Piece): void {
    if (piece === "secured") return this.#ear.secured();
    if ("from" in piece) return this.said(piece.from, piece.bytes);
    this.#keptUntil = -Infinity;
    this.#ear.ended(piece.ended);
  }
}

/** The ear at one relay connection, whichever session has it. */
export class RelayTap implements RelayEar {
  /** What was said until it was ready for MAIL: some replies, so bounded. */
  readonly #opening: Piece[] = [];
  #isReady = false;
  #track: RelayTrack | undefined;
  /** What may turn out never to have happened; one command's bytes. */
  #held: Piece[] | undefined;

  /** What was said until it was ready for MAIL. */
  get opening(): readonly Piece[] {
    return this.#opening;
  }

  /** For a connection that is being opened for `track`'s session. */
  constructor(track: RelayTrack) {
    this.#track = track;
  }

  /** `from` said `bytes`. */
  said(from: End, bytes: Uint8Array): void {
    if (!this.#isReady) {
      const piece = { from, bytes: bytes.slice() };
      this.#opening.push(piece);
      this.#track?.add(piece);
    } else if (this.#held !== undefined) {
      this.#held.push({ from, bytes: bytes.slice() });
    } else this.#track?.said(from, bytes);
  }

  /** Both ends go over to TLS. */
  secured(): void {
    this.#opening.push("secured");
    this.#track?.add("secured");
  }

  /** The connection has ended. */
  ended(how: Ending): void {
    if (this.#held !== undefined) this.#held.push({ ended: how });
    else this.#track?.add({ ended: how });
  }

  /** The connection is ready for MAIL. */
  ready(): void {
    this.#isReady = true;
  }

  /**
   * A session takes the kept connection up. What is said from now on waits for
   * {@linkcode RelayTap.settle}, since the relay may have let go of it.
   */
  join(track: RelayTrack): void {
    this.#held = track.hasKept ? [] : [...this.#opening];
    this.#track = track;
  }

  /** Whether what was said since the session took it up counts. */
  settle(counts: boolean): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (!counts) this.#track = undefined;
    for (const piece of held) this.#track?.add(piece);
  }

  /** The session gives it back, to be kept for so long at most, in ms. */
  leave(idleMs: number): void {
    this.settle(true);
    this.#track?.keep(idleMs);
    this.#track = undefined;
  }
}

/** A track that nobody hears, for a connection that is opened for no session. */
export function unheardTrack(now: () => number): RelayTrack {
  const nothing = () => {};
  return new RelayTrack(
    { said: nothing, secured: nothing, ended: nothing },
    now,
  );
}
