/**
 * The files that the relay's settings name, and where its password comes from.
 *
 * A password stands in the URL, or in a file of its own when the URL has a user only. Who else may read it there is a warning.
 *
 * @module
 */
import type { RelayAddress } from "./address.ts";
import type { Completion } from "./problem.ts";
import { quote } from "./value.ts";
import { Secret } from "../secret.ts";

/** How files that a configuration names are read. */
export interface Files {
  /** The configuration's own name, empty for a program's object. */
  readonly file: string;
  /** Reads a file; throws where it can't. */
  readTextFile(path: string): string;
  /** Permission bits of a file; `undefined` where there are none or they can't be had. */
  fileMode?(path: string): number | undefined;
}

/** Permission bits of group and others. */
const OTHERS_MODE = 0o077;

/** A password in the URL as written, once the references to the environment are taken out. */
const LITERAL_PASSWORD = /^[a-z0-9+.-]+:\/\/[^:]*:.+@/i;

/** Reports a file of certificates that can't be read, or has none. */
export function checkAuthorities(
  path: string,
  { given, report }: Completion,
  files: Files,
): void {
  if (path === "") return;
  const key = "relay.ca_file";
  const pem = read(key, path, { given, report }, files);
  if (pem === undefined || pem.includes("-----BEGIN CERTIFICATE-----")) return;
  report.addValue(
    key,
    given.get(key),
    `Cannot use ${written(key, given)}: expected certificates in PEM form`,
  );
}

/**
 * Completes the relay with the password from its file.
 *
 * @param url The relay as the configuration has it.
 * @param passwordFile The file's path, or nothing.
 * @param completion What was given, and where problems go.
 * @param files How to read the file.
 * @returns The relay; where it has a user, with a password.
 */
export function withPassword(
  url: RelayAddress | undefined,
  passwordFile: string,
  completion: Completion,
  files: Files,
): RelayAddress | undefined {
  const { given, values, report } = completion;
  const asked = given.get("relay.url");
  const user = url?.transport === "tcp" ? url.user : undefined;
  const password = url?.transport === "tcp" ? url.password : undefined;
  if (
    !asked?.isOption &&
    LITERAL_PASSWORD.test(
      String(asked?.value).replaceAll(/\$\{env:\w+\}/g, ""),
    )
  ) {
    warnOfReaders("relay.url", files.file, completion, files);
  }
  if (
    url?.transport === "tcp" && user !== undefined && password === undefined
  ) {
    if (passwordFile !== "") {
      return {
        ...url,
        password: new Secret(readPassword(passwordFile, completion, files)),
      };
    }
    report.addValue(
      "relay.url",
      asked,
      "Cannot find the user's password: expected it in the URL or in relay.password_file",
    );
  } else if (
    passwordFile !== "" && !asked?.isOption &&
    (asked === undefined || values.get("relay.url") !== undefined)
  ) {
    // A relay from the command line need not fit the file's password, and one that is wrong has been reported.
    report.addValue(
      "relay.password_file",
      given.get("relay.password_file"),
      'Cannot use a password file here: expected a relay.url with a user and no password, as "plain://USER@HOST"',
    );
  }
  return url;
}

function readPassword(
  path: string,
  completion: Completion,
  files: Files,
): string {
  const { given, report } = completion;
  const key = "relay.password_file";
  const password = read(key, path, completion, files)?.replace(/\r?\n$/, "");
  if (password === undefined) return "";
  warnOfReaders(key, path, completion, files);
  if (password === "" || /[\0\r\n]/.test(password)) {
    report.addValue(
      key,
      given.get(key),
      `Cannot use ${written(key, given)}: expected a password in one line`,
    );
  }
  return password;
}

/** A path as it was written, before variables were put in. */
function written(key: string, given: Completion["given"]): string {
  return quote(String(given.get(key)?.value));
}

function read(
  key: string,
  path: string,
  { given, report }: Pick<Completion, "given" | "report">,
  files: Files,
): string | undefined {
  try {
    return files.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error
      ? error.message.replace(/ \(os error.*$/s, "")
      : String(error);
    report.addValue(
      key,
      given.get(key),
      `Cannot read ${written(key, given)}: ${reason}`,
    );
    return undefined;
  }
}

function warnOfReaders(
  key: string,
  path: string,
  { given, report }: Completion,
  files: Files,
): void {
  const mode = path === "" ? undefined : files.fileMode?.(path);
  if (mode === undefined || (mode & OTHERS_MODE) === 0) return;
  report.warn(
    key,
    given.get(key),
    "Credentials in a file that others can use: expected mode 0600",
  );
}
