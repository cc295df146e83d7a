/**
 * The files that paths on a command line stand for.
 *
 * The rule: a file is taken whatever its name; of a folder every `*.txt` in it
 * and below it, in the order of their names. Links to folders are not followed,
 * so that none is walked twice.
 *
 * @module
 */

import { join } from "node:path";

/** Ends the name of a transcript; messages lie beside them. */
const TRANSCRIPT_END = ".txt";

/**
 * Finds files to play. It does not wait, so that tests can be registered.
 *
 * @param path A file or a folder.
 * @returns The files, sorted; none where a folder has none.
 * @throws {Error} The system's, where `path` or a folder can't be read.
 */
export function findFiles(path: string): string[] {
  if (!Deno.statSync(path).isDirectory) return [path];
  return [...filesBelow(path)].sort();
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* filesBelow(path);
    else if (entry.name.endsWith(TRANSCRIPT_END)) yield path;
  }
}

/** The reason in a system's error, without its number and the call. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\).*$/s, "");
}

/** A word for a shell. */
export function shellQuote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
