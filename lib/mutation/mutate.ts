/**
 * Changes what a client does, by chance and never the same way twice, but the
 * same way for the same seed: lines are dropped, doubled, swapped, truncated,
 * grown past each limit, bytes flipped, newlines broken, commands put in, BDAT
 * with sizes that are not true.
 *
 * The rule: each change is told in words, by the file's lines. What it makes is
 * bounded, so that a conversation stays short.
 *
 * @module
 */

import type { Action, WriteAction } from "./script.ts";

/** Bounds of Postern's configuration, which lines are grown past. */
export interface GrowLimits {
  /** Longest command line in bytes, CRLF included. */
  readonly line: number;
  /** Largest message in bytes; 0: any. */
  readonly data: number;
  /** Most recipients of a message. */
  readonly recipients: number;
  /** Most bad commands. */
  readonly errors: number;
}

/** A changed script, and what was changed. */
export interface MutatedScript {
  /** What the client does now. */
  readonly actions: readonly Action[];
  /** The changes in words; empty: none. */
  readonly words: readonly string[];
}

/** Most changes of one script. */
const MAX_CHANGES = 3;

/**
 * Largest piece that is made, in bytes: several of the buffers that a session
 * has, and few enough for thousands of conversations.
 */
const MAX_GROWN_BYTES = 96 * 1_024;

/** Most times that a line is said; a limit above that is not gone past. */
const MAX_REPEATS = 150;

/** What newlines, dots and NULs are made of, for putting in. */
const FRAGMENTS: readonly string[] = [
  ...["\r", "\n", "\0", ".", "\r\n", ".\r\n", "\n.\n", "\r.\r", "\n.\r\n"],
  ...["\r\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n..\r\n", "\r\r\n"],
  ...["\n\n", "\r\n\r\n", "\0.\r\n", "\r\n.\0\r\n", "\xff", "\x80", "\t", " "],
];

/** Commands for putting in, at places where they do not belong too. */
const COMMANDS: readonly string[] = [
  ...["RSET", "NOOP", "QUIT", "DATA", "EHLO other.test", "HELO other.test"],
  ...["MAIL FROM:<c@example.org>", "MAIL FROM:<>", "RCPT TO:<d@localhost>"],
  ...["RCPT TO:<d@elsewhere.test>", "VRFY d", "HELP", "EXPN d", "STARTTLS"],
  ...[
    "AUTH PLAIN",
    "AUTH LOGIN",
    "*",
    "",
    ".",
    " ",
    "MAIL FROM:<c@example.org> SIZE=9",
  ],
];

type Chance = () => number;

/** Changes the script at a place; its words, or nothing where it can't. */
type Change = (
  actions: Action[],
  at: number,
  chance: Chance,
  limits: GrowLimits,
) => string | undefined;

/**
 * Changes a script.
 *
 * @param script What the client does.
 * @param limits What is grown past.
 * @param chance Numbers from 0 up to but without 1.
 */
export function mutate(
  script: readonly Action[],
  limits: GrowLimits,
  chance: Chance,
): MutatedScript {
  const actions = [...script];
  const words: string[] = [];
  const changes = 1 + Math.floor(chance() * MAX_CHANGES);
  for (let i = 0; i < changes; i++) {
    const places = [...actions.keys()].filter((at) =>
      actions[at]!.kind === "write"
    );
    if (places.length === 0) break;
    const at = pick(places, chance);
    const word = pick(CHANGES, chance)(actions, at, chance, limits);
    if (word !== undefined) words.push(word);
  }
  return { actions, words };
}

const drop: Change = (actions, at) => {
  const { line } = writeAt(actions, at);
  actions.splice(at, 1);
  return `line ${line} dropped`;
};

const double: Change = (actions, at) => {
  const write = writeAt(actions, at);
  actions.splice(at, 0, write);
  return `line ${write.line} doubled`;
};

const swap: Change = (actions, at) => {
  const write = writeAt(actions, at);
  const other = actions[at + 1];
  if (other?.kind !== "write") return undefined;
  actions[at] = { ...write, octets: other.octets };
  actions[at + 1] = { ...other, octets: write.octets };
  return `lines ${write.line} and ${other.line} swapped`;
};

const move: Change = (actions, at, chance) => {
  const write = writeAt(actions, at);
  const to = indexIn(actions.length + 1, chance);
  actions.splice(to, 0, write);
  return `line ${write.line} said again as the client's action ${to + 1}`;
};

const truncate: Change = (actions, at, chance) => {
  const { octets, line } = writeAt(actions, at);
  const length = indexIn(octets.length, chance);
  const end = chance() < 0.5 ? "\r\n" : "";
  rewrite(actions, at, octets.slice(0, length) + end);
  return `line ${line} truncated to ${length} bytes${end && " and CRLF"}`;
};

/** To a length around a limit, or far over it. */
const grow: Change = (actions, at, chance, limits) => {
  const { octets, line } = writeAt(actions, at);
  const end = octets.endsWith("\r\n") ? 2 : 0;
  const limit = pick([limits.line, limits.line, 512, limits.data], chance);
  const wanted = chance() < 0.7
    ? limit + Math.floor(chance() * 5) - 2
    : Math.floor(limit * (1 + 4 * chance()));
  const missing = Math.min(wanted, MAX_GROWN_BYTES) - octets.length;
  if (missing <= 0) return undefined;
  const where = octets.length - end;
  const filler = pick(["x", " ", ".", "a\r\n", "\r\n.", ".\r\n.", "\0"], chance)
    .repeat(missing).slice(0, missing);
  rewrite(actions, at, octets.slice(0, where) + filler + octets.slice(where));
  return `line ${line} grown to ${octets.length + missing} bytes by ${
    JSON.stringify(filler.slice(0, 3))
  }`;
};

const repeat: Change = (actions, at, chance, limits) => {
  const write = writeAt(actions, at);
  const { recipients, errors } = limits;
  const wanted = pick([recipients + 1, errors + 2, 5, 50], chance);
  const times = Math.min(
    wanted,
    MAX_REPEATS,
    Math.ceil(MAX_GROWN_BYTES / write.octets.length),
  );
  const waits = chance() < 0.5 && write.waits;
  const copies = Array<Action>(times - 1).fill({ ...write, waits });
  actions.splice(at, 0, ...copies);
  return `line ${write.line} said ${times} times`;
};

const flip: Change = (actions, at, chance) => {
  const { octets, line } = writeAt(actions, at);
  const index = indexIn(octets.length, chance);
  const bit = 1 << indexIn(8, chance);
  const flipped = String.fromCharCode(octets.charCodeAt(index) ^ bit);
  rewrite(actions, at, spliced(octets, index, 1, flipped));
  return `bit ${bit} of byte ${index + 1} of line ${line} flipped`;
};

const insert: Change = (actions, at, chance) => {
  const { octets, line } = writeAt(actions, at);
  // Ends and beginnings of lines are where framing is decided.
  const index = chance() < 0.3
    ? Math.max(0, octets.length - indexIn(3, chance))
    : indexIn(octets.length + 1, chance);
  const fragment = pick(FRAGMENTS, chance);
  rewrite(actions, at, spliced(octets, index, 0, fragment));
  return `${JSON.stringify(fragment)} put in line ${line} behind byte ${index}`;
};

/** A line's CRLF becomes something else. */
const breakNewline: Change = (actions, at, chance) => {
  const { octets, line } = writeAt(actions, at);
  const ends = [...octets.matchAll(/\r\n/g)].map(({ index }) => index);
  if (ends.length === 0) return undefined;
  const end = pick(ends, chance);
  const newline = pick(["\r", "\n", "", "\n\r", "\r\r\n", "\0"], chance);
  rewrite(actions, at, spliced(octets, end, 2, newline));
  return `CRLF at byte ${end + 1} of line ${line} made ${
    JSON.stringify(newline)
  }`;
};

const command: Change = (actions, at, chance) => {
  const { line } = writeAt(actions, at);
  const text = pick(COMMANDS, chance);
  add(actions, at, `${text}\r\n`, chance() < 0.7);
  return `${JSON.stringify(text)} put before line ${line}`;
};

/** Another recipient beside one, which the relay may not know. */
const recipient: Change = (actions, _at, chance) => {
  const at = actions.findIndex((action) =>
    action.kind === "write" && action.octets.startsWith("RCPT")
  );
  if (at < 0) return undefined;
  const name = pick(["unknown", "d"], chance);
  add(actions, at, `RCPT TO:<${name}@localhost>\r\n`, chance() < 0.3);
  const line = writeAt(actions, at).line;
  return `recipient ${name}@localhost put before line ${line}`;
};

/** RFC 3030: a chunk whose size is true, or is not. */
const chunk: Change = (actions, at, chance) => {
  const { octets, line } = writeAt(actions, at);
  const size = pick([
    octets.length,
    octets.length - 1,
    octets.length + 1,
    ...[0, 7, 2 ** 31, 2 ** 53],
  ], chance);
  const last = chance() < 0.5 ? " LAST" : "";
  add(actions, at, `BDAT ${size}${last}\r\n`, chance() < 0.5);
  return `BDAT ${size}${last} put before line ${line}`;
};

const stop: Change = (actions, at) => {
  const { line } = writeAt(actions, at);
  actions.splice(at);
  return `nothing said from line ${line} on`;
};

const end: Change = (actions, at, chance) => {
  const { line } = writeAt(actions, at);
  const how = chance() < 0.6 ? "eof" : "reset";
  actions.splice(at, actions.length, { kind: "end", how });
  return `${how} before line ${line}`;
};

const pause: Change = (actions, at, chance) => {
  const { line } = writeAt(actions, at);
  const seconds = pick([1, 30, 59, 61, 120], chance);
  actions.splice(at, 0, { kind: "wait", ms: seconds * 1_000 });
  return `a pause of ${seconds} s before line ${line}`;
};

/** Those that find most stand here more than once. */
const CHANGES: readonly Change[] = [
  ...[drop, double, swap, move, truncate, truncate, grow, grow, repeat],
  ...[flip, flip, flip, insert, insert, insert, insert, breakNewline],
  ...[breakNewline, command, command, recipient, recipient, chunk],
  ...[stop, end, pause],
];

function writeAt(actions: readonly Action[], at: number): WriteAction {
  return actions[at] as WriteAction;
}

/** Puts other bytes in a write's place; without any it is dropped. */
function rewrite(actions: Action[], at: number, octets: string): void {
  const write = writeAt(actions, at);
  if (octets === "") actions.splice(at, 1);
  else actions[at] = { ...write, octets };
}

function add(
  actions: Action[],
  at: number,
  octets: string,
  waits: boolean,
): void {
  const { line } = writeAt(actions, at);
  const isBarrier = waits;
  actions.splice(at, 0, { kind: "write", octets, waits, isBarrier, line });
}

function spliced(
  octets: string,
  at: number,
  count: number,
  by: string,
): string {
  return octets.slice(0, at) + by + octets.slice(at + count);
}

function indexIn(length: number, chance: Chance): number {
  return Math.floor(chance() * length);
}

function pick<T>(from: readonly T[], chance: Chance): T {
  return from[indexIn(from.length, chance)]!;
}
