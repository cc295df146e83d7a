/**
 * What checking a configuration needs of this machine.
 *
 * @module
 */

import type { CheckOptions } from "./config/load.ts";

/** This machine's host name, environment and files. */
export function machine(): CheckOptions {
  return {
    hostname: ownHostname(),
    env: (name) => Deno.env.get(name),
    readTextFile: (path) => Deno.readTextFileSync(path),
    fileMode: (path) => Deno.statSync(path).mode ?? undefined,
  };
}

function ownHostname(): string {
  try {
    return Deno.hostname();
  } catch {
    return "localhost"; // the permission is not given
  }
}
