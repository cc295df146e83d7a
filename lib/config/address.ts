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

/** The schemes that name a mechanism to authenticate with. */
export type MechanismScheme =
  | "plain"
  | "login"
  | "cram-md5"
  | "scram-sha-256"
  | "xoauth2"
  | "oauthbearer";

/** A relay reached over TCP; a host name is in ASCII, the port from 1 to 65535. */
export interface TcpRelay extends TcpAddress {
  /**
   * `smtps`: TLS from the start (RFC 8314 section 3.3); `lmtp`: LMTP (RFC 2033); the others: SMTP. A mechanism's name: that one,
   * for {@linkcode TcpRelay.user}; `smtp` and `smtps` with a user: the best that is offered.
   */
  readonly scheme: "smtp" | "smtps" | "lmtp" | MechanismScheme;
  /** Who to authenticate as; there always with a mechanism's scheme, never with `lmtp`. */
  readonly user?: string;
  /** Password or token of {@linkcode TcpRelay.user}. */
  readonly password?: Secret;
}

/** A relay reached over a Unix domain socket. */
export interface UnixRelay extends UnixAddress {
  /** Written `unix:/PATH` or `lmtp:unix:/PATH`. */
  readonly scheme: "unix" | "lmtp";
}

/** Port of a relay that is named without one (RFC 5321 section 4.5.4.2). */
export const SMTP_PORT = 25;
/** Port of a relay that is named with credentials: message submission (RFC 6409 section 3.1). */
const SUBMISSION_PORT = 587;
/** Port of submission with TLS from the start (RFC 8314 section 3.3). */
const SUBMISSIONS_PORT = 465;
/** Port of LMTP that is in use; RFC 2033 section 5 names none, and forbids 25. */
const LMTP_PORT = 24;

const MECHANISM_SCHEMES: readonly MechanismScheme[] = [
  ...["plain", "login", "cram-md5", "scram-sha-256"] as const,
  ...["xoauth2", "oauthbearer"] as const,
];

const RELAY_FORMS =
  'HOST:PORT, "smtp://HOST:PORT", "smtps://HOST:PORT", "lmtp://HOST:PORT", "plain://USER:PWD@HOST:PORT" or the like, "unix:/PATH" or "lmtp:unix:/PATH"';

/**
 * Reads where to listen: `HOST:PORT`, `[IPv6]:PORT`, `smtp://HOST:PORT`, `smtps://HOST:PORT`, `lmtp://HOST:PORT`, `unix:/PATH` or
 * `lmtp:unix:/PATH`. Port 0 lets the system choose.
 *
 * @param text The address as written.
 * @returns The address, or what was expected.
 */
export function parseListenAddress(text: string): Parsed<ListenAddress> {
  const socket = parseUnix(text);
  if (socket !== undefined) {
    if (!socket.ok) return socket;
    const { address, isLmtp } = socket.value;
    return {
      ok: true,
      value: isLmtp ? { ...address, scheme: "lmtp" } : address,
    };
  }
  const url = parseScheme(
    text,
    ["smtp", "smtps", "lmtp"],
    'HOST:PORT, [IPv6]:PORT, "smtp://HOST:PORT", "smtps://HOST:PORT", "lmtp://HOST:PORT", "unix:/PATH" or "lmtp:unix:/PATH"',
  );
  if (!url.ok) return url;
  const { scheme = "smtp", rest, at } = url.value;
  const parsed = parseHostPort(rest, at, 0, undefined);
  if (!parsed.ok) return parsed;
  const address = { transport: "tcp", ...parsed.value } as const;
  if (scheme === "smtp") return { ok: true, value: address };
  if (scheme === "lmtp" && address.port === SMTP_PORT) {
    return failed(at, "another port than 25 (RFC 2033 section 5)");
  }
  return { ok: true, value: { ...address, scheme } };
}

/**
 * Reads the relay: `HOST`, `HOST:PORT`, `smtp://HOST:PORT`, `smtps://HOST:PORT`, `lmtp://HOST:PORT`, `unix:/PATH` or
 * `lmtp:unix:/PATH`; with credentials `USER:PWD@` before the host under `smtp`, `smtps` or a mechanism's scheme such as `plain`.
 * User and password are percent-encoded; the password may be missing.
 *
 * @param text The address as written. An `@` or `:` in the password may stand as it is.
 * @returns The relay, its port filled in, or what was expected; the text itself is never repeated.
 */
export function parseRelayUrl(text: string): Parsed<RelayAddress> {
  const socket = parseUnix(text);
  if (socket !== undefined) {
    if (!socket.ok) return socket;
    const { address, isLmtp } = socket.value;
    return {
      ok: true,
      value: { ...address, scheme: isLmtp ? "lmtp" : "unix" },
    };
  }
  const url = parseScheme(
    text,
    ["smtp", "smtps", "lmtp", ...MECHANISM_SCHEMES],
    RELAY_FORMS,
  );
  if (!url.ok) return url;
  const { scheme, rest, at } = url.value;
  const sign = rest.lastIndexOf("@");
  if (sign < 0) {
    if (isMechanism(scheme)) {
      return failed(at, `USER:PWD@ after "${scheme}://"`);
    }
    const parsed = parseHostPort(rest, at, 1, defaultPort(scheme));
    return parsed.ok
      ? {
        ok: true,
        value: { transport: "tcp", scheme: scheme ?? "smtp", ...parsed.value },
      }
      : parsed;
  }
  if (scheme === undefined) {
    return failed(
      0,
      '"smtp://USER:PWD@HOST:PORT" where there are credentials',
    );
  }
  if (scheme === "lmtp") {
    return failed(at, 'no credentials after "lmtp://"');
  }
  const login = parseLogin(rest.slice(0, sign), at, scheme);
  if (!login.ok) return login;
  const parsed = parseHostPort(
    rest.slice(sign + 1),
    at + sign + 1,
    1,
    scheme === "smtps" ? SUBMISSIONS_PORT : SUBMISSION_PORT,
  );
  return parsed.ok
    ? {
      ok: true,
      value: { transport: "tcp", scheme, ...parsed.value, ...login.value },
    }
    : parsed;
}

/** The port of a relay without credentials. */
function defaultPort(scheme: string | undefined): number {
  return scheme === "smtps"
    ? SUBMISSIONS_PORT
    : scheme === "lmtp"
    ? LMTP_PORT
    : SMTP_PORT;
}

function isMechanism(scheme: string | undefined): scheme is MechanismScheme {
  return MECHANISM_SCHEMES.some((each) => each === scheme);
}

/** `USER:PWD` or `USER`, percent-encoded. */
function parseLogin(
  written: string,
  at: number,
  scheme: string,
): Parsed<{ user: string; password?: Secret }> {
  const colon = written.indexOf(":");
  const user = percentDecode(colon < 0 ? written : written.slice(0, colon));
  const password = percentDecode(colon < 0 ? "" : written.slice(colon + 1));
  if (user === undefined || password === undefined) {
    return failed(
      at,
      '"%" and two hex digits for each special character in user and password',
    );
  }
  // NUL and SOH separate fields (RFC 4616 section 2, RFC 7628 section 3.1); SASLprep refuses them all (RFC 4013 section 2.3).
  if (/\p{Cc}/u.test(user + password)) {
    return failed(at, "a user and a password without control characters");
  }
  if (user === "") return failed(at, `a user after "${scheme}://"`);
  return {
    ok: true,
    value: password === ""
      ? { user }
      : { user, password: new Secret(password) },
  };
}

function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads a server that is spoken to in clear and without credentials: `HOST`, `HOST:PORT`, `smtp://HOST:PORT` (port 25 unless
 * given) or `unix:/PATH`.
 *
 * @param text The address as written.
 * @returns The address, or what was expected; the text itself is never repeated.
 */
export function parsePlainServer(text: string): Parsed<ListenAddress> {
  const parsed = parseRelayUrl(text);
  if (!parsed.ok) return parsed;
  const relay = parsed.value;
  const { transport, scheme } = relay;
  if (transport === "tcp" && relay.user !== undefined) {
    return failed(0, "no credentials");
  }
  if (scheme !== "smtp" && scheme !== "unix") {
    return failed(0, "SMTP in clear");
  }
  return {
    ok: true,
    value: transport === "unix"
      ? { transport, path: relay.path }
      : { transport, hostname: relay.hostname, port: relay.port },
  };
}

/** Whether TLS to the relay begins with the first byte: `smtps`, and port 465 under a mechanism's scheme (RFC 8314 section 7.3). */
export function hasImplicitTls(relay: RelayAddress): boolean {
  return relay.scheme === "smtps" ||
    (relay.transport === "tcp" && relay.port === SUBMISSIONS_PORT &&
      isMechanism(relay.scheme));
}

/** The mechanism that a relay's scheme names, in lower case; `undefined`: none. */
export function mechanismOf(relay: RelayAddress): MechanismScheme | undefined {
  return isMechanism(relay.scheme) ? relay.scheme : undefined;
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
  if (relay.transport === "unix") {
    return `${relay.scheme === "lmtp" ? "lmtp:" : ""}unix:${relay.path}`;
  }
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
