/**
 * `postern` as always, that at SIGUSR2 collects its garbage and prints how many
 * bytes are still alive. Started with `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { main } from "../../../cli.ts";

const { gc } = globalThis as unknown as { gc: () => void };

Deno.addSignalListener("SIGUSR2", () => {
  gc();
  gc(); // what the first one's finalizers let go
  const { heapUsed, external } = Deno.memoryUsage();
  console.log(`alive=${heapUsed + external}`);
});

Deno.exit(await main(Deno.args));
