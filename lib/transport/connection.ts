/**
 * What a connection is to the rest of Postern, and the one over a socket.
 *
 * The rule it keeps: a read or write costs what the runtime's own costs. So a
 * deadline is a stamp that a {@linkcode Connection} carries and a sweep looks
 * at, never a timer of its own; closing is what ends a pending read, and the
 * owner learns from {@linkcode deadlineErrorOf} in its `catch` why it ended.
 *
 * One read and one write may be pending at a time. Not here: connecting,
 * listening, TLS.
 *
 * @module
 */

/** Which of a connection's deadlines passed. */
export type Direction = "read" | "write";

/**
 * A stream of bytes to one peer and back, whatever carries it.
 *
 * Its owner closes it, with `using`, `close()` or `end()`.
 */
export interface Connection extends Disposable {
  /** The peer's bare address, such as `192.0.2.1`; empty for a Unix socket. */
  readonly remote: string;
  /** The peer's port; 0 for a Unix socket. */
  readonly remotePort: number;
  /** Our bare address on this connection; empty for a Unix socket. */
  readonly local: string;
  /** Our port on this connection; 0 for a Unix socket. */
  readonly localPort: number;
  /**
   * When the pending read must have ended, in ms since the epoch; `Infinity`
   * for no bound.
   *
   * The owner sets it before it reads and, because nobody else can tell that
   * the read has ended, back to `Infinity` before it waits for anything else.
   *
   * @default {Infinity}
   */
  readBy: number;
  /**
   * When the pending write must have ended, as {@linkcode Connection.readBy}.
   *
   * @default {Infinity}
   */
  writeBy: number;
  /**
   * What the peer is told before the connection is closed because `readBy`
   * passed (the 421 line); `undefined` for nothing.
   *
   * @default {undefined}
   */
  farewell: Uint8Array | undefined;
  /** The deadline that passed, if one did. */
  readonly expired: Direction | undefined;
  /** Whether a deadline passed; the connection is then closed or about to be. */
  readonly timedOut: boolean;
  /** Whether our side has closed it. */
  readonly closed: boolean;
  /**
   * Reads what is there, waiting for at least one byte.
   *
   * @param into Where the bytes go; at least one byte long.
   * @returns Their count, or `null` once the peer has ended its side.
   * @throws {Error} If the connection broke or was closed. See {@linkcode deadlineErrorOf}.
   */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Writes all of `bytes`.
   *
   * @param bytes What to write; not to be changed before the promise settles.
   * @throws {Error} If the connection broke or was closed. See {@linkcode deadlineErrorOf}.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Tells the peer that nothing more will be written; reading goes on. */
  closeWrite(): Promise<void>;
  /** Closes both sides at once and ends what is pending; may be called again, never throws. */
  close(): void;
  /**
   * Closes so that the last reply arrives.
   *
   * A socket closed with unread input is reset by the kernel, and a reset may
   * overtake a reply (RFC 1122 section 4.2.2.13). So our side is ended first
   * and what the peer still sends is read and thrown away, up to a bound.
   * Where nothing can be on its way, after QUIT for one, `close()` does as well.
   *
   * @param graceMs How long the peer has to end its side, in ms.
   */
  end(graceMs: number): Promise<void>;
  /** Marks the deadline as passed. For the one who watches the stamps, who then closes. */
  expire(direction: Direction): void;
}

/** A read or write ended because its deadline passed. */
export class DeadlineError extends Error {
  /** The class's name. */
  override name = "DeadlineError";
  /** Which deadline it was. */
  readonly direction: Direction;

  /**
   * Creates one.
   *
   * @param direction Which deadline passed.
   * @param cause What the pending read or write failed with.
   */
  constructor(direction: Direction, cause?: unknown) {
    super(
      direction === "read"
        ? "Cannot read from the peer: it sent nothing within the deadline"
        : "Cannot write to the peer: it took nothing within the deadline",
      { cause },
    );
    this.direction = direction;
  }
}

/**
 * Tells why a read or write failed. Belongs in the owner's `catch`, which costs
 * nothing as long as nothing fails.
 *
 * @param connection The connection that was read from or written to.
 * @param error What it failed with.
 * @returns A {@linkcode DeadlineError} if a deadline ended it, else `error` itself.
 */
export function deadlineErrorOf(
  connection: Connection,
  error: unknown,
): unknown {
  const { expired } = connection;
  return expired === undefined ? error : new DeadlineError(expired, error);
}

/**
 * How much of a peer's input {@linkcode Connection.end} throws away, in bytes:
 * several times what a socket's buffers hold of a pipelining client, little
 * enough that a sender who never looks cannot make it a pastime.
 */
const MAX_DISCARDED_BYTES = 4 * 1024 * 1024;

/** Shared by all who throw input away: nobody reads what is in it. */
const DISCARDED = new Uint8Array(64 * 1024);

/** What all connections have in common: stamps, marks and the gentle end. */
export abstract class BaseConnection implements Connection {
  abstract readonly remote: string;
  abstract readonly remotePort: number;
  abstract readonly local: string;
  abstract readonly localPort: number;
  abstract read(into: Uint8Array): Promise<number | null>;
  abstract write(bytes: Uint8Array): Promise<void>;
  abstract closeWrite(): Promise<void>;
  /** Frees what carries the connection; called once, may throw. */
  protected abstract release(): void;

  readBy = Infinity;
  writeBy = Infinity;
  farewell: Uint8Array | undefined = undefined;
  #expired: Direction | undefined = undefined;
  #closed = false;

  get expired(): Direction | undefined {
    return this.#expired;
  }

  get timedOut(): boolean {
    return this.#expired !== undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  expire(direction: Direction): void {
    this.#expired ??= direction;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.release();
    } catch {
      // Only says that it was closed already, which is what was asked for.
    }
  }

  async end(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.close(), graceMs);
    try {
      await this.closeWrite();
      for (let discarded = 0; discarded < MAX_DISCARDED_BYTES;) {
        const count = await this.read(DISCARDED);
        if (count === null) break;
        discarded += count;
      }
    } catch {
      // The peer has gone or the grace is over: nothing is left to save.
    } finally {
      clearTimeout(timer);
      this.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Forgets that it owns anything, for who takes the carrier over. */
  protected markClosed(): void {
    this.#closed = true;
  }
}

/**
 * A bare address and port. An IPv4 peer of an IPv6 listener comes as
 * `::ffff:192.0.2.1` (RFC 4291 section 2.5.5.2) and must still match the
 * operator's IPv4 networks.
 */
function endpoint(address: Deno.Addr): { bare: string; port: number } {
  if (!("hostname" in address)) return { bare: "", port: 0 };
  const bare = address.hostname.replace(/^::ffff:(?=[0-9.]+$)/i, "");
  return { bare, port: address.port };
}

/**
 * A connection over a socket of the runtime's: TCP, TLS or Unix.
 *
 * `read` hands out the runtime's own promise; `write` adds one turn of the
 * microtask queue, which cannot be measured (1.3 µs either way).
 */
export class TcpConnection extends BaseConnection {
  readonly remote: string;
  readonly remotePort: number;
  readonly local: string;
  readonly localPort: number;
  readonly #conn: Deno.Conn;

  /**
   * Takes over `conn`, and turns Nagle's algorithm off: replies are written
   * whole, and waiting for an acknowledgement would hold the next one up.
   *
   * @param conn The socket; the connection is its owner from now on.
   */
  constructor(conn: Deno.Conn) {
    super();
    this.#conn = conn;
    const remote = endpoint(conn.remoteAddr);
    const local = endpoint(conn.localAddr);
    this.remote = remote.bare;
    this.remotePort = remote.port;
    this.local = local.bare;
    this.localPort = local.port;
    if ("setNoDelay" in conn) {
      try {
        (conn as Deno.TcpConn).setNoDelay(true);
      } catch {
        // The peer has gone already; the first read will say so.
      }
    }
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#conn.read(into);
  }

  async write(bytes: Uint8Array): Promise<void> {
    let written = await this.#conn.write(bytes);
    while (written < bytes.length) {
      written += await this.#conn.write(bytes.subarray(written));
    }
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /**
   * Gives the socket away, as TLS needs it; this connection is closed then,
   * the socket is not.
   *
   * @returns The socket.
   */
  takeConn(): Deno.Conn {
    this.markClosed();
    return this.#conn;
  }

  protected release(): void {
    this.#conn.close();
  }
}
