/**
 * How a client's changed bytes go out: in which writes, and where it waits.
 *
 * The rule: it may do what no client should, such as to go on without waiting
 * for the answer to DATA; the bytes and their order stay.
 *
 * @module
 */

import type { MutatedScript } from "./mutate.ts";
import type { Action, WriteAction } from "./script.ts";

/** More is not sent byte by byte: a long message's bytes are all alike. */
const MAX_BYTEWISE_BYTES = 4_096;

/** The ways; those that find most stand here more than once. */
const WAYS = [
  ...["as written", "as written", "as written", "as written"] as const,
  ...["waiting only where it must", "all in one write"] as const,
  ...["byte by byte", "cut at random", "cut at random"] as const,
];

/** How often pieces are joined before they are cut at random. */
const JOINED_SHARE = 0.5;

/** How often a client waits within what it would say at once. */
const WAITING_SHARE = 0.3;

/**
 * Cuts what the client sends, by chance.
 *
 * @param actions What the client does.
 * @param chance Numbers from 0 up to but without 1.
 */
export function recut(
  actions: readonly Action[],
  chance: () => number,
): MutatedScript {
  const way = WAYS[Math.floor(chance() * WAYS.length)]!;
  switch (way) {
    case "as written":
      return { actions, words: [] };
    case "waiting only where it must":
      return { actions: actions.map(early), words: [way] };
    case "all in one write":
      return { actions: joined(actions, () => true), words: [way] };
    case "byte by byte":
      if (sizeOf(actions) > MAX_BYTEWISE_BYTES) return { actions, words: [] };
      return {
        actions: actions.flatMap((action) =>
          action.kind === "write" ? parts(action, () => 1, false) : [action]
        ),
        words: [way],
      };
    case "cut at random": {
      const pieces = joined(actions, () => chance() < JOINED_SHARE);
      // As many short ones as long ones, nearly.
      const size = (rest: number) => Math.ceil(rest * chance() * chance());
      return {
        actions: pieces.flatMap((action) =>
          action.kind === "write"
            ? parts(action, size, chance() < WAITING_SHARE)
            : [action]
        ),
        words: [way],
      };
    }
  }
}

function early(action: Action): Action {
  return action.kind === "write"
    ? { ...action, waits: action.isBarrier }
    : action;
}

/** Makes one write of two where `joins` says so. */
function joined(
  actions: readonly Action[],
  joins: () => boolean,
): Action[] {
  const pieces: Action[] = [];
  let group: WriteAction[] = [];
  const flush = () => {
    const last = group.at(-1);
    if (last === undefined) return;
    const octets = group.map((write) => write.octets).join("");
    pieces.push({ ...last, octets });
    group = [];
  };
  for (const action of actions) {
    if (action.kind !== "write" || !joins()) flush();
    if (action.kind === "write") group.push(action);
    else pieces.push(action);
  }
  flush();
  return pieces;
}

/** Cuts a write; `size` gives the size of the next part. */
function parts(
  write: WriteAction,
  size: (rest: number) => number,
  waits: boolean,
): Action[] {
  const { octets } = write;
  const writes: Action[] = [];
  for (let at = 0; at < octets.length;) {
    const end = at + Math.max(1, size(octets.length - at));
    const isLast = end === octets.length;
    writes.push({
      ...write,
      octets: octets.slice(at, end),
      waits: isLast ? write.waits : waits,
    });
    at = end;
  }
  return writes;
}

function sizeOf(actions: readonly Action[]): number {
  return actions.reduce(
    (sum, action) => sum + (action.kind === "write" ? action.octets.length : 0),
    0,
  );
}
