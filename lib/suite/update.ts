/**
 * Makes a transcript right: what came takes the place of what was expected.
 *
 * The rule: all or nothing. A transcript that can't be made to pass is left as
 * it is, and so is one that would have a secret in it afterwards, or a message
 * that is no message any more. Lines that came as written, and comments, stay.
 *
 * @module
 */

import { MIN_SECRET_BYTES, SecretSearch } from "../record/secret_search.ts";
import { parseTranscript } from "../transcript/parse.ts";
import { formatStep, formatTranscript } from "../transcript/print.ts";
import type { Step, Transcript } from "../transcript/steps.ts";
import { toOctets } from "../transcript/template.ts";
import type { Played } from "../replay/played.ts";

/**
 * Rounds beyond one for each step: what came behind the last step takes rounds
 * of its own.
 */
const MAX_MORE_ROUNDS = 8;

/** What became of it. */
export interface Updated {
  /** The text that passes; `undefined`: nothing is to be written. */
  readonly text?: string;
  /** Lines of it that are new. */
  readonly lines: readonly number[];
  /** The last play. */
  readonly played: Played;
  /** Why nothing is written though it fails. */
  readonly refusal?: string;
}

/**
 * Plays, amends and plays again, until it passes or can't be amended.
 *
 * @param transcript As it was read.
 * @param play Plays it, as written.
 * @param secrets What must not be written, as it was given.
 */
export async function updateTranscript(
  transcript: Transcript,
  play: (transcript: Transcript) => Promise<Played>,
  secrets: ReadonlyMap<string, string> = new Map(),
): Promise<Updated> {
  const first = await play(transcript);
  let [current, played] = [transcript, first];
  let made: readonly boolean[] = transcript.steps.map(() => false);
  const give = (refusal: string): Updated => ({
    lines: [],
    played: first,
    refusal,
  });
  const before = formatTranscript(transcript);
  let text = before;
  const maxRounds = transcript.steps.length + MAX_MORE_ROUNDS;
  for (let round = 0; played.failure !== undefined; round++) {
    const { amendment } = played.failure;
    if (amendment === undefined || round === maxRounds) {
      return give("Not updated: no change of its replies would make it pass");
    }
    const { from, count, steps: fresh } = amendment;
    const lost = lostAsking(current.steps.slice(from, from + count), fresh);
    if (lost !== undefined) return give(lost);
    const steps = current.steps.toSpliced(from, count, ...fresh);
    const marks = fresh.map(({ source }) => source === undefined);
    made = made.toSpliced(from, count, ...marks);
    const last = text;
    text = formatTranscript({ ...current, steps });
    const parsed = parseTranscript(text, transcript.file);
    if (text === last || !parsed.ok) {
      return give("Not updated: what came can't be written in a transcript");
    }
    current = parsed.value;
    played = await play(current);
  }
  if (text === before) return { lines: [], played };
  const fresh = current.steps.filter((_, i) => made[i]);
  if (holdsSecret(fresh, secrets)) {
    return give("Not updated: what came has a secret in it");
  }
  return { text, lines: fresh.map(({ line }) => line), played };
}

/**
 * Why steps must not give way though others came: a reply that asked for more is
 * none any more, and what was the answer to it would be commands.
 */
function lostAsking(
  old: readonly Step[],
  fresh: readonly Step[],
): string | undefined {
  const asks = (steps: readonly Step[], code: string) =>
    steps.some((step) => new RegExp(`^S[:~] ${code}`).test(formatStep(step)));
  const lost = ["354", "334"].find((code) =>
    asks(old, code) && !asks(fresh, code)
  );
  if (lost === undefined) return undefined;
  const what = lost === "354" ? "the message's lines" : "the client's answer";
  return `Not updated: without the ${lost}, ${what} would be taken for commands`;
}

/** Whether one of the steps has a secret in it, in any form that mail gives it. */
function holdsSecret(
  steps: readonly Step[],
  secrets: ReadonlyMap<string, string>,
): boolean {
  const passwords = [...secrets.values()].map((value) =>
    toOctets(value.slice(value.indexOf(":") + 1))
  ).filter(({ length }) => length >= MIN_SECRET_BYTES);
  const search = new SecretSearch(
    passwords.map((octets) => ({ octets, isEncoded: false })),
  );
  const text = steps.map((step) => step.source ?? formatStep(step)).join("");
  for (const hit of search.find(toOctets(text))) {
    if (hit !== undefined) return true;
  }
  return false;
}
