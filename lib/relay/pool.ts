/**
 * The connections kept to one relay, for whichever session comes next.
 *
 * The rule: only one that is quiet (every command answered, no byte left over)
 * is kept, and one that says anything while it idles is dropped. The one used
 * last is lent first, so that those not needed run out.
 *
 * @module
 */

import type { Piece, RelayTrack } from "../record/relay_track.ts";
import { RELAY_IDLE_MS, type RelayConnection } from "./connection.ts";
import { openRelay, type RelayWorld } from "./open.ts";
import type { KnownRelay } from "./offer.ts";
import type { RelaySettings } from "./settings.ts";

export type { KnownRelay } from "./offer.ts";

/** How long what a relay offered counts as known, in ms. */
export const RELAY_KNOWN_MS = 5 * 60 * 1_000;

/** How long a relay that could not be asked is let alone, in ms. */
const RELAY_UNKNOWN_MS = 10_000;

/**
 * How long a session waits to hear what the relay offers, in ms. Its client
 * waits for EHLO's answer meanwhile, and more patiently than people do.
 */
const ASK_TIMEOUT_MS = 5_000;

/** One relay, and the connections kept to it. */
export class RelayPool {
  /** How the relay is reached. */
  readonly settings: RelaySettings;
  readonly #world: RelayWorld;
  readonly #kept: RelayConnection[] = [];
  /** Farewells that are still being written. */
  readonly #leaving = new Set<Promise<void>>();
  #closed = false;
  /** Ends what {@linkcode RelayPool.capabilities} has begun. */
  readonly #stop = new AbortController();
  #known: KnownRelay | undefined;
  /** What was said then, where sessions are recorded. */
  #opening: readonly Piece[] | undefined;
  /** Until when that holds, also where nothing is known; ms by the clock. */
  #askAgainAt = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(settings: RelaySettings, world: RelayWorld) {
    this.settings = settings;
    this.#world = world;
  }

  /** How many connections idle. */
  get kept(): number {
    return this.#kept.length;
  }

  /**
   * A kept connection, if one is at hand; `track` is the taker's. A recording
   * has to tell how it was opened, so it needs one that was listened to.
   */
  take(track?: RelayTrack): RelayConnection | undefined {
    for (let at = this.#kept.length - 1; at >= 0; at--) {
      const connection = this.#kept[at]!;
      if (track !== undefined && connection.tap === undefined) continue;
      this.#kept.splice(at, 1);
      if (connection.isExpired) continue;
      connection.wake();
      if (track !== undefined) connection.tap?.join(track);
      return connection;
    }
    return undefined;
  }

  /** A new connection, ready for MAIL. */
  async open(track?: RelayTrack): Promise<RelayConnection> {
    return this.#learn(await openRelay(this.settings, this.#world, track));
  }

  /** What the relay offered when it was last asked. */
  get known(): KnownRelay | undefined {
    return this.#known;
  }

  /** Has a session's recording begin with what was said then, if that is there. */
  introduce(track: RelayTrack): void {
    if (this.#known === undefined || this.#opening === undefined) return;
    track.begin(this.#opening, RELAY_IDLE_MS);
  }

  /**
   * What the relay offers, as far as is known. Where that is not lately it is
   * asked, over a connection that is then kept; `track` is for its recording.
   *
   * @param signal Ends the wait.
   * @returns `undefined` where it can't be had soon; never rejects.
   */
  async capabilities(
    signal?: AbortSignal,
    track?: RelayTrack,
  ): Promise<KnownRelay | undefined> {
    if (this.#world.sweep.now() < this.#askAgainAt) return this.#known;
    this.#asking ??= this.#ask(track).finally(() => this.#asking = undefined);
    await soonest(this.#asking, signal);
    return this.#known;
  }

  /** All sessions that want to know it wait for one connection. */
  async #ask(track: RelayTrack | undefined): Promise<void> {
    const signal = AbortSignal.any([this.#world.signal, this.#stop.signal]);
    const world = { ...this.#world, signal };
    try {
      this.give(this.#learn(await openRelay(this.settings, world, track)));
    } catch {
      // What is wrong with it is said when there is mail for it.
      this.#known = undefined;
      this.#askAgainAt = this.#world.sweep.now() + RELAY_UNKNOWN_MS;
    }
  }

  #learn(relay: RelayConnection): RelayConnection {
    const { capabilities, isVerified, tap } = relay;
    this.#known = { capabilities, isVerified };
    this.#opening = tap?.opening;
    this.#askAgainAt = this.#world.sweep.now() + RELAY_KNOWN_MS;
    return relay;
  }

  /** Takes a connection back that has no transaction open any more. */
  give(connection: RelayConnection): void {
    const isUsable = connection.engine.isQuiet && !connection.closed;
    if (isUsable) connection.tap?.leave(RELAY_IDLE_MS);
    if (
      this.#closed || this.#kept.length >= this.settings.pool || !isUsable
    ) return this.#dismiss(connection);
    this.#kept.push(connection);
    connection.watch(() => {
      const at = this.#kept.indexOf(connection);
      if (at !== -1) this.#kept.splice(at, 1);
    });
  }

  /** Says QUIT on all that idle; what is given later is not kept. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    await this.#asking;
    for (const connection of this.#kept.splice(0)) {
      connection.wake();
      this.#dismiss(connection);
    }
    await Promise.all(this.#leaving);
  }

  #dismiss(connection: RelayConnection): void {
    const leaving = connection.quit().finally(() =>
      this.#leaving.delete(leaving)
    );
    this.#leaving.add(leaving);
  }
}

/** Waits for `asking`, but neither longer than people do nor beyond `signal`. */
async function soonest(
  asking: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ASK_TIMEOUT_MS);
  const abort = () => resolve();
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    await Promise.race([asking, enough]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
