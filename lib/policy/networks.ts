/**
 * Decides whether an address belongs to a list of hosts and networks, such as
 * the local networks that may send anywhere.
 *
 * IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2) count as the IPv4
 * addresses they stand for, in the list and in the question. Beyond that the
 * families are apart: `::/0` holds no IPv4 address.
 *
 * Host names are told apart but not resolved: policy decides, it does not fetch.
 * A peer on a Unix socket has no address and so belongs to no network; whether
 * it counts as local is the caller's.
 *
 * @module
 */

import ipaddr from "ipaddr.js";
import type { Parsed } from "../engine/path.ts";
import { type Address, parseAddress } from "./address.ts";

/** An address or a network, as read from the operator's text. */
export interface Network {
  /** Tells it from a {@linkcode HostName}. */
  readonly kind: "network";
  /** The normal form: `10.0.0.0/8`, `192.0.2.1`, `2001:db8::/32`. */
  readonly text: string;
  /** The address, with zeros behind the prefix. */
  readonly address: Address;
  /** How many leading bits count: 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly prefix: number;
}

/** A host name, which stands for the addresses that the caller finds for it. */
export interface HostName {
  /** Tells it from a {@linkcode Network}. */
  readonly kind: "host";
  /** The name in lower case. */
  readonly text: string;
}

/** One member of a list. */
export interface NetworkEntry {
  /** The network or the host name. */
  readonly member: Network | HostName;
  /** A host name's addresses; empty for a network, which says it all itself. */
  readonly addresses: readonly string[];
}

/** The networks of one prefix length. */
interface Bucket {
  readonly prefix: number;
  readonly mask: Address;
  readonly keys: Set<number | string>;
}

/** Longest host name. RFC 1035 section 2.3.4: 255 octets, 253 when written. */
const MAX_HOST_NAME_CHARS = 253;

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/**
 * Reads a member of a list: `1.2.3.4`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`,
 * `::1/128` or a host name. Bits behind the prefix are cleared.
 *
 * @param text One member, without blanks around it
 * @returns The network or host name; or where the text went wrong
 */
export function parseNetwork(text: string): Parsed<Network | HostName> {
  const zone = text.indexOf("%");
  if (zone !== -1) {
    return { ok: false, at: zone, expected: 'an address without a zone ("%")' };
  }
  const slash = text.indexOf("/");
  const written = slash === -1 ? text : text.slice(0, slash);
  const parsed = parseAddress(written);
  if (!parsed.ok) {
    if (slash !== -1) {
      return { ok: false, at: 0, expected: 'an IP address before "/"' };
    }
    const name = text.toLowerCase();
    if (isHostName(name)) {
      return { ok: true, value: { kind: "host", text: name } };
    }
    const expected = "an IP address, a network or a host name";
    return { ok: false, at: 0, expected };
  }
  const full = parsed.value.length * 16;
  if (slash === -1) return { ok: true, value: network(parsed.value, full) };
  const read = parsePrefix(text.slice(slash + 1), written, full);
  if (typeof read === "string") {
    return { ok: false, at: slash + 1, expected: read };
  }
  return { ok: true, value: network(parsed.value, read) };
}

/**
 * A list of hosts and networks. A question looks once into a set for each prefix
 * length in use, however many members there are.
 *
 * @example Asking for an address
 * ```ts ignore
 * const parsed = parseNetwork("10.0.0.0/8");
 * const networks = new Networks();
 * if (parsed.ok) networks.add(parsed.value);
 * networks.contains("::ffff:10.1.2.3"); // true
 * ```
 */
export class Networks {
  #entries = new Map<string, NetworkEntry>();
  #four: Bucket[] = [];
  #six: Bucket[] = [];

  /**
   * Tells whether an address is, or is in, one of the members.
   *
   * @param address The bare address; any other text is in no network
   * @returns Whether it belongs to the list
   */
  contains(address: string): boolean {
    const parsed = parseAddress(address);
    if (!parsed.ok) return false;
    const buckets = parsed.value.length === 2 ? this.#four : this.#six;
    for (const { mask, keys } of buckets) {
      if (keys.has(key(parsed.value, mask))) return true;
    }
    return false;
  }

  /**
   * Adds a member; a host name that is there already gets its new addresses.
   *
   * @param member What {@linkcode parseNetwork} read
   * @param addresses All addresses of a host name, as the resolver gave them
   * @throws {TypeError} An address can't be read; nothing is changed
   */
  add(member: Network | HostName, addresses: readonly string[] = []): void {
    const networks = member.kind === "network"
      ? [member]
      : addresses.map(hostNetwork);
    if (this.#entries.has(member.text)) this.delete(member.text);
    this.#entries.set(member.text, { member, addresses: [...addresses] });
    for (const { address, prefix } of networks) {
      const buckets = address.length === 2 ? this.#four : this.#six;
      let bucket = buckets.find((bucket) => bucket.prefix === prefix);
      if (bucket === undefined) {
        const mask = maskOf(prefix, address.length);
        bucket = { prefix, mask, keys: new Set() };
        buckets.push(bucket);
      }
      bucket.keys.add(key(address, bucket.mask));
    }
  }

  /**
   * Deletes a member. An address that another member stands for too stays.
   *
   * @param text The member in any of its forms
   * @returns Whether it was there
   */
  delete(text: string): boolean {
    const parsed = parseNetwork(text);
    if (!parsed.ok || !this.#entries.delete(parsed.value.text)) return false;
    this.set(this.entries());
    return true;
  }

  /**
   * Replaces the whole list.
   *
   * @param entries The new list; of two of the same name the last counts
   * @throws {TypeError} An address can't be read; nothing is changed
   */
  set(entries: Iterable<NetworkEntry>): void {
    const wanted = new Networks();
    for (const { member, addresses } of entries) wanted.add(member, addresses);
    this.#entries = wanted.#entries;
    this.#four = wanted.#four;
    this.#six = wanted.#six;
  }

  /** Empties the list: it holds no address any more. */
  clear(): void {
    this.set([]);
  }

  /**
   * Lists the members.
   *
   * @returns A copy, in the order of entering
   */
  entries(): NetworkEntry[] {
    return [...this.#entries.values()];
  }
}

function hostNetwork(text: string): Network {
  const parsed = parseAddress(text);
  if (!parsed.ok) {
    throw new TypeError(
      `Cannot parse address ${
        JSON.stringify(text)
      }: expected ${parsed.expected}`,
    );
  }
  return network(parsed.value, parsed.value.length * 16);
}

function network(written: Address, prefix: number): Network {
  const mask = maskOf(prefix, written.length);
  const address = written.map((part, group) => part & (mask[group] ?? 0));
  const text = address.length === 2
    ? new ipaddr.IPv4(
      address.flatMap((part) => [part >> 8, part & 0xff]),
    ).toString()
    : new ipaddr.IPv6([...address]).toString();
  const suffix = prefix === address.length * 16 ? "" : `/${prefix}`;
  return { kind: "network", text: text + suffix, address, prefix };
}

/** The prefix length, or what was expected. `full` is the family's longest. */
function parsePrefix(
  text: string,
  written: string,
  full: number,
): number | string {
  const isFour = !written.includes(":");
  if (isFour && ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return ipaddr.IPv4.parse(text).prefixLengthFromSubnetMask() ??
      "a mask of ones followed by zeros";
  }
  // An IPv4-mapped network counts its prefix from the front of the IPv6 form.
  const least = !isFour && full === 32 ? 96 : 0;
  const most = full + least;
  const prefix = /^\d{1,3}$/.test(text) ? Number(text) : -1;
  if (prefix >= least && prefix <= most) return prefix - least;
  return `a prefix length from ${least} to ${most}` +
    (isFour ? " or a mask such as 255.0.0.0" : "");
}

function isHostName(name: string): boolean {
  // A last label of digits alone is a mistyped address (RFC 1123 section 2.1).
  return name.length <= MAX_HOST_NAME_CHARS && HOST_NAME.test(name) &&
    !/(?:^|\.)\d+$/.test(name);
}

function maskOf(prefix: number, groups: number): Address {
  return Array.from({ length: groups }, (_, group) => {
    const bits = Math.min(Math.max(prefix - group * 16, 0), 16);
    return 0xffff & (0xffff << (16 - bits));
  });
}

/**
 * The masked address as a set finds it fast: 32 bits as a number (8 ns), 128 as
 * a string of eight code units (80 ns).
 */
function key(address: Address, mask: Address): number | string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = address;
  const [i = 0, j = 0, k = 0, l = 0, m = 0, n = 0, o = 0, p = 0] = mask;
  if (address.length === 2) return (a & i) << 16 | b & j;
  return String.fromCharCode(
    a & i,
    b & j,
    c & k,
    d & l,
    e & m,
    f & n,
    g & o,
    h & p,
  );
}
