/**
 * What a configuration means for the sessions that start under it.
 *
 * Made anew at each reload; sessions under way keep the one they began with.
 *
 * @module
 */

import { formatRelay, type RelayAddress, SMTP_PORT } from "./config/address.ts";
import type { Config } from "./config/config.ts";
import { openDelivery } from "./delivery/delivery.ts";
import type { Hop, Sender } from "./hop.ts";
import { LocalHop, type LocalSettings } from "./local_hop.ts";
import type { Log } from "./log/log.ts";
import {
  commonSettings,
  type RecordedSetting,
  sessionSettings,
} from "./recorded_setup.ts";
import type { Recorder } from "./record/recorder.ts";
import type { SessionRecording } from "./record/session_recording.ts";
import { prepareFolder } from "./record/transcript_file.ts";
import { Networks, parseNetwork } from "./policy/networks.ts";
import { type RelayEntry, RelayTable } from "./policy/relay_table.ts";
import { RelayHop } from "./relay/hop.ts";
import type { RelayWorld } from "./relay/open.ts";
import { RelayPool } from "./relay/pool.ts";
import type { RelaySettings } from "./relay/settings.ts";
import type { SessionSettings } from "./session.ts";
import type { Buffers } from "./transport/buffers.ts";
import { lookupAll } from "./transport/dial.ts";

/** What a runtime shares with those before and after it. */
export interface Shared extends RelayWorld {
  /** Large buffers for message data. */
  readonly buffers: Buffers;
  /** Where the server's own lines go. */
  readonly log: Log;
  /** Who is local, where that was read from the same configuration before. */
  readonly locals?: Networks | undefined;
  /** Takes the place of local delivery, as a benchmark or a replay wants. */
  readonly openLocalHop?: ((mail: Sender, log: Log) => Hop) | undefined;
  /** Writes transcripts, where the configuration wants some. */
  readonly recorder?: Recorder | undefined;
}

/**
 * How a relay is reached under `config`. Where that leaves TLS open, a password
 * is only for whom the certificate vouches for; else an attacker in between
 * could have it.
 */
export function relaySettings(
  config: Config,
  address: RelayAddress,
  caCerts: readonly string[],
): RelaySettings {
  const { relay, limits, server } = config;
  const { user, password } = address.transport === "tcp"
    ? address
    : { user: undefined, password: undefined };
  return {
    address: address.transport === "tcp"
      ? { hostname: address.hostname, port: address.port }
      : { path: address.path },
    helloName: server.hostname,
    tls: relay.tls ?? (user === undefined ? "opportunistic" : "verified"),
    caCerts,
    ...(user !== undefined && password !== undefined
      ? { credentials: { user, password } }
      : {}),
    pool: relay.pool,
    readTimeoutMs: limits.read_timeout,
    writeTimeoutMs: limits.write_timeout,
  };
}

/** The roots of `relay.ca_file`, as a list for TLS. */
export function readCaCerts(config: Config): readonly string[] {
  const { ca_file } = config.relay;
  return ca_file === "" ? [] : [Deno.readTextFileSync(ca_file)];
}

/** One configuration at work. */
export class Runtime {
  /** What it was made of. */
  readonly config: Config;
  /** The relay list. */
  readonly relays: RelayTable;
  /** Whose clients may send anywhere. */
  readonly locals: Networks;
  /** What its sessions are run with. */
  readonly session: SessionSettings;
  readonly #shared: Shared;
  readonly #caCerts: readonly string[];
  /** One a relay, as many as the relay list names at most. */
  readonly #pools = new Map<string, RelayPool>();
  #recordedSettings: readonly RecordedSetting[] | undefined;

  private constructor(config: Config, shared: Shared) {
    this.config = config;
    this.#shared = shared;
    this.locals = shared.locals ?? new Networks();
    this.#caCerts = readCaCerts(config);
    this.relays = new RelayTable(config.relay.domains);
    const { server, limits, flags } = config;
    this.session = {
      engine: {
        hostname: server.hostname,
        greeting: server.greeting,
        offer: { size: limits.data },
        maxLine: limits.line,
        maxRecipients: limits.recipients,
        maxErrors: limits.errors,
        bareNewline: limits.bare_newline,
        needHello: flags.session.includes("needhelo"),
      },
      table: this.relays,
      readTimeoutMs: limits.read_timeout,
      writeTimeoutMs: limits.write_timeout,
      buffers: shared.buffers,
      now: shared.sweep.now,
      openHop: (route, mail, log) => this.#openHop(route, mail, log),
    };
  }

  /** Makes one; host names in `local.networks` are looked up now. */
  static async of(config: Config, shared: Shared): Promise<Runtime> {
    const runtime = new Runtime(config, shared);
    if (shared.locals === undefined) {
      for (const text of config.local.networks) await runtime.#addLocal(text);
    }
    if (config.relay.url === undefined) await runtime.#checkStore();
    const { dir } = config.record;
    if (dir !== "" && shared.recorder !== undefined) await prepareFolder(dir);
    return runtime;
  }

  /** The recording of a session that begins, if there is to be one. */
  record(id: string, client: string): SessionRecording | undefined {
    const { record: { dir }, relay: { url }, server } = this.config;
    if (dir === "") return undefined;
    const isLocal = this.isLocal(client);
    const began = this.#shared.sweep.now();
    this.#recordedSettings ??= commonSettings(this.config);
    return this.#shared.recorder?.begin({
      folder: dir,
      id,
      title: `Session ${id}`,
      settings: [
        ...sessionSettings(
          this.config,
          { address: client, isLocal, began },
          this.relays.entries(),
        ),
        ...this.#recordedSettings,
      ],
      variables: { id, host: server.hostname },
      secrets: url?.transport === "tcp" && url.password !== undefined
        ? [url.password.reveal()]
        : [],
    });
  }

  /** What a session is run with, on whose relays `recording` has an ear. */
  sessionSettings(recording: SessionRecording | undefined): SessionSettings {
    if (recording === undefined) return this.session;
    return {
      ...this.session,
      openHop: (route, mail, log) => this.#openHop(route, mail, log, recording),
    };
  }

  /** Whether a client may send anywhere; one on a Unix socket may. */
  isLocal(address: string): boolean {
    return address === "" || this.locals.contains(address);
  }

  /** Ends the relay connections that idle. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.values().map((pool) => pool.close()));
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

  async #addLocal(text: string): Promise<void> {
    const parsed = parseNetwork(text);
    if (!parsed.ok) {
      throw new TypeError(
        `local.networks: Cannot use "${text}" as a network: ` +
          `expected ${parsed.expected}`,
      );
    }
    const member = parsed.value;
    if (member.kind === "network") return this.locals.add(member);
    if (member.text === "localhost") {
      // RFC 6761 section 6.3, whatever the resolver says: all of 127/8, and ::1.
      await this.#addLocal("127.0.0.0/8");
      return this.locals.add(member, ["127.0.0.1", "::1"]);
    }
    try {
      this.locals.add(member, await lookupAll(member.text));
    } catch (error) {
      this.#shared.log.warn("local-network-unknown", { name: text, error });
    }
  }

  #openHop(
    route: RelayEntry | "default",
    mail: Sender,
    log: Log,
    recording?: SessionRecording,
  ): Hop {
    const { relay } = this.config;
    const own = route !== "default" && route.hostname !== undefined
      ? ownRelay(route.hostname, route.port)
      : relay.url;
    if (own !== undefined) {
      const track = recording?.relay(formatRelay(own));
      return new RelayHop(this.#pool(own), mail, log, track);
    }
    const { openLocalHop } = this.#shared;
    if (openLocalHop !== undefined) return openLocalHop(mail, log);
    return new LocalHop(this.#store, mail, log);
  }

  #pool(address: RelayAddress): RelayPool {
    const key = formatRelay(address);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const settings = relaySettings(this.config, address, this.#caCerts);
      pool = new RelayPool(settings, this.#shared);
      this.#pools.set(key, pool);
    }
    return pool;
  }
}

function ownRelay(hostname: string, port = SMTP_PORT): RelayAddress {
  return { transport: "tcp", scheme: "smtp", hostname, port };
}
