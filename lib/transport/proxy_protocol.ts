/**
 * The grammar of the PROXY protocol's header, versions 1 and 2, as the
 * HAProxy project specifies it ("The PROXY protocol", sections 2.1 and 2.2).
 *
 * The rule it keeps: a header is whole and right, or it is refused; and it ends
 * where it says, so that not one byte behind it is touched. One for a client
 * without an address (UNKNOWN, a Unix socket) is refused, as the specification
 * leaves open: that client would have the proxy's own address, and its rights.
 *
 * What else a proxy may tell (TLVs, the checksum among them) is skipped: TCP has
 * a checksum, and nothing else of it is asked for here. Not here: reading from
 * a connection, and whose header is believed.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { isIPv4, isIPv6 } from "node:net";

/** Both ends of the connection that the proxy took. */
export interface ProxiedEnds {
  /** The client's bare address. */
  readonly remote: string;
  /** The client's port. */
  readonly remotePort: number;
  /** The address that the client connected to. */
  readonly local: string;
  /** The port that the client connected to. */
  readonly localPort: number;
}

/** What {@linkcode parseProxyHeader} found. */
export type ParsedProxyHeader =
  | {
    readonly type: "header";
    /** Its length, in bytes. */
    readonly length: number;
    /** Who the client is; `undefined` where it is the proxy itself (LOCAL). */
    readonly ends: ProxiedEnds | undefined;
  }
  /** `length` bytes are needed at least. */
  | { readonly type: "more"; readonly length: number }
  /** It is none; `expected` says what should have been there. */
  | { readonly type: "refused"; readonly expected: string };

/** Longest header of version 1, CRLF included, in bytes. Section 2.1. */
const MAX_V1_BYTES = 107;

/** What version 1 begins with. */
const V1_START = encode("PROXY ");

/** What version 2 begins with. Section 2.2. */
const V2_SIGNATURE = encode("\r\n\r\n\0\r\nQUIT\n");

/** Signature, version and command, family and transport, length. */
const V2_FIXED_BYTES = 16;

/**
 * Longest rest of a header of version 2, in bytes. It could be 65,535, but the
 * largest of what proxies add is a client's certificate.
 */
const MAX_V2_REST_BYTES = 16 * 1_024;

/** Bytes of one address by family and transport; those that TCP has. */
const V2_ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [0x11, 4], // TCP over IPv4
  [0x21, 16], // TCP over IPv6
]);

/** Bytes of both ports. */
const V2_PORTS_BYTES = 4;

/** Longest header that is taken, in bytes. */
export const MAX_PROXY_HEADER_BYTES: number = V2_FIXED_BYTES +
  MAX_V2_REST_BYTES;

/**
 * Looks for a header at the start of a stream.
 *
 * @param bytes What has come so far.
 * @returns The header, or that more is needed, or what was expected instead.
 */
export function parseProxyHeader(bytes: Uint8Array): ParsedProxyHeader {
  if (startsAlike(bytes, V1_START)) {
    return bytes.length < V1_START.length
      ? { type: "more", length: V1_START.length }
      : parseV1(bytes);
  }
  if (startsAlike(bytes, V2_SIGNATURE)) return parseV2(bytes);
  return refused('"PROXY " or the signature of version 2');
}

function parseV1(bytes: Uint8Array): ParsedProxyHeader {
  const line = bytes.subarray(0, MAX_V1_BYTES);
  const end = line.indexOf(0x0a);
  if (end < 0) {
    return bytes.length < MAX_V1_BYTES
      ? { type: "more", length: bytes.length + 1 }
      : refused(`a line of at most ${MAX_V1_BYTES} bytes`);
  }
  if (line[end - 1] !== 0x0d) return refused("CRLF at the line's end");
  const length = end + 1;
  const text = String.fromCharCode(...line.subarray(0, end - 1));
  const [, family, ...rest] = text.split(" ");
  if (family !== "TCP4" && family !== "TCP6") return refused("TCP4 or TCP6");
  const isAddress = family === "TCP4" ? isIPv4 : isPlainIPv6;
  const [source = "", target = "", ...ports] = rest;
  if (!isAddress(source) || !isAddress(target)) {
    return refused(`two addresses of ${family}`);
  }
  if (ports.length !== 2 || !ports.every(isPort)) return refused("two ports");
  const ends = {
    remote: bareAddress(ipaddr.parse(source)),
    remotePort: Number(ports[0]),
    local: bareAddress(ipaddr.parse(target)),
    localPort: Number(ports[1]),
  };
  return { type: "header", length, ends };
}

function parseV2(bytes: Uint8Array): ParsedProxyHeader {
  if (bytes.length < V2_FIXED_BYTES) {
    return { type: "more", length: V2_FIXED_BYTES };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint8(12) >> 4;
  const command = view.getUint8(12) & 0xf;
  if (version !== 2 || command > 1) {
    return refused("version 2 and the command LOCAL or PROXY");
  }
  const rest = view.getUint16(14);
  if (rest > MAX_V2_REST_BYTES) {
    return refused(`at most ${MAX_PROXY_HEADER_BYTES} bytes`);
  }
  const length = V2_FIXED_BYTES + rest;
  const more = { type: "more", length } as const;
  // Under LOCAL, nothing more of it is to be looked at.
  if (command === 0) {
    return bytes.length < length
      ? more
      : { type: "header", length, ends: undefined };
  }
  const size = V2_ADDRESS_BYTES.get(view.getUint8(13));
  if (size === undefined) return refused("a stream over IPv4 or IPv6");
  const ports = V2_FIXED_BYTES + 2 * size;
  if (length < ports + V2_PORTS_BYTES) return refused("room for the addresses");
  if (bytes.length < length) return more;
  const address = (at: number) =>
    bareAddress(ipaddr.fromByteArray([...bytes.subarray(at, at + size)]));
  const ends = {
    remote: address(V2_FIXED_BYTES),
    remotePort: view.getUint16(ports),
    local: address(V2_FIXED_BYTES + size),
    localPort: view.getUint16(ports + 2),
  };
  return { type: "header", length, ends };
}

/** Whether one begins with the other, as far as both go. */
function startsAlike(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== start[i]) return false;
  }
  return true;
}

/** An IPv6 address without a zone, which means nothing on another machine. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes("%");
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** In the shortest form, and IPv4 as such though it be mapped into IPv6, as a connection has it. */
function bareAddress(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return ipaddr.process(address.toString()).toString();
}

function refused(expected: string): ParsedProxyHeader {
  return { type: "refused", expected };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
