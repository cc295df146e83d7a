import { assert } from "@std/assert";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { formatFailure, playInMemory } from "../../lib/replay/fixture.ts";
import type { Split } from "../../lib/replay/splits.ts";
import { formatProblem, parseTranscript } from "../../lib/replay/transcript.ts";

/** Twenty seeds, as many ways of joining and cutting. */
const SPLITS: readonly Split[] = [
  ...["whole", "bytes", "pipelined", "every"] as const,
  ...Array.from({ length: 20 }, (_, seed): Split => `random:${seed + 1}`),
];

const TOP = fileURLToPath(new URL("../../", import.meta.url));

function* transcripts(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* transcripts(path);
    else if (path.endsWith(".txt")) yield path;
  }
}

for (const folder of ["server", "relay"]) {
  for (const path of [...transcripts(join(TOP, "fixtures", folder))].sort()) {
    const text = Deno.readTextFileSync(path);
    const file = relative(TOP, path);
    const parsed = parseTranscript(text, file);
    const name = parsed.ok ? `${parsed.value.name} (${file})` : file;
    Deno.test(name, async () => {
      assert(
        parsed.ok,
        !parsed.ok ? parsed.problems.map(formatProblem).join("\n") : "",
      );
      const readMessage = (message: string) =>
        Deno.readFileSync(join(dirname(path), message));
      const { failure } = await playInMemory(parsed.value, SPLITS, readMessage);
      assert(
        failure === undefined,
        failure && formatFailure(parsed.value, text, failure),
      );
    });
  }
}
