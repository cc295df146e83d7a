/**
 * Transcripts as tests: one `Deno.test` for each conversation of a folder.
 *
 * @module
 */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Transcript } from "../transcript/steps.ts";
import { readConversationFile } from "./conversation_file.ts";
import { explain } from "./explanation.ts";
import { findFiles } from "./paths.ts";
import { Player, type ReplayOptions } from "./replay.ts";
import { tryTranscript } from "./trial.ts";
import type { Verdict } from "./verdict.ts";

/** Which transcripts become tests, and how they are played. */
export interface FolderOptions extends ReplayOptions {
  /** Whether this one is a test; all are by default. */
  readonly filter?: ((transcript: Transcript) => boolean) | undefined;
}

/**
 * Registers a test for each transcript in a folder and below it, `*.txt`. Its
 * name is what the transcript shows, and its file. One that can't be read is a
 * test that fails, and so is a folder without any; one that can't be played there
 * passes, with the reason printed.
 *
 * @param folder A folder, or one file.
 * @param options Where and how they are played.
 * @throws {TypeError} An option is not usable.
 * @throws {Error} The system's, where the folder can't be read.
 *
 * @example In a test file
 * ```ts ignore
 * replayFolder(new URL("../fixtures/", import.meta.url));
 * ```
 */
export function replayFolder(
  folder: URL | string,
  options: FolderOptions = {},
): void {
  const path = typeof folder === "string" ? folder : fileURLToPath(folder);
  const player = new Player(options);
  const files = findFiles(path).map((file) => relative(Deno.cwd(), file));
  if (files.length === 0) {
    const problem = `Nothing to play in ${path}: expected files *.txt`;
    return Deno.test(path, () => {
      throw new Error(problem);
    });
  }
  for (const file of files) registerFile(file, player, options);
}

function registerFile(
  file: string,
  player: Player,
  { filter = () => true }: FolderOptions,
): void {
  const read = readConversationFile(file);
  if (!read.ok) {
    return Deno.test(file, () => {
      throw new Error(read.problems.join("\n"));
    });
  }
  for (const transcript of read.value.transcripts) {
    if (!filter(transcript)) continue;
    const { name } = transcript;
    Deno.test(name === file ? file : `${name} (${file})`, async () => {
      judge(await tryTranscript(transcript, read.value, { player }));
    });
  }
}

/** Fails the test where the verdict is none to be glad of. */
function judge(verdict: Verdict): void {
  if (verdict.status === "passed") return;
  if (verdict.status === "skipped") {
    return console.log(`skipped: ${verdict.skipped}`);
  }
  const lines = explain(verdict).map(({ text }) => text);
  throw new Error(["", ...lines].join("\n"));
}
