/**
 * Takes connections in: admits or refuses them, and runs their sessions.
 *
 * The rule: whatever one client does, the others are served. A client that is
 * one too many, or comes too often, hears 421 at once; a header or a handshake
 * that does not come holds up nobody, and there are no more of them under way
 * than there may be sessions.
 *
 * @module
 */

import { Client } from "./client.ts";
import type { Config } from "./config/config.ts";
import { formatReply, REPLIES } from "./engine/reply.ts";
import type { Listener } from "./listener.ts";
import { Admission } from "./policy/admission.ts";
import { Rates } from "./policy/rates.ts";
import type { Recorder } from "./record/recorder.ts";
import type { Begun, Runtime, Shared } from "./runtime.ts";
import { Session } from "./session.ts";
import type { Connection } from "./transport/connection.ts";

const REFUSALS = {
  sessions: encode(formatReply(REPLIES.tooManySessions)),
  client: encode(formatReply(REPLIES.tooManyFromClient)),
  rate: encode(formatReply(REPLIES.connectsTooOften)),
};

/** What a reception shares with its server. */
export type ReceptionShared =
  & Pick<Shared, "log" | "sweep">
  & { readonly recorder: Recorder };

/** Where a server's connections come in. */
export class Reception {
  readonly #shared: ReceptionShared;
  readonly #admission: Admission;
  readonly #rates: Rates;
  readonly #sessions = new Set<Session>();
  /** Connections on which SMTP has not begun: a header or a handshake comes. */
  readonly #beginnings = new Set<Promise<void>>();
  #isClosed = false;
  #emptied: (() => void) | undefined;

  constructor(config: Config, shared: ReceptionShared) {
    this.#shared = shared;
    this.#admission = new Admission(admissionLimits(config));
    this.#rates = new Rates({ periodMs: config.limits.rate_period });
  }

  /** The sessions in progress. */
  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  /** Goes over to other limits. */
  change(config: Config): void {
    this.#admission.change(admissionLimits(config));
    this.#rates.change(config.limits.rate_period);
  }

  /** Takes a new connection in. */
  take(connection: Connection, listener: Listener, runtime: Runtime): void {
    if (!listener.proxies?.contains(connection.remote)) {
      return this.#admit(connection, listener, runtime);
    }
    // Until a header has come nobody knows whose it is, so all count as one.
    const { sessions } = runtime.config.limits;
    if (this.#beginnings.size + this.#sessions.size >= sessions) {
      return this.#refuse(connection, "sessions", runtime);
    }
    this.#begin(connection, async () => {
      const proxied = await runtime.readHeader(connection);
      this.#admit(proxied, listener, runtime);
    });
  }

  /** Does what comes before SMTP; a failure there is the client's own. */
  #begin(connection: Connection, begin: () => Promise<void>): void {
    const { remote: client } = connection;
    const beginning = begin().catch((error) => {
      connection.close();
      if (this.#isClosed) return;
      this.#shared.log.info("begin-failed", { client, error });
    }).finally(() => this.#beginnings.delete(beginning));
    this.#beginnings.add(beginning);
  }

  /** Takes nobody in any more, and tells those who are here. */
  stop(): void {
    this.#isClosed = true;
    for (const session of this.#sessions) session.stop();
  }

  /** Resolves once the last session has ended. */
  async emptied(): Promise<void> {
    if (this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => this.#emptied = resolve);
  }

  /** Resolves once nothing begins any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#beginnings);
  }

  /** Counts the client in, and runs its session: after TLS, where that is first. */
  #admit(connection: Connection, listener: Listener, runtime: Runtime): void {
    if (this.#isClosed) return connection.close();
    const { remote } = connection;
    const verdict = this.#admission.admit(remote);
    if (verdict !== "ok") return this.#refuse(connection, verdict, runtime);
    if (!this.#comesInTime(remote, runtime)) {
      this.#admission.leave(remote);
      return this.#refuse(connection, "rate", runtime);
    }
    if (listener.address.scheme !== "smtps") {
      return this.#run({ connection }, listener, runtime);
    }
    this.#begin(connection, async () => {
      const secured = await runtime.secure(connection).catch((error) => {
        this.#admission.leave(remote);
        throw error;
      });
      const begun = { connection: secured.connection, tls: secured.facts };
      this.#run(begun, listener, runtime);
    });
  }

  #run(
    { connection, tls }: Begun,
    listener: Listener,
    runtime: Runtime,
  ): void {
    const { remote, remotePort } = connection;
    if (this.#isClosed) {
      this.#admission.leave(remote);
      return connection.close();
    }
    const id = newId();
    const isProxy = listener.trusted?.contains(remote) ?? false;
    const facts = { id, address: remote, port: remotePort, isProxy, tls };
    const client = new Client(facts, (address) => runtime.isLocal(address));
    const recording = runtime.record(facts, listener);
    const heard =
      (tls === undefined
        ? recording?.tap(connection, "server")
        : recording?.secured(connection, "server")) ?? connection;
    this.#shared.sweep.add(heard);
    const session = new Session(
      heard,
      client,
      runtime.sessionSettings(listener, recording),
      this.#shared.log,
    );
    this.#sessions.add(session);
    const ended = () => {
      this.#shared.sweep.delete(session.connection);
      this.#admission.leave(remote);
      if (recording !== undefined) this.#shared.recorder.end(recording);
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#emptied?.();
    };
    session.run().then(ended, (error) => {
      // It is made not to; if it does all the same, the others are served on.
      session.connection.close();
      ended();
      this.#shared.log.error("session-failed", { session: id, error });
    });
  }

  #comesInTime(remote: string, runtime: Runtime): boolean {
    const { connection_rate } = runtime.config.limits;
    return runtime.isLocal(remote) ||
      this.#rates.take(remote, connection_rate, this.#shared.sweep.now());
  }

  #refuse(
    connection: Connection,
    reason: keyof typeof REFUSALS,
    runtime: Runtime,
  ): void {
    const { sweep, log } = this.#shared;
    sweep.add(connection);
    log.warn("refused", { client: connection.remote, reason });
    connection.writeBy = sweep.now() + runtime.config.limits.write_timeout;
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

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
