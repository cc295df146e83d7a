/**
 * A file of conversations, read whole with the messages that it names: what is
 * missing is told once, with its place, before anything is played.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { formatProblem, type Problem } from "../transcript/parse.ts";
import { type Notation, readTranscripts } from "../transcript/reading.ts";
import type { Transcript } from "../transcript/steps.ts";
import { reasonOf } from "./paths.ts";

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
    bytes = Deno.readFileSync(file);
  } catch (error) {
    return refused(`Cannot read ${file}: ${reasonOf(error)}`);
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
   * @throws {Error} The system's, where it can't be read.
   */
  read(path: string): Uint8Array {
    let message = this.#messages.get(path);
    if (message === undefined) {
      message = Deno.readFileSync(resolve(this.#folder, path));
      this.#messages.set(path, message);
    }
    return message;
  }
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
        const expected = `a message in "${part.path}": ${reasonOf(error)}`;
        problems.push({ file, line: step.line, column: 1, expected });
      }
    }
  }
  return problems;
}

function refused(...problems: string[]): ReadFile {
  return { ok: false, problems };
}
