/**
 * The server: listens, admits, drains, reloads.
 *
 * The rule: whatever one client does, the others are served. A client that is
 * one too many hears 421; a listener survives running out of descriptors; a
 * new configuration that can't be used leaves the old one in place.
 *
 * @module
 */

import { formatListenAddress, type ListenAddress } from "./address.ts";
import type { Config } from "./config/config.ts";
import { formatReply, REPLIES } from "./engine/reply.ts";
import { Admission } from "./policy/admission.ts";
import type { Networks } from "./policy/networks.ts";
import type { RelayTable } from "./policy/relay_table.ts";
import { Recorder } from "./record/recorder.ts";
import { Runtime, type Shared } from "./runtime.ts";
import { Session } from "./session.ts";
import { Buffers } from "./transport/buffers.ts";
import type { Connection } from "./transport/connection.ts";
import { acceptLoop, listen } from "./transport/listen.ts";
import { Sweep } from "./transport/sweep.ts";

/** The least and the most time between two looks at the deadlines, in ms. */
const SWEEP_MS = { least: 20, most: 1_000 };

const REFUSALS = {
  sessions: new TextEncoder().encode(formatReply(REPLIES.tooManySessions)),
  client: new TextEncoder().encode(formatReply(REPLIES.tooManyFromClient)),
};

/** A session in progress, as {@linkcode Server.sessions} tells of it. */
export interface SessionInfo {
  /** Its name in log lines. */
  readonly id: string;
  /** The client's address; empty on a Unix socket. */
  readonly client: string;
  /** The sender of the message under way; `<>` has an empty one. */
  readonly sender?: string;
  /** The recipients accepted so far. */
  readonly recipients: readonly string[];
}

/** A running server. */
export class Server implements AsyncDisposable {
  readonly #shared: Shared & { readonly recorder: Recorder };
  readonly #stop: AbortController;
  readonly #admission: Admission;
  readonly #sessions = new Set<Session>();
  readonly #listeners = new Map<string, Deno.Listener>();
  readonly #loops = new Set<Promise<void>>();
  #runtime: Runtime;
  #reloading: Promise<void> = Promise.resolve();
  #emptied: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    runtime: Runtime,
    shared: Shared & { readonly recorder: Recorder },
    stop: AbortController,
  ) {
    this.#stop = stop;
    this.#runtime = runtime;
    this.#shared = shared;
    this.#admission = new Admission(admissionLimits(runtime.config));
  }

  /**
   * Starts a server; it accepts when this resolves.
   *
   * @throws {Error} An address can't be listened on; none is then.
   */
  static async start(
    config: Config,
    options: Pick<Shared, "log" | "openLocalHop">,
  ): Promise<Server> {
    const { read_timeout, write_timeout } = config.limits;
    const least = Math.min(read_timeout, write_timeout) / 4;
    const intervalMs = Math.max(SWEEP_MS.least, Math.min(SWEEP_MS.most, least));
    const sweep = new Sweep({ intervalMs });
    const stop = new AbortController();
    const { signal } = stop;
    const buffers = new Buffers();
    const recorder = new Recorder(options);
    const shared = { ...options, sweep, buffers, signal, recorder };
    const runtime = await Runtime.of(config, shared);
    const server = new Server(runtime, shared, stop);
    try {
      await server.#listen(config.server.listen);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Where it listens, with the ports that were chosen. */
  get addresses(): readonly ListenAddress[] {
    return [...this.#listeners.values()].map(({ addr }) => toAddress(addr));
  }

  /** The relay list, which may be changed while it runs. */
  get relays(): RelayTable {
    return this.#runtime.relays;
  }

  /** Whose clients may send anywhere; may be changed while it runs. */
  get locals(): Networks {
    return this.#runtime.locals;
  }

  /** The sessions in progress. */
  sessions(): readonly SessionInfo[] {
    return [...this.#sessions].map(({ id, remote, transaction }) => ({
      id,
      client: remote,
      ...(transaction === undefined
        ? {}
        : { sender: transaction.mail.sender?.address ?? "" }),
      recipients:
        transaction?.recipients.map(({ recipient }) => recipient.address) ?? [],
    }));
  }

  /**
   * Goes over to another configuration. New sessions are run with it; those
   * under way end as they began.
   *
   * @throws {Error} It can't be used; everything is as before.
   */
  async reload(config: Config): Promise<void> {
    // One after the other: two of them would want the same address.
    const turn = this.#reloading.then(() => this.#change(config));
    this.#reloading = turn.catch(() => {});
    await turn;
  }

  async #change(config: Config): Promise<void> {
    const runtime = await Runtime.of(config, this.#shared);
    await this.#listen(config.server.listen);
    const wanted = new Set(config.server.listen.map(formatListenAddress));
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue;
      this.#listeners.delete(key);
      listener.close();
    }
    const before = this.#runtime;
    this.#runtime = runtime;
    this.#admission.change(admissionLimits(config));
    await before.close();
  }

  /**
   * Stops accepting, lets each session finish its message, for `limits.drain`
   * at most, and ends. May be called again.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /**
   * Breaks off every session. What has not reached its final dot is not
   * delivered; of the rest, only what was answered 250 is known to be.
   */
  abort(): void {
    this.#stop.abort();
    this.#shared.sweep.closeAll();
  }

  /** The same as {@linkcode Server.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    await Promise.all(this.#loops);
    if (this.#sessions.size > 0) {
      const emptied = new Promise<void>((resolve) => this.#emptied = resolve);
      for (const session of this.#sessions) session.stop();
      // Those that wait need not wait for the next look at their deadlines.
      this.#shared.sweep.pass(this.#shared.sweep.now());
      const { drain } = this.#runtime.config.limits;
      const timer = setTimeout(() => this.abort(), drain);
      await emptied;
      clearTimeout(timer);
    }
    await this.#runtime.close();
    await this.#shared.recorder.settled();
    this.#shared.sweep[Symbol.dispose]();
  }

  /** Listens where it doesn't yet; on failure on none of them. */
  async #listen(addresses: readonly ListenAddress[]): Promise<void> {
    const opened = new Map<string, Deno.Listener>();
    try {
      for (const address of addresses) {
        const key = formatListenAddress(address);
        if (this.#listeners.has(key) || opened.has(key)) continue;
        opened.set(key, await listen(address));
      }
      // A reload may have waited while the server was told to stop.
      if (this.#closing !== undefined) {
        throw new Error("Cannot listen: the server is closed");
      }
    } catch (error) {
      for (const listener of opened.values()) listener.close();
      throw error;
    }
    for (const [key, listener] of opened) {
      this.#listeners.set(key, listener);
      const loop = acceptLoop(
        listener,
        (connection) => this.#admit(connection),
        {
          onError: (error) =>
            this.#shared.log.error("accept-failed", { error }),
        },
      );
      this.#loops.add(loop);
      loop.finally(() => this.#loops.delete(loop));
    }
  }

  #admit(connection: Connection): void {
    const { remote } = connection;
    const verdict = this.#admission.admit(remote);
    if (verdict !== "ok") return this.#refuse(connection, verdict);
    const id = newId();
    const recording = this.#runtime.record(id, remote);
    const client = recording?.tap(connection, "server") ?? connection;
    this.#shared.sweep.add(client);
    const session = new Session(
      client,
      { id, isLocal: this.#runtime.isLocal(remote) },
      this.#runtime.sessionSettings(recording),
      this.#shared.log,
    );
    this.#sessions.add(session);
    const ended = () => {
      this.#shared.sweep.delete(client);
      this.#admission.leave(remote);
      if (recording !== undefined) this.#shared.recorder.end(recording);
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#emptied?.();
    };
    session.run().then(ended, (error) => {
      // It is made not to; if it does all the same, the others are served on.
      client.close();
      ended();
      this.#shared.log.error("session-failed", { session: session.id, error });
    });
  }

  #refuse(connection: Connection, reason: keyof typeof REFUSALS): void {
    const { sweep, log } = this.#shared;
    sweep.add(connection);
    log.warn("refused", { client: connection.remote, reason });
    connection.writeBy = sweep.now() +
      this.#runtime.config.limits.write_timeout;
    const close = () => {
      connection.close();
      sweep.delete(connection);
    };
    connection.write(REFUSALS[reason]).then(close, close);
  }
}

/** Eight hexadecimal digits: enough to tell the sessions of a log apart. */
function newId(): string {
  return crypto.randomUUID().slice(0, 8);
}

function admissionLimits(
  { limits }: Config,
): ConstructorParameters<typeof Admission>[0] {
  const { sessions, sessions_per_client: sessionsPerClient } = limits;
  return { sessions, sessionsPerClient };
}

function toAddress(addr: Deno.Addr): ListenAddress {
  return "hostname" in addr
    ? { transport: "tcp", hostname: addr.hostname, port: addr.port }
    : { transport: "unix", path: "path" in addr ? addr.path ?? "" : "" };
}
