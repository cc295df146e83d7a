/**
 * Finds the known keys in an object and reads the value of each: type, `${env:NAME}`, bounds, and what is not yet there.
 *
 * Values are quoted in messages as they are written, before variables are put in; a URL with credentials never is.
 *
 * @module
 */
import type { Given, Report } from "./problem.ts";
import { keyPath } from "./places.ts";
import { isSection, keysOf, nearestKey, rowOf, TABLES } from "./schema.ts";
import type { Key } from "./key.ts";
import { formatBounds, isWithinBounds, quote, VALUE_TYPES } from "./value.ts";
import { SECRET_DOTS } from "../secret.ts";

/** Longest value that a message quotes. */
const MAX_QUOTED_LENGTH = 120;

/**
 * Finds every known key of an object, and reports the others.
 *
 * @param raw The object, nested as the file is.
 * @param origin Whether it is the configuration itself or what the command line says.
 * @param report Takes the problems.
 */
export function collectKeys(
  raw: unknown,
  origin: "config" | "option",
  report: Report,
): Map<string, Given> {
  const found = new Map<string, Given>();
  const unknown = (key: string): void => {
    const nearest = nearestKey(key.replace(/\[\d+\]/, ""));
    const hint = nearest === undefined
      ? ""
      : `: did you mean ${quote(nearest)}?`;
    report.addKey(key, `Unknown key${hint}`);
  };
  const walk = (table: object, path: string): void => {
    for (const [name, value] of Object.entries(table)) {
      if (value === undefined) continue;
      const key = keyPath(path, name);
      const row = rowOf(key);
      if (row !== undefined) {
        found.set(key, {
          value,
          name: origin === "option" ? row.option ?? key : key,
          isOption: origin === "option",
        });
      } else if (TABLES.has(key)) {
        walkTables(value, key);
      } else if (isSection(key)) {
        if (isTable(value)) walk(value, key);
        else report.addKey(key, wrongKind(value, "a section", `[${key}]`));
      } else unknown(key);
    }
  };
  const walkTables = (value: unknown, section: string): void => {
    if (!Array.isArray(value)) {
      report.addKey(
        section,
        wrongKind(value, "tables", `[[${section}]] for each`),
      );
      return;
    }
    value.forEach((table: unknown, i) => {
      const path = `${section}[${i}]`;
      if (!isTable(table)) {
        report.addKey(path, wrongKind(table, "a table", `[[${section}]]`));
        return;
      }
      walk(table, path);
      for (const [key, { required }] of keysOf(section)) {
        const name = key.slice(section.length);
        if (required && !found.has(path + name)) {
          report.addKey(path, `Cannot find ${quote(key)}: expected it here`);
        }
      }
    });
  };
  if (isTable(raw)) walk(raw, "");
  else report.addKey("", wrongKind(raw, "a configuration", "an object"));
  return found;
}

/**
 * Reads the value of one key.
 *
 * @returns The value as the program uses it; `undefined` where a problem was reported.
 */
export function readKey(
  key: string,
  given: Given,
  options: { env(name: string): string | undefined },
  report: Report,
): unknown {
  const row = rowOf(key);
  if (row === undefined) {
    throw new Error(`Cannot read ${quote(key)}: expected a key of the schema`);
  }
  const { list } = row;
  const read = (value: unknown, index?: number): unknown => {
    const problem = (text: string) => report.addValue(key, given, text, index);
    const text = typeof value === "string"
      ? expand(value, options.env, problem)
      : value;
    if (text === undefined) return undefined;
    const parsed = VALUE_TYPES[row.type].parse(text, row);
    const hasUrl = row.type === "relay" || row.type === "tokenUrl";
    const shown = hasUrl ? showUrl(value) : show(value);
    if (!parsed.ok) {
      problem(
        `Cannot use ${shown} as ${
          VALUE_TYPES[row.type].noun
        }: expected ${parsed.expected}`,
      );
    } else if (!list && !isWithinBounds(parsed.value, row)) {
      problem(`Cannot use ${shown}: expected ${formatBounds(row)}`);
    } else if (row.later?.includes(String(parsed.value))) {
      problem(
        `Cannot use ${shown}: not yet supported by this version, expected ${
          row.choices?.map(quote).join(", ")
        }`,
      );
    } else return parsed.value;
    return undefined;
  };
  const value = list
    ? readList(key, row, given, read, report)
    : read(given.value);
  if (value !== undefined && !isDefault(value, row)) {
    const wish = JSON.stringify(row.default);
    const problem = (text: string) =>
      report.addValue(key, given, `${text}: expected ${wish}`);
    if (row.notYet) problem("Not yet supported by this version");
    if (row.fixed !== undefined) problem(row.fixed);
  }
  return value;
}

function readList(
  key: string,
  row: Key,
  given: Given,
  read: (value: unknown, index: number) => unknown,
  report: Report,
): unknown {
  if (!Array.isArray(given.value)) {
    report.addValue(key, given, wrongKind(given.value, "a list", "[ … ]"));
    return undefined;
  }
  if (!isWithinBounds(given.value, row)) {
    report.addValue(
      key,
      given,
      `Cannot use a list of ${given.value.length}: expected ${
        formatBounds(row)
      }`,
    );
  }
  return given.value.map(read);
}

function isDefault(value: unknown, row: Key): boolean {
  return JSON.stringify(value) === JSON.stringify(defaultValue(row));
}

/** The default of a key as the program uses it; `undefined` where it is computed. */
export function defaultValue(row: Key): unknown {
  const read = (value: unknown): unknown => {
    const parsed = VALUE_TYPES[row.type].parse(value, row);
    return parsed.ok ? parsed.value : undefined;
  };
  return row.list && Array.isArray(row.default)
    ? row.default.map(read)
    : read(row.default);
}

/** Puts environment variables in; reports those that are missing. */
function expand(
  text: string,
  env: (name: string) => string | undefined,
  problem: (text: string) => void,
): string | undefined {
  let isComplete = true;
  const expanded = text.replaceAll(
    /\$\{env:(?:([A-Za-z_]\w*)\})?/g,
    (_, name?: string) => {
      const value = name === undefined ? undefined : env(name);
      if (name === undefined) {
        problem(
          'Cannot find the name of an environment variable: expected "${env:NAME}"',
        );
      } else if (value === undefined) {
        problem(
          `Cannot find the environment variable ${
            quote(name)
          }: expected it to be set`,
        );
      }
      isComplete &&= value !== undefined;
      return value ?? "";
    },
  );
  return isComplete ? expanded : undefined;
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

function wrongKind(value: unknown, noun: string, expected: string): string {
  return `Cannot use ${show(value)} as ${noun}: expected ${expected}`;
}

/** A value as messages quote it: strings and numbers as they are written, all else by its kind. */
function show(value: unknown): string {
  if (typeof value === "string") {
    return quote(
      value.length > MAX_QUOTED_LENGTH
        ? `${value.slice(0, MAX_QUOTED_LENGTH)}…`
        : value,
    );
  }
  if (typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  return typeof value === "object" && value !== null
    ? "a table"
    : `a value of type ${typeof value}`;
}

/** A URL as messages quote it: only its scheme where it has credentials, or a scheme that goes with them. */
function showUrl(value: unknown): string {
  if (typeof value !== "string") return show(value);
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(value)?.[0] ?? "";
  const isOpen = !value.includes("@") &&
    (scheme === "" || /^(?:smtps?|lmtps?|https?):/i.test(scheme));
  return show(isOpen ? value : `${scheme}${SECRET_DOTS}`);
}
