/**
 * `postern serve`: the server until a signal ends it.
 *
 * @module
 */

import { formatListenAddress } from "../address.ts";
import type { Config, ConfigInput, ListenerConfig } from "../config/config.ts";
import { formatProblem } from "../config/problem.ts";
import {
  fileSink,
  Log,
  type LogOptions,
  type LogSink,
  stderrSink,
} from "../log/log.ts";
import { Server } from "../server.ts";
import {
  configurationFile,
  readConfiguration,
  useConfiguration,
} from "./configuration.ts";
import { type Command, parseOptions, reasonOf, say } from "./usage.ts";

/** Runs the server until SIGINT or SIGTERM. */
export const serveCommand: Command = {
  summary: "run the server",
  usage:
    "serve [-c FILE] [--listen ADDR]… [--relay URL] [--maildir DIR] [--record DIR] [--log-level LEVEL] [--log-format text|json]",
  help:
    `  -c, --config FILE    the configuration; default: ./postern.toml, or none
  --listen ADDR        HOST:PORT, [IPv6]:PORT, unix:/PATH, smtps://HOST:PORT or
                       lmtp://HOST:PORT; may be repeated
  --relay URL          where mail goes: smtp://HOST:PORT, lmtp:unix:/PATH,
                       smtp://USER:PWD@HOST for a login, smtps://USER:PWD@HOST
                       in TLS from the start
  --maildir DIR        where mail goes that is not relayed
  --record DIR         where a transcript of every session goes, without secrets
  --log-level LEVEL    debug, info, warn or error
  --log-format FORMAT  text or json

SIGINT and SIGTERM let sessions finish their message, a second one breaks them
off; SIGHUP reads the configuration, certificates, users and hooks again and
reopens the log.

Example:
  postern serve --listen 127.0.0.1:2525 --relay smtp://localhost:25`,
  async run(args) {
    const options = parseOptions(args, {
      string: [
        ...["config", "relay", "maildir", "record"],
        ...["log-level", "log-format"],
      ],
      collect: ["listen"],
    });
    const asked = options.value("config");
    const overrides = overridesOf(options);
    const config = useConfiguration(asked, overrides);
    if (config === undefined) return 1;
    let file = configurationFile(asked);
    return await serve(config, () => {
      file ??= configurationFile(asked);
      return readConfiguration(file, overrides);
    });
  },
};

function overridesOf(
  options: ReturnType<typeof parseOptions>,
): ConfigInput {
  const listen = options.values("listen");
  const relay = options.value("relay");
  const maildir = options.value("maildir");
  const dir = options.value("record");
  const level = options.value("log-level");
  const format = options.value("log-format");
  // The values are checked like a file's, so they need not be of the type yet.
  return {
    ...(listen.length > 0 ? { server: { listen } } : {}),
    ...(relay !== undefined ? { relay: { url: relay } } : {}),
    ...(maildir !== undefined ? { delivery: { maildir } } : {}),
    ...(dir !== undefined ? { record: { dir } } : {}),
    ...(level !== undefined || format !== undefined
      ? {
        log: {
          ...(level !== undefined ? { level } : {}),
          ...(format !== undefined ? { format } : {}),
        },
      }
      : {}),
  } as ConfigInput;
}

async function serve(
  config: Config,
  read: () => ReturnType<typeof readConfiguration>,
): Promise<number> {
  let log: Log;
  let server: Server;
  try {
    log = new Log(logOptions(config));
  } catch (error) {
    say(`Cannot open the log "${config.log.file}": ${reasonOf(error)}`);
    return 1;
  }
  try {
    server = await Server.start(config, { log, probesRelay: true });
  } catch (error) {
    say(reasonOf(error));
    return 1;
  }
  const stopped = Promise.withResolvers<void>();
  let isStopping = false;
  const stop = (signal: Deno.Signal) => {
    log.info("stopping", { signal, sessions: server.sessions().length });
    // The second one has no patience left.
    if (isStopping) server.abort();
    isStopping = true;
    stopped.resolve();
  };
  // One after the other: what a later one read must not be undone.
  let reloading = Promise.resolve();
  const handlers = {
    SIGINT: () => stop("SIGINT"),
    SIGTERM: () => stop("SIGTERM"),
    SIGHUP: () => {
      reloading = reloading.then(() => reload(server, log, read));
    },
  };
  for (const [signal, handler] of Object.entries(handlers)) {
    Deno.addSignalListener(signal as Deno.Signal, handler);
  }
  // Who reads these lines may send a signal at once.
  introduce(server, config, log);
  await stopped.promise;
  await server.close();
  for (const [signal, handler] of Object.entries(handlers)) {
    Deno.removeSignalListener(signal as Deno.Signal, handler);
  }
  log.info("stopped");
  log.close();
  return 0;
}

/** A broken new configuration is reported, and the old one stays. */
async function reload(
  server: Server,
  log: Log,
  read: () => ReturnType<typeof readConfiguration>,
): Promise<void> {
  try {
    const { config, problems, warnings } = read();
    for (const warning of warnings) {
      log.warn("config", { warning: formatProblem(warning) });
    }
    for (const problem of problems) {
      log.error("config", { problem: formatProblem(problem) });
    }
    if (config !== undefined) {
      // The log first: once the server has gone over there is no way back.
      const options = logOptions(config);
      try {
        await server.reload(config);
      } catch (error) {
        options.sink.close();
        throw error;
      }
      log.change(options);
      log.info("reloaded");
      return;
    }
  } catch (error) {
    log.error("config", { problem: reasonOf(error) });
  }
  log.reopen();
  log.error("not-reloaded", { reason: "the configuration as it was stays" });
}

/** How long lines of a busy log may gather, in ms: not seen by who looks. */
const LOG_GATHER_MS = 10;

function logOptions({ log }: Config): LogOptions & { sink: LogSink } {
  const { level, format, file } = log;
  const sink = file === "" ? stderrSink() : fileSink(file);
  return { level, format, sink, gatherMs: LOG_GATHER_MS };
}

/** What it does, where it listens, and how to send it a first message. */
function introduce(server: Server, config: Config, log: Log): void {
  const addresses = server.addresses.map(formatListenAddress);
  for (const address of addresses) log.info("listening", { address });
  if (config.log.format === "json" || config.log.file !== "") return;
  const { maildir, mbox } = config.delivery;
  const where = config.relay.url !== undefined
    ? "relays mail"
    : mbox !== ""
    ? `stores every message in the mbox ${mbox}`
    : `stores every message in the Maildir ${maildir}`;
  say(`Postern listens on ${addresses.join(", ")} and ${where}.`);
  // They are in the order in which they were configured.
  const listeners = [
    ...config.server.listen.map((url) => ({ url })),
    ...config.listener,
  ];
  const first = addresses.find((_, i) => isForAll(listeners[i]!));
  if (first === undefined) return;
  say("Send it a first message:");
  say(
    `  curl smtp://${first} --mail-from a@example.org --mail-rcpt b@localhost -T message.eml`,
  );
}

/** Whether a first message needs neither TLS nor a login. */
function isForAll({ url, tls, auth }: Partial<ListenerConfig>): boolean {
  return url?.transport === "tcp" && url.scheme === undefined &&
    tls !== "required" && auth !== "required";
}
