/**
 * Postern as what records: a process of its own, whose transcripts are taken
 * one by one.
 *
 * @module
 */

import { Child } from "../../tests/real/support/child.ts";
import { freePort, isListening } from "../../tests/real/support/port.ts";
import { PROGRAM, PROGRAM_ARGS } from "../../tests/real/support/postern.ts";
import { until } from "../../tests/real/support/wait.ts";

/** Postern's name; in a transcript it is `${host}`. */
const HOSTNAME = "mx.example.test";

/** A running `postern serve --record` or `postern record`. */
export class Recorder implements AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly #child: Child;
  readonly #folder: string;

  private constructor(port: number, child: Child, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /**
   * Starts a server that records its own sessions.
   *
   * @param toml More of its configuration, behind `[server]`.
   * @param relay Port of its relay; `undefined`: it stores messages.
   */
  static async serve(toml = "", relay?: number): Promise<Recorder> {
    const config = `[server]\nhostname = "${HOSTNAME}"\n${toml}`;
    return await Recorder.#start(async (port, folder) => {
      await Deno.writeTextFile(`${folder}/postern.toml`, config);
      return [
        ...["serve", "-c", `${folder}/postern.toml`],
        ...["--listen", `127.0.0.1:${port}`, "--record", `${folder}/record`],
        ...relay === undefined
          ? ["--maildir", `${folder}/mail`]
          : ["--relay", `smtp://127.0.0.1:${relay}`],
      ];
    });
  }

  /** Starts a go-between to the server at `to`. */
  static async between(to: number): Promise<Recorder> {
    return await Recorder.#start((port, folder) => [
      ...["record", "--listen", `127.0.0.1:${port}`],
      ...["--to", `127.0.0.1:${to}`, "--out", `${folder}/record`],
    ]);
  }

  static async #start(
    argsOf: (port: number, folder: string) => string[] | Promise<string[]>,
  ): Promise<Recorder> {
    const folder = await Deno.makeTempDir({ prefix: "postern-record-" });
    const port = freePort();
    const args = [...PROGRAM_ARGS, ...await argsOf(port, folder)];
    const child = new Child(PROGRAM, args, folder);
    const recorder = new Recorder(port, child, folder);
    try {
      await until("Postern to listen", () => {
        if (child.status !== undefined) throw new Error(child.output);
        return isListening(port);
      });
      // That look was a session of its own.
      await recorder.take();
    } catch (error) {
      await recorder[Symbol.asyncDispose]();
      throw error;
    }
    return recorder;
  }

  /** The transcript of the session that ends next, or has ended; only one may. */
  async take(): Promise<string> {
    const record = `${this.#folder}/record`;
    const path = await until("a transcript", () => {
      const [first, second] = [...Deno.readDirSync(record)]
        .map(({ name }) => name).filter((name) => name.endsWith(".txt"));
      if (second !== undefined) throw new Error("More than one session");
      return first;
    });
    const text = await Deno.readTextFile(`${record}/${path}`);
    await Deno.remove(`${record}/${path}`);
    return text;
  }

  /** What it printed. */
  get output(): string {
    return this.#child.output;
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
