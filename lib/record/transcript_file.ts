/**
 * A transcript's file: written aside, looked through for secrets, and only then
 * given its name.
 *
 * The rule: mail is private, so nobody else may read it; what holds a secret is
 * not left on the disk; and nothing half written is left either, as far as the
 * disk lets it be removed.
 *
 * @module
 */

import { octetsOf, toOctets } from "../transcript/template.ts";

/** For the owner alone: a transcript holds mail. */
const FILE_MODE = 0o600;

/** The folder's mode where it is made, for the same reason. */
const FOLDER_MODE = 0o700;

const ENCODER = new TextEncoder();

/** A transcript could not be written; the message is fit for a log. */
export class TranscriptFileError extends Error {
  /** The class's name. */
  override name = "TranscriptFileError";
}

/**
 * Makes the folder where it is missing, and tries whether files can be made in
 * it.
 *
 * @throws {TranscriptFileError} They can't.
 */
export async function prepareFolder(folder: string): Promise<void> {
  const trial = `${folder}/.${crypto.randomUUID()}.part`;
  try {
    await Deno.mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    await Deno.writeTextFile(trial, "", { createNew: true, mode: FILE_MODE });
    await Deno.remove(trial);
  } catch (cause) {
    throw new TranscriptFileError(
      `Cannot record in "${folder}": ${reasonOf(cause)}`,
      { cause },
    );
  }
}

/**
 * The name of a session's file.
 *
 * @param began When the session began, in ms since the epoch.
 * @param id The session's id.
 */
export function transcriptName(began: number, id: string): string {
  // As `date -u +%Y-%m-%dT%H%M%SZ` has it: no colon, which some systems refuse.
  const time = new Date(began).toISOString().replace(/:|\.\d+/g, "");
  return `${time}-${id}.txt`;
}

/**
 * Writes a transcript.
 *
 * @param path Its file, which must not be there yet.
 * @param text The whole text.
 * @param secrets What must not be in it.
 * @throws {TranscriptFileError} It could not be written, or held a secret; it
 * is gone then. The message never has the secret.
 */
export async function writeTranscript(
  path: string,
  text: string,
  secrets: readonly string[],
): Promise<void> {
  const aside = `${path}.part`;
  try {
    const options = { createNew: true, mode: FILE_MODE };
    await Deno.writeFile(aside, ENCODER.encode(text), options);
    if (secrets.length > 0 && await holdsOneOf(aside, secrets)) {
      throw new TranscriptFileError(
        "A secret was left in it: expected variables in its place",
      );
    }
    await Deno.rename(aside, path);
  } catch (cause) {
    // What was there before is not ours.
    if (!(cause instanceof Deno.errors.AlreadyExists)) await removed(aside);
    if (cause instanceof TranscriptFileError) throw cause;
    throw new TranscriptFileError(reasonOf(cause), { cause });
  }
}

async function removed(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch {
    // It was never made, or the disk takes no change: that is said already.
  }
}

async function holdsOneOf(
  path: string,
  secrets: readonly string[],
): Promise<boolean> {
  // A string is searched much faster than bytes are.
  const written = octetsOf(await Deno.readFile(path));
  return secrets.some((secret) => written.includes(toOctets(secret)));
}

/** The reason in a system's error, without its number. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\)/, "");
}
