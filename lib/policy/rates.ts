/**
 * Decides whether a client does something too often.
 *
 * Each client has a bucket that leaks: every event puts one into it, and in
 * one period as much leaks out as the limit says; what would overflow is
 * refused and not counted. So the limit may be used up at once, a refused
 * client gets the next event after its share of the period, no period ever has
 * more than twice the limit, and in the long run there is the limit for each
 * period. A window that slides exactly would have to keep the time of each
 * event; this keeps two numbers a client.
 *
 * The table is bounded: once half of it has been seen, who was not among those
 * falls out, and begins anew. Whoever commands more networks than it has room
 * for is not held up here, but does not fill the memory either.
 *
 * Peers on a Unix socket have no address and are not counted. Not here: the
 * clock, and sessions at once (`admission.ts`).
 *
 * @module
 */

import { clientOf } from "./address.ts";

/**
 * Most clients remembered: some 2 MB. Who does things too often comes back
 * before half as many others have.
 */
const MAX_CLIENTS = 10_000;

/** How a {@linkcode Rates} counts. */
export interface RatesOptions {
  /** For how long the limit is, in ms. */
  readonly periodMs: number;
  /**
   * Most clients remembered.
   *
   * @default {10000}
   */
  readonly maxClients?: number;
}

/** What a client has done lately. */
interface Bucket {
  /** Events that have not leaked out at `atMs`. */
  level: number;
  atMs: number;
}

/**
 * How often each client has done one kind of thing lately.
 *
 * @example Two messages a minute
 * ```ts ignore
 * const rates = new Rates({ periodMs: 60_000 });
 * rates.take("192.0.2.1", 2, 0); // true
 * rates.take("192.0.2.1", 2, 0); // true
 * rates.take("192.0.2.1", 2, 0); // false
 * rates.take("192.0.2.1", 2, 30_000); // true
 * ```
 */
export class Rates {
  readonly #maxClients: number;
  /** Two generations: a Map gives its oldest entry slowly once many are gone. */
  #young = new Map<string, Bucket>();
  #old = new Map<string, Bucket>();
  #periodMs: number;

  /** Makes a count of nothing. */
  constructor({ periodMs, maxClients = MAX_CLIENTS }: RatesOptions) {
    this.#periodMs = periodMs;
    this.#maxClients = maxClients;
  }

  /** Clients remembered. */
  get clients(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * Counts one event, unless the client has had its share.
   *
   * @param address The client's bare address; empty for a Unix socket
   * @param limit Events of one client for each period; 0 for no limit
   * @param nowMs The time, in ms; where the clock is set back, time stands still
   * @returns Whether the event may be; if not, it is not counted
   */
  take(address: string, limit: number, nowMs: number): boolean {
    if (limit === 0 || address === "") return true;
    const bucket = this.#bucketOf(clientOf(address), nowMs);
    // A clock that was set back would fill the bucket.
    const elapsedMs = Math.max(0, nowMs - bucket.atMs);
    const leaked = elapsedMs * limit / this.#periodMs;
    bucket.level = Math.max(0, bucket.level - leaked);
    bucket.atMs = nowMs;
    if (bucket.level > limit - 1) return false;
    bucket.level++;
    return true;
  }

  /** Takes one event back that was counted: it was not what is to be counted. */
  giveBack(address: string): void {
    const client = clientOf(address);
    const bucket = this.#young.get(client) ?? this.#old.get(client);
    if (bucket !== undefined) bucket.level = Math.max(0, bucket.level - 1);
  }

  /**
   * Changes the period. What has been counted goes on leaking, at the new pace.
   *
   * @param periodMs For how long the limits to come are, in ms
   */
  change(periodMs: number): void {
    this.#periodMs = periodMs;
  }

  #bucketOf(client: string, nowMs: number): Bucket {
    const young = this.#young.get(client);
    if (young !== undefined) return young;
    const bucket = this.#old.get(client) ?? { level: 0, atMs: nowMs };
    this.#old.delete(client);
    if (this.#young.size >= this.#maxClients / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(client, bucket);
    return bucket;
  }
}
