/**
 * A copy of the sources with one place changed, ready to play transcripts.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Split } from "../../lib/replay/splits.ts";

/** A fault, as a change of one place. */
export interface Fault {
  /** What is wrong then. */
  readonly what: string;
  /** The file below `lib/`. */
  readonly file: string;
  /** What stands there, once. */
  readonly from: string;
  /** What stands there instead. */
  readonly to: string;
}

type Parse = typeof import("../../lib/transcript/parse.ts");
type InMemory = typeof import("../../lib/replay/in_memory.ts");
type Mutations = {
  mutateInMemory(...args: unknown[]): Promise<{ failure?: { broken: string } }>;
};

const LIB = fileURLToPath(new URL("../../lib", import.meta.url));

/** The copy. */
export class Planted implements AsyncDisposable {
  readonly #folder: string;
  readonly #parse: Parse;
  readonly #inMemory: InMemory;
  readonly #mutations: Mutations;

  private constructor(
    folder: string,
    modules: readonly [Parse, InMemory, Mutations],
  ) {
    this.#folder = folder;
    [this.#parse, this.#inMemory, this.#mutations] = modules;
  }

  /** Copies the sources, and changes them. */
  static async of(fault: Fault | undefined): Promise<Planted> {
    const folder = await Deno.makeTempDir({ prefix: "postern-planted-" });
    await copyFolder(LIB, folder);
    if (fault !== undefined) await change(folder, fault);
    const load = (file: string) =>
      import(pathToFileURL(join(folder, file)).href);
    return new Planted(folder, [
      await load("transcript/parse.ts"),
      await load("replay/in_memory.ts"),
      await load("mutation/mutations.ts"),
    ]);
  }

  /** Whether the copy keeps to a transcript, in all ways of `splits`. */
  async keepsTo(path: string, splits: readonly Split[]): Promise<boolean> {
    const { failure } = await this.#inMemory.playInMemory(this.#read(path), {
      splits,
      readMessage: readBeside(path),
    });
    return failure === undefined;
  }

  /** Which invariant one of `count` mutations breaks; nothing: none does. */
  async brokenBy(path: string, count: number): Promise<string | undefined> {
    const { failure } = await this.#mutations.mutateInMemory(this.#read(path), {
      ...{ count, seed: 1 },
      readMessage: readBeside(path),
    });
    return failure?.broken;
  }

  #read(path: string) {
    const parsed = this.#parse.parseTranscript(
      Deno.readTextFileSync(path),
      path,
    );
    if (parsed.ok) return parsed.value;
    throw new Error(parsed.problems.map(this.#parse.formatProblem).join("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function readBeside(path: string): (message: string) => Uint8Array {
  return (message) => Deno.readFileSync(join(dirname(path), message));
}

async function copyFolder(from: string, to: string): Promise<void> {
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isFile) await Deno.copyFile(source, target);
    else {
      await Deno.mkdir(target);
      await copyFolder(source, target);
    }
  }
}

async function change(
  folder: string,
  { file, from, to }: Fault,
): Promise<void> {
  const path = join(folder, file);
  const source = await Deno.readTextFile(path);
  assertEquals(source.split(from).length, 2, `one place to change in ${file}`);
  await Deno.writeTextFile(path, source.replace(from, () => to));
}
