/**
 * The connections kept to one relay, for whichever session comes next.
 *
 * The rule: only one that is quiet (every command answered, no byte left over)
 * is kept, and one that says anything while it idles is dropped. The one used
 * last is lent first, so that those not needed run out.
 *
 * @module
 */

import type { RelayTrack } from "../record/relay_track.ts";
import { RELAY_IDLE_MS, type RelayConnection } from "./connection.ts";
import { openRelay, type RelayWorld } from "./open.ts";
import type { RelaySettings } from "./settings.ts";

/** One relay, and the connections kept to it. */
export class RelayPool {
  /** How the relay is reached. */
  readonly settings: RelaySettings;
  readonly #world: RelayWorld;
  readonly #kept: RelayConnection[] = [];
  /** Farewells that are still being written. */
  readonly #leaving = new Set<Promise<void>>();
  #closed = false;

  constructor(settings: RelaySettings, world: RelayWorld) {
    this.settings = settings;
    this.#world = world;
  }

  /** How many connections idle. */
  get kept(): number {
    return this.#kept.length;
  }

  /** A kept connection, if one is at hand; `track` is the taker's. */
  take(track?: RelayTrack): RelayConnection | undefined {
    for (let last; (last = this.#kept.pop()) !== undefined;) {
      if (last.isExpired) continue;
      last.wake();
      if (track !== undefined) last.tap?.join(track);
      return last;
    }
    return undefined;
  }

  /** A new connection, ready for MAIL. */
  open(track?: RelayTrack): Promise<RelayConnection> {
    return openRelay(this.settings, this.#world, track);
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
