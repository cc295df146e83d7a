/**
 * The file of users: who is in it, and what is known of their passwords.
 *
 * The rule: for a user who is not in it there is a decoy, which looks as one of
 * those who are, takes the same work, and fits no password. Which one and its salt
 * are made from the name and a key that stays while the file's first user does.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { Secret } from "../secret.ts";
import { preparePassword } from "../sasl/prepare.ts";
import {
  hmac,
  parseVerifier,
  SALT_BYTES,
  type Verifier,
} from "../sasl/verifier.ts";
import { parseUserLine, PLAIN_MARK } from "./user_line.ts";

/** Most users: beyond that an `auth` hook and a database are the better place. */
export const MAX_USERS = 100_000;

/** Largest file, in bytes: so many users with long names. */
export const MAX_USERS_FILE_BYTES = 32 * 1_024 * 1_024;

/** Most problems told of one file; the first few usually explain the rest. */
export const MAX_PROBLEMS = 20;

/** Lines read in one go, some ten ms: a reload must not hold up the mail. */
const LINES_A_TURN = 2_000;

/** Permissions of group and others. */
const OTHERS_MODE = 0o077;

/** The file can't be used. */
export class UsersFileError extends Error {
  /** The class's name. */
  override name = "UsersFileError";
  /** One sentence each, with the file and the line. */
  readonly problems: readonly string[];

  /** @param problems What is wrong, one or more. */
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** What is known of a user's password: a verifier, or the password itself. */
export type UserEntry =
  | { readonly type: "verifier"; readonly verifier: Verifier }
  | { readonly type: "password"; readonly password: Secret };

/** The users of a file. */
export class UsersFile {
  readonly #hashes: ReadonlyMap<string, string>;
  /** For decoys, by number. */
  readonly #all: readonly string[];
  readonly #key: Uint8Array;
  /** Whether somebody's password itself is known, which CRAM-MD5 needs. */
  readonly hasPasswords: boolean;

  /** @param hashes Each name's, checked. */
  constructor(hashes: ReadonlyMap<string, string> = new Map()) {
    this.#hashes = hashes;
    this.#all = [...hashes.values()];
    this.hasPasswords = this.#all.some((hash) => hash.startsWith(PLAIN_MARK));
    const [first = randomBytes(32).toString("hex")] = this.#all;
    this.#key = hmac(new TextEncoder().encode(first), "Postern decoys");
  }

  /** How many there are. */
  get size(): number {
    return this.#all.length;
  }

  /** What is known of the user, or a decoy. */
  find(user: string): UserEntry {
    const hash = this.#hashes.get(user);
    return hash === undefined ? this.#decoy(user) : parseEntry(hash);
  }

  /** A salt for a user whose password is known: always the same. */
  saltOf(user: string): Uint8Array {
    return hmac(this.#key, `salt\0${user}`).slice(0, SALT_BYTES);
  }

  #decoy(user: string): UserEntry {
    const choice = hmac(this.#key, `choice\0${user}`);
    const number = new DataView(choice.buffer, choice.byteOffset).getUint32(0);
    const model = this.#all[number % this.#all.length];
    const entry = model === undefined ? undefined : parseEntry(model);
    if (entry?.type !== "verifier") {
      return {
        type: "password",
        password: new Secret(randomBytes(32).toString("hex")),
      };
    }
    const { iterations, salt } = entry.verifier;
    const seed = [
      ...hmac(this.#key, `salt\0${user}`),
      ...hmac(this.#key, `more\0${user}`),
    ];
    return {
      type: "verifier",
      verifier: {
        iterations,
        salt: Uint8Array.from(seed.slice(0, salt.length)),
        storedKey: hmac(this.#key, `stored\0${user}`),
        serverKey: hmac(this.#key, `server\0${user}`),
      },
    };
  }
}

/** An entry from a hash that was checked when the file was read. */
function parseEntry(hash: string): UserEntry {
  if (!hash.startsWith(PLAIN_MARK)) {
    return { type: "verifier", verifier: parseVerifier(hash)! };
  }
  const password = preparePassword(hash.slice(PLAIN_MARK.length))!;
  return { type: "password", password: new Secret(password) };
}

/**
 * Reads users from a file's text.
 *
 * @param file Its name, for the problems
 * @throws {UsersFileError} A line is wrong.
 */
export async function parseUsers(
  text: string,
  file: string,
): Promise<UsersFile> {
  const hashes = new Map<string, string>();
  const lineOf = new Map<string, number>();
  const problems: string[] = [];
  let number = 0;
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    if (++number % LINES_A_TURN === 0) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    const said = parseUserLine(line);
    const problem = said.type === "problem"
      ? said.problem
      : said.type === "user"
      ? problemOf(said.name, lineOf.get(said.name), hashes.size)
      : undefined;
    if (problem !== undefined) {
      if (problems.length === MAX_PROBLEMS) {
        problems.push(`${file}: More problems follow`);
        break;
      }
      problems.push(`${file}:${number}: ${problem}`);
    } else if (said.type === "user") {
      hashes.set(said.name, said.hash);
      lineOf.set(said.name, number);
    }
  }
  if (problems.length > 0) throw new UsersFileError(problems);
  return new UsersFile(hashes);
}

function problemOf(
  name: string,
  line: number | undefined,
  size: number,
): string | undefined {
  if (line !== undefined) {
    return `User ${
      JSON.stringify(name)
    } is in line ${line} already: expected each one once`;
  }
  return size < MAX_USERS
    ? undefined
    : `Too many users: expected at most ${MAX_USERS}`;
}

/** A file's users, and what the operator should know of it. */
export interface ReadUsers {
  /** Who is in it. */
  readonly users: UsersFile;
  /** One sentence each, with the file. */
  readonly warnings: readonly string[];
}

/**
 * Reads the file.
 *
 * @throws {UsersFileError} It can't be read, or a line is wrong.
 */
export async function readUsersFile(path: string): Promise<ReadUsers> {
  let text: string;
  let mode: number | null;
  try {
    using file = await Deno.open(path);
    const { size, mode: bits } = await file.stat();
    if (size > MAX_USERS_FILE_BYTES) {
      throw new RangeError(`it has more than ${MAX_USERS_FILE_BYTES} bytes`);
    }
    mode = bits;
    text = await new Response(file.readable).text();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsersFileError([
      `${path}: Cannot read the users: ${
        reason.replace(/ \(os error \d+\)/, "")
      }`,
    ]);
  }
  const users = await parseUsers(text, path);
  const isOpen = mode !== null && (mode & OTHERS_MODE) !== 0;
  const what = users.hasPasswords ? "Passwords" : "Hashes of passwords";
  return {
    users,
    warnings: isOpen
      ? [`${path}: ${what} in a file that others can use: expected mode 0600`]
      : [],
  };
}
