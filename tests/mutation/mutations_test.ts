import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { playInMemory } from "../../lib/replay/in_memory.ts";
import { type Run, runMutated } from "../../lib/mutation/mutated_run.ts";
import {
  mutatedConversation,
  mutateInMemory,
} from "../../lib/mutation/mutations.ts";
import { formatRun } from "../../lib/mutation/run_text.ts";
import type { Stage, StageWire } from "../../lib/replay/stage.ts";
import { transcript } from "../transcript/support.ts";

const TOP = fileURLToPath(new URL("../../", import.meta.url));

/** How many changed conversations are played, over all fixtures. */
const RUNS = 10_000;

/** Each file has its own seeds, so that none is changed as another one is. */
const SEEDS_A_FILE = 1_000;

const NO_FILES = (path: string): Uint8Array => {
  throw new Error(`There is no ${path}`);
};

function* pathsIn(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* pathsIn(path);
    else if (path.endsWith(".txt")) yield path;
  }
}

const PATHS = ["server", "relay"].flatMap((folder) =>
  [...pathsIn(join(TOP, "fixtures", folder))].sort()
);

for (const folder of ["server", "relay"]) {
  Deno.test(`what always holds does so in changed conversations of fixtures/${folder}`, async () => {
    for (const [index, path] of PATHS.entries()) {
      const file = relative(TOP, path);
      if (!file.startsWith(join("fixtures", folder))) continue;
      const { failure } = await mutateInMemory(
        { ...transcript(Deno.readTextFileSync(path)), file },
        {
          count: Math.ceil(RUNS / PATHS.length),
          seed: SEEDS_A_FILE * index,
          readMessage: (name) => Deno.readFileSync(join(dirname(path), name)),
        },
      );
      assert(
        failure === undefined,
        failure &&
          `${file}, seed ${failure.seed}: ${failure.broken}\n${failure.mutation}\n\n${failure.conversation}`,
      );
    }
  });
}

const RELAYED = transcript(
  Deno.readTextFileSync(join(TOP, "fixtures/relay/relays_one_message.txt")),
);

Deno.test("mutateInMemory() plays as often as it is told", async () => {
  const settings = { count: 3, seed: 5, readMessage: NO_FILES };
  assertEquals(await mutateInMemory(RELAYED, settings), { runs: 3 });
});

Deno.test("mutatedConversation() gives the same for a seed, and it plays as it went", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const settings = { count: 1, seed, readMessage: NO_FILES };
    const comments = ["A name", `seed ${seed}`];
    const { conversation, broken } = await mutatedConversation(
      ...[RELAYED, settings, comments] as const,
    );
    assertEquals(broken, undefined);
    assertEquals(
      (await mutatedConversation(RELAYED, settings, comments)).conversation,
      conversation,
    );
    const again = transcript(conversation);
    assertEquals(again.name, "A name");
    const { failure } = await playInMemory(again, {
      splits: ["whole"],
      readMessage: NO_FILES,
    });
    assert(
      failure === undefined,
      `${conversation}\n${JSON.stringify(failure)}`,
    );
  }
});

/** A server that is no good: says what it is told to, and nothing else. */
class FakeStage implements Stage {
  readonly delivered = [];
  readonly #lines: (string | null)[];
  readonly #end: () => Promise<void>;

  constructor(
    lines: (string | null)[],
    end = (): Promise<void> => Promise.resolve(),
  ) {
    this.#lines = lines;
    this.#end = end;
  }

  wires(name: string): readonly StageWire[] {
    const lines = this.#lines;
    const hasLine = () => typeof lines[0] === "string";
    const client: StageWire = {
      ...{ hasLine, unfinished: "" },
      send: () => {},
      end: () => {},
      startTls: () => Promise.resolve(),
      line: () => {
        const line = lines[0];
        if (line !== null) lines.shift();
        return Promise.resolve(line);
      },
    };
    return name === "client" ? [client] : [];
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  wait(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}

const PLAN = { offer: [], speaks: "reply", faults: new Map() } as const;

const FAULTY: [string, FakeStage, RegExp | undefined][] = [
  ["that ends", new FakeStage(["220 x", null]), undefined],
  ["that does not close", new FakeStage(["220 x"]), /still open/],
  [
    "whose session goes on",
    new FakeStage([null], () => new Promise(() => {})),
    /does not end/,
  ],
  [
    "whose session fails",
    new FakeStage([null], () => Promise.reject(new Error("a fault"))),
    /fails: Error: a fault/,
  ],
];

for (const [name, stage, broken] of FAULTY) {
  Deno.test(`runMutated() judges the end of a server ${name}`, async () => {
    const run = await runMutated(stage, [], PLAN);
    if (broken === undefined) assertEquals(run.broken, undefined);
    else assertMatch(run.broken ?? "nothing", broken);
  });
}

Deno.test("formatRun() writes down what was said and happened, as a transcript", () => {
  const run: Run = {
    events: [
      { kind: "heard", line: "220 x" },
      { kind: "sent", octets: "NO" },
      { kind: "sent", octets: "OP\r\n" },
      { kind: "sent", octets: "A\r\nB\r\n" },
      { kind: "heard", line: "250 x" },
      { kind: "relay", wire: "relay", event: { kind: "asked", line: "DATA" } },
      {
        ...{ kind: "relay", wire: "relay" },
        event: { kind: "answered", octets: "354-a\r\n354 b\r\n" },
      },
      {
        ...{ kind: "relay", wire: "relay" },
        event: { kind: "answered", octets: "250 a\r\n4" },
      },
      {
        ...{ kind: "relay", wire: "relay" },
        event: { kind: "ended", how: "eof" },
      },
      { kind: "sent", octets: "\xff\r\n" },
      {
        ...{ kind: "relay", wire: "relay2" },
        event: { kind: "ended", how: "reset" },
      },
      { kind: "waited", ms: 1_000 },
      { kind: "waited", ms: 2_000 },
      { kind: "ended", how: "eof" },
      { kind: "closed" },
    ],
    evidence: {
      ...{
        sent: "",
        heard: [],
        unfinished: "",
        taken: [],
        wasReset: false,
        secured: [],
      },
    },
    delivered: [{
      ...{ sender: "a@b.test", recipients: ["c@d.test"] },
      message: new TextEncoder().encode("x\r\n\r\ny\u0007\r\n"),
    }],
    relayReplies: 1,
    broken: undefined,
  };
  const of = transcript("# old\n@limits.errors 3\nC: QUIT\n");
  assertEquals(
    formatRun(run, of, ["A name", "seed 3"]),
    String.raw`# A name
# seed 3
@limits.errors 3
S: 220 x
C: NOOP
C> "A\r\nB\r\n"
S: 250 x
P: DATA
R: 354-a
R: 354 b
R> "250 a\r\n4"
== close
C> "\xff\r\n"
== reset relay2
== wait 3s
== eof client
== close
== delivered from=<a@b.test> to=<c@d.test>
| x
|
|> "y\x07\r\n"
`,
  );
});
