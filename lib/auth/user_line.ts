/**
 * One line of the users' file: `name = "hash"`, in TOML's spelling, a user a line.
 *
 * A hash is a SCRAM verifier, or `{PLAIN}` and the password itself for those who
 * need CRAM-MD5. No error text repeats it.
 *
 * @module
 */

import { parse as parseToml } from "@std/toml/parse";
import { preparePassword, prepareUser } from "../sasl/prepare.ts";
import { parseVerifier } from "../sasl/verifier.ts";

/** What stands before a password that is kept as it is. */
export const PLAIN_MARK = "{PLAIN}";

/** Longest line, in characters: the longest name and password, each character escaped. */
export const MAX_USER_LINE_CHARS = 16_384;

/** What a line says. */
export type UserLine =
  | {
    /** Empty, or a comment. */
    readonly type: "nothing";
  }
  | {
    /** A user. */
    readonly type: "user";
    /** In the form in which names are compared. */
    readonly name: string;
    /** Good to be parsed. */
    readonly hash: string;
  }
  | {
    /** It can't be used. */
    readonly type: "problem";
    /** Whose line it is, as far as that can be read. */
    readonly name?: string;
    /** Why, and what was expected; never the hash. */
    readonly problem: string;
  };

const FORM =
  'expected name = "hash", the name in quotes if it has a "@" or "."';

/** Reads a line, without its end. */
export function parseUserLine(line: string): UserLine {
  if (line.length > MAX_USER_LINE_CHARS) {
    return {
      type: "problem",
      problem:
        `Line is too long: expected at most ${MAX_USER_LINE_CHARS} characters`,
    };
  }
  let entries: [string, unknown][];
  try {
    entries = Object.entries(parseToml(line));
  } catch {
    // The parser's own words show the line, and with it the hash.
    return { type: "problem", problem: `Cannot read the line: ${FORM}` };
  }
  const [entry, ...more] = entries;
  if (entry === undefined) return { type: "nothing" };
  const [key, hash] = entry;
  if (typeof hash !== "string" || more.length > 0) {
    return { type: "problem", problem: `Cannot use the line: ${FORM}` };
  }
  const name = prepareUser(key);
  if (name === undefined) {
    return {
      type: "problem",
      problem:
        "Cannot use the name: expected 1 to 255 bytes without control characters",
    };
  }
  const isPlain = hash.startsWith(PLAIN_MARK) &&
    preparePassword(hash.slice(PLAIN_MARK.length)) !== undefined;
  if (isPlain || parseVerifier(hash) !== undefined) {
    return { type: "user", name, hash };
  }
  return {
    type: "problem",
    name,
    problem: `Cannot use the hash of ${
      JSON.stringify(name)
    }: expected "SCRAM-SHA-256$…" or "{PLAIN}…", as "postern passwd" makes them`,
  };
}

/** A user's line, without its end. */
export function formatUserLine(name: string, hash: string): string {
  const key = /^[A-Za-z0-9_-]+$/.test(name) ? name : quote(name);
  return `${key} = ${quote(hash)}`;
}

/** A basic string of TOML, which JSON's is too, but for DEL. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}
