/**
 * What checking a configuration needs of this machine. What may not be asked
 * for, since a permission is missing, is as if it were not there.
 *
 * @module
 */

import type { CheckOptions } from "./config/load.ts";

/** This machine's host name, environment and files. */
export function machine(): CheckOptions {
  return {
    hostname: orNothing(() => Deno.hostname()) ?? "localhost",
    env: (name) => orNothing(() => Deno.env.get(name)),
    readTextFile: (path) => Deno.readTextFileSync(path),
    fileMode: (path) => orNothing(() => Deno.statSync(path).mode ?? undefined),
  };
}

function orNothing<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
