/**
 * Decides whether one more client may connect.
 *
 * Counts are kept for connected clients only, so memory is bounded by the
 * number of sessions. An IPv6 client is counted by its /64 network.
 *
 * Peers on a Unix socket have no address and count into the total only.
 *
 * @module
 */

import { clientOf } from "./address.ts";

/** How many sessions there may be at once; `Infinity` for no limit. */
export interface AdmissionLimits {
  /** Sessions of all clients together. */
  readonly sessions: number;
  /** Sessions of one client. */
  readonly sessionsPerClient: number;
}

/** `"ok"`, or the limit that is reached. */
export type Verdict = "ok" | "sessions" | "client";

/**
 * The count of sessions, in all and for each client.
 *
 * @example Admitting a client
 * ```ts ignore
 * const admission = new Admission({ sessions: 1000, sessionsPerClient: 1 });
 * admission.admit("192.0.2.1"); // "ok"
 * admission.admit("192.0.2.1"); // "client"
 * admission.leave("192.0.2.1");
 * ```
 */
export class Admission {
  #limits: AdmissionLimits;
  #sessions = 0;
  readonly #clients = new Map<string, number>();

  /**
   * Makes a count of nobody.
   *
   * @param limits The limits that hold until they are changed
   */
  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Sessions admitted that have not left. */
  get sessions(): number {
    return this.#sessions;
  }

  /** Clients with at least one session; those on a Unix socket left out. */
  get clients(): number {
    return this.#clients.size;
  }

  /**
   * Counts a client in, unless a limit is reached.
   *
   * @param address The client's bare address; empty for a Unix socket
   * @returns `"ok"`, and then {@linkcode leave} must follow; else the limit
   */
  admit(address: string): Verdict {
    if (this.#sessions >= this.#limits.sessions) return "sessions";
    if (address !== "") {
      const client = clientOf(address);
      const count = this.#clients.get(client) ?? 0;
      if (count >= this.#limits.sessionsPerClient) return "client";
      this.#clients.set(client, count + 1);
    }
    this.#sessions++;
    return "ok";
  }

  /**
   * Counts an admitted client out.
   *
   * @param address The address that was admitted
   * @throws {RangeError} It was not: whoever counts has lost count
   */
  leave(address: string): void {
    const client = clientOf(address);
    const count = address === "" ? this.#sessions : this.#clients.get(client);
    if (!count) {
      throw new RangeError(
        `Cannot count out ${
          JSON.stringify(address)
        }: expected an admitted client`,
      );
    }
    if (address !== "") {
      if (count === 1) this.#clients.delete(client);
      else this.#clients.set(client, count - 1);
    }
    this.#sessions--;
  }

  /**
   * Changes the limits. Who is in stays in, also past a lower limit.
   *
   * @param limits The limits for clients to come
   */
  change(limits: AdmissionLimits): void {
    this.#limits = limits;
  }
}
