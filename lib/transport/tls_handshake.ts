/**
 * What both sides of TLS have in common: a handshake with an end, and what is
 * said of one that failed.
 *
 * The rule it keeps: the handshake uses its connection up. When it fails,
 * whyever, the connection is closed, and the error is a sentence for a log.
 *
 * @module
 */
import type { Connection } from "./connection.ts";

/** What a {@linkcode TlsError} was about. */
export type TlsProblem =
  | "untrusted" // signed by nobody we trust, itself included
  | "name" // the certificate is for another name
  | "expired"
  | "not yet valid"
  | "certificate" // something else is wrong with it, or there is none
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
   * @param peer The peer's name or address.
   * @param sentence What was wrong, as the end of a sentence.
   * @param cause What the handshake failed with.
   */
  constructor(
    problem: TlsProblem,
    peer: string,
    sentence: string,
    cause?: unknown,
  ) {
    super(`Cannot start TLS with "${peer}": ${sentence}`, { cause });
    this.problem = problem;
  }
}

/**
 * What the runtime's texts mean, the first that fits: there are no codes for
 * most of it, the messages come from rustls.
 */
export type TlsProblemTable =
  readonly (readonly [RegExp, TlsProblem, string])[];

/** What means the same on either side. */
const PROBLEMS: TlsProblemTable = [
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

/** The bounds of a handshake. */
export interface HandshakeLimits {
  /** The peer's name or address, for error texts. */
  readonly peer: string;
  /** How long it may take, in ms. */
  readonly timeoutMs: number;
  /** Breaks it off; its reason is thrown then. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `start` within its limits, on a connection that has no deadlines of its
 * own any more.
 *
 * @param connection What TLS goes over; closed if the handshake fails.
 * @param limits The bounds.
 * @param problems What the runtime's texts mean on this side.
 * @param start The handshake; it ends soon after its signal is aborted.
 * @returns What `start` made.
 * @throws {TlsError} If it failed or the time is over.
 * @throws The reason of `limits.signal`, if that was aborted.
 */
export async function shakeHands<T>(
  connection: Connection,
  limits: HandshakeLimits,
  problems: TlsProblemTable,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { peer, timeoutMs, signal } = limits;
  const stop = new AbortController();
  const aborted = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  const timer = setTimeout(() => {
    const sentence = `the handshake did not end within ${timeoutMs} ms`;
    stop.abort(new TlsError("timeout", peer, sentence));
  }, timeoutMs);
  connection.readBy = Infinity;
  connection.writeBy = Infinity;
  connection.farewell = undefined;
  try {
    signal?.throwIfAborted();
    return await start(stop.signal);
  } catch (error) {
    connection.close();
    stop.signal.throwIfAborted();
    signal?.throwIfAborted();
    throw tlsErrorOf(error, peer, [...problems, ...PROBLEMS]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  }
}

function tlsErrorOf(
  error: unknown,
  peer: string,
  problems: TlsProblemTable,
): TlsError {
  if (error instanceof TlsError) return error;
  const { name, message } = error instanceof Error
    ? error
    : new Error(String(error));
  const code = (error as { code?: unknown }).code;
  const text = [name, code, message].join(" ");
  for (const [pattern, problem, sentence] of problems) {
    if (!pattern.test(text)) continue;
    const detail = problem === "closed" || problem === "plaintext"
      ? sentence
      : `${sentence} (${message})`;
    return new TlsError(problem, peer, detail, error);
  }
  return new TlsError("handshake", peer, message, error);
}
