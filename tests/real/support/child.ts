/**
 * Other programs: servers that run beside the test, clients that run to an end.
 *
 * What is started here is ended here, by its own process id and in bounded
 * time; the last of what it printed goes into the error when it fails.
 *
 * @module
 */

import { within } from "./wait.ts";

/** Kept of what a server prints, from its end; up to twice as much for a while. */
const KEPT_CHARS = 64 * 1_024;

/** Between SIGTERM and SIGKILL; Postern's own drain time is set below this. */
const STOP_MS = 15_000;

/** A server that runs beside the test. */
export class Child implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #streams: Promise<unknown>;
  #output = "";
  #status: Deno.CommandStatus | undefined;

  /** Starts `program` with everything it prints collected. */
  constructor(program: string, args: readonly string[], cwd?: string) {
    this.#child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(cwd === undefined ? {} : { cwd }),
    }).spawn();
    this.#streams = Promise.all([
      this.#collect(this.#child.stdout),
      this.#collect(this.#child.stderr),
      this.#child.status.then((status) => this.#status = status),
    ]);
  }

  /** The process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** What it printed on either stream, from 64 Ki characters up the last of it. */
  get output(): string {
    return this.#output;
  }

  /** How it ended, once it has. */
  get status(): Deno.CommandStatus | undefined {
    return this.#status;
  }

  /** Sends `signal`; a process that has ended already is left alone. */
  kill(signal: Deno.Signal): void {
    if (this.#status !== undefined) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Ends it with SIGTERM, after 15 s with SIGKILL, and gives its status. */
  async stop(): Promise<Deno.CommandStatus> {
    this.kill("SIGTERM");
    try {
      await within("an end after SIGTERM", this.#child.status, STOP_MS);
    } catch {
      this.kill("SIGKILL");
    }
    await this.#streams;
    return await this.#child.status;
  }

  /** Ends it, whatever its status. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const text = stream.pipeThrough(
      new TextDecoderStream() as TransformStream<Uint8Array, string>,
    );
    for await (const piece of text) {
      this.#output += piece;
      // Not at each piece: a log of a line a message would cost more than mail.
      if (this.#output.length > 2 * KEPT_CHARS) {
        this.#output = this.#output.slice(-KEPT_CHARS);
      }
    }
  }
}

/** What a client printed and how it ended. */
export interface Finished {
  /** Exit status. */
  readonly code: number;
  /** Both streams, standard output first. */
  readonly output: string;
}

/**
 * Runs a client to its end.
 *
 * @throws {Error} when it is still running after `withinMs` (it is killed then)
 */
export async function run(
  program: string,
  args: readonly string[],
  options: {
    readonly stdin?: Uint8Array;
    readonly withinMs?: number;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Finished> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    env: { LC_ALL: "C.UTF-8", ...options.env },
  }).spawn();
  const fed = options.stdin === undefined
    ? undefined
    : feed(child.stdin, options.stdin);
  try {
    const [result] = await within(
      `the end of ${program}`,
      Promise.all([child.output(), fed]),
      options.withinMs ?? 120_000,
    );
    const decoder = new TextDecoder();
    return {
      code: result.code,
      output: decoder.decode(result.stdout) + decoder.decode(result.stderr),
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** A client that ends before it has read everything is its exit status's concern. */
async function feed(
  stdin: WritableStream<Uint8Array>,
  bytes: Uint8Array,
): Promise<void> {
  try {
    const writer = stdin.getWriter();
    await writer.write(bytes);
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Those of `programs` that are not on this machine. */
export function missing(...programs: string[]): string[] {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  // Debian keeps daemons where an ordinary user's PATH does not look.
  folders.push("/usr/sbin");
  return programs.filter((program) =>
    !folders.some((folder) => isFile(`${folder}/${program}`))
  );
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
