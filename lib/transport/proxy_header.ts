/**
 * Takes the PROXY protocol's header off a connection, and gives the connection
 * the addresses that stand in it.
 *
 * The rule it keeps: what comes behind the header reaches the next reader
 * unchanged, be it a command or the first bytes of TLS. Without a good header
 * there is no connection: who knows this port and is no proxy of ours gets
 * nothing.
 *
 * Not here: whose header is believed, which the caller knows.
 *
 * @module
 */
import { BaseConnection, type Connection } from "./connection.ts";
import {
  MAX_PROXY_HEADER_BYTES,
  parseProxyHeader,
  type ProxiedEnds,
} from "./proxy_protocol.ts";

/** How much is read at first, in bytes; a header is rarely longer. */
const FIRST_READ_BYTES = 512;

/** A proxy's header is missing or wrong; the message is fit for a log. */
export class ProxyHeaderError extends Error {
  /** The class's name. */
  override name = "ProxyHeaderError";

  /**
   * Creates one.
   *
   * @param proxy The address it should have come from.
   * @param problem What was wrong, as the end of a sentence.
   * @param cause What reading failed with.
   */
  constructor(proxy: string, problem: string, cause?: unknown) {
    super(`Cannot read the PROXY header of "${proxy}": ${problem}`, { cause });
  }
}

/** How {@linkcode readProxyHeader} works. */
export interface ProxyHeaderOptions {
  /** How long the header may take, in ms. */
  readonly timeoutMs: number;
  /** Breaks it off; `readProxyHeader` then throws its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the header, version 1 or 2, at the start of `connection`, which is used
 * up: if it fails, it is closed, and if not, only the connection returned may
 * be used. That one has the client's addresses, or the proxy's own where the
 * header says that it is the client itself.
 *
 * @param connection A proxy's, nothing read from it so far.
 * @param options How it works.
 * @returns The same stream behind the header; the caller's to close.
 * @throws {ProxyHeaderError} If there is no good header in time.
 * @throws The reason of `options.signal`, if that was aborted.
 */
export async function readProxyHeader(
  connection: Connection,
  options: ProxyHeaderOptions,
): Promise<Connection> {
  const { timeoutMs, signal } = options;
  const proxy = connection.remote || "unix";
  let isLate = false;
  // Closing is what ends a pending read.
  const close = () => connection.close();
  const timer = setTimeout(() => {
    isLate = true;
    close();
  }, timeoutMs);
  signal?.addEventListener("abort", close, { once: true });
  try {
    signal?.throwIfAborted();
    return await takeHeader(connection, proxy);
  } catch (error) {
    close();
    signal?.throwIfAborted();
    if (isLate) {
      const problem = `it did not come within ${timeoutMs} ms`;
      throw new ProxyHeaderError(proxy, problem, error);
    }
    if (error instanceof ProxyHeaderError) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new ProxyHeaderError(proxy, problem, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", close);
  }
}

async function takeHeader(
  connection: Connection,
  proxy: string,
): Promise<Connection> {
  let buffer = new Uint8Array(FIRST_READ_BYTES);
  let filled = 0;
  while (true) {
    const count = await connection.read(buffer.subarray(filled));
    if (count === null) {
      throw new ProxyHeaderError(proxy, "it closed the connection before that");
    }
    filled += count;
    const parsed = parseProxyHeader(buffer.subarray(0, filled));
    if (parsed.type === "header") {
      const rest = buffer.subarray(parsed.length, filled);
      return new ProxiedConnection(connection, rest, parsed.ends);
    }
    if (parsed.type === "refused") {
      throw new ProxyHeaderError(proxy, `expected ${parsed.expected}`);
    }
    if (parsed.length > buffer.length) {
      const larger = new Uint8Array(MAX_PROXY_HEADER_BYTES);
      larger.set(buffer.subarray(0, filled));
      buffer = larger;
    }
  }
}

/** The stream behind a header. */
class ProxiedConnection extends BaseConnection {
  readonly remote: string;
  readonly remotePort: number;
  readonly local: string;
  readonly localPort: number;
  readonly #inner: Connection;
  /** What was read with the header and comes first. */
  #rest: Uint8Array;

  constructor(
    inner: Connection,
    rest: Uint8Array,
    ends: ProxiedEnds | undefined,
  ) {
    super();
    const { remote, remotePort, local, localPort } = ends ?? inner;
    this.remote = remote;
    this.remotePort = remotePort;
    this.local = local;
    this.localPort = localPort;
    this.#inner = inner;
    this.#rest = rest.slice();
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0 || this.closed) return this.#inner.read(into);
    const piece = this.#rest.subarray(0, into.length);
    into.set(piece);
    this.#rest = this.#rest.subarray(piece.length);
    return Promise.resolve(piece.length);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  protected release(): void {
    this.#inner.close();
  }
}
