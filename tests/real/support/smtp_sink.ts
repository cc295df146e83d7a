/**
 * Postfix's `smtp-sink` as the relay: takes messages, or refuses in the way its
 * options say. What it took stands in a dump file.
 *
 * @module
 */

import { Child } from "./child.ts";
import { freePort, isListening } from "./port.ts";
import { connections } from "./proc.ts";
import { until } from "./wait.ts";

/** Where Debian keeps it. */
export const SMTP_SINK = "/usr/sbin/smtp-sink";

/** Connections that may wait to be accepted. */
const BACKLOG = 500;

/** A running `smtp-sink`. */
export class SmtpSink implements AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly #folder: string;
  readonly #child: Child;

  private constructor(folder: string, port: number, child: Child) {
    this.#folder = folder;
    this.port = port;
    this.#child = child;
  }

  /** Starts it with `options`, see `man smtp-sink`. */
  static async start(
    options: readonly string[],
    port = freePort(),
  ): Promise<SmtpSink> {
    const folder = await Deno.makeTempDir({ prefix: "postern-sink-" });
    // It insists on another user than root, who must be able to dump here.
    await Deno.chmod(folder, 0o777);
    const child = new Child(SMTP_SINK, [
      ...(Deno.uid() === 0 ? ["-u", "nobody"] : []),
      ...["-D", "dump", ...options, `127.0.0.1:${port}`, `${BACKLOG}`],
    ], folder);
    const sink = new SmtpSink(folder, port, child);
    try {
      await until("smtp-sink to listen", async () => {
        if (child.status !== undefined) throw new Error(child.output);
        return await isListening(port);
      });
    } catch (error) {
      await sink[Symbol.asyncDispose]();
      throw error;
    }
    return sink;
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Everything it took, one message after the other; lines end in LF. */
  async taken(): Promise<string> {
    try {
      return await Deno.readTextFile(`${this.#folder}/dump`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Waits until it has ended of itself. */
  async ended(): Promise<void> {
    await until("smtp-sink to end", () => this.#child.status !== undefined);
  }

  /** Waits until it has no connection left. */
  async isIdle(): Promise<void> {
    await until(
      "smtp-sink to have no connection",
      async () => await connections(this.#child.pid) === 0,
    );
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
