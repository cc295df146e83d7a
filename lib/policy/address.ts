/**
 * Reads IP addresses into the form that policy compares and counts them in.
 *
 * An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address it
 * stands for: a socket for both families reports IPv4 peers so.
 *
 * Networks are `networks.ts`; address literals of a mail address the engine's.
 *
 * @module
 */

import ipaddr from "ipaddr.js";
import type { Parsed } from "../engine/path.ts";

/** An IPv4 or IPv6 address in groups of 16 bits: two of them, or eight. */
export type Address = readonly number[];

/**
 * Longest text taken for an address: 45 characters for the longest IPv6 form,
 * and room for a zone (an interface's name has up to 15).
 */
const MAX_ADDRESS_CHARS = 64;

/**
 * Reads an address: IPv4 in four decimal parts, or IPv6 in any of the forms of
 * RFC 4291 section 2.2. A zone (`%eth0`) is left out.
 *
 * @param text The address without brackets
 * @returns The address, an IPv4-mapped one as IPv4; or what was expected
 */
export function parseAddress(text: string): Parsed<Address> {
  const wrong = { ok: false, at: 0, expected: "an IP address" } as const;
  if (text.length > MAX_ADDRESS_CHARS) return wrong;
  // The form in which a socket for both families reports IPv4 peers: fast.
  const four = text.startsWith("::ffff:") && text.includes(".") ? 7 : 0;
  if (four > 0 || !text.includes(":")) {
    const value = parseDecimal(text.slice(four));
    if (value !== undefined) return { ok: true, value };
    if (four === 0) return wrong;
  }
  const parts = parseHexadecimal(text);
  if (parts === undefined) return wrong;
  const mapped = parts[5] === 0xffff && parts.indexOf(0xffff) === 5 &&
    parts.slice(0, 5).every((part) => part === 0);
  return { ok: true, value: mapped ? parts.slice(6) : parts };
}

/**
 * The name that a client is counted under: an IPv6 client by its /64 network,
 * since a host is commonly given a whole one (RFC 6177 section 2) and may use
 * any address of it.
 *
 * @param address The client's bare address
 * @returns Its groups, four of them for IPv6; what is no address as it is
 */
export function clientOf(address: string): string {
  const parsed = parseAddress(address);
  if (!parsed.ok) return address;
  return (parsed.value.length === 2 ? parsed.value : parsed.value.slice(0, 4))
    .join(":");
}

function parseDecimal(text: string): number[] | undefined {
  // IPv4.isValid would take "0300.1", which other software reads otherwise.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  const [a, b, c, d] = ipaddr.IPv4.parse(text).octets as [
    number,
    number,
    number,
    number,
  ];
  return [a << 8 | b, c << 8 | d];
}

function parseHexadecimal(text: string): number[] | undefined {
  const zone = text.indexOf("%");
  let bare = zone === -1 ? text : text.slice(0, zone);
  if (bare.includes(".")) {
    // ipaddr.js takes octal and hexadecimal parts here, and makes the outdated
    // "::127.0.0.1" an IPv4-mapped address, which it is not.
    const colon = bare.lastIndexOf(":");
    const tail = parseDecimal(bare.slice(colon + 1));
    if (tail === undefined) return undefined;
    const groups = tail.map((part) => part.toString(16)).join(":");
    bare = bare.slice(0, colon + 1) + groups;
  }
  try {
    return ipaddr.IPv6.parse(bare).parts;
  } catch {
    return undefined;
  }
}
