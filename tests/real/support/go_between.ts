/**
 * `postern record` as its users run it, in a folder of its own.
 *
 * @module
 */

import { Child } from "./child.ts";
import { PROGRAM, PROGRAM_ARGS } from "./postern.ts";
import { until } from "./wait.ts";

/** A running `postern record`. */
export class GoBetween implements AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly #child: Child;
  readonly #folder: string;
  #taken = 0;

  private constructor(port: number, child: Child, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts it before the server on 127.0.0.1:`to`. */
  static async start(to: number): Promise<GoBetween> {
    const folder = await Deno.makeTempDir({ prefix: "postern-record-" });
    const child = new Child(PROGRAM, [
      ...[...PROGRAM_ARGS, "record", "--listen", "127.0.0.1:0"],
      ...["--to", `127.0.0.1:${to}`, "--out", folder],
    ]);
    try {
      const port = await until("Postern to record", () => {
        if (child.status !== undefined) throw new Error(child.output);
        return /^Recording .*:(\d+)$/m.exec(child.output)?.[1];
      });
      return new GoBetween(Number(port), child, folder);
    } catch (error) {
      await child.stop();
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** The path of the next transcript, once it is written. */
  async recorded(): Promise<string> {
    return await until("a recording", () => {
      const { output, status } = this.#child;
      if (status !== undefined) throw new Error(output);
      const [...written] = output.matchAll(/^recorded (.+)$/gm);
      const path = written[this.#taken]?.[1];
      if (path !== undefined) this.#taken++;
      return path;
    });
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
