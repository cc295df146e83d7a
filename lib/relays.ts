/**
 * The relays of a configuration: how each is reached, what is kept open to it,
 * and what the default one is known to offer.
 *
 * @module
 */

import {
  formatRelay,
  hasImplicitTls,
  mechanismOf,
  type RelayAddress,
  SMTP_PORT,
} from "./config/address.ts";
import type { Config } from "./config/config.ts";
import type { Hop, Sender } from "./hop.ts";
import type { Log } from "./log/log.ts";
import type { RelayEntry } from "./policy/relay_table.ts";
import { unheardTrack } from "./record/relay_track.ts";
import type { SessionRecording } from "./record/session_recording.ts";
import { RelayHop } from "./relay/hop.ts";
import { oauthToken } from "./relay/oauth.ts";
import type { RelayWorld } from "./relay/open.ts";
import { type KnownRelay, RelayPool } from "./relay/pool.ts";
import { commandSecret } from "./relay/secret_command.ts";
import type { RelayCredentials, RelaySettings } from "./relay/settings.ts";
import type { SaslMechanism } from "./sasl/mechanism.ts";
import { fixedSecret, type SecretSource } from "./sasl/secret_source.ts";
import { Secret } from "./secret.ts";
import { readRoots } from "./transport/roots.ts";

/** The roots of `relay.ca_file` and `relay.ca_path`, as a list for TLS. */
export function readCaCerts({ relay }: Config): readonly string[] {
  return readRoots({ file: relay.ca_file, path: relay.ca_path });
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
  log?: Log,
): RelaySettings {
  const { relay, limits, server } = config;
  const credentials = credentialsOf(config, address, log);
  return {
    address: address.transport === "tcp"
      ? { hostname: address.hostname, port: address.port }
      : { path: address.path },
    protocol: address.scheme === "lmtp" ? "lmtp" : "smtp",
    implicitTls: hasImplicitTls(address),
    helloName: server.hostname,
    tls: relay.tls ??
      (credentials === undefined ? "opportunistic" : "verified"),
    caCerts,
    ...(credentials === undefined ? {} : { credentials }),
    pool: relay.pool,
    readTimeoutMs: limits.read_timeout,
    writeTimeoutMs: limits.write_timeout,
  };
}

function credentialsOf(
  config: Config,
  address: RelayAddress,
  log: Log | undefined,
): RelayCredentials | undefined {
  if (address.transport !== "tcp" || address.user === undefined) {
    return undefined;
  }
  const { user, password } = address;
  const mechanism = mechanismOf(address)?.toUpperCase() as
    | SaslMechanism
    | undefined;
  const kind = mechanism === "XOAUTH2" || mechanism === "OAUTHBEARER"
    ? "token"
    : "password";
  const secret = password === undefined
    ? configuredSecret(config, kind, log)
    : fixedSecret(password, kind);
  return { user, secret, ...(mechanism === undefined ? {} : { mechanism }) };
}

/** What the configuration names in the place of a password in the URL. */
function configuredSecret(
  { relay }: Config,
  kind: "password" | "token",
  log: Log | undefined,
): SecretSource {
  if (relay.oauth_token_url === "") {
    return commandSecret(relay.password_command, { kind });
  }
  const scope = relay.oauth_scope;
  const clientSecret = secretIn(relay.oauth_client_secret_file);
  const refreshToken = secretIn(relay.oauth_refresh_token_file);
  return oauthToken({
    tokenUrl: relay.oauth_token_url,
    clientId: relay.oauth_client_id,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(scope === "" ? {} : { scope }),
    onNewRefreshToken: () =>
      log?.warn("refresh-token-changed", {
        file: relay.oauth_refresh_token_file,
      }),
  });
}

function secretIn(path: string): Secret | undefined {
  if (path === "") return undefined;
  return new Secret(Deno.readTextFileSync(path).replace(/\r?\n$/, ""));
}

/** The relays that messages go to under one configuration. */
export class Relays {
  readonly #config: Config;
  readonly #world: RelayWorld;
  readonly #log: Log;
  readonly #caCerts: readonly string[];
  /** One a relay, as many as the relay list names at most. */
  readonly #pools = new Map<string, RelayPool>();

  /** @throws {Error} A file of certificates can't be read. */
  constructor(config: Config, world: RelayWorld, log: Log) {
    this.#config = config;
    this.#world = world;
    this.#log = log;
    this.#caCerts = readCaCerts(config);
  }

  /** The relay of a route; nothing where messages are stored here. */
  open(
    route: RelayEntry | "default",
    mail: Sender,
    log: Log,
    recording: SessionRecording | undefined,
  ): Hop | undefined {
    const address = route !== "default" && route.hostname !== undefined
      ? ownRelay(route.hostname, route.port)
      : this.#config.relay.url;
    if (address === undefined) return undefined;
    const track = recording?.relay(formatRelay(address));
    return new RelayHop(this.#pool(address), mail, log, track);
  }

  /** What the default relay is known to offer. */
  get known(): KnownRelay | undefined {
    const { url } = this.#config.relay;
    return url === undefined ? undefined : this.#pool(url).known;
  }

  /** The same, as far as `recording` tells how that is known. */
  knownIn(recording: SessionRecording | undefined): KnownRelay | undefined {
    const { url } = this.#config.relay;
    const isTold = recording === undefined ||
      url !== undefined && recording.tellsOf(formatRelay(url));
    return isTold ? this.known : undefined;
  }

  /** Whether there is a default relay of which nothing is known. */
  get isUnknown(): boolean {
    return this.#config.relay.url !== undefined && this.known === undefined;
  }

  /** Has a recording begin with what is known of the default relay. */
  introduce(recording: SessionRecording): void {
    const { url } = this.#config.relay;
    if (url === undefined || this.known === undefined) return;
    this.#pool(url).introduce(recording.relay(formatRelay(url)));
  }

  /** Asks the default relay what it offers, where that is not known lately. */
  async probe(): Promise<void> {
    const { url } = this.#config.relay;
    if (url === undefined) return;
    const isRecorded = this.#config.record.dir !== "";
    const track = isRecorded ? unheardTrack(this.#world.sweep.now) : undefined;
    await this.#pool(url).capabilities(undefined, track);
  }

  /** Ends the relay connections that idle. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.values().map((pool) => pool.close()));
  }

  #pool(address: RelayAddress): RelayPool {
    const key = formatRelay(address);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = new RelayPool(
        relaySettings(this.#config, address, this.#caCerts, this.#log),
        this.#world,
      );
      this.#pools.set(key, pool);
    }
    return pool;
  }
}

function ownRelay(hostname: string, port = SMTP_PORT): RelayAddress {
  return { transport: "tcp", scheme: "smtp", hostname, port };
}
