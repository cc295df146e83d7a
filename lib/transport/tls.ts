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

/** What a {@linkcode TlsError} was about. */
export type TlsProblem =
  | "untrusted" // signed by nobody we trust, itself included
  | "name" // the certificate is for another name
  | "expired"
  | "not yet valid"
  | "certificate" // something else is wrong with it
  | "plaintext" // the peer does not speak TLS
  | "closed" // the peer ended the connection
  | "timeout"
  | "handshake"; // anything else

/** TLS could not be started; the message is fit for a log. */
export class TlsError extends Error {
  /** The class's name. */
  override name = "TlsError";
  /** What it was about. */
  readonly problem: TlsProblem;

  /**
   * Creates one.
   *
   * @param problem What it was about.
   * @param hostname The peer's name.
   * @param sentence What was wrong, as the end of a sentence.
   * @param cause What the handshake failed with.
   */
  constructor(
    problem: TlsProblem,
    hostname: string,
    sentence: string,
    cause?: unknown,
  ) {
    super(`Cannot start TLS with "${hostname}": ${sentence}`, { cause });
    this.problem = problem;
  }
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
  const { hostname, signal, timeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  const stop = new AbortController();
  const aborted = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  const timer = setTimeout(() => {
    const sentence = `the handshake did not end within ${timeoutMs} ms`;
    stop.abort(new TlsError("timeout", hostname, sentence));
  }, timeoutMs);
  connection.readBy = Infinity;
  connection.writeBy = Infinity;
  connection.farewell = undefined;
  try {
    signal?.throwIfAborted();
    const start = options.verify ? startVerified : startUnverified;
    return await start(connection, options, stop.signal);
  } catch (error) {
    connection.close();
    stop.signal.throwIfAborted();
    signal?.throwIfAborted();
    throw tlsErrorOf(error, hostname);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  }
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
    await handshake(socket, signal);
    return secured;
  } catch (error) {
    secured.close();
    throw error;
  }
}

/** Waits for the handshake's end; a peer that vanishes may give `close` and no error. */
function handshake(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Deno.errors.UnexpectedEof()));
  });
}

/**
 * What the runtime's texts mean. There are no codes: every certificate error is
 * an `InvalidData` whose message comes from rustls.
 */
const PROBLEMS: readonly [RegExp, TlsProblem, string][] = [
  [/UnknownIssuer/, "untrusted", "nobody we trust signed its certificate"],
  [
    /CaUsedAsEndEntity/,
    "untrusted",
    "its certificate is an authority's own, signed by itself",
  ],
  [/not valid for name/, "name", "its certificate is for another name"],
  [/not valid yet/, "not yet valid", "its certificate is not valid yet"],
  [/certificate expired/, "expired", "its certificate has expired"],
  [/certificate/i, "certificate", "its certificate is not acceptable"],
  [
    /corrupt message|WRONG_VERSION_NUMBER/,
    "plaintext",
    "it does not answer in TLS",
  ],
  [
    /eof|ECONNRESET|connection reset|disconnected|EPIPE|broken pipe/i,
    "closed",
    "it closed the connection during the handshake",
  ],
];

function tlsErrorOf(error: unknown, hostname: string): TlsError {
  if (error instanceof TlsError) return error;
  const { name, message } = error instanceof Error
    ? error
    : new Error(String(error));
  const code = (error as { code?: unknown }).code;
  const text = [name, code, message].join(" ");
  for (const [pattern, problem, sentence] of PROBLEMS) {
    if (!pattern.test(text)) continue;
    const detail = problem === "closed" || problem === "plaintext"
      ? sentence
      : `${sentence} (${message})`;
    return new TlsError(problem, hostname, detail, error);
  }
  return new TlsError("handshake", hostname, message, error);
}
