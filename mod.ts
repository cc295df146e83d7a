/**
 * Postern: an SMTP server and proxy.
 *
 * @example A server that stores what it gets, and a message for it
 * ```ts
 * import { send, serve } from "@postern/smtpd";
 * import { assert } from "@std/assert";
 *
 * const maildir = await Deno.makeTempDir();
 * await using server = await serve({
 *   server: { listen: ["127.0.0.1:0"] },
 *   delivery: { maildir },
 * });
 * const fates = await send("Subject: Hello\r\n\r\nHello.\r\n", {
 *   from: "a@example.org",
 *   to: ["b@localhost"],
 *   server: server.addresses[0],
 * });
 * assert(fates[0]?.delivered);
 * ```
 *
 * @module
 */

import type { ListenAddress } from "./lib/config/address.ts";
import { parseRelayUrl, type RelayAddress } from "./lib/config/address.ts";
import type { ConfigInput } from "./lib/config/config.ts";
import { checkConfig, defaultConfig } from "./lib/config/load.ts";
import { formatProblem } from "./lib/config/problem.ts";
import { machine } from "./lib/cli/configuration.ts";
import { type Mailbox, parseMailbox } from "./lib/engine/path.ts";
import { type Log, silentLog } from "./lib/log/log.ts";
import { relaySettings } from "./lib/runtime.ts";
import { type Fate, sendMessage } from "./lib/send.ts";
import { Server } from "./lib/server.ts";

export type { ConfigInput } from "./lib/config/config.ts";
export type { ListenAddress } from "./lib/config/address.ts";
export type { Reply } from "./lib/engine/reply.ts";
export { Log, type LogOptions } from "./lib/log/log.ts";
export type { Fate } from "./lib/send.ts";
export { Server, type SessionInfo } from "./lib/server.ts";

/** What {@linkcode serve} may be told beside the configuration. */
export interface ServeOptions {
  /** Where log lines go; default: nowhere. */
  readonly log?: Log;
}

/**
 * Starts a server. The keys are the configuration file's, sizes and durations
 * may be written as there (`"10MiB"`, `"60s"`).
 *
 * @throws {TypeError} The configuration is wrong; the message names every key.
 * @throws {Error} An address can't be listened on.
 */
export function serve(
  config: ConfigInput = {},
  options: ServeOptions = {},
): Promise<Server> {
  const checked = checkConfig(config, machine());
  if (checked.config === undefined) {
    const problems = checked.problems.map(formatProblem);
    return Promise.reject(new TypeError(problems.join("\n")));
  }
  return Server.start(checked.config, { log: options.log ?? silentLog() });
}

/** Whom {@linkcode send} sends for, and where to. */
export interface SendOptions {
  /** The sender; `""` for none. */
  readonly from: string;
  /** The recipients. */
  readonly to: readonly string[];
  /**
   * `HOST`, `HOST:PORT`, `plain://USER:PWD@HOST:587`, `unix:/PATH`, or an
   * address of a {@linkcode Server}.
   */
  readonly server: string | ListenAddress | undefined;
  /** How TLS is used; default: `verified` with credentials, else `opportunistic`. */
  readonly tls?: "off" | "opportunistic" | "required" | "verified";
  /** Breaks it off. */
  readonly signal?: AbortSignal;
}

/**
 * Sends one message. A bare CR or LF in it becomes CRLF.
 *
 * Resolves with each recipient's fate, also where the server could not be
 * reached.
 *
 * @throws {TypeError} An address or the server's can't be parsed.
 */
export async function send(
  message: string | Uint8Array,
  options: SendOptions,
): Promise<readonly Fate[]> {
  const bytes = typeof message === "string"
    ? new TextEncoder().encode(message)
    : message;
  const envelope = {
    sender: options.from === "" ? null : mailboxOf(options.from),
    recipients: options.to.map(mailboxOf),
  };
  const address = addressOf(options.server);
  const settings = relaySettings(
    defaultConfig({ hostname: machine().hostname }),
    address,
    [],
  );
  const hasUser = "user" in address && address.user !== undefined;
  const tls = options.tls ?? (hasUser ? "verified" : "opportunistic");
  const { signal } = options;
  return await sendMessage(bytes, envelope, { ...settings, tls }, { signal });
}

function mailboxOf(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (parsed.ok) return parsed.value;
  throw new TypeError(
    `Cannot parse address "${text}": expected ${parsed.expected}`,
  );
}

function addressOf(server: string | ListenAddress | undefined): RelayAddress {
  if (server === undefined) {
    throw new TypeError("Cannot send: expected a server");
  }
  if (typeof server !== "string") {
    return server.transport === "unix" ? { ...server, scheme: "unix" } : {
      transport: "tcp",
      scheme: "smtp",
      host: server.hostname,
      port: server.port,
    };
  }
  const parsed = parseRelayUrl(server);
  if (parsed.ok) return parsed.value;
  throw new TypeError(`Cannot parse the server: expected ${parsed.expected}`);
}
