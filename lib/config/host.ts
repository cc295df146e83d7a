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

/** Schemes that this program is to have and this version has not. */
const LATER_SCHEMES: readonly string[] = [
  "smtps",
  "lmtp",
  "lmtps",
  "login",
  "cram-md5",
  "scram-sha-256",
  "xoauth2",
  "oauthbearer",
];

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

/** `unix:/PATH`. */
export function parseUnix(text: string): Parsed<UnixAddress> {
  const path = text.slice("unix:".length);
  if (!path.startsWith("/") || path.endsWith("/") || path.includes("\0")) {
    return failed(
      "unix:".length,
      'the absolute path of a socket after "unix:"',
    );
  }
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    return failed(
      "unix:".length,
      `a path of at most ${MAX_SOCKET_PATH_BYTES} bytes after "unix:"`,
    );
  }
  return { ok: true, value: { transport: "unix", path } };
}

/** Splits the scheme off; refuses those that are not in `allowed`, each with its reason. */
export function parseScheme(
  text: string,
  allowed: readonly string[],
  form: string,
): Parsed<{ scheme: string; rest: string; at: number }> {
  const found = SCHEME.exec(text);
  const at = found?.[0].length ?? 0;
  const scheme = found?.[1]?.toLowerCase() ?? "";
  if (LATER_SCHEMES.includes(scheme)) {
    return failed(
      0,
      `${form} (${scheme}:// is not yet supported by this version)`,
    );
  }
  if (scheme !== "" && !allowed.includes(scheme)) return failed(0, form);
  const rest = text.slice(at);
  return {
    ok: true,
    value: {
      scheme,
      rest: at > 0 && rest.endsWith("/") ? rest.slice(0, -1) : rest,
      at,
    },
  };
}
