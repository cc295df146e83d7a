/**
 * A server for tests: on a free port, its log in memory, its waits short.
 *
 * @module
 */

import {
  type ConfigInput,
  type ListenAddress,
  Log,
  type RunningServer,
  serve,
  type ServeOptions,
} from "../../mod.ts";
import { memorySink } from "../../lib/log/sink.ts";
import { RawClient } from "./raw_client.ts";
import type { ScriptedRelay } from "./scripted_relay.ts";

/** Bound of every wait in tests of waits, in ms. */
export const SHORT_MS = 500;

/** Settings that make the server give up soon. */
export const IMPATIENT = {
  read_timeout: `${SHORT_MS}ms`,
  write_timeout: `${SHORT_MS}ms`,
} as const;

/** A running server and what one looks at. */
export class Serving implements AsyncDisposable {
  readonly server: RunningServer;
  readonly #log: Log;
  readonly #lines: readonly string[];
  readonly #folder: string;

  private constructor(
    server: RunningServer,
    log: Log,
    lines: readonly string[],
    folder: string,
  ) {
    this.server = server;
    this.#log = log;
    this.#lines = lines;
    this.#folder = folder;
  }

  /** Starts one, which asks no relay what it offers unless it is told to. */
  static async start(
    config: ConfigInput = {},
    options: ServeOptions = {},
  ): Promise<Serving> {
    const sink = memorySink();
    const log = new Log({ level: "debug", sink });
    const folder = await Deno.makeTempDir();
    try {
      const server = await serve({
        delivery: { maildir: `${folder}/mail` },
        ...config,
        server: {
          hostname: "mx.test",
          listen: ["127.0.0.1:0"],
          ...config.server,
        },
      }, { log, probesRelay: false, ...options });
      return new Serving(server, log, sink.lines, folder);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** Gives it another configuration; the store stays in its folder. */
  reload(config: ConfigInput): Promise<void> {
    const maildir = `${this.#folder}/mail`;
    return this.server.reload({ delivery: { maildir }, ...config });
  }

  /** Where it listens first. */
  get address(): ListenAddress {
    return this.server.addresses[0]!;
  }

  /** What it has logged. */
  get log(): string {
    this.#log.flush();
    return this.#lines.join("\n");
  }

  /** The lines of the log that have a word. */
  logged(event: string): string[] {
    return this.log.split("\n").filter((line) => line.includes(` ${event} `));
  }

  /** A client that has said EHLO. */
  client(): Promise<RawClient> {
    return RawClient.greeted(this.address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.#log.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A server that relays to `relay`. */
export function servingBefore(
  relay: ScriptedRelay,
  config: ConfigInput = {},
  options: ServeOptions = {},
): Promise<Serving> {
  return Serving.start({
    ...config,
    relay: { url: relay.url, ...config.relay },
  }, options);
}
