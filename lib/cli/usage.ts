/**
 * What all commands share: their table's type, and how options are read.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";

/** A command of the program. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What stands behind its name. */
  readonly usage: string;
  /** The options, a line each, and an example. */
  readonly help: string;
  /** Runs it; the exit status. */
  run(args: readonly string[]): Promise<number> | number;
}

/** The program was used wrongly: one line, exit status 2. */
export class UsageError extends Error {
  /** The class's name. */
  override name = "UsageError";
}

/** The options a command knows. */
export interface OptionNames {
  /** Those with a value; the last one counts. */
  readonly string?: readonly string[];
  /** Those with a value that may be given several times. */
  readonly collect?: readonly string[];
  /** Those without a value. */
  readonly boolean?: readonly string[];
}

/** A command's options and arguments, as they were given. */
export interface Options {
  /** The value of an option. */
  value(name: string): string | undefined;
  /** The values of an option that may be given several times. */
  values(name: string): readonly string[];
  /** Whether an option without a value was given. */
  has(name: string): boolean;
  /** What is no option. */
  readonly rest: readonly string[];
}

/**
 * Reads options.
 *
 * @throws {UsageError} An option is not known, lacks its value, or more
 * arguments were given than `maxRest`.
 */
export function parseOptions(
  args: readonly string[],
  names: OptionNames,
  maxRest = 0,
): Options {
  const { string = [], collect = [], boolean = [] } = names;
  const unknown: string[] = [];
  const parsed: Record<string, unknown> = parseArgs([...args], {
    string: [...string, ...collect, "_"],
    collect: [...collect],
    boolean: [...boolean],
    alias: string.includes("config") ? { config: "c" } : {},
    unknown: (arg: string, key?: string) => {
      if (key === undefined) return true;
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) {
    const known = [...string, ...collect, ...boolean].map((name) =>
      `--${name}`
    );
    throw new UsageError(
      `Unknown option "${unknown[0]}": expected ${known.join(", ") || "none"}`,
    );
  }
  for (const name of [...string, ...collect]) {
    const isEmpty = [parsed[name]].flat().includes("");
    if (isEmpty && !(name === "from" && isGivenEmpty(args, name))) {
      throw new UsageError(`Option --${name} has no value: expected one`);
    }
  }
  const rest = (parsed["_"] as unknown[]).map(String);
  if (rest.length > maxRest) {
    throw new UsageError(
      `Unexpected argument "${rest[maxRest]}": expected ${
        maxRest === 0 ? "options only" : `at most ${maxRest}`
      }`,
    );
  }
  return {
    value: (name) => {
      const value = parsed[name];
      return typeof value === "string" ? value : undefined;
    },
    values: (name) => {
      const value = parsed[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    has: (name) => parsed[name] === true,
    rest,
  };
}

/** Whether the empty value was written, and not just left out. */
function isGivenEmpty(args: readonly string[], name: string): boolean {
  return args.some((arg, i) =>
    arg === `--${name}=` || (arg === `--${name}` && args[i + 1] === "")
  );
}

/** Writes a line for the operator. */
export function say(line: string): void {
  console.error(line);
}

/** The reason in a system's error, without its number. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\)/, "");
}

/** Standard output can't be written: exit status 1. */
export class OutputError extends Error {
  /** The class's name. */
  override name = "OutputError";

  /** @param cause The system's error. */
  constructor(cause: unknown) {
    super(`Cannot write the output: ${reasonOf(cause)}`, { cause });
  }

  /** Tells the operator, unless who reads it has simply had enough. */
  tell(): void {
    if (!(this.cause instanceof Deno.errors.BrokenPipe)) say(this.message);
  }
}

/**
 * Writes a line that a program may read.
 *
 * @throws {OutputError} It can't be written; `console.log` would hide a closed
 * pipe.
 */
export function print(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let at = 0; at < bytes.length;) {
      at += Deno.stdout.writeSync(bytes.subarray(at));
    }
  } catch (error) {
    throw new OutputError(error);
  }
}
