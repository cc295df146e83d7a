/**
 * A server in a program.
 *
 * @module
 */

import type { ListenAddress } from "./address.ts";
import type { Config, ConfigInput } from "./config/config.ts";
import { checkConfig } from "./config/load.ts";
import { formatProblem } from "./config/problem.ts";
import type { Hooks } from "./hooks.ts";
import { type Log, silentLog } from "./log/log.ts";
import { machine } from "./machine.ts";
import type { Networks } from "./policy/networks.ts";
import type { RelayTable } from "./policy/relay_table.ts";
import { Server, type SessionInfo } from "./server.ts";

/** A server that {@linkcode serve} started. */
export interface RunningServer extends AsyncDisposable {
  /** Where it listens, with the ports that were chosen. */
  readonly addresses: readonly ListenAddress[];
  /** The relay list; changes count from the next recipient on. */
  readonly relays: RelayTable;
  /** Whose clients may send anywhere; changes count from the next session on. */
  readonly locals: Networks;
  /** The sessions in progress. */
  sessions(): readonly SessionInfo[];
  /**
   * Goes over to another configuration, changed lists included; sessions under
   * way end as they began.
   *
   * @throws {TypeError} It is wrong, or can't be used; all is as before.
   */
  reload(config: ConfigInput): Promise<void>;
  /**
   * Stops accepting, lets each session finish its message, for `limits.drain`
   * at most, and ends.
   */
  close(): Promise<void>;
  /**
   * Breaks off every session. What has not reached its final dot is not
   * delivered; of the rest, only what was answered 250 is known to be.
   */
  abort(): void;
}

/** What {@linkcode serve} may be told beside the configuration. */
export interface ServeOptions {
  /** Where log lines go; default: nowhere. */
  readonly log?: Log;
  /** What decides about logins and VRFY; default: `hooks.module`. */
  readonly hooks?: Hooks;
  /**
   * Whether the relay is asked at the start what it offers, so that the first
   * EHLO can offer it too.
   *
   * @default {true}
   */
  readonly probesRelay?: boolean;
}

/**
 * Starts a server. The keys are the configuration file's, sizes and durations
 * may be written as there (`"10MiB"`, `"60s"`).
 *
 * @throws {TypeError} The configuration is wrong; the message names every key.
 * @throws {Error} An address can't be listened on.
 */
export async function serve(
  config: ConfigInput = {},
  options: ServeOptions = {},
): Promise<RunningServer> {
  const { log = silentLog(), hooks, probesRelay = true } = options;
  const server = await Server.start(checked(config, hooks), {
    log,
    hooks,
    probesRelay,
  });
  return {
    get addresses() {
      return server.addresses;
    },
    get relays() {
      return server.relays;
    },
    get locals() {
      return server.locals;
    },
    sessions: () => server.sessions(),
    reload: async (config) => await server.reload(checked(config, hooks)),
    close: () => server.close(),
    abort: () => server.abort(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

function checked(input: ConfigInput, hooks: Hooks | undefined): Config {
  const hasHooks = hooks !== undefined;
  const { config, problems } = checkConfig(input, { ...machine(), hasHooks });
  if (config !== undefined) return config;
  throw new TypeError(problems.map(formatProblem).join("\n"));
}
