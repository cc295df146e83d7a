/**
 * Do the conversations find what they are there to find? Each fault is planted
 * in a copy of the sources, and the copy plays the fixtures, and mutations of
 * them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Split } from "../../lib/replay/splits.ts";
import { type Fault, Planted } from "./planting.ts";

/** A fault, and how many mutations of each fixture it takes to find it. */
interface PlantedFault extends Fault {
  /**
   * 0 where no mutation can: TLS is not mutated, and how many recipients may be
   * named is no invariant.
   */
  readonly mutations: number;
}

const FAULTS: readonly PlantedFault[] = [
  {
    what: "replies to a batch in the wrong order",
    mutations: 60,
    file: "engine/server.ts",
    from: "for (const reply of replies) this.#settle(event, reply);",
    to: "for (const reply of replies.toReversed()) this.#settle(event, reply);",
  },
  {
    what: "dots that are not taken off",
    mutations: 4,
    file: "engine/dots.ts",
    from: "    if (length === 0) return [];\n",
    to: "    if (length >= 0) return [piece];\n",
  },
  {
    what: "bytes from before TLS that are kept",
    mutations: 0,
    file: "engine/client.ts",
    from: "    this.#framing.clear();\n",
    to: "",
  },
  {
    what: "recipients that are counted on after RSET",
    mutations: 0,
    file: "engine/standing.ts",
    from: "    this.#recipients = 0;\n",
    to: "",
  },
  {
    what: "a bare LF that ends a command",
    mutations: 4,
    file: "engine/framing.ts",
    from: "if (byte === LF && i > start && bytes[i - 1] === CR) {",
    to: `if (byte === LF && i > start) {
        if (bytes[i - 1] !== CR) {
          input.readTo(i + 1);
          return bytes.subarray(start, i);
        }`,
  },
  {
    what: "a bare LF that ends the dot's line, and so the message",
    mutations: 4,
    file: "engine/dotted_data.ts",
    from: `  if (bytes[dot + 1] === LF) return "alone";`,
    to: `  if (bytes[dot + 1] === LF && dot + 2 < end) return "end";`,
  },
  {
    what: "a 250 before the relay's",
    mutations: 4,
    file: "session.ts",
    from: "? await transaction.finish()",
    to: "? (void transaction.finish(), [REPLIES.delivered])",
  },
  {
    what: "the rest of a message that is too large, run as commands",
    mutations: 4,
    file: "engine/message_reader.ts",
    from: "if (framing.size > maxSize) framing.discardData();",
    to: "if (framing.size > maxSize) return this.#end(maxSize);",
  },
  {
    what: "plaintext behind STARTTLS that is kept",
    mutations: 0,
    file: "engine/framing.ts",
    from: "    this.#input.clear();\n",
    to: "",
  },
  {
    what: "a chunk that is refused, run as commands",
    mutations: 4,
    file: "engine/message_reader.ts",
    from: "    this.startChunks(chunk, true);\n",
    to: "    this.startChunks({ ...chunk, size: 0 }, true);\n",
  },
  {
    what: "AUTH in clear for a stranger",
    mutations: 0,
    file: "runtime.ts",
    from: "(client.tls !== undefined ||\n        client.isLocal &&",
    to: "(client.tls !== undefined ||\n        client.id !== '' &&",
  },
];

const FIXTURES = fileURLToPath(new URL("../../fixtures/", import.meta.url));

const SPLITS: readonly Split[] = ["whole", "pipelined", "bytes"];

const PATHS = ["server", "relay"].flatMap((folder) =>
  [...Deno.readDirSync(join(FIXTURES, folder))]
    .filter(({ name }) => name.endsWith(".txt"))
    .map(({ name }) => join(FIXTURES, folder, name))
);

/** The first of the fixtures for which `finds` says that it finds something. */
async function findFirst(
  finds: (path: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const path of PATHS) if (await finds(path)) return path;
  return undefined;
}

for (const fault of FAULTS) {
  Deno.test(`The fixtures find ${fault.what}`, async () => {
    await using planted = await Planted.of(fault);
    const found = await findFirst(async (path) =>
      !await planted.keepsTo(path, SPLITS)
    );
    assert(found !== undefined, "no fixture finds it");
    // Only the fault makes the difference.
    await using sound = await Planted.of(undefined);
    assertEquals(await sound.keepsTo(found, SPLITS), true);
  });

  if (fault.mutations === 0) continue;
  Deno.test(`The mutations find ${fault.what}`, async () => {
    await using planted = await Planted.of(fault);
    const found = await findFirst(async (path) =>
      await planted.brokenBy(path, fault.mutations) !== undefined
    );
    assert(found !== undefined, "no mutation finds it");
  });
}
