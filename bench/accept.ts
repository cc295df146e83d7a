/**
 * Postern that accepts and throws away, for comparison with servers that do so:
 * the server as always, its log included, over a next hop that takes
 * everything. No command of Postern does this: it would lose mail.
 *
 * Started as `accept.ts PORT LOG_FILE`; ends by SIGTERM.
 *
 * @module
 */

import { checkConfig } from "../lib/config/load.ts";
import { REPLIES } from "../lib/engine/reply.ts";
import type { Hop } from "../lib/hop.ts";
import { fileSink, Log } from "../lib/log/log.ts";
import { machine } from "../lib/machine.ts";
import { Server } from "../lib/server.ts";

/** The next hop that keeps nothing. */
const NOWHERE: Hop = {
  name: "nowhere",
  rcpt: (recipients) =>
    Promise.resolve(recipients.map(() => REPLIES.recipientOk)),
  data: () => Promise.resolve(REPLIES.start),
  write: () => undefined,
  finish: () => Promise.resolve(REPLIES.delivered),
  abort: () => Promise.resolve(),
};

const [port, logFile = ""] = Deno.args;
const listen = [`127.0.0.1:${port}`];
const { config } = checkConfig({ server: { listen } }, machine());
if (config === undefined) throw new Error("The defaults do not hold");
const log = new Log({
  level: "info",
  sink: fileSink(logFile),
  gatherMs: 10, // as `postern serve` has it
});
const server = await Server.start(config, {
  log,
  openLocalHop: () => NOWHERE,
});
const stopped = Promise.withResolvers<void>();
Deno.addSignalListener("SIGTERM", stopped.resolve);
await stopped.promise;
await server.close();
log.close();
Deno.exit(0);
