/**
 * A file of conversations, read whole with the messages that it names: what is
 * missing is told once, with its place, before anything is played.
 *
 * The rule: a transcript, which may be a stranger's, names only files in its
 * folder and below; nothing else is read and sent to a server.
 *
 * @module
 */

import { dirname, isAbsolute, relative, resolve } from "node:path";
import { formatProblem, type Problem } from "../transcript/parse.ts";
import { type Notation, readTranscripts } from "../transcript/reading.ts";
import type { Transcript } from "../transcript/steps.ts";
import { reasonOf } from "./paths.ts";

/** Largest file read, in MiB: more than any message in a test should be. */
const MAX_FILE_MIB = 64;

/** A file that is not read, whether or not it could be. */
class RefusedFileError extends Error {
  /** The class's name. */
  override name = "RefusedFileError";
  /** What it should have been. */
  readonly expected: string;

  constructor(path: string, expected: string) {
    super(`Cannot read "${path}": expected ${expected}`);
    this.expected = expected;
  }
}

/** A file that can be played. */
export interface ConversationFile {
  /** Its text. */
  readonly text: string;
  /** How it is written. */
  readonly notation: Notation;
  /** Its conversations, at least one. */
  readonly transcripts: readonly Transcript[];
  /** Gives a message that it names. */
  readMessage(path: string): Uint8Array;
}

/** A file, or why it can't be played, a line each. */
export type ReadFile =
  | { readonly ok: true; readonly value: ConversationFile }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Reads a file and the messages beside it.
 *
 * @param file Its path, which also names it.
 */
export function readConversationFile(file: string): ReadFile {
  let bytes: Uint8Array;
  try {
    bytes = readRegularFile(file);
  } catch (error) {
    const reason = error instanceof RefusedFileError
      ? `expected ${error.expected}`
      : reasonOf(error);
    return refused(`Cannot read ${file}: ${reason}`);
  }
  const reading = readTranscripts(bytes, file);
  if (!reading.ok) return refused(...reading.problems.map(formatProblem));
  const messages = new MessageFolder(dirname(resolve(file)));
  const problems = reading.transcripts.flatMap((transcript) =>
    missingMessages(transcript, messages)
  );
  if (problems.length > 0) return refused(...problems.map(formatProblem));
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const { notation, transcripts } = reading;
  const readMessage = (path: string) => messages.read(path);
  return { ok: true, value: { text, notation, transcripts, readMessage } };
}

/** Messages of a folder, each read once. */
export class MessageFolder {
  readonly #folder: string;
  readonly #messages = new Map<string, Uint8Array>();

  /** @param folder Where they are. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Gives a message.
   *
   * @param path Its path, from the folder.
   * @throws {Error} The system's, where it can't be read; or it lies elsewhere,
   * also through a link, is no regular file, or too large.
   */
  read(path: string): Uint8Array {
    let message = this.#messages.get(path);
    if (message === undefined) {
      message = readRegularFile(this.#find(path), path);
      this.#messages.set(path, message);
    }
    return message;
  }

  /** Where it really lies. */
  #find(path: string): string {
    const expected = "a file in the transcript's folder or below";
    const file = resolve(this.#folder, path);
    // First by its name: whether there is such a file is nobody's business.
    if (isAbsolute(path) || !isBelow(this.#folder, file)) {
      throw new RefusedFileError(path, expected);
    }
    const real = Deno.realPathSync(file);
    if (isBelow(Deno.realPathSync(this.#folder), real)) return real;
    throw new RefusedFileError(path, expected);
  }
}

function isBelow(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return !/^\.\.(?:[\\/]|$)/.test(path) && !isAbsolute(path);
}

/** Reads what has an end, and a size. */
function readRegularFile(file: string, name = file): Uint8Array {
  const { isFile, size } = Deno.statSync(file);
  if (!isFile) throw new RefusedFileError(name, "a regular file");
  if (size > MAX_FILE_MIB * 1_024 * 1_024) {
    throw new RefusedFileError(name, `at most ${MAX_FILE_MIB} MiB`);
  }
  return Deno.readFileSync(file);
}

function missingMessages(
  { file, steps }: Transcript,
  messages: MessageFolder,
): Problem[] {
  const problems: Problem[] = [];
  for (const step of steps) {
    const parts = step.kind === "delivered" ? step.message : [step];
    for (const part of parts) {
      if (part.kind !== "message") continue;
      try {
        messages.read(part.path);
      } catch (error) {
        const expected = error instanceof RefusedFileError
          ? `${error.expected}, not "${part.path}"`
          : `a message in "${part.path}": ${reasonOf(error)}`;
        problems.push({ file, line: step.line, column: 1, expected });
      }
    }
  }
  return problems;
}

function refused(...problems: string[]): ReadFile {
  return { ok: false, problems };
}
