/**
 * Plays the conversations of one file, and gives a verdict on each.
 *
 * The rule: whatever is wrong with a file is its verdict, so that the files
 * behind it are played all the same.
 *
 * @module
 */

import type { Transcript } from "../transcript/steps.ts";
import { hideCredentials } from "./credentials.ts";
import {
  type ConversationFile,
  readConversationFile,
} from "./conversation_file.ts";
import { mutateInMemory } from "../mutation/mutations.ts";
import { findFiles, reasonOf, shellQuote } from "./paths.ts";
import type { Played } from "../replay/played.ts";
import type { Player } from "./replay.ts";
import { updateTranscript } from "./update.ts";
import { linesAround, type Verdict } from "./verdict.ts";

/** How files are tried. */
export interface TrialOptions {
  /** Plays them. */
  readonly player: Player;
  /** The command that does the same, without its splits, seeds and files. */
  readonly command?: string;
  /** Mutations instead of plays as written. */
  readonly mutations?: { readonly count: number; readonly seed: number };
  /** What came is written into the files; never one of these secrets. */
  readonly update?: { readonly secrets: ReadonlyMap<string, string> };
}

/** What came of a conversation, without its name and how long it took. */
type Outcome = Omit<Verdict, "file" | "name" | "ms">;

/**
 * Plays the files that a path stands for.
 *
 * @param path A file or a folder.
 * @param options How.
 * @returns The verdicts as they come; none where a folder has nothing to play.
 */
export async function* tryPath(
  path: string,
  options: TrialOptions,
): AsyncGenerator<Verdict> {
  let files: string[];
  try {
    files = findFiles(path);
  } catch (error) {
    return yield unreadable(path, path, [
      `Cannot read ${path}: ${reasonOf(error)}`,
    ]);
  }
  for (const file of files) yield* await tryFile(file, options);
}

/**
 * Plays a file's conversations.
 *
 * @param file Its path, which also names it.
 * @param options How.
 * @returns A verdict on each, in the file's order; at least one.
 */
export async function tryFile(
  file: string,
  options: TrialOptions,
): Promise<Verdict[]> {
  const read = readConversationFile(file);
  if (!read.ok) return [unreadable(file, file, read.problems)];
  const verdicts: Verdict[] = [];
  for (const transcript of read.value.transcripts) {
    verdicts.push(await tryTranscript(transcript, read.value, options));
  }
  return verdicts;
}

/**
 * Plays one conversation of a file.
 *
 * @param transcript The conversation.
 * @param within The file.
 * @param options How.
 */
export async function tryTranscript(
  transcript: Transcript,
  within: ConversationFile,
  options: TrialOptions,
): Promise<Verdict> {
  const { file, name } = transcript;
  const start = performance.now();
  try {
    const outcome = options.mutations !== undefined
      ? await tryMutations(transcript, within, options)
      : options.update !== undefined
      ? await tryUpdate(transcript, within, options)
      : await tryPlays(transcript, within, options);
    return { file, name, ...outcome, ms: performance.now() - start };
  } catch (error) {
    // Settings that are no configuration show only here, and name the file.
    const isSettings = error instanceof TypeError &&
      error.message.startsWith(`${file}:`);
    if (!isSettings) throw error;
    return unreadable(file, name, error.message.split("\n"));
  }
}

function unreadable(
  file: string,
  name: string,
  problems: readonly string[],
): Verdict {
  return { file, name, status: "unreadable", plays: 0, ms: 0, problems };
}

async function tryPlays(
  transcript: Transcript,
  { text, readMessage }: ConversationFile,
  { player, command }: TrialOptions,
): Promise<Outcome> {
  const played = await player.play(transcript, readMessage);
  return outcomeOf(transcript, text, played, command);
}

function outcomeOf(
  { file }: Transcript,
  text: string,
  { plays, failure, skipped }: Played,
  command: string | undefined,
): Outcome {
  if (skipped !== undefined) return { status: "skipped", plays, skipped };
  if (failure === undefined) return { status: "passed", plays };
  const { line, expected, came, way } = failure;
  const around = linesAround(text, line);
  const here = around.find(({ number }) => number === line)?.text ?? "";
  return {
    status: "failed",
    plays,
    failure: { line, ...hideCredentials({ expected, came }, here), way },
    around,
    ...(command !== undefined && {
      repeat: `${command} --split ${way} ${shellQuote(file)}`,
    }),
  };
}

async function tryMutations(
  transcript: Transcript,
  { readMessage }: ConversationFile,
  { mutations = { count: 0, seed: 0 }, command }: TrialOptions,
): Promise<Outcome> {
  const { runs, failure: broken } = await mutateInMemory(transcript, {
    ...mutations,
    readMessage,
  });
  if (broken === undefined) return { status: "passed", plays: runs };
  const { seed } = broken;
  return {
    status: "failed",
    plays: runs,
    broken,
    ...(command !== undefined && {
      repeat: `${command} --mutate 1 --seed ${seed} ${
        shellQuote(transcript.file)
      }`,
    }),
  };
}

async function tryUpdate(
  transcript: Transcript,
  within: ConversationFile,
  options: TrialOptions,
): Promise<Outcome> {
  const { player, command, update } = options;
  const { text, notation, readMessage } = within;
  const play = (each: Transcript) => player.play(each, readMessage, ["whole"]);
  if (notation !== "transcript") {
    const played = await play(transcript);
    const outcome = outcomeOf(transcript, text, played, command);
    if (played.failure === undefined) return outcome;
    const what = notation === "swaks" ? "a log of swaks" : "a listing";
    return { ...outcome, note: `Not updated: ${what} stays as it is` };
  }
  const updated = await updateTranscript(transcript, play, update?.secrets);
  const outcome = outcomeOf(transcript, text, updated.played, command);
  if (updated.refusal !== undefined) {
    return { ...outcome, note: updated.refusal };
  }
  if (updated.text === undefined) return outcome;
  const { file } = transcript;
  try {
    await replaceFile(file, updated.text);
  } catch (error) {
    const problems = [`Cannot write ${file}: ${reasonOf(error)}`];
    return { status: "failed", plays: updated.played.plays, problems };
  }
  const lines = updated.lines.join(", ");
  return { ...outcome, note: `Updated, new lines: ${lines || "none"}` };
}

/** Writes aside and renames, so that the file is never half of one. */
async function replaceFile(file: string, text: string): Promise<void> {
  // Not the link, where it is one.
  const path = await Deno.realPath(file);
  const aside = `${path}.new`;
  const { mode } = await Deno.stat(path);
  try {
    await Deno.writeTextFile(aside, text, {
      createNew: true,
      ...(mode !== null && { mode: mode & 0o777 }),
    });
    await Deno.rename(aside, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      await Deno.remove(aside).catch(() => {});
    }
    throw error;
  }
}
