/**
 * Decides which domains are relayed, and where to.
 *
 * An entry answers for its domain and for every subdomain of it, and the most
 * specific entry wins. A lookup walks up the labels of the domain asked for, so
 * its cost does not grow with the table.
 *
 * Reading `domain:host:port`, and the default relay for an entry without a
 * host, are the caller's.
 *
 * @module
 */

import { domainToASCII } from "node:url";

/** One line of the relay list. */
export interface RelayEntry {
  /** The domain it answers for, or an address literal such as `[192.0.2.1]`. */
  readonly domain: string;
  /**
   * Host name or bare IP address of its own relay; without, the default relay
   * takes the mail.
   */
  readonly hostname?: string;
  /**
   * Port of its own relay.
   *
   * @default {25}
   */
  readonly port?: number;
}

/**
 * The relay list, which the running server's commands may change.
 *
 * @example Finding the relay of a subdomain
 * ```ts ignore
 * const table = new RelayTable([{ domain: "example.org", hostname: "mx.lan" }]);
 * table.find("Branch.Example.ORG")?.hostname; // "mx.lan"
 * ```
 */
export class RelayTable {
  readonly #entries = new Map<string, RelayEntry>();
  /**
   * Length of the longest domain ever entered since the table was cleared. No
   * longer suffix can match, so a peer's name of 127 labels costs no 127 lookups.
   */
  #longest = 0;

  /**
   * Makes a table.
   *
   * @param entries What it holds at first
   */
  constructor(entries: Iterable<RelayEntry> = []) {
    this.set(entries);
  }

  /**
   * Finds the entry that answers for a domain.
   *
   * @param domain A domain or an address literal, in any case
   * @returns The most specific entry; nothing where the domain is not relayed
   */
  find(domain: string): RelayEntry | undefined {
    const name = canonical(domain);
    if (name.includes("[")) return this.#entries.get(name);
    let start = 0;
    if (name.length > this.#longest) {
      const dot = name.indexOf(".", name.length - this.#longest - 1);
      if (dot === -1) return undefined;
      start = dot + 1;
    }
    for (;;) {
      const entry = this.#entries.get(name.slice(start));
      if (entry !== undefined) return entry;
      const dot = name.indexOf(".", start);
      if (dot === -1) return undefined;
      start = dot + 1;
    }
  }

  /**
   * Adds an entry, or replaces the one of the same domain.
   *
   * @param entry The entry; its domain is kept in lower case
   */
  add(entry: RelayEntry): void {
    const domain = canonical(entry.domain);
    this.#entries.set(domain, { ...entry, domain });
    this.#longest = Math.max(this.#longest, domain.length);
  }

  /**
   * Deletes the entry of exactly this domain.
   *
   * @param domain The entry's domain, in any case
   * @returns Whether there was one
   */
  delete(domain: string): boolean {
    return this.#entries.delete(canonical(domain));
  }

  /**
   * Replaces the whole list.
   *
   * @param entries The new list; of two with the same domain the last counts
   */
  set(entries: Iterable<RelayEntry>): void {
    const wanted = [...entries]; // may be our own entries()
    this.clear();
    for (const entry of wanted) this.add(entry);
  }

  /** Empties the list: nothing is relayed by domain any more. */
  clear(): void {
    this.#entries.clear();
    this.#longest = 0;
  }

  /**
   * Lists the entries.
   *
   * @returns A copy, in the order of entering
   */
  entries(): RelayEntry[] {
    return [...this.#entries.values()];
  }
}

/**
 * A name as it is compared: lower case, and in the A-label form of RFC 5890
 * section 2.3.2.1, so that `müller.example` and its `xn--` form are one domain.
 */
function canonical(domain: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(domain)) return domain.toLowerCase();
  return domainToASCII(domain) || domain.toLowerCase();
}
