/**
 * `deno task bench:replay`: how many conversations a second can be played,
 * against the engine alone and against the whole of Postern in memory.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ServerEngine } from "../lib/engine/server.ts";
import { playInMemory } from "../lib/replay/in_memory.ts";
import { play } from "../lib/replay/play.ts";
import type { Split } from "../lib/replay/splits.ts";
import type { Stage, StageWire } from "../lib/replay/stage.ts";
import { parseTranscript } from "../lib/transcript/parse.ts";
import type { Transcript } from "../lib/transcript/steps.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** How long each is played, in ms, after as long to warm up. */
const RUN_MS = 2_000;

const HOSTNAME = "mx.postern.test";

/** The splits that the tests play, beside `every` and the seeds. */
const WHOLE: readonly Split[] = ["whole"];

/** The engine, with the usual answer to every question. */
class EngineWire implements StageWire {
  readonly unfinished = "";
  readonly #engine = new ServerEngine({
    hostname: HOSTNAME,
    greeting: "ESMTP Postern",
    offer: { size: 10 * 1_024 * 1_024 },
    maxLine: 4_096,
    maxRecipients: 100,
    maxErrors: 10,
    bareNewline: "normalize",
    needHello: false,
  });
  readonly #lines: string[] = [];
  readonly #decoder = new TextDecoder("latin1");

  constructor() {
    this.#answer();
  }

  send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const space = this.#engine.space();
      const count = Math.min(space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + count));
      this.#engine.filled(count);
      this.#answer();
      at += count;
      if (this.#engine.closed) return;
    }
  }

  line(): Promise<string | undefined | null> {
    const over = this.#engine.closed ? null : undefined;
    return Promise.resolve(this.#lines.shift() ?? over);
  }

  hasLine(): boolean {
    return this.#lines.length > 0;
  }

  startTls(): Promise<void> {
    return Promise.reject(new Error("Cannot go over to TLS: the engine can't"));
  }

  end(): void {}

  #answer(): void {
    const engine = this.#engine;
    for (let event; (event = engine.next()) !== undefined;) {
      if (event.type === "body") continue;
      engine.answer(event.type === "end" ? event.refusal : undefined);
    }
    const bytes = engine.output();
    if (bytes === undefined) return;
    const lines = this.#decoder.decode(bytes).split("\r\n");
    this.#lines.push(...lines.slice(0, -1));
  }
}

function openEngine(): Stage {
  const wire = new EngineWire();
  return {
    wires: (name) => name === "client" ? [wire] : [],
    settle: () => Promise.resolve(),
    wait: () => Promise.resolve(),
    delivered: undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A conversation, and the messages beside it. */
interface Loaded {
  readonly transcript: Transcript;
  readMessage(path: string): Uint8Array;
}

function load(folder: string): Loaded[] {
  return [...Deno.readDirSync(join(FIXTURES, folder))]
    .filter(({ name }) => name.endsWith(".txt"))
    .map(({ name }) => {
      const path = join(FIXTURES, folder, name);
      const parsed = parseTranscript(Deno.readTextFileSync(path), path);
      if (!parsed.ok) throw new Error(`Cannot read ${path}`);
      const readMessage = (message: string) =>
        Deno.readFileSync(join(dirname(path), message));
      return { transcript: parsed.value, readMessage };
    });
}

const known = { host: HOSTNAME, id: "00000000" };

async function isKeptByEngine({ transcript, readMessage }: Loaded) {
  await using stage = openEngine();
  return await play(transcript, stage, { readMessage, known }) === undefined;
}

async function isKept({ transcript, readMessage }: Loaded) {
  const settings = { splits: WHOLE, readMessage };
  return (await playInMemory(transcript, settings)).failure === undefined;
}

/** Plays them round and round; plays and steps a second. */
async function measure(
  what: string,
  all: readonly Loaded[],
  isKeptIn: (loaded: Loaded) => Promise<boolean>,
): Promise<void> {
  const kept: Loaded[] = [];
  for (const each of all) if (await isKeptIn(each)) kept.push(each);
  const steps = kept.reduce(
    (sum, each) => sum + each.transcript.steps.length,
    0,
  );
  let [plays, ms] = [0, 0];
  // The first time warms up, and does not count.
  for (let run = 0; run < 2; run++) {
    const began = performance.now();
    plays = 0;
    do {
      for (const each of kept) await isKeptIn(each);
      plays += kept.length;
      ms = performance.now() - began;
    } while (ms < RUN_MS);
  }
  const rate = Math.round(plays / ms * 1_000);
  const lines = Math.round(steps / kept.length * rate);
  console.log(
    `${what}: ${rate} replays/s of ${kept.length} conversations, ${lines} steps/s`,
  );
}

/** A conversation of some thirty steps, in two at every byte. */
async function measureEvery(all: readonly Loaded[]): Promise<void> {
  const fit = all.filter(({ transcript: { steps } }) =>
    steps.length >= 30 && steps.length <= 34
  );
  for (const { transcript, readMessage } of fit.slice(0, 3)) {
    const settings = { splits: ["every" as const], readMessage };
    await playInMemory(transcript, settings);
    const began = performance.now();
    const { plays } = await playInMemory(transcript, settings);
    const ms = Math.round(performance.now() - began);
    console.log(
      `${transcript.steps.length} steps at every byte: ${plays} replays in ${ms} ms`,
    );
  }
}

const server = load("server");
await measure("The engine alone", server, isKeptByEngine);
await measure("Postern in memory", server, isKept);
await measure("Postern in memory, relaying", load("relay"), isKept);
await measureEvery([...server, ...load("relay")]);
