/**
 * Loads the operator's module of hooks.
 *
 * Its default export, or else its named exports, are the hooks. A module is
 * loaded anew each time, so that a reload sees what has changed in it; what it
 * imports itself stays as it was.
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { HOOK_NAMES, type Hooks } from "../hooks.ts";

/** The module can't be used. What it threw itself is the cause. */
export class HookModuleError extends Error {
  /** The class's name. */
  override name = "HookModuleError";
}

let loaded = 0;

/**
 * Loads a module of hooks.
 *
 * @param path Its file; a relative one is looked for from the working folder
 * @throws {HookModuleError} It can't be read or run, or its exports are no hooks
 */
export async function loadHooks(path: string): Promise<Hooks> {
  const url = pathToFileURL(resolve(path));
  // A module is kept by its URL for the life of the process.
  if (loaded++ > 0) url.search = `v=${loaded}`;
  let exported: Record<string, unknown>;
  try {
    exported = await import(url.href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HookModuleError(`Cannot load hooks "${path}": ${reason}`, {
      cause,
    });
  }
  const isDefault = "default" in exported;
  return checkHooks(path, isDefault ? exported["default"] : exported);
}

function checkHooks(path: string, hooks: unknown): Hooks {
  const names = HOOK_NAMES.join(", ");
  const refuse = (problem: string) =>
    new HookModuleError(`Cannot use hooks "${path}": ${problem}`);
  if (typeof hooks !== "object" || hooks === null) {
    throw refuse(`default export is no object: expected one with ${names}`);
  }
  const given = hooks as Record<string, unknown>;
  const isKnown = (name: string) =>
    (HOOK_NAMES as readonly string[]).includes(name);
  // A hook under a wrong name would never be called, which nobody notices.
  const stranger = Object.keys(given).find((name) =>
    typeof given[name] === "function" && !isKnown(name)
  );
  if (stranger !== undefined) {
    throw refuse(`no hook is called "${stranger}": expected one of ${names}`);
  }
  for (const name of HOOK_NAMES) {
    if (given[name] !== undefined && typeof given[name] !== "function") {
      throw refuse(`"${name}" is a ${typeof given[name]}: expected a function`);
    }
  }
  if (HOOK_NAMES.every((name) => given[name] === undefined)) {
    throw refuse(`it exports no hook: expected one of ${names}`);
  }
  return hooks;
}
