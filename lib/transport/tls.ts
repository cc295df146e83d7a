/**
 * Starts TLS as the client, on a connection that is in clear so far.
 *
 * The rule it keeps: when the certificate must hold, the runtime's own TLS
 * checks it and no option weakens that. When it need not (opportunistic TLS,
 * RFC 7435), `node:tls` encrypts, because only there one connection can go
 * unverified without the whole process doing so.
 *
 * Input buffered before the call is plaintext and the caller's to throw away
 * (RFC 3207 section 4.2: it may have been put there by someone else). Not here:
 * the server's side, client certificates.
 *
 * @module
 */
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { type Connection, TcpConnection } from "./connection.ts";
import { Gate } from "./gate.ts";
import { NodeTlsConnection } from "./tls_connection.ts";
import { shakeHands, TlsError, type TlsProblemTable } from "./tls_handshake.ts";

export { TlsError, type TlsProblem } from "./tls_handshake.ts";

/** How long a handshake may take, in ms; two round trips, and a peer under load. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

/** How {@linkcode startTls} works. */
export interface StartTlsOptions {
  /** The name the certificate has to be for, and that the peer is told (not an address). */
  readonly hostname: string;
  /** Whether the certificate must hold; without it anyone in between can read. */
  readonly verify: boolean;
  /**
   * Authorities trusted besides the built-in ones, as PEM texts.
   *
   * @default {[]}
   */
  readonly caCerts?: readonly string[] | undefined;
  /**
   * How long the handshake may take, in ms.
   *
   * @default {30000}
   */
  readonly timeoutMs?: number | undefined;
  /** Breaks the handshake off; `startTls` then throws its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A connection in TLS. */
export interface TlsConnection extends Connection {
  /** The version, such as `TLSv1.3`; `undefined` where the runtime does not tell (verified). */
  readonly tlsProtocol: string | undefined;
  /** The cipher suite's name, such as `TLS_AES_256_GCM_SHA384`; `undefined` as above. */
  readonly tlsCipher: string | undefined;
}

/**
 * Starts TLS on `connection`, which is used up: if it fails, everything is
 * closed, and if not, only the connection returned may be used. That one
 * starts with no deadlines and no farewell, and is the one to add to a sweep.
 *
 * @param connection In clear so far, with no read pending.
 * @param options How it works.
 * @returns The connection in TLS, its handshake done; the caller's to close.
 * @throws {TlsError} If it cannot be done in time.
 * @throws The reason of `options.signal`, if that was aborted.
 */
export async function startTls(
  connection: Connection,
  options: StartTlsOptions,
): Promise<TlsConnection> {
  const { hostname, timeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  const start = options.verify ? startVerified : startUnverified;
  const limits = { peer: hostname, timeoutMs, signal: options.signal };
  return await shakeHands(
    connection,
    limits,
    PROBLEMS,
    (signal) => start(connection, options, signal),
  );
}

/** The runtime's TLS, which tells neither version nor cipher. */
class VerifiedConnection extends TcpConnection implements TlsConnection {
  readonly tlsProtocol = undefined;
  readonly tlsCipher = undefined;
}

async function startVerified(
  connection: Connection,
  { hostname, caCerts = [] }: StartTlsOptions,
  signal: AbortSignal,
): Promise<TlsConnection> {
  // The runtime's TLS goes over nothing else, a Unix socket included.
  if (!(connection instanceof TcpConnection) || connection.remotePort === 0) {
    const sentence = "a certificate can be verified on a TCP socket only";
    throw new TlsError("handshake", hostname, sentence);
  }
  const socket = connection.takeConn() as Deno.TcpConn;
  let conn: Deno.TlsConn;
  try {
    conn = await Deno.startTls(socket, { hostname, caCerts: [...caCerts] });
  } catch (error) {
    socket.close();
    throw error;
  }
  const secured = new VerifiedConnection(conn);
  const close = () => secured.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    await conn.handshake();
    signal.throwIfAborted();
    return secured;
  } catch (error) {
    secured.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function startUnverified(
  connection: Connection,
  { hostname }: StartTlsOptions,
  signal: AbortSignal,
): Promise<TlsConnection> {
  const gate = new Gate(connection);
  const socket = connect({
    // `connect` takes any Duplex; the types know it of sockets only.
    socket: gate as unknown as Socket,
    rejectUnauthorized: false,
    // RFC 6066 section 3: neither addresses nor a trailing dot.
    ...(isIP(hostname) === 0
      ? { servername: hostname.replace(/\.$/, "") }
      : {}),
  });
  const secured = new NodeTlsConnection(connection, gate, socket);
  try {
    await untilSecure(socket, signal);
    return secured;
  } catch (error) {
    secured.close();
    throw error;
  }
}

/** Waits for the handshake's end; a peer that vanishes may give `close` and no error. */
function untilSecure(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Deno.errors.UnexpectedEof()));
  });
}

/** What the runtime's texts mean where we are the client. */
const PROBLEMS: TlsProblemTable = [
  [/UnknownIssuer/, "untrusted", "nobody we trust signed its certificate"],
  [
    /CaUsedAsEndEntity/,
    "untrusted",
    "its certificate is an authority's own (CA:TRUE), not a server's",
  ],
  [/not valid for name/, "name", "its certificate is for another name"],
  [/not valid yet/, "not yet valid", "its certificate is not valid yet"],
  [/certificate expired/, "expired", "its certificate has expired"],
  [/certificate/i, "certificate", "its certificate is not acceptable"],
];
