/**
 * The files that a configuration names: whether they can be read, hold what
 * they should, and are closed to others where they hold secrets.
 *
 * What stands in them is never shown, and paths are quoted as they are written,
 * before variables are put in.
 *
 * @module
 */
import type { Completion } from "./problem.ts";
import { quote } from "./value.ts";

/** How files that a configuration names are read. */
export interface Files {
  /** The configuration's own name, empty for a program's object. */
  readonly file: string;
  /** Reads a file; throws where it can't. */
  readTextFile(path: string): string;
  /** Permission bits of a file; `undefined` where there are none or they can't be had. */
  fileMode?(path: string): number | undefined;
}

/** Permission bits of all but the owner: none of them may use a file of credentials. */
const OTHERS_MODE = 0o077;
/** Permission bits of all but the owner and the group, which systems give to servers that share a key. */
const WORLD_MODE = 0o007;

/** What begins a certificate and a key in PEM form (RFC 7468). */
const CERTIFICATE = "-----BEGIN CERTIFICATE-----";
const KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/;
const LOCKED_KEY =
  /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** Reads the files of one configuration and reports what is wrong with them. */
export class NamedFiles {
  readonly #completion: Completion;
  readonly #files: Files;

  /** `completion` knows what was given, and takes the problems. */
  constructor(completion: Completion, files: Files) {
    this.#completion = completion;
    this.#files = files;
  }

  /**
   * Reads the file that a key names, or an entry of its list.
   *
   * @param key The key's full name.
   * @param path The path, variables put in; an empty one is no file.
   * @param index The entry.
   * @returns The text; `undefined` without a file, or where a problem was reported.
   */
  read(key: string, path: string, index?: number): string | undefined {
    if (path === "") return undefined;
    try {
      return this.#files.readTextFile(path);
    } catch (error) {
      const reason = error instanceof Error
        ? error.message.replace(/ \(os error.*$/s, "")
        : String(error);
      const problem = `Cannot read ${this.#written(key, index)}: ${reason}`;
      this.#add(key, problem, index);
      return undefined;
    }
  }

  /** Reads a file of certificates. */
  certificates(key: string, path: string, index?: number): string | undefined {
    const pem = this.read(key, path, index);
    if (pem === undefined || pem.includes(CERTIFICATE)) return pem;
    this.#refuse(key, "certificates in PEM form", index);
    return undefined;
  }

  /** Checks a private key, which `pem` is to have, and who may read it. */
  checkKey(key: string, path: string, pem: string, index?: number): void {
    if (LOCKED_KEY.test(pem)) {
      this.#refuse(key, "a private key without a passphrase", index);
    } else if (!KEY.test(pem)) {
      this.#refuse(
        key,
        key === "tls.certificate"
          ? "a private key behind the certificates, or tls.key"
          : "a private key in PEM form",
        index,
      );
      return;
    }
    this.checkReaders(key, path, "world");
  }

  /**
   * Reads a password, token or the like: one line, whose end does not count.
   *
   * @returns The secret; `undefined` without a file, or where a problem was reported.
   */
  secret(key: string, path: string): string | undefined {
    const secret = this.read(key, path)?.replace(/\r?\n$/, "");
    if (secret === undefined) return undefined;
    this.checkReaders(key, path, "others");
    if (secret !== "" && !/[\0\r\n]/.test(secret)) return secret;
    this.#refuse(key, "a password in one line");
    return undefined;
  }

  /** Warns where a file of credentials is open to `others` than its owner, or to the whole `world`. */
  checkReaders(key: string, path: string, to: "others" | "world"): void {
    const mode = path === "" ? undefined : this.#files.fileMode?.(path);
    const bits = to === "others" ? OTHERS_MODE : WORLD_MODE;
    if (mode === undefined || (mode & bits) === 0) return;
    const { given, report } = this.#completion;
    report.warn(
      key,
      given.get(key),
      `Credentials in a file that others can use: expected mode ${
        to === "others" ? "0600" : "0600 or 0640"
      }`,
    );
  }

  /** Warns where the configuration itself, which holds credentials at `key`, is open to others. */
  checkOwnReaders(key: string): void {
    this.checkReaders(key, this.#files.file, "others");
  }

  #refuse(key: string, expected: string, index?: number): void {
    const written = this.#written(key, index);
    this.#add(key, `Cannot use ${written}: expected ${expected}`, index);
  }

  #add(key: string, problem: string, index?: number): void {
    const { given, report } = this.#completion;
    report.addValue(key, given.get(key), problem, index);
  }

  /** A path as it was written, before variables were put in. */
  #written(key: string, index?: number): string {
    const value = this.#completion.given.get(key)?.value;
    return quote(String(Array.isArray(value) ? value[index ?? 0] : value));
  }
}
