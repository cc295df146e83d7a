/**
 * Who may come in under a configuration: certificates, users, the operator's
 * hooks. Read and checked as a whole, at start and at each reload, so that what
 * can't be used is found before anything is changed.
 *
 * @module
 */

import { UserDirectory } from "./auth/user_directory.ts";
import { readUsersFile } from "./auth/users_file.ts";
import type { Client } from "./client.ts";
import type { Config } from "./config/config.ts";
import { readTlsIdentities } from "./config/tls_files.ts";
import type { Reply } from "./engine/reply.ts";
import {
  HOOK_FAILED,
  HookCalls,
  HookError,
  type Hooks,
  type HookSession,
} from "./hooks.ts";
import { loadHooks } from "./hooks/load.ts";
import type { Log } from "./log/log.ts";
import { Login } from "./login.ts";
import type { Rates } from "./policy/rates.ts";
import { ServerTls } from "./transport/server_tls.ts";
import { readRoots } from "./transport/roots.ts";

/** What stands in for what the configuration names, as a program or a replay wants. */
export interface AccessOptions {
  /** Where warnings and the operator's code's mistakes go. */
  readonly log: Log;
  /** The operator's code; default: `hooks.module`. */
  readonly hooks?: Hooks | undefined;
  /** The users; default: hooks and `auth.users_file`. */
  readonly users?: UserDirectory | undefined;
  /** Whether certificates are left alone: TLS is somebody else's. */
  readonly hasOwnTls?: boolean;
}

/** What {@linkcode Access.login} needs of the session's server. */
export interface LoginWorld {
  /** Lets time pass, in ms. */
  pause(ms: number): Promise<void>;
  /** The clock, in ms since the epoch. */
  now(): number;
  /** How many failed logins each client has made lately. */
  readonly logins?: Rates | undefined;
  /** Ends what a login waits for. */
  readonly signal: AbortSignal;
}

/** Who may come in. */
export class Access {
  /** The server's side of TLS; nothing where there is no certificate. */
  readonly tls: ServerTls | undefined;
  readonly #config: Config;
  readonly #log: Log;
  readonly #hooks: HookCalls | undefined;
  readonly #users: UserDirectory;

  private constructor(
    config: Config,
    log: Log,
    parts: {
      readonly tls: ServerTls | undefined;
      readonly hooks: HookCalls | undefined;
      readonly users: UserDirectory;
    },
  ) {
    this.#config = config;
    this.#log = log;
    this.tls = parts.tls;
    this.#hooks = parts.hooks;
    this.#users = parts.users;
  }

  /**
   * Reads all of it.
   *
   * @throws {Error} A certificate, a users' file or the hooks can't be used.
   */
  static async of(config: Config, options: AccessOptions): Promise<Access> {
    const { log, hasOwnTls = false } = options;
    const { auth, hooks: { module, timeout } } = config;
    const loaded = options.hooks ??
      (module === "" ? undefined : await loadHooks(module));
    const hooks = loaded && new HookCalls(loaded, timeout);
    const read = auth.users_file === "" || options.users !== undefined
      ? undefined
      : await readUsersFile(auth.users_file);
    const users = options.users ??
      new UserDirectory({ file: read?.users, hooks });
    const tls = hasOwnTls ? undefined : openTls(config);
    for (const warning of [...read?.warnings ?? [], ...tls?.warnings ?? []]) {
      log.warn("configuration", { warning });
    }
    const access = new Access(config, log, { tls, hooks, users });
    const wantsLogins = config.listener.some(({ auth }) => auth === "required");
    if (wantsLogins && access.mechanisms.length === 0) {
      const warning = "Nobody can log in where auth is required: " +
        "expected users for one of auth.mechanisms";
      log.warn("configuration", { warning });
    }
    return access;
  }

  /** The mechanisms by which somebody could log in. */
  get mechanisms(): readonly string[] {
    return this.#users.mechanisms(this.#config.auth.mechanisms);
  }

  /** The logins of a session that begins. */
  login(client: Client, log: Log, world: LoginWorld): Login {
    const { auth, server } = this.#config;
    const { pause, signal, logins, now } = world;
    return new Login(
      {
        ...{ pause, signal },
        mayTry: ({ address, isLocal }) =>
          isLocal || logins === undefined ||
          logins.take(address, auth.failure_rate, now()),
        hasSucceeded: ({ address, isLocal }) =>
          isLocal ? undefined : logins?.giveBack(address),
        mechanisms: this.#users.mechanisms(auth.mechanisms),
        users: this.#users.forSession(
          () => hookSession(client),
          (error) => log.error("hook-failed", { error }),
        ),
        maxFailures: auth.failures,
        failureDelayMs: auth.failure_delay,
        hostname: server.hostname,
      },
      client,
      log,
    );
  }

  /** What the operator's code says to VRFY; nothing where it has none. */
  async verify(
    client: Client,
    text: string,
    signal: AbortSignal,
  ): Promise<Reply | undefined> {
    if (this.#hooks === undefined || !this.#hooks.has("vrfy")) return undefined;
    try {
      return await this.#hooks.vrfy(hookSession(client), text, signal);
    } catch (error) {
      if (!(error instanceof HookError)) throw error;
      this.#log.child(client.id).error("hook-failed", { error });
      return HOOK_FAILED;
    }
  }
}

function openTls({ tls }: Config): ServerTls | undefined {
  const identities = readTlsIdentities(tls, Deno.readTextFileSync);
  if (identities.length === 0) return undefined;
  const asks = tls.client_certificates !== "off";
  return new ServerTls({
    identities,
    clientCertificates: tls.client_certificates,
    caCerts: asks ? readRoots({ file: tls.ca_file, path: tls.ca_path }) : [],
    minVersion: tls.protocols.min,
    maxVersion: tls.protocols.max,
  });
}

function hookSession(client: Client): HookSession {
  const { tls } = client;
  const { address } = client.origin;
  return {
    id: client.id,
    client: address,
    isLocal: client.isLocal,
    helo: client.helo,
    ...(tls === undefined ? {} : {
      tls: {
        protocol: tls.protocol ?? "",
        cipher: tls.cipher ?? "",
        ...(tls.certificate === undefined
          ? {}
          : { clientSubject: tls.certificate }),
      },
    }),
  };
}
