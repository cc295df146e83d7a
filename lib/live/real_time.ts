/**
 * What holds where time is real: how long a conversation over sockets may take,
 * and what is said of one that ended otherwise than its peers wanted.
 *
 * @module
 */

import type { Step } from "../transcript/steps.ts";
import type { Mismatch } from "../replay/mismatch.ts";

/**
 * Most that a conversation may wait by itself, in ms: time is real here, and a
 * server's own timeouts are minutes.
 */
export const MAX_WAIT_MS = 5_000;

/** Deadlines that a conversation may use up besides its steps': greeting, TLS, end. */
const SPARE_DEADLINES = 4;

/**
 * Most that a conversation may take as a whole, in ms, however many steps it
 * has; timers can't wait for longer than 24 days.
 */
const MAX_PLAY_MS = 60 * 60 * 1_000;

/** Most that is shown of what a peer said which did not stop, in characters. */
const MAX_CAME_CHARS = 500;

/**
 * How long a conversation may take as a whole, in ms.
 *
 * @param steps The conversation.
 * @param timeoutMs How long each of its lines may take, in ms.
 */
export function playMsOf(steps: readonly Step[], timeoutMs: number): number {
  const deadlines = steps.length + SPARE_DEADLINES;
  return Math.min(deadlines * timeoutMs + waitOf(steps), MAX_PLAY_MS);
}

/** Why a conversation waits too long to be played; `undefined`: it doesn't. */
export function tooLongWait(steps: readonly Step[]): string | undefined {
  if (waitOf(steps) <= MAX_WAIT_MS) return undefined;
  return `waits for more than ${MAX_WAIT_MS / 1_000} s`;
}

/** How long a conversation waits by itself, in ms. */
function waitOf(steps: readonly Step[]): number {
  return steps.reduce(
    (sum, step) => step.kind === "wait" ? sum + step.ms : sum,
    0,
  );
}

/**
 * The mismatch with the reason for it; what never came to one has no line. It
 * is nothing to amend a file by: the peer had no say in how it ended.
 *
 * @param mismatch What was found.
 * @param why How the conversation ended.
 */
export function explained(
  mismatch: Mismatch | undefined,
  why: string,
): Mismatch {
  if (mismatch === undefined) {
    return { line: 0, expected: "nothing more", came: why };
  }
  const { line, expected, came } = mismatch;
  const shown = came.length > MAX_CAME_CHARS
    ? `${came.slice(0, MAX_CAME_CHARS)}…`
    : came;
  return { line, expected, came: `${shown} (${why})` };
}
