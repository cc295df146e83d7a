/**
 * Turns a configuration as text, or as a program's object, into a checked {@linkcode Config}, or into all its problems at once.
 *
 * Each problem names file, line, column and key. Messages quote values as they are written, so that nothing from the
 * environment or from a password is shown. Files are read and variables looked up by the functions the caller gives.
 *
 * @module
 */
import { parse } from "@std/toml/parse";
import type { Config, ConfigInput } from "./config.ts";
import { findPlaces, type Place, type Places } from "./places.ts";
import { collectKeys, readKey } from "./read_key.ts";
import { completeConfig } from "./complete.ts";
import { type Given, type Problem, Report } from "./problem.ts";
import type { Files } from "./files.ts";

/** What checking needs from outside. */
export interface CheckOptions extends Omit<Files, "file"> {
  /** This machine's host name, the default of `server.hostname`. */
  readonly hostname: string;
  /** Looks up an environment variable for `${env:NAME}`. */
  env(name: string): string | undefined;
  /** Whether a program gives hooks of its own, so that `hooks.module` is not needed. */
  readonly hasHooks?: boolean;
}

/** What reading a file needs besides. */
export interface LoadOptions extends CheckOptions {
  /** The file's name, for messages. */
  readonly file: string;
  /** Values from the command line, which win over the file's; their problems name the option. */
  readonly overrides?: ConfigInput;
}

/** A configuration, or what is wrong with it. */
export interface Loaded {
  /** The configuration; `undefined` exactly where there are problems. */
  readonly config: Config | undefined;
  /** All errors, in the order of the file. */
  readonly problems: readonly Problem[];
  /** What works but should not stay so. */
  readonly warnings: readonly Problem[];
}

const NO_PLACES: Places = {
  keys: new Map(),
  values: new Map(),
  duplicates: [],
};

/**
 * Reads a configuration file.
 *
 * @param text The file's text.
 * @param options Its name, what it may refer to, and what the command line says.
 * @returns The configuration with all defaults, or all problems.
 */
export function parseConfig(text: string, options: LoadOptions): Loaded {
  const source = text.replace(/^\ufeff/, ""); // written by editors on Windows; not every parser takes it
  const places = findPlaces(source);
  const report = new Report(options.file, places);
  for (const { key, place } of places.duplicates) {
    report.addAt(place, key, "Duplicate key: expected it once");
  }
  let raw: unknown;
  try {
    raw = parse(blankDuplicates(source, places));
  } catch (error) {
    // Not only SyntaxError: parsers give a RangeError for nesting without end.
    if (!(error instanceof Error)) throw error;
    // A parser may call a duplicate a syntax error; that has been said already.
    if (places.duplicates.length === 0) {
      report.addAt(syntaxErrorPlace(error), "", syntaxErrorText(error));
    }
    return finish(report, undefined);
  }
  return check(raw, options, options.overrides ?? {}, report);
}

/**
 * Checks a configuration that a program gives: the keys and values of the file, as an object.
 *
 * @param raw The object; a key that is `undefined` counts as absent.
 * @param options What it may refer to.
 * @returns The configuration with all defaults, or all problems, which have no file and no place.
 */
export function checkConfig(raw: unknown, options: CheckOptions): Loaded {
  return check(raw, { ...options, file: "" }, {}, new Report("", NO_PLACES));
}

/**
 * The configuration of an empty file.
 *
 * @param options This machine's host name.
 */
export function defaultConfig(options: Pick<CheckOptions, "hostname">): Config {
  const { config } = checkConfig({}, {
    ...options,
    env: () => undefined,
    readTextFile: () => "",
  });
  if (config === undefined) {
    throw new Error("Cannot use the defaults: the schema refuses them");
  }
  return config;
}

function check(
  raw: unknown,
  options: LoadOptions,
  overrides: ConfigInput,
  report: Report,
): Loaded {
  const given = collectKeys(raw, "config", report);
  for (const [key, value] of collectKeys(overrides, "option", report)) {
    given.set(key, value);
    // The command line chooses the one way of delivery, so the file's other way steps back.
    if (key === "delivery.maildir") given.delete("delivery.mbox");
    if (key === "server.listen") dropListeners(given);
  }
  const values = new Map(
    [...given].map((
      [key, value],
    ) => [key, readKey(key, value, options, report)]),
  );
  const config = completeConfig(
    { given, values, report, hasHooks: options.hasHooks ?? false },
    options.hostname,
    options,
  );
  return finish(report, config);
}

/** The command line says all of where to listen. */
function dropListeners(given: Map<string, Given>): void {
  for (const key of given.keys()) {
    if (key.startsWith("listener[")) given.delete(key);
  }
}

function finish(report: Report, config: Config | undefined): Loaded {
  const { problems, warnings } = report;
  return {
    config: problems.length === 0 ? config : undefined,
    problems,
    warnings,
  };
}

/** Takes the second one of each pair out, so that every parser goes on to what is behind it. */
function blankDuplicates(text: string, { duplicates }: Places): string {
  let [blanked, done] = ["", 0];
  for (const { span } of duplicates) {
    if (span === undefined) continue;
    blanked += text.slice(done, span[0]) +
      text.slice(...span).replaceAll(/[^\n]/g, " ");
    done = span[1];
  }
  return blanked + text.slice(done);
}

/** Parsers tell the place in fields of the error or its cause, or in the message; it may be that of the next line. */
function syntaxErrorPlace(error: Error): Place {
  const { line, column } = (error.cause ?? error) as {
    line?: unknown;
    column?: unknown;
  };
  if (typeof line === "number" && typeof column === "number") {
    return { line, column };
  }
  const found = /line (\d+),? column (\d+)/i.exec(error.message);
  return {
    line: Number(found?.[1] ?? 1),
    column: Math.max(1, Number(found?.[2] ?? 1)),
  };
}

/** The parser's reason without what it quotes of the text, which may hold a password: further lines, or all from an apostrophe on. */
function syntaxErrorText(error: Error): string {
  const reason = error.message
    .replace(
      /^(?:(?:Invalid TOML document|Parse error on line \d+, column \d+): *)+/i,
      "",
    )
    .replace(/(?:\n| on line '| ['`]).*$/s, "")
    .replace(/:$/, "");
  return `Cannot read this as TOML: ${reason}`;
}
