/**
 * The parts that all addresses are made of: hosts, ports, sockets, schemes.
 *
 * Parsers say what they expected and never repeat the text, which may hold a password. Names are not looked up.
 *
 * @module
 */
import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import { MAX_SOCKET_PATH_BYTES, type UnixAddress } from "../address.ts";
import type { Parsed } from "../engine/path.ts";

/** Longest domain name in text form: 255 octets on the wire (RFC 1035 section 2.3.4) without the root's and the first length. */
const MAX_DOMAIN_LENGTH = 253;

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;
const LABELS =
  /^[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}_-]*[\p{L}\p{N}\p{M}_])?(?:\.[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}_-]*[\p{L}\p{N}\p{M}_])?)*$/u;
const PORT = /^[0-9]{1,5}$/;

/** The {@linkcode Parsed} that says what was expected. */
export function failed(at: number, expected: string): Parsed<never> {
  return { ok: false, at, expected };
}

/** Whether a text is a domain name: labels of letters, digits, hyphens and underscores, not an IPv4 address nor half of one. */
export function isDomain(text: string): boolean {
  return text.length <= MAX_DOMAIN_LENGTH && LABELS.test(text) &&
    text.split(".").every((label) => label.length <= 63) &&
    !/(?:^|\.)[0-9]+$/.test(text);
}

/** Whether a host is this machine, whatever it is called elsewhere: 127/8, ::1 and localhost (RFC 6761 section 6.3). */
export function isLoopback(hostname: string): boolean {
  return (isIPv4(hostname) && hostname.startsWith("127.")) ||
    /^(?:::1|\[::1\]|(?:.*\.)?localhost)$/i.test(hostname);
}

/** An IP address or host name as the resolver takes it, or nothing. */
function asHost(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  return isDomain(name) ? domainToASCII(name) || undefined : undefined;
}

/** `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`; without `defaultPort` the port has to be there. */
export function parseHostPort(
  text: string,
  at: number,
  minPort: number,
  defaultPort: number | undefined,
): Parsed<{ hostname: string; port: number }> {
  const bracket = text.startsWith("[") ? text.indexOf("]") : -1;
  const colon = bracket >= 0 ? bracket + 1 : text.indexOf(":");
  const end = colon >= 0 ? colon : text.length;
  const inBrackets = text.slice(1, bracket);
  const hostname = bracket < 0
    ? asHost(text.slice(0, end))
    : isIPv6(inBrackets)
    ? inBrackets
    : undefined;
  if (hostname === undefined || (bracket < 0 && text.includes(":", end + 1))) {
    return failed(
      at,
      "a host name, an IPv4 address or an IPv6 address in brackets",
    );
  }
  const expected = `a port from ${minPort} to 65535 after the host and ":"`;
  if (end === text.length) {
    return defaultPort === undefined
      ? failed(at + end, expected)
      : { ok: true, value: { hostname, port: defaultPort } };
  }
  const digits = text.slice(end + 1);
  const port = Number(digits);
  if (
    text[end] !== ":" || !PORT.test(digits) || port > 65_535 || port < minPort
  ) return failed(at + end, expected);
  return { ok: true, value: { hostname, port } };
}

/** What a Unix socket may be written with, for LMTP and for SMTP. */
const UNIX = /^(lmtp:)?unix:/;

/**
 * `unix:/PATH`, or `lmtp:unix:/PATH` for LMTP.
 *
 * @returns The socket, or what was expected; `undefined`: the text is of another form.
 */
export function parseUnix(
  text: string,
): Parsed<{ address: UnixAddress; isLmtp: boolean }> | undefined {
  const [prefix, lmtp] = UNIX.exec(text) ?? [];
  if (prefix === undefined) {
    return text.startsWith("smtps:unix:")
      ? failed(0, '"unix:" without TLS, which has no use on this machine')
      : undefined;
  }
  const at = prefix.length;
  const path = text.slice(at);
  if (!path.startsWith("/") || path.endsWith("/") || path.includes("\0")) {
    return failed(at, 'the absolute path of a socket after "unix:"');
  }
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    return failed(
      at,
      `a path of at most ${MAX_SOCKET_PATH_BYTES} bytes after "unix:"`,
    );
  }
  const address = { transport: "unix", path } as const;
  return { ok: true, value: { address, isLmtp: lmtp !== undefined } };
}

/** Splits the scheme off; refuses those that are not in `allowed`. */
export function parseScheme<Scheme extends string>(
  text: string,
  allowed: readonly Scheme[],
  form: string,
): Parsed<{ scheme: Scheme | undefined; rest: string; at: number }> {
  const found = SCHEME.exec(text);
  const at = found?.[0].length ?? 0;
  const written = found?.[1]?.toLowerCase();
  const scheme = allowed.find((each) => each === written);
  if (scheme !== written) return failed(0, form);
  const rest = text.slice(at);
  const isSlashed = at > 0 && rest.endsWith("/");
  return {
    ok: true,
    value: { scheme, rest: isSlashed ? rest.slice(0, -1) : rest, at },
  };
}
