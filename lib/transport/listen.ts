/**
 * Listens on a TCP port or a Unix socket, and accepts connections for good.
 *
 * The rule it keeps: a server that started goes on. A socket file left by a
 * process that was killed does not keep the next one from starting, and
 * running out of descriptors stops accepting for a moment, not for ever.
 *
 * Not here: how many connections are admitted, TLS.
 *
 * @module
 */
import {
  formatListenAddress,
  type ListenAddress,
  MAX_SOCKET_PATH_BYTES,
} from "../address.ts";
import { type Connection, TcpConnection } from "./connection.ts";

/**
 * Rest after an accept that failed, in ms. It frees no descriptor, so trying
 * again at once would only burn the processor; a waiting client hardly notices.
 */
const ACCEPT_RETRY_MS = 100;

/** Listening failed; the message is one sentence for the operator. */
export class ListenError extends Error {
  /** The class's name. */
  override name = "ListenError";
  /** Where it was to listen. */
  readonly address: ListenAddress;

  /**
   * Creates one.
   *
   * @param address Where it was to listen.
   * @param problem What was wrong, as the end of a sentence.
   * @param cause What the runtime said.
   */
  constructor(address: ListenAddress, problem: string, cause?: unknown) {
    super(`Cannot listen on "${formatListenAddress(address)}": ${problem}`, {
      cause,
    });
    this.address = address;
  }
}

/**
 * Listens on `address`. A Unix socket gets the permissions that the umask
 * leaves, and its file goes when the listener is closed.
 *
 * @param address Where to listen; port 0 takes a free one.
 * @returns The listener; the caller's to close.
 * @throws {ListenError} If that is not possible.
 */
export async function listen(address: ListenAddress): Promise<Deno.Listener> {
  const length = address.transport === "unix"
    ? new TextEncoder().encode(address.path).length
    : 0;
  if (length > MAX_SOCKET_PATH_BYTES) {
    const problem =
      `the path has ${length} bytes: expected at most ${MAX_SOCKET_PATH_BYTES}`;
    throw new ListenError(address, problem);
  }
  try {
    try {
      return open(address);
    } catch (error) {
      const inUse = error instanceof Deno.errors.AddrInUse;
      if (!inUse || address.transport !== "unix") throw error;
      if (!await isStale(address.path)) throw error;
      await Deno.remove(address.path);
      return open(address);
    }
  } catch (error) {
    throw new ListenError(address, problemOf(error, address), error);
  }
}

function open(address: ListenAddress): Deno.Listener {
  return address.transport === "tcp"
    ? Deno.listen(address)
    : Deno.listen(address);
}

/**
 * Whether `path` is a socket nobody listens on. Connecting to a plain file is
 * refused just the same, and that one is never ours to remove.
 */
async function isStale(path: string): Promise<boolean> {
  if (!(await Deno.lstat(path)).isSocket) return false;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

function problemOf(error: unknown, address: ListenAddress): string {
  const unix = address.transport === "unix";
  if (error instanceof Deno.errors.AddrInUse) {
    return unix
      ? "the path is in use already or is not a socket"
      : "the port is in use already";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "this machine does not have that address";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return unix
      ? "no permission to make a socket there"
      : "no permission for that port";
  }
  if (error instanceof Deno.errors.NotFound && unix) {
    return "its folder does not exist";
  }
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\)$/, "");
}

/** What an accept fails with whose peer has gone; the queue is one shorter. */
const GONE = [
  Deno.errors.NotConnected,
  Deno.errors.ConnectionAborted,
  Deno.errors.ConnectionReset,
];

/** What {@linkcode acceptLoop} tells of what went wrong. */
export interface AcceptLoopOptions {
  /**
   * Called for each accept that failed, at most ten a second, and for what
   * `onConnection` throws.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Accepts connections until `listener` is closed.
 *
 * No failed accept ends it: too many open files (EMFILE, ENFILE) and whatever
 * else the system comes up with are told and tried again after a rest. A peer
 * that is gone already is neither told nor rested for: else a few that connect
 * and reset would keep all others out.
 *
 * @param listener What to accept from.
 * @param onConnection Takes each connection over; it does not wait.
 * @param options What to do about errors.
 */
export async function acceptLoop(
  listener: Deno.Listener,
  onConnection: (connection: Connection) => void,
  options: AcceptLoopOptions = {},
): Promise<void> {
  const { onError } = options;
  while (true) {
    let conn: Deno.Conn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return; // closed
      if (GONE.some((type) => error instanceof type)) continue;
      onError?.(error);
      await new Promise((rested) => setTimeout(rested, ACCEPT_RETRY_MS));
      continue;
    }
    const connection = new TcpConnection(conn);
    try {
      onConnection(connection);
    } catch (error) {
      connection.close();
      onError?.(error);
    }
  }
}
