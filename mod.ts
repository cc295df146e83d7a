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

export type {
  ListenAddress,
  ListenScheme,
  TcpAddress,
  UnixAddress,
} from "./lib/address.ts";
export type { ConfigInput, ListenerInput } from "./lib/config/config.ts";
export type { Parsed } from "./lib/engine/path.ts";
export type { Reply } from "./lib/engine/reply.ts";
export type {
  HookAnswer,
  HookLogin,
  HookOptions,
  Hooks,
  HookSession,
} from "./lib/hooks.ts";
export {
  fileSink,
  Log,
  type LogFields,
  type LogFormat,
  type LogLevel,
  type LogOptions,
  type LogSink,
  stderrSink,
} from "./lib/log/log.ts";
export type { Address } from "./lib/policy/address.ts";
export {
  type HostName,
  type Network,
  type NetworkEntry,
  Networks,
  parseNetwork,
} from "./lib/policy/networks.ts";
export { type RelayEntry, RelayTable } from "./lib/policy/relay_table.ts";
export { type Fate, send, type SendOptions } from "./lib/send.ts";
export { type RunningServer, serve, type ServeOptions } from "./lib/serve.ts";
export type { SessionInfo } from "./lib/server.ts";
