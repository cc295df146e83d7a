/**
 * Connects to a host by name or to a Unix socket, within a deadline.
 *
 * The rule it keeps: a host with one dead address is as good as one without.
 * All addresses are tried, IPv6 and IPv4 in turn, each a moment after the one
 * before (RFC 8305); the first to connect wins and nothing else stays open.
 *
 * Names are looked up as the system does, so `/etc/hosts` counts. Not here:
 * MX records, TLS.
 *
 * @module
 */
import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type Connection, TcpConnection } from "./connection.ts";

/** Time from one attempt to the next while none has failed, in ms. RFC 8305 section 5. */
const STAGGER_MS = 250;

/** How many of a name's addresses are tried; more would not get their turn before the deadline. */
const MAX_ADDRESSES = 8;

/** How long a connection may take, in ms; a SYN and its first three repetitions take 15 s. */
const DIAL_TIMEOUT_MS = 30_000;

/** Where to connect to: a TCP port of a host, or a Unix socket. */
export type Target =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

/** How {@linkcode dial} works. */
export interface DialOptions {
  /** Breaks the attempt off; `dial` then throws its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long looking up and connecting may take together, in ms.
   *
   * @default {30000}
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Finds a name's addresses in order of preference, IPv6 or IPv4.
   *
   * @default the system's
   */
  readonly lookup?: ((hostname: string) => Promise<string[]>) | undefined;
}

/** Which step of {@linkcode dial} failed. */
export type DialStep = "lookup" | "connect" | "timeout";

/** A connection could not be made; the message is fit for a log. */
export class DialError extends Error {
  /** The class's name. */
  override name = "DialError";
  /** The step that failed; `timeout` where the deadline passed in either of them. */
  readonly step: DialStep;
  /** Where the connection should have gone. */
  readonly target: Target;

  /**
   * Creates one.
   *
   * @param step The step that failed.
   * @param target Where the connection should have gone.
   * @param problem What was wrong, as the end of a sentence.
   * @param cause What the step failed with.
   */
  constructor(
    step: DialStep,
    target: Target,
    problem: string,
    cause?: unknown,
  ) {
    const where = "path" in target
      ? `"${target.path}"`
      : `"${target.hostname}" port ${target.port}`;
    super(`Cannot connect to ${where}: ${problem}`, { cause });
    this.step = step;
    this.target = target;
  }
}

/**
 * Connects to `target`.
 *
 * @param target A host, by name or bare address, and its port; or a path.
 * @param options How it works.
 * @returns The connection; the caller's to close.
 * @throws {DialError} If it cannot be made in time.
 * @throws The reason of `options.signal`, if that was aborted.
 */
export async function dial(
  target: Target,
  options: DialOptions = {},
): Promise<Connection> {
  const { signal, timeoutMs = DIAL_TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  // One controller ends every attempt: the caller's signal, the deadline and
  // the first success all come down to it.
  const stop = new AbortController();
  const aborted = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  let step = "looking up its address";
  const timer = setTimeout(() => {
    const problem = `timed out after ${timeoutMs} ms while ${step}`;
    stop.abort(new DialError("timeout", target, problem));
  }, timeoutMs);
  try {
    if ("path" in target) {
      step = "connecting";
      return await connectUnix(target, stop.signal);
    }
    const addresses = await addressesOf(target, options.lookup, stop.signal);
    step = `connecting to ${addresses.join(", ")}`;
    return await connectFirst(target, addresses, stop);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  }
}

async function connectUnix(
  target: { readonly path: string },
  signal: AbortSignal,
): Promise<Connection> {
  try {
    const { path } = target;
    const options = { transport: "unix", path, signal } as const;
    return new TcpConnection(await Deno.connect(options));
  } catch (error) {
    signal.throwIfAborted();
    throw new DialError("connect", target, problemOf(error), error);
  }
}

/** All addresses of a host name, as the system's resolver and hosts file say. */
export async function lookupAll(hostname: string): Promise<string[]> {
  const found = await systemLookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

async function addressesOf(
  target: { readonly hostname: string; readonly port: number },
  lookup: (hostname: string) => Promise<string[]> = lookupAll,
  signal: AbortSignal,
): Promise<string[]> {
  const { hostname } = target;
  if (isIP(hostname) !== 0) return [hostname];
  let found: string[];
  try {
    // The system's lookup cannot be stopped, only left alone: it ends by
    // itself, and its result is then nobody's.
    found = await unlessAborted(lookup(hostname), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new DialError("lookup", target, lookupProblemOf(error), error);
  }
  if (found.length === 0) {
    throw new DialError("lookup", target, "the name has no address");
  }
  return interleave(found).slice(0, MAX_ADDRESSES);
}

/** `promise`, or the signal's reason if that is sooner; neither is left unhandled. */
function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() =>
      signal.removeEventListener("abort", abort)
    );
  });
}

/**
 * Puts the address families in turn, the first address staying first.
 * RFC 8305 section 4.
 *
 * @param addresses Bare addresses in order of preference.
 * @returns The same addresses, without repetitions.
 */
export function interleave(addresses: readonly string[]): string[] {
  const unique = [...new Set(addresses)];
  const first = isIP(unique[0] ?? "");
  const same = unique.filter((address) => isIP(address) === first);
  const other = unique.filter((address) => isIP(address) !== first);
  const longest = Math.max(same.length, other.length);
  return Array.from({ length: longest }, (_, i) => [same[i], other[i]])
    .flat()
    .filter((address) => address !== undefined);
}

/** Tries `addresses`, staggered, and aborts `stop` once one has connected. */
async function connectFirst(
  target: { readonly hostname: string; readonly port: number },
  addresses: readonly string[],
  stop: AbortController,
): Promise<Connection> {
  const { signal } = stop;
  const failures: { address: string; error: unknown }[] = [];
  const attempts: Promise<void>[] = [];
  let winner: Deno.Conn | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const startNext = () => {
    clearTimeout(timer);
    const address = addresses[attempts.length];
    if (address === undefined || signal.aborted) return;
    attempts.push(attempt(address));
    timer = setTimeout(startNext, STAGGER_MS);
  };
  const attempt = async (address: string) => {
    try {
      const { port } = target;
      const conn = await Deno.connect({ hostname: address, port, signal });
      if (signal.aborted) return conn.close();
      winner = conn;
      stop.abort();
    } catch (error) {
      if (signal.aborted) return;
      failures.push({ address, error });
      startNext();
    }
  };

  startNext();
  // An attempt starts its successor before it ends, so none is missed; after
  // an abort the rest end at once.
  for (let i = 0; i < attempts.length; i++) await attempts[i];
  clearTimeout(timer);
  if (winner !== undefined) return new TcpConnection(winner);
  signal.throwIfAborted();
  const problems = failures.map(({ address, error }) =>
    address === target.hostname
      ? problemOf(error)
      : `${address}: ${problemOf(error)}`
  );
  throw new DialError(
    "connect",
    target,
    problems.join("; "),
    failures[0]?.error,
  );
}

function problemOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\)$/, "");
}

function lookupProblemOf(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "ENOTFOUND") {
    return "no such name, or no answer from the name server";
  }
  return problemOf(error);
}
