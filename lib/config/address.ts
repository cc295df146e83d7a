/**
 * Addresses as an operator writes them: where to listen, where to relay, which domains go where.
 *
 * Each parser returns a value that needs no further check, or says what was expected; it never repeats the text, which may hold a
 * password. Names are not looked up here, and networks (`local.networks`) are read by the policy that matches them.
 *
 * @module
 */
import {
  formatHostPort,
  type ListenAddress,
  type TcpAddress,
  type UnixAddress,
} from "../address.ts";
import type { Parsed } from "../engine/path.ts";
import type { RelayEntry } from "../policy/relay_table.ts";
import { Secret } from "../secret.ts";
import {
  failed,
  isDomain,
  parseHostPort,
  parseScheme,
  parseUnix,
} from "./host.ts";

/** The server that messages are handed on to. */
export type RelayAddress = TcpRelay | UnixRelay;

/** A relay reached over TCP; a host name is in ASCII, the port from 1 to 65535. */
export interface TcpRelay extends TcpAddress {
  /** `smtp`: no credentials; `plain`: AUTH PLAIN (RFC 4616) with {@linkcode TcpRelay.user}. */
  readonly scheme: "smtp" | "plain";
  /** Who to authenticate as; there exactly with `plain`. */
  readonly user?: string;
  /** Password of {@linkcode TcpRelay.user}. */
  readonly password?: Secret;
}

/** A relay reached over a Unix domain socket. */
export interface UnixRelay extends UnixAddress {
  /** Written `unix:/PATH`. */
  readonly scheme: "unix";
}

/** Port of a relay that is named without one (RFC 5321 section 4.5.4.2). */
export const SMTP_PORT = 25;
/** Port of a relay that is named with credentials: message submission (RFC 6409 section 3.1). */
const SUBMISSION_PORT = 587;

/**
 * Reads where to listen: `HOST:PORT`, `[IPv6]:PORT`, `smtp://HOST:PORT` or `unix:/PATH`. Port 0 lets the system choose.
 *
 * @param text The address as written.
 * @returns The address, or what was expected.
 */
export function parseListenAddress(text: string): Parsed<ListenAddress> {
  if (text.startsWith("unix:")) return parseUnix(text);
  const url = parseScheme(
    text,
    ["smtp"],
    'HOST:PORT, [IPv6]:PORT, "smtp://HOST:PORT" or "unix:/PATH"',
  );
  if (!url.ok) return url;
  const parsed = parseHostPort(url.value.rest, url.value.at, 0, undefined);
  return parsed.ok
    ? { ok: true, value: { transport: "tcp", ...parsed.value } }
    : parsed;
}

function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads the relay: `HOST`, `HOST:PORT`, `smtp://HOST:PORT` (port 25 unless given), `plain://USER:PWD@HOST:PORT` (port 587 unless
 * given; user and password percent-encoded, the password may be missing) or `unix:/PATH`.
 *
 * @param text The address as written. An `@` or `:` in the password may stand as it is.
 * @returns The relay, or what was expected; the text itself is never repeated.
 */
export function parseRelayUrl(text: string): Parsed<RelayAddress> {
  if (text.startsWith("unix:")) {
    const parsed = parseUnix(text);
    return parsed.ok
      ? { ok: true, value: { ...parsed.value, scheme: "unix" } }
      : parsed;
  }
  const url = parseScheme(
    text,
    ["smtp", "plain"],
    '"smtp://HOST:PORT", HOST:PORT, "plain://USER:PWD@HOST:PORT" or "unix:/PATH"',
  );
  if (!url.ok) return url;
  const { scheme, rest, at } = url.value;
  const sign = rest.lastIndexOf("@");
  if (scheme !== "plain") {
    if (sign >= 0) {
      return failed(
        0,
        '"plain://USER:PWD@HOST:PORT" where there are credentials',
      );
    }
    const parsed = parseHostPort(rest, at, 1, SMTP_PORT);
    return parsed.ok
      ? {
        ok: true,
        value: { transport: "tcp", scheme: "smtp", ...parsed.value },
      }
      : parsed;
  }
  if (sign < 0) return failed(at, 'USER:PWD@ after "plain://"');
  const [written, colon] = [
    rest.slice(0, sign),
    rest.slice(0, sign).indexOf(":"),
  ];
  const user = percentDecode(colon < 0 ? written : written.slice(0, colon));
  const password = percentDecode(colon < 0 ? "" : written.slice(colon + 1));
  // NUL separates the fields of AUTH PLAIN (RFC 4616 section 2).
  if (
    user === undefined || password === undefined || /\0/.test(user + password)
  ) {
    return failed(
      at,
      '"%" and two hex digits for each special character in user and password',
    );
  }
  if (user === "") return failed(at, 'a user after "plain://"');
  const parsed = parseHostPort(
    rest.slice(sign + 1),
    at + sign + 1,
    1,
    SUBMISSION_PORT,
  );
  if (!parsed.ok) return parsed;
  const relay: TcpRelay = {
    transport: "tcp",
    scheme: "plain",
    ...parsed.value,
    user,
  };
  return {
    ok: true,
    value: password === ""
      ? relay
      : { ...relay, password: new Secret(password) },
  };
}

/**
 * Reads a domain that is relayed: `DOMAIN`, `DOMAIN:HOST`, `DOMAIN:HOST:PORT` or `DOMAIN:[IPv6]:PORT`, port 25 unless given.
 *
 * @param text The entry as written; the domain stands for its subdomains too.
 * @returns The domain in lower case with its relay, or what was expected.
 */
export function parseRelayDomain(text: string): Parsed<RelayEntry> {
  const colon = text.indexOf(":");
  const domain = (colon < 0 ? text : text.slice(0, colon)).toLowerCase();
  if (!isDomain(domain)) {
    return failed(
      0,
      domain.startsWith(".")
        ? "a domain without the dot, which covers its subdomains too"
        : "a domain",
    );
  }
  if (colon < 0) return { ok: true, value: { domain } };
  const parsed = parseHostPort(text.slice(colon + 1), colon + 1, 1, SMTP_PORT);
  return parsed.ok ? { ok: true, value: { domain, ...parsed.value } } : parsed;
}

/** Writes a relay without its password. */
export function formatRelay(relay: RelayAddress): string {
  if (relay.transport === "unix") return `unix:${relay.path}`;
  const user = relay.user === undefined
    ? ""
    : `${encodeURIComponent(relay.user)}@`;
  return `${relay.scheme}://${user}${
    formatHostPort(relay.hostname, relay.port)
  }`;
}

/** Writes a relayed domain so that {@linkcode parseRelayDomain} reads it. */
export function formatRelayDomain(entry: RelayEntry): string {
  const { domain, hostname, port = SMTP_PORT } = entry;
  return hostname === undefined
    ? domain
    : `${domain}:${formatHostPort(hostname, port)}`;
}
