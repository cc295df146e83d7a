/**
 * Reads a transcript's settings: what `@client`, `@clock`, `@split` and
 * `@requires` may say, and that any other key has a TOML value.
 *
 * Whether there is such a key in the configuration it does not know; that shows
 * when the configuration is made.
 *
 * @module
 */

import { isIP } from "node:net";
import { parse as parseToml } from "@std/toml/parse";
import type { Parsed } from "../engine/path.ts";
import type { Setting, Transcript } from "./steps.ts";

/** A key, and its value where there is one; trailing blanks are off. */
const SETTING = /^@([A-Za-z_][\w-]*(?:\.[\w-]+)*)(?:[ \t]+(\S.*))?$/;

const TIME =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;

/** EHLO keyword. RFC 5321 section 4.1.1.1. */
const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;

/** Takes settings one by one. */
export class Settings {
  readonly #all: Setting[] = [];
  readonly #keys = new Set<string>();
  readonly #config = new Map<string, unknown>();
  readonly #requires: string[] = [];
  #client: string | undefined;
  #clock: number | undefined;
  #unsplit = false;

  /** What they say so far. */
  get read(): Pick<
    Transcript,
    "settings" | "config" | "client" | "clock" | "unsplit" | "requires"
  > {
    return {
      settings: this.#all,
      config: this.#config,
      client: this.#client,
      clock: this.#clock,
      unsplit: this.#unsplit,
      requires: this.#requires,
    };
  }

  /**
   * Takes one setting.
   *
   * @param content Its line, without the line end.
   * @param written Where it stands.
   * @returns The setting, or what was expected.
   */
  add(
    content: string,
    written: Pick<Setting, "line" | "above" | "source">,
  ): Parsed<Setting> {
    const trimmed = content.trimEnd();
    const [, key, text = ""] = SETTING.exec(trimmed) ?? [];
    if (key === undefined) {
      return refused(1, "a key, a space and a value");
    }
    if (key !== "requires" && this.#keys.has(key)) {
      return refused(1, `@${key} only once`);
    }
    const expected = this.#take(key, text);
    if (expected !== undefined) {
      return refused(trimmed.length - text.length, expected);
    }
    const setting = { ...written, key, text };
    this.#all.push(setting);
    this.#keys.add(key);
    return { ok: true, value: setting };
  }

  /** Takes a value; gives what was expected instead. */
  #take(key: string, text: string): string | undefined {
    switch (key) {
      case "client":
        if (isIP(text) === 0) return "an IP address";
        this.#client = text;
        return undefined;
      case "clock": {
        const time = TIME.test(text) ? Date.parse(text) : NaN;
        if (Number.isNaN(time)) return "a time such as 2026-01-31T12:00:00Z";
        this.#clock = time;
        return undefined;
      }
      case "split":
        this.#unsplit = text === "none";
        return this.#unsplit ? undefined : '"none"';
      case "requires":
        if (!KEYWORD.test(text)) return "one EHLO keyword";
        this.#requires.push(text.toUpperCase());
        return undefined;
      default: {
        const value = tomlValue(text);
        if (value === undefined) {
          return 'a TOML value: "text", 5, true, ["a", "b"]';
        }
        this.#config.set(key, value);
        return undefined;
      }
    }
  }
}

/** The value that a TOML file would give a key; nothing where it is none. */
function tomlValue(text: string): unknown {
  try {
    return parseToml(`v = ${text}`)["v"];
  } catch (error) {
    // Not only SyntaxError: parsers give a RangeError for nesting without end.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function refused(at: number, expected: string): Parsed<never> {
  return { ok: false, at, expected };
}
