/**
 * Postern as its users run it: a process of its own, on a loopback port, with
 * a configuration file.
 *
 * `POSTERN_PROGRAM` names another file to run instead of `cli.ts`, such as
 * `dist/postern.js`, so that the same tests judge the bundle. With
 * `POSTERN_PROGRAM=none` clients talk to the relay itself: a check of the
 * tests, which must hold without Postern in between where that makes sense.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Child, type Finished, run } from "./child.ts";
import { freePort, isListening } from "./port.ts";
import { until } from "./wait.ts";

const FILE = Deno.env.get("POSTERN_PROGRAM") ??
  fileURLToPath(new URL("../../../cli.ts", import.meta.url));

/** How long a signal may take until it is sent again, in ms. */
const ASK_AGAIN_MS = 5_000;

/** Whether the tests run against the relay itself. */
export const DIRECT: boolean = FILE === "none";

/** What runs Postern's command line. */
export const PROGRAM: string = Deno.execPath();

/** Arguments of {@linkcode PROGRAM} before a command; permissions as `cli.ts` names them. */
export const PROGRAM_ARGS: readonly string[] = [
  ...["run", "--no-prompt", "--allow-net", "--allow-read", "--allow-write"],
  ...["--allow-env", "--allow-sys=hostname"],
  FILE,
];

/** The same, in the checkout, with its garbage collected on demand. */
const COLLECTING_ARGS = [
  ...["run", "--allow-all", "--v8-flags=--expose-gc"],
  fileURLToPath(new URL("collecting.ts", import.meta.url)),
];

/** Runs a command of Postern's to its end. */
export async function postern(
  args: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<Finished> {
  return await run(PROGRAM, [...PROGRAM_ARGS, ...args], options);
}

/** How a test wants its server. */
export interface PosternOptions {
  /** Port of the default relay on 127.0.0.1. */
  readonly relay: number;
  /** Configuration, TOML; its own `[[listener]]`s count beside the port. */
  readonly toml?: string;
  /** More of the command line; what stands there twice counts here. */
  readonly args?: readonly string[];
  /** Whether {@linkcode Postern.alive} will be asked; runs `collecting.ts`. */
  readonly collects?: boolean;
}

/** A running `postern serve`. */
export class Postern implements AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly #child: Child | undefined;
  readonly #folder: string;

  private constructor(port: number, folder: string, child?: Child) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  /** Starts it in a temporary folder and waits until it accepts. */
  static async start(options: PosternOptions): Promise<Postern> {
    const folder = await Deno.makeTempDir({ prefix: "postern-serve-" });
    if (DIRECT) return new Postern(options.relay, folder);
    const config = `${folder}/postern.toml`;
    const port = freePort();
    const { toml = "" } = options;
    // Of `--listen` and [[listener]] only the first would count.
    const hasListeners = toml.includes("[[listener]]");
    const listener = `\n[[listener]]\nurl = "127.0.0.1:${port}"\n`;
    await Deno.writeTextFile(config, hasListeners ? toml + listener : toml);
    const child = new Child(PROGRAM, [
      ...(options.collects ? COLLECTING_ARGS : PROGRAM_ARGS),
      "serve",
      ...["-c", config],
      ...(hasListeners ? [] : ["--listen", `127.0.0.1:${port}`]),
      ...["--relay", `smtp://127.0.0.1:${options.relay}`],
      ...["--log-level", "info", ...options.args ?? []],
    ], folder);
    const postern = new Postern(port, folder, child);
    try {
      await until("Postern to accept", async () => {
        if (child.status !== undefined) throw new Error("Postern ended");
        return await isListening(port);
      });
    } catch (error) {
      const { output } = postern;
      await postern[Symbol.asyncDispose]();
      throw new Error(output, { cause: error });
    }
    return postern;
  }

  /** Its process id. */
  get pid(): number {
    if (this.#child === undefined) throw new Error("Postern does not run");
    return this.#child.pid;
  }

  /** What it printed. */
  get output(): string {
    return this.#child?.output ?? "";
  }

  /** Bytes that are alive once its garbage is collected. */
  async alive(): Promise<number> {
    const printed = () => [...this.output.matchAll(/^alive=(\d+)$/gm)];
    const before = printed().length;
    let askAgainAt = 0;
    await until("its garbage collected", () => {
      // A busy machine has been seen to lose a signal.
      if (Date.now() > askAgainAt) {
        this.#child?.kill("SIGUSR2");
        askAgainAt = Date.now() + ASK_AGAIN_MS;
      }
      return printed().length > before;
    });
    return Number(printed().at(-1)![1]);
  }

  /** Ends it by SIGTERM, and gives its exit status. */
  async stop(): Promise<number> {
    return (await this.#child?.stop())?.code ?? 0;
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
