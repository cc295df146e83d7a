/**
 * The addresses that are listened on and connected to, and how they are
 * written. It imports nothing, as secret.ts, so that any room may import it.
 *
 * Not here: reading them, which the configuration does; mailboxes; the
 * addresses of clients.
 *
 * @module
 */

/** A TCP port of a host. */
export interface TcpAddress {
  /** Tells it from a Unix socket. */
  readonly transport: "tcp";
  /** Host name or bare IP address, without brackets. */
  readonly hostname: string;
  /** Port; 0, to listen on, is any that is free. */
  readonly port: number;
}

/** A Unix domain socket. */
export interface UnixAddress {
  /** Tells it from a TCP address. */
  readonly transport: "unix";
  /** Path of the socket. */
  readonly path: string;
}

/** What is spoken where the server listens. */
export interface ListenScheme {
  /**
   * `smtps`: SMTP inside TLS from the first byte (RFC 8314 section 3.3), over
   * TCP only; `lmtp`: LMTP (RFC 2033); absent: SMTP.
   */
  readonly scheme?: "smtps" | "lmtp";
}

/** Where the server accepts connections. */
export type ListenAddress = (TcpAddress | UnixAddress) & ListenScheme;

/**
 * Longest path of a Unix socket in bytes: `sun_path` of unix(7) has room for
 * 108, its final NUL among them.
 */
export const MAX_SOCKET_PATH_BYTES = 107;

/** `HOST:PORT`, with brackets around an IPv6 address. */
export function formatHostPort(hostname: string, port: number): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/**
 * The address as the operator writes it: `HOST:PORT` or `unix:PATH`, with
 * `smtps://`, `lmtp://` or `lmtp:` before it where that is spoken.
 */
export function formatListenAddress(address: ListenAddress): string {
  const { scheme } = address;
  if (address.transport === "unix") {
    return `${scheme === undefined ? "" : `${scheme}:`}unix:${address.path}`;
  }
  const hostPort = formatHostPort(address.hostname, address.port);
  return scheme === undefined ? hostPort : `${scheme}://${hostPort}`;
}
