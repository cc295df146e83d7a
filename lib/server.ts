/**
 * The server: listens, admits, drains, reloads.
 *
 * The rule: whatever one client does, the others are served. A client that is
 * one too many hears 421; a listener survives running out of descriptors; a
 * new configuration that can't be used leaves the old one in place.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { ListenAddress } from "./address.ts";
import type { Config } from "./config/config.ts";
import type { Listener } from "./listener.ts";
import type { Networks } from "./policy/networks.ts";
import { Rates } from "./policy/rates.ts";
import type { RelayTable } from "./policy/relay_table.ts";
import { Reception, type ReceptionShared } from "./reception.ts";
import { Recorder } from "./record/recorder.ts";
import { Runtime, type Shared } from "./runtime.ts";
import { Buffers } from "./transport/buffers.ts";
import type { Connection } from "./transport/connection.ts";
import { acceptLoop, listen } from "./transport/listen.ts";
import { Sweep } from "./transport/sweep.ts";

/** The least and the most time between two looks at the deadlines, in ms. */
const SWEEP_MS = { least: 20, most: 1_000 };

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

/** How a {@linkcode Server} is started, beside its configuration. */
export interface ServerOptions
  extends Pick<Shared, "log" | "openLocalHop" | "hooks"> {
  /** Whether the relay is asked at once what it offers, so that EHLO can. */
  readonly probesRelay?: boolean;
}

/** What ends, beside the connections themselves, when the server does. */
interface Ends {
  /** Whatever a session has begun and waits for. */
  readonly stop: AbortController;
  /** Pauses, which are of no use any more. */
  readonly hurry: AbortController;
}

type ServerShared =
  & Shared
  & ReceptionShared
  & { readonly messages: Rates; readonly logins: Rates };

/** A running server. */
export class Server implements AsyncDisposable {
  readonly #shared: ServerShared;
  readonly #probesRelay: boolean;
  readonly #ends: Ends;
  readonly #reception: Reception;
  readonly #listeners = new Map<string, Deno.Listener>();
  readonly #loops = new Set<Promise<void>>();
  readonly #probes = new Set<Promise<void>>();
  #runtime: Runtime;
  #reloading: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(
    runtime: Runtime,
    shared: ServerShared,
    ends: Ends,
    probesRelay: boolean,
  ) {
    this.#ends = ends;
    this.#runtime = runtime;
    this.#shared = shared;
    this.#probesRelay = probesRelay;
    this.#reception = new Reception(runtime.config, shared);
  }

  /**
   * Starts a server; it accepts when this resolves.
   *
   * @throws {Error} An address can't be listened on; none is then.
   */
  static async start(
    config: Config,
    options: ServerOptions,
  ): Promise<Server> {
    const { read_timeout, write_timeout, rate_period } = config.limits;
    const least = Math.min(read_timeout, write_timeout) / 4;
    const intervalMs = Math.max(SWEEP_MS.least, Math.min(SWEEP_MS.most, least));
    const sweep = new Sweep({ intervalMs });
    const stop = new AbortController();
    const { signal } = stop;
    const buffers = new Buffers();
    const recorder = new Recorder(options);
    const messages = new Rates({ periodMs: rate_period });
    const logins = new Rates({ periodMs: rate_period });
    const hurry = new AbortController();
    const pause = (ms: number) => rest(ms, hurry.signal);
    const shared = {
      ...options,
      ...{ sweep, buffers, signal, recorder, messages, logins, pause },
    };
    const runtime = await Runtime.of(config, shared);
    const { probesRelay = false } = options;
    const server = new Server(runtime, shared, { stop, hurry }, probesRelay);
    try {
      await server.#listen(runtime.listeners);
      server.#probe();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Where it listens, with the ports that were chosen. */
  get addresses(): readonly ListenAddress[] {
    return [...this.#listeners].map(([key, { addr }]) =>
      toAddress(addr, this.#runtime.listeners.get(key)?.address.scheme)
    );
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
    return [...this.#reception.sessions].map(({ id, remote, transaction }) => ({
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
    await this.#listen(runtime.listeners);
    for (const [key, listener] of this.#listeners) {
      if (runtime.listeners.has(key)) continue;
      this.#listeners.delete(key);
      listener.close();
    }
    const before = this.#runtime;
    this.#runtime = runtime;
    this.#reception.change(config);
    this.#shared.messages.change(config.limits.rate_period);
    this.#shared.logins.change(config.limits.rate_period);
    this.#probe();
    await before.close();
  }

  /** Takes a new connection in, as it holds now for where it came. */
  #take(connection: Connection, key: string): void {
    const listener = this.#runtime.listeners.get(key);
    // A listener that a reload took away may give what had come by then.
    if (listener === undefined) return connection.close();
    // It was down when it was asked; a later EHLO is to offer what it has.
    if (this.#runtime.isRelayUnknown) this.#probe();
    this.#reception.take(connection, listener, this.#runtime);
  }

  /** It never fails: what can't be asked is not known. */
  #probe(): void {
    if (!this.#probesRelay) return;
    const probing = this.#runtime.probe().finally(() =>
      this.#probes.delete(probing)
    );
    this.#probes.add(probing);
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
    this.#ends.hurry.abort();
    this.#ends.stop.abort();
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
    this.#reception.stop();
    this.#ends.hurry.abort();
    if (this.#reception.sessions.size > 0) {
      // Those that wait need not wait for the next look at their deadlines.
      this.#shared.sweep.pass(this.#shared.sweep.now());
      const { drain } = this.#runtime.config.limits;
      const timer = setTimeout(() => this.abort(), drain);
      await this.#reception.emptied();
      clearTimeout(timer);
    }
    await this.#runtime.close();
    // What has not begun by now is not waited for.
    this.abort();
    await Promise.all([this.#reception.settled(), ...this.#probes]);
    await this.#shared.recorder.settled();
    this.#shared.sweep[Symbol.dispose]();
  }

  /** Listens where it doesn't yet; on failure on none of them. */
  async #listen(wanted: ReadonlyMap<string, Listener>): Promise<void> {
    const opened = new Map<string, Deno.Listener>();
    try {
      for (const [key, { address }] of wanted) {
        if (this.#listeners.has(key)) continue;
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
        (connection) => this.#take(connection, key),
        {
          onError: (error) =>
            this.#shared.log.error("accept-failed", { error }),
        },
      );
      this.#loops.add(loop);
      loop.finally(() => this.#loops.delete(loop));
    }
  }
}

/** Waits, unless `signal` ends that; never rejects. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

function toAddress(
  addr: Deno.Addr,
  scheme: ListenAddress["scheme"],
): ListenAddress {
  const address = "hostname" in addr
    ? { transport: "tcp" as const, hostname: addr.hostname, port: addr.port }
    : {
      transport: "unix" as const,
      path: "path" in addr ? addr.path ?? "" : "",
    };
  return scheme === undefined ? address : { ...address, scheme };
}
