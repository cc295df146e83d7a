/**
 * The ways in which the network can cut what one end of a wire sends.
 *
 * The rule: every way sends the same bytes in the same order, and nothing is
 * joined to bytes behind which the sender must wait: those of `pace.ts`, and
 * where time passes, TLS begins or the connection ends. A server never says more than
 * what was asked for, and never goes ahead of another wire; where one step's
 * bytes are several replies, the last byte of the first and all behind it come
 * together, for what comes later is heard by another question. Within a client's
 * step, which may be an attack, anything goes.
 *
 * It sends nothing: the player writes until the step it stands at is
 * {@linkcode Write.through}, and then reads.
 *
 * @module
 */

import type { Parsed } from "../engine/path.ts";
import { Pace } from "./pace.ts";
import { random } from "./random.ts";
import { joined } from "./sending.ts";
import { lastCutOf, ServerPace } from "./server_pace.ts";
import {
  type BytesStep,
  type End,
  isSaid,
  type LineStep,
  type MessageStep,
  type SaidStep,
  type Step,
  type Wire,
} from "../transcript/steps.ts";
import { octetsOf } from "../transcript/template.ts";

/** A step that can be sent: it says its bytes, not only what they look like. */
export type SentStep = LineStep | BytesStep | MessageStep;

/** Bytes that belong together. */
export interface Cuttable {
  /** The bytes, at least one; where it `isLate` any, once it is their turn. */
  readonly bytes: Uint8Array;
  /** Whether the sender must wait behind them. */
  readonly isBarrier: boolean;
  /** Whether its bytes depend on what is still to come. */
  readonly isLate?: true;
  /** Up to where it may be cut, if not everywhere. */
  readonly lastCut?: number;
}

/** What one step sends. */
export interface Piece extends Cuttable {
  /** The step. */
  readonly step: SentStep;
}

/** Bytes that are not known yet. */
export interface LateBytes {
  /** What they look like, a character for each: what the sender's pace needs. */
  readonly form: string;
  /** Gives them. */
  make(): Uint8Array;
}

/**
 * One way of cutting.
 *
 * - `whole`: a write for each step, as written.
 * - `bytes`: a write for each byte.
 * - `pipelined`: a write for all steps that may be joined.
 * - `every:N`: each step in two behind its Nth byte, or where N is negative
 *   that many before its end; a step that is too short for that, whole.
 * - `random:SEED`: steps joined and cut by chance.
 */
export type Way =
  | "whole"
  | "bytes"
  | "pipelined"
  | `every:${number}`
  | `random:${number}`;

/** One way, or `every`: all of `every:N` that differ. */
export type Split = Way | "every";

/** One write. */
export interface Write {
  /** What goes out; a view of the pieces where nothing was joined. */
  readonly bytes: Uint8Array;
  /** How many pieces are out, whole, once this is. */
  readonly through: number;
}

/**
 * Most places at which `every` cuts a step: around its beginning and its end,
 * half of them each. A long message's middle is all alike.
 */
export const MAX_CUTS = 2_048;

const SPLIT =
  /^(?:whole|bytes|pipelined|every|every:-?[1-9]\d{0,8}|random:\d{1,9})$/;

/**
 * Reads a split as it stands on a command line.
 *
 * @param text `whole`, `bytes`, `pipelined`, `every`, `every:N`, `random:SEED`.
 */
export function parseSplit(text: string): Parsed<Split> {
  if (SPLIT.test(text)) return { ok: true, value: text as Split };
  return {
    ok: false,
    at: 0,
    expected:
      "whole, bytes, pipelined, every, every:N or random:SEED, with numbers for N and SEED",
  };
}

/**
 * The bytes of one end of a wire, with its barriers.
 *
 * @param steps The conversation.
 * @param wire The wire.
 * @param from The end that is to send.
 * @param bytesOf Gives the bytes of a step; `undefined`: none are sent; or says
 * what they look like, and how to have them when it is their turn.
 * @returns A piece for each step with bytes.
 */
export function piecesOf(
  steps: readonly Step[],
  wire: Wire,
  from: End,
  bytesOf: (step: SentStep) => Uint8Array | LateBytes | undefined,
): Piece[] {
  const pieces: (Omit<Piece, "isBarrier"> & { isBarrier: boolean })[] = [];
  const pace = new Pace();
  const serverPace = new ServerPace();
  const wait = () => {
    const last = pieces.at(-1);
    if (last !== undefined) last.isBarrier = true;
  };
  for (const step of steps) {
    if (!isSaid(step)) {
      const isElsewhere = "wire" in step && step.wire !== wire;
      if (!isElsewhere) wait();
      continue;
    }
    if (step.wire !== wire) {
      if (from === "server") wait();
      continue;
    }
    if (step.from !== from) {
      const code = codeOf(step);
      if (from === "server") {
        wait();
        serverPace.hear(step);
      } else if (code !== undefined) pace.hear(code);
      continue;
    }
    if (!isSent(step)) continue;
    const bytes = bytesOf(step);
    if (bytes === undefined) continue;
    if (!(bytes instanceof Uint8Array)) {
      const { form, make } = bytes;
      wait();
      if (from === "client") pace.say(form);
      const late = { isBarrier: true, isLate: true as const };
      pieces.push({
        step,
        ...late,
        get bytes() {
          return make();
        },
      });
      continue;
    }
    if (bytes.length === 0) continue;
    let isBarrier = step.kind === "message";
    if (isBarrier) pace.sayMessage();
    else if (from === "client") isBarrier = pace.say(octetsOf(bytes));
    if (from === "server" && serverPace.say(bytes)) wait();
    const lastCut = from === "server" ? lastCutOf(bytes) : undefined;
    const limit = lastCut === undefined ? {} : { lastCut };
    pieces.push({ step, bytes, isBarrier, ...limit });
  }
  return pieces;
}

/** Whether a step says its bytes. */
export function isSent(step: SaidStep): step is SentStep {
  return step.kind === "line" || step.kind === "bytes" ||
    step.kind === "message";
}

/** What a reply's line begins with; nothing where the step does not say. */
function codeOf(step: SaidStep): string | undefined {
  if (step.kind === "prefix" || step.kind === "absent") return undefined;
  if (step.kind === "message") return "";
  const [first] = step.kind === "line"
    ? step.text
    : step.kind === "regex"
    ? step.regex
    : step.octets;
  return typeof first === "string" ? first.slice(0, 3) : "";
}

/**
 * The ways that a split stands for.
 *
 * @param split One way, or `every`.
 * @param pieces What is to be cut.
 * @param unsplit Whether the outcome rightly depends on chunking: only `whole`.
 */
export function* waysOf(
  split: Split,
  pieces: readonly Cuttable[],
  unsplit = false,
): Generator<Way> {
  if (unsplit) return yield "whole";
  if (split !== "every") return yield split;
  const longest = pieces.reduce(
    (longest, piece) =>
      piece.isLate ? longest : Math.max(longest, piece.bytes.length),
    0,
  );
  const isLong = longest - 1 > MAX_CUTS;
  const last = isLong ? MAX_CUTS / 2 : longest - 1;
  for (let at = 1; at <= last; at++) yield `every:${at}`;
  if (!isLong) return;
  for (let at = 1; at <= last; at++) yield `every:${-at}`;
}

/**
 * Cuts what is sent.
 *
 * @param pieces What is to be cut.
 * @param way How.
 * @returns The writes in their order, made as they are asked for.
 */
export function* writesOf(
  pieces: readonly Cuttable[],
  way: Way,
): Generator<Write> {
  const [kind, argument] = way.split(":");
  const number = Number(argument ?? 0);
  const chance = random(number);
  const joins = () =>
    kind === "pipelined" || (kind === "random" && chance() < 0.5);
  let first = 0;
  while (first < pieces.length) {
    const group = [pieces[first]!];
    while (
      first + group.length < pieces.length && !group.at(-1)!.isBarrier &&
      joins()
    ) group.push(pieces[first + group.length]!);
    const bytes = group.length === 1
      ? group[0]!.bytes
      : joined(group.map(({ bytes }) => bytes));
    const { lastCut = Infinity } = group.at(-1)!;
    const last = lastCut + bytes.length - group.at(-1)!.bytes.length;
    // Where each piece of the group ends, and how many of them are out.
    let [whole, end] = [0, group[0]!.bytes.length];
    // A variable's value may be empty: then it is out without a byte.
    if (bytes.length === 0) yield { bytes, through: first + 1 };
    for (let at = 0; at < bytes.length;) {
      const size = nextSize(kind, number, at, bytes.length, chance);
      const next = at + size > last ? bytes.length : at + size;
      while (whole < group.length && end <= next) {
        whole++;
        end += group[whole]?.bytes.length ?? 0;
      }
      yield { bytes: bytes.subarray(at, next), through: first + whole };
      at = next;
    }
    first += group.length;
  }
}

/** How many bytes the write takes that begins at `at`. */
function nextSize(
  kind: string | undefined,
  number: number,
  at: number,
  length: number,
  chance: () => number,
): number {
  const rest = length - at;
  switch (kind) {
    case "bytes":
      return 1;
    case "every": {
      const cut = number < 0 ? length + number : number;
      return at === 0 && cut > 0 && cut < length ? cut : rest;
    }
    case "random":
      // As many short ones as long ones, and few for a long message.
      return Math.min(rest, Math.ceil(rest ** chance()));
    default:
      return rest;
  }
}
