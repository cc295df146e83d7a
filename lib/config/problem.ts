/**
 * What is wrong with a configuration, and where.
 *
 * @module
 */
import type { Place, Places } from "./places.ts";

/** One thing that is wrong, or should be different. */
export interface Problem {
  /** The file; empty for a value that no file has. */
  readonly file: string;
  /** Line, from 1; 0 without a file. */
  readonly line: number;
  /** Column, from 1; 0 without a file. */
  readonly column: number;
  /** Full name of the key, or the command line's option; empty where the file as a whole is no TOML. */
  readonly key: string;
  /** What is wrong, and what was expected. */
  readonly problem: string;
}

/** Writes a problem as `FILE:LINE:COLUMN: key: problem`, leaving out what it does not have. */
export function formatProblem(
  { file, line, column, key, problem }: Problem,
): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return [place, key, problem].filter((part) => part !== "").join(": ");
}

/** A value as it was given, with its origin. */
export interface Given {
  /** As the file or the program has it. */
  readonly value: unknown;
  /** What problems call it: its own name, or the command line's option. */
  readonly name: string;
  /** The option it came from has no place in the file. */
  readonly isOption: boolean;
}

/** Collects problems and knows where keys stand. */
export class Report {
  readonly #file: string;
  readonly #places: Places;
  readonly #problems: Problem[] = [];
  readonly #warnings: Problem[] = [];

  /**
   * Begins without problems.
   *
   * @param file The file's name, empty for a program's object.
   * @param places Where its keys and values stand.
   */
  constructor(file: string, places: Places) {
    this.#file = file;
    this.#places = places;
  }

  /** All problems, in the order of the file; those without a place first. */
  get problems(): readonly Problem[] {
    return this.#problems.toSorted((a, b) =>
      a.line - b.line || a.column - b.column
    );
  }

  /** All warnings. */
  get warnings(): readonly Problem[] {
    return this.#warnings;
  }

  /** Adds a problem at a known place. */
  addAt({ line, column }: Place, key: string, problem: string): void {
    this.#problems.push({ file: this.#file, line, column, key, problem });
  }

  /** Adds a problem with the name of a key, or with an entry that has none. */
  addKey(key: string, problem: string): void {
    const { keys, values } = this.#places;
    const place = keys.get(key) ?? values.get(key);
    this.#problems.push(this.#at(place, key, problem));
  }

  /** Adds a problem with a value, or with one entry of a list. */
  addValue(
    key: string,
    given: Given | undefined,
    problem: string,
    index?: number,
  ): void {
    this.#problems.push(this.#atValue(key, given, problem, index));
  }

  /** Adds a warning about a value. */
  warn(key: string, given: Given | undefined, problem: string): void {
    this.#warnings.push(this.#atValue(key, given, problem));
  }

  #atValue(
    key: string,
    given: Given | undefined,
    problem: string,
    index?: number,
  ): Problem {
    if (given?.isOption) {
      return { file: "", line: 0, column: 0, key: given.name, problem };
    }
    const { values, keys } = this.#places;
    return this.#at(
      values.get(`${key}[${index}]`) ?? values.get(key) ?? keys.get(key),
      key,
      problem,
    );
  }

  #at(place: Place | undefined, key: string, problem: string): Problem {
    const { line, column } = place ?? { line: 0, column: 0 };
    return { file: this.#file, line, column, key, problem };
  }
}

/** What is known while a configuration is completed. */
export interface Completion {
  /** What was given, as it was written. */
  readonly given: ReadonlyMap<string, Given>;
  /** The same, read; `undefined` where a problem was reported. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Takes the problems. */
  readonly report: Report;
  /** Whether a program gives hooks of its own, so that `hooks.module` is not needed. */
  readonly hasHooks: boolean;
}
