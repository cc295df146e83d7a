/**
 * One session's recording while it runs: its wires, and the bound on what it
 * holds.
 *
 * The rule: recording never costs a session anything but a copy. One that can't
 * be recorded to its end is given up, said so once, and goes on unrecorded.
 *
 * @module
 */

import type { Connection } from "../transport/connection.ts";
import type { End, Relay, Wire } from "../transcript/steps.ts";
import type { Recording } from "./recording.ts";
import { RelayTrack } from "./relay_track.ts";
import { type Ending, TappedConnection } from "./tap.ts";

/** The wires that relays get, in the order in which they are met. */
const RELAY_WIRES: readonly Relay[] = ["relay", "relay2"];

/** What a session's recording needs of the one who keeps them all. */
export interface RecordingKeeper {
  /** The clock, in ms since the epoch. */
  now(): number;
  /** So many more bytes are held; whether that is still bearable. */
  hold(bytes: number): boolean;
  /** They are held no longer. */
  release(bytes: number): void;
  /** The recording of that session will lack something, so it is given up. */
  incomplete(session: string, reason: string): void;
}

/** The recording of one session. */
export class SessionRecording {
  /** The session's id. */
  readonly id: string;
  /** The file that its transcript is to become. */
  readonly path: string;
  readonly #keeper: RecordingKeeper;
  readonly #relays = new Map<string, RelayTrack>();
  #recording: Recording | undefined;
  #heldBytes = 0;
  #isOver = false;
  #lastComment: string | undefined;

  /** Begins with what `recording` holds. */
  constructor(
    { id, path }: { readonly id: string; readonly path: string },
    recording: Recording,
    keeper: RecordingKeeper,
  ) {
    this.id = id;
    this.path = path;
    this.#recording = recording;
    this.#keeper = keeper;
  }

  /** What was recorded; `undefined` once it was given up or dropped. */
  get recording(): Recording | undefined {
    return this.#recording;
  }

  /**
   * The connection between client and server, from here on with an ear at it;
   * `own` is the end that is ours.
   */
  tap(connection: Connection, own: End): Connection {
    return new TappedConnection(connection, own, {
      said: (from, bytes) => this.#said("client", from, bytes),
      ended: (how) => this.#ended("client", how),
    });
  }

  /** What is under a tapped connection, as TLS needs it. */
  untapped(connection: Connection): Connection {
    return connection instanceof TappedConnection
      ? connection.takeInner()
      : connection;
  }

  /** The same connection once both ends have gone over to TLS. */
  secured(connection: Connection, own: End): Connection {
    if (!this.#isOver) this.#recording?.secured("client");
    return this.tap(connection, own);
  }

  /** What the session and the relay of that name say to each other. */
  relay(name: string): RelayTrack {
    let track = this.#relays.get(name);
    if (track === undefined) {
      const wire = RELAY_WIRES[this.#relays.size];
      if (wire === undefined) {
        this.giveUp(`expected at most ${RELAY_WIRES.length} relays`);
      }
      track = this.#newTrack(wire ?? "relay");
      this.#relays.set(name, track);
    }
    return track;
  }

  /** Whether it tells anything of the relay of that name. */
  tellsOf(name: string): boolean {
    return this.#relays.has(name);
  }

  /** A comment behind its last line, which says why it is that. */
  get lastComment(): string | undefined {
    return this.#lastComment;
  }

  /** Nothing that is said from now on belongs to it; the first time counts. */
  end(lastComment?: string): void {
    if (!this.#isOver) this.#lastComment = lastComment;
    this.#isOver = true;
  }

  /** Lets go of what it holds. */
  drop(): void {
    this.#recording = undefined;
    this.#keeper.release(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Drops it, and says why. */
  giveUp(reason: string): void {
    if (this.#recording === undefined) return;
    this.drop();
    this.#keeper.incomplete(this.id, reason);
  }

  #newTrack(wire: Wire): RelayTrack {
    const ear = {
      said: (from: End, bytes: Uint8Array) => this.#said(wire, from, bytes),
      secured: () => {
        if (!this.#isOver) this.#recording?.secured(wire);
      },
      ended: (how: Ending) => this.#ended(wire, how),
    };
    return new RelayTrack(ear, () => this.#keeper.now());
  }

  #said(wire: Wire, from: End, bytes: Uint8Array): void {
    const recording = this.#recording;
    if (recording === undefined || this.#isOver) return;
    recording.said(wire, from, bytes);
    const more = recording.bytes - this.#heldBytes;
    this.#heldBytes += more;
    const isBearable = this.#keeper.hold(more);
    if (recording.isIncomplete) this.giveUp("the session is too long");
    else if (!isBearable) this.giveUp("too much is held for all sessions");
  }

  #ended(wire: Wire, how: Ending): void {
    if (!this.#isOver) this.#recording?.ended(wire, how);
  }
}
