/**
 * `postern record`: a go-between that writes a transcript of every session.
 *
 * @module
 */

import { parseListenAddress, parsePlainServer } from "../config/address.ts";
import { Log } from "../log/log.ts";
import { GoBetween } from "../record/go_between.ts";
import type { Target } from "../transport/dial.ts";
import {
  type Command,
  OutputError,
  parseOptions,
  print,
  reasonOf,
  say,
  UsageError,
} from "./usage.ts";

/** How long sessions may go on after the first signal, in ms. */
const DRAIN_MS = 10_000;

/** Records sessions between any client and any server. */
export const recordCommand: Command = {
  summary: "record sessions between any client and any server",
  usage: "record --listen ADDR --to HOST:PORT --out DIR [--host NAME]…",
  help: `  --listen ADDR   where clients connect: HOST:PORT or unix:/PATH
  --to HOST:PORT  the server that they talk to; or unix:/PATH
  --out DIR       where transcripts go, one a session; made where it is missing
  --host NAME     a host name that becomes a variable, \${host}; may be repeated

Each transcript is named on standard output once it is written. Passwords are
taken out. The server's offer of STARTTLS is kept from the client, so that there
is something to read; a client that starts TLS all the same is let through, and
the transcript ends there.

SIGINT and SIGTERM let sessions end, for ten seconds at most; a second one
breaks them off. What was said by then is written.

Example:
  postern record --listen 127.0.0.1:2500 --to localhost:25 --out conversations`,
  async run(args) {
    const options = parseOptions(args, {
      string: ["listen", "to", "out"],
      collect: ["host"],
    });
    const given = (name: string, what: string) => {
      const value = options.value(name);
      if (value !== undefined) return value;
      throw new UsageError(`No --${name}: expected --${name} ${what}`);
    };
    const listen = parseListenAddress(given("listen", "ADDR"));
    if (!listen.ok) {
      throw new UsageError(`Cannot use --listen: expected ${listen.expected}`);
    }
    if (listen.value.scheme !== undefined) {
      throw new UsageError("Cannot use --listen: expected SMTP in clear");
    }
    const to = parseTarget(given("to", "HOST:PORT"));
    const folder = given("out", "DIR");
    const log = new Log();
    let isHeard = true;
    const onRecorded = (path: string) => {
      try {
        if (isHeard) print(`recorded ${path}`);
      } catch (error) {
        if (!(error instanceof OutputError)) throw error;
        // What is said goes on, and so does its recording.
        isHeard = false;
        error.tell();
      }
    };
    try {
      const goBetween = await GoBetween.start({
        listen: listen.value,
        to,
        folder,
        hosts: options.values("host"),
        log,
        onRecorded,
      });
      await untilStopped(goBetween);
    } catch (error) {
      say(reasonOf(error));
      return 1;
    } finally {
      log.close();
    }
    return isHeard ? 0 : 1;
  },
};

/** The server, without credentials: those are the client's to say. */
function parseTarget(text: string): Target {
  const parsed = parsePlainServer(text);
  if (!parsed.ok) {
    throw new UsageError("Cannot use --to: expected HOST:PORT or unix:/PATH");
  }
  const { value } = parsed;
  return value.transport === "unix"
    ? { path: value.path }
    : { hostname: value.hostname, port: value.port };
}

async function untilStopped(goBetween: GoBetween): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  let isStopping = false;
  const stop = () => {
    if (isStopping) return goBetween.abort();
    isStopping = true;
    say("Stopping once the sessions have ended");
    stopped.resolve();
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  // Who reads this line may connect, or send a signal, at once.
  say(`Recording what passes at ${goBetween.address}`);
  await stopped.promise;
  const timer = setTimeout(() => goBetween.abort(), DRAIN_MS);
  await goBetween.close();
  clearTimeout(timer);
  for (const signal of signals) Deno.removeSignalListener(signal, stop);
}
