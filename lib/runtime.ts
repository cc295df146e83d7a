/**
 * What a configuration means for the sessions that start under it.
 *
 * Made anew at each reload; sessions under way keep the one they began with.
 *
 * @module
 */

import { Access, type AccessOptions } from "./access.ts";
import type { Client, ClientFacts, TlsFacts } from "./client.ts";
import type { Config } from "./config/config.ts";
import { openDelivery } from "./delivery/delivery.ts";
import { MAX_AUTH_LINE_BYTES } from "./engine/options.ts";
import type { Hop, Sender } from "./hop.ts";
import { type Listener, listenersOf } from "./listener.ts";
import { LocalHop, type LocalSettings } from "./local_hop.ts";
import type { Log } from "./log/log.ts";
import { readNetworks } from "./networks.ts";
import { offerOf } from "./offer.ts";
import type { Networks } from "./policy/networks.ts";
import type { Rates } from "./policy/rates.ts";
import { type RelayEntry, RelayTable } from "./policy/relay_table.ts";
import type { Recorder } from "./record/recorder.ts";
import type { SessionRecording } from "./record/session_recording.ts";
import { prepareFolder } from "./record/transcript_file.ts";
import {
  commonSettings,
  type RecordedSetting,
  sessionSettings,
} from "./recorded_setup.ts";
import type { RelayWorld } from "./relay/open.ts";
import { Relays } from "./relays.ts";
import type { Secured, SessionSettings } from "./session_settings.ts";
import type { Buffers } from "./transport/buffers.ts";
import type { Connection } from "./transport/connection.ts";
import { readProxyHeader } from "./transport/proxy_header.ts";

/** What a runtime shares with those before and after it. */
export interface Shared extends RelayWorld, Omit<AccessOptions, "hasOwnTls"> {
  /** Large buffers for message data. */
  readonly buffers: Buffers;
  /** Where the server's own lines go. */
  readonly log: Log;
  /** Lets time pass, in ms; less where the server ends. */
  pause(ms: number): Promise<void>;
  /** How many messages each client has sent lately. */
  readonly messages?: Rates | undefined;
  /** How many failed logins each client has made lately. */
  readonly logins?: Rates | undefined;
  /** Who is local, where that was read from the same configuration before. */
  readonly locals?: Networks | undefined;
  /** Takes the place of local delivery, as a benchmark or a replay wants. */
  readonly openLocalHop?: ((mail: Sender, log: Log) => Hop) | undefined;
  /** Goes over to TLS as the server; default: with the certificates. */
  readonly acceptTls?:
    | ((connection: Connection, timeoutMs: number) => Promise<Secured>)
    | undefined;
  /** Writes transcripts, where the configuration wants some. */
  readonly recorder?: Recorder | undefined;
}

/**
 * How long a client may take over a TLS handshake or a proxy over its header,
 * in ms, where `limits.read_timeout` is not less.
 */
const BEGIN_TIMEOUT_MS = 30_000;

/** A connection on which SMTP can begin, and what is known through TLS. */
export interface Begun {
  /** Past the PROXY header and the handshake. */
  readonly connection: Connection;
  /** Where the session is in TLS from the start. */
  readonly tls?: TlsFacts;
}

/** One configuration at work. */
export class Runtime {
  /** What it was made of. */
  readonly config: Config;
  /** The relay list. */
  readonly relays: RelayTable;
  /** Whose clients may send anywhere. */
  readonly locals: Networks;
  /** The places where the server listens, by their address as it is written. */
  readonly listeners: ReadonlyMap<string, Listener>;
  readonly #shared: Shared;
  readonly #access: Access;
  readonly #nextHops: Relays;
  /** Of sessions that are not recorded, made once a listener. */
  readonly #settings = new Map<Listener, SessionSettings>();
  #recordedSettings: readonly RecordedSetting[] | undefined;

  private constructor(
    config: Config,
    shared: Shared,
    parts: Pick<Runtime, "locals" | "listeners"> & { readonly access: Access },
  ) {
    this.config = config;
    this.#shared = shared;
    this.locals = parts.locals;
    this.listeners = parts.listeners;
    this.#access = parts.access;
    this.#nextHops = new Relays(config, shared, shared.log);
    this.relays = new RelayTable(config.relay.domains);
  }

  /**
   * Makes one; host names of networks are looked up now.
   *
   * @throws {Error} The configuration names what can't be used.
   */
  static async of(config: Config, shared: Shared): Promise<Runtime> {
    const { log, locals } = shared;
    const listeners = await listenersOf(config, log);
    const networks = locals ??
      await readNetworks(config.local.networks, "local.networks", log);
    const hasOwnTls = shared.acceptTls !== undefined;
    const access = await Access.of(config, { ...shared, hasOwnTls });
    const runtime = new Runtime(config, shared, {
      locals: networks,
      listeners,
      access,
    });
    if (config.relay.url === undefined) await runtime.#checkStore();
    const { dir } = config.record;
    if (dir !== "" && shared.recorder !== undefined) await prepareFolder(dir);
    return runtime;
  }

  /** Whether nothing is known of the default relay, where there is one. */
  get isRelayUnknown(): boolean {
    return this.#nextHops.isUnknown;
  }

  /** Finds out what the default relay offers, so that EHLO can offer it too. */
  async probe(): Promise<void> {
    await this.#nextHops.probe();
  }

  /**
   * Goes so far with a new connection that SMTP can begin: a proxy's header,
   * and TLS where it comes first.
   *
   * @throws {Error} That failed; the connection is closed.
   */
  async begin(connection: Connection, listener: Listener): Promise<Begun> {
    const isProxied = listener.proxies?.contains(connection.remote) ?? false;
    const plain = isProxied ? await this.readHeader(connection) : connection;
    if (listener.address.scheme !== "smtps") return { connection: plain };
    const { connection: secured, facts } = await this.secure(plain);
    return { connection: secured, tls: facts };
  }

  /**
   * Takes a proxy's header off a new connection.
   *
   * @throws {Error} There is no good one; the connection is closed.
   */
  async readHeader(connection: Connection): Promise<Connection> {
    const { signal } = this.#shared;
    const timeoutMs = this.#beginTimeoutMs;
    return await readProxyHeader(connection, { timeoutMs, signal });
  }

  /**
   * Goes over to TLS as the server.
   *
   * @throws {Error} That failed; the connection is closed.
   */
  async secure(connection: Connection): Promise<Secured> {
    const { signal, acceptTls } = this.#shared;
    const timeoutMs = this.#beginTimeoutMs;
    if (acceptTls !== undefined) return await acceptTls(connection, timeoutMs);
    const secured = await this.#access.tls!.accept(connection, {
      timeoutMs,
      signal,
    });
    const { tlsProtocol, tlsCipher, serverName, clientCertificate } = secured;
    return {
      connection: secured,
      facts: {
        protocol: tlsProtocol,
        cipher: tlsCipher,
        serverName,
        certificate: clientCertificate?.subject,
      },
    };
  }

  /** The recording of a session that begins, if there is to be one. */
  record(
    { id, address, isProxy }: Pick<ClientFacts, "id" | "address" | "isProxy">,
    listener: Listener,
  ): SessionRecording | undefined {
    const { record: { dir }, relay: { url }, server } = this.config;
    if (dir === "") return undefined;
    const isLocal = this.isLocal(address);
    const began = this.#shared.sweep.now();
    this.#recordedSettings ??= commonSettings(
      this.config,
      this.#access.mechanisms,
    );
    const recording = this.#shared.recorder?.begin({
      folder: dir,
      id,
      title: `Session ${id}`,
      settings: [
        ...sessionSettings(
          this.config,
          { address, isLocal, began, isProxy: isProxy ?? false, listener },
          this.relays.entries(),
        ),
        ...this.#recordedSettings,
      ],
      variables: { id, host: server.hostname },
      secrets: url?.transport === "tcp" && url.password !== undefined
        ? [url.password.reveal()]
        : [],
    });
    if (recording !== undefined) this.#nextHops.introduce(recording);
    return recording;
  }

  /** What a session is run with, which `recording` may have an ear at. */
  sessionSettings(
    listener: Listener,
    recording: SessionRecording | undefined,
  ): SessionSettings {
    if (recording !== undefined) return this.#newSettings(listener, recording);
    return this.#settings.getOrInsertComputed(
      listener,
      () => this.#newSettings(listener),
    );
  }

  #newSettings(
    listener: Listener,
    recording?: SessionRecording,
  ): SessionSettings {
    const { limits, flags, server } = this.config;
    const { sweep, buffers, pause, signal, messages, logins } = this.#shared;
    const { now } = sweep;
    const mechanisms = listener.auth === "off" ? [] : this.#access.mechanisms;
    const isLmtp = listener.address.scheme === "lmtp";
    const canSecure = this.#hasTls && listener.tls !== "off";
    const mayLogIn = (client: Client) =>
      mechanisms.length > 0 && client.login === undefined &&
      (client.tls !== undefined ||
        client.isLocal && listener.tls !== "required");
    return {
      engine: {
        hostname: server.hostname,
        greeting: server.greeting,
        offer: { size: limits.data },
        maxLine: limits.line,
        maxRecipients: limits.recipients,
        maxErrors: limits.errors,
        bareNewline: limits.bare_newline,
        needHello: flags.session.includes("needhelo"),
        protocol: isLmtp ? "lmtp" : "smtp",
        lenient: new Set(limits.lenient),
        needTls: listener.tls === "required",
        needAuth: listener.auth === "required",
        maxAuthLine: Math.max(MAX_AUTH_LINE_BYTES, limits.line),
      },
      table: this.relays,
      readTimeoutMs: limits.read_timeout,
      writeTimeoutMs: limits.write_timeout,
      greetingDelayMs: limits.greeting_delay,
      errorDelayMs: limits.error_delay,
      buffers,
      now,
      pause,
      offer: (client) =>
        offerOf({
          size: limits.data,
          recipients: limits.recipients,
          startTls: canSecure && client.tls === undefined,
          auth: mayLogIn(client) ? mechanisms : [],
          isProxy: client.isProxy,
          isSecure: client.tls !== undefined,
          relay: this.#nextHops.knownIn(recording),
        }),
      openHop: (route, mail, log) => this.#openHop(route, mail, log, recording),
      startTls: async (connection) => {
        const inner = recording?.untapped(connection) ?? connection;
        sweep.delete(connection);
        const { connection: secured, facts } = await this.secure(inner);
        const heard = recording?.secured(secured, "server") ?? secured;
        sweep.add(heard);
        return { connection: heard, facts };
      },
      login: (client, log) =>
        this.#access.login(client, log, { pause, signal, logins, now }),
      mayMail: ({ address, mayRelay }) =>
        mayRelay || messages === undefined ||
        messages.take(address, limits.message_rate, now()),
      verify: (client, text) => this.#access.verify(client, text, signal),
    };
  }

  /** Whether a client may send anywhere; one on a Unix socket may. */
  isLocal(address: string): boolean {
    return address === "" || this.locals.contains(address);
  }

  /** Ends the relay connections that idle. */
  async close(): Promise<void> {
    await this.#nextHops.close();
  }

  get #hasTls(): boolean {
    return this.#access.tls !== undefined ||
      this.#shared.acceptTls !== undefined &&
        this.config.tls.certificate !== "";
  }

  get #beginTimeoutMs(): number {
    return Math.min(this.config.limits.read_timeout, BEGIN_TIMEOUT_MS);
  }

  /** A store that can't be used is better found at the start than by mail. */
  async #checkStore(): Promise<void> {
    if (this.#shared.openLocalHop !== undefined) return;
    const { target, hostname } = this.#store;
    const nobody = { sender: "", recipients: [], hostname };
    await (await openDelivery(target, nobody, "")).abort();
  }

  get #store(): LocalSettings {
    const { delivery: { maildir, mbox }, server: { hostname } } = this.config;
    return { target: mbox !== "" ? { mbox } : { maildir }, hostname };
  }

  #openHop(
    route: RelayEntry | "default",
    mail: Sender,
    log: Log,
    recording?: SessionRecording,
  ): Hop {
    const { openLocalHop } = this.#shared;
    return this.#nextHops.open(route, mail, log, recording) ??
      openLocalHop?.(mail, log) ??
      new LocalHop(this.#store, mail, log);
  }
}
