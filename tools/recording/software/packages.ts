/**
 * Software that is fetched for the recordings and never installed: mail
 * servers exclude each other as Debian packages, so they are unpacked into a
 * folder and run from there.
 *
 * @module
 */

import { missing, run } from "../../../tests/real/support/child.ts";

/** This machine can't give what a recording needs. */
export class MissingError extends Error {
  override name = "MissingError";
}

/**
 * Unpacks Debian packages.
 *
 * @param names Packages; the first is what it is about.
 * @param folder Where they are unpacked, as if it were the root.
 * @throws {MissingError} There is no apt-get, or it does not find them.
 */
export async function unpackDebian(
  names: readonly string[],
  folder: string,
): Promise<void> {
  needPrograms("apt-get", "dpkg");
  const script = `cd "$1" && shift && apt-get download "$@" &&
for package in ./*.deb; do dpkg -x "$package" . || exit 1; done`;
  const { code, output } = await run("sh", [
    ...["-c", script, "sh", folder],
    ...names,
  ]);
  if (code !== 0) {
    throw new MissingError(`Cannot unpack ${names[0]}: ${output}`);
  }
}

/**
 * Installs an npm package for Node.js in `folder`.
 *
 * @throws {MissingError} There is no npm, or it does not find the package.
 */
export async function installNpm(name: string, folder: string): Promise<void> {
  needPrograms("node", "npm");
  const { code, output } = await run("npm", [
    ...["install", "--prefix", folder, "--no-audit", "--no-fund"],
    name,
  ]);
  if (code !== 0) throw new MissingError(`Cannot install ${name}: ${output}`);
}

/** Throws a {@linkcode MissingError} that names the first program not here. */
export function needPrograms(...names: readonly string[]): void {
  const [first] = missing(...names);
  if (first !== undefined) throw new MissingError(`Cannot find "${first}"`);
}

/** Throws a {@linkcode MissingError} unless this process is root's. */
export function needRoot(): void {
  if (Deno.uid() !== 0) throw new MissingError("Cannot start this but as root");
}

/** What `pattern`'s group finds in what a program prints about itself. */
export async function versionOf(
  pattern: RegExp,
  program: string,
  ...args: readonly string[]
): Promise<string> {
  const { output } = await run(program, args);
  const version = pattern.exec(output)?.[1];
  if (version !== undefined) return version;
  throw new MissingError(`Cannot find the version of ${program}: ${output}`);
}
