/**
 * Decides whether a whole reply is what a transcript says.
 *
 * It takes the lines of one reply and the steps from there on, which may be
 * those of several replies, and says how many of them that reply was. Where one
 * reply ends the caller knows.
 *
 * @module
 */

import { keep, matchStep, matchWhole } from "../transcript/pattern.ts";
import type { Bindings } from "../transcript/template.ts";
import type { Expectation } from "../transcript/steps.ts";

/** What became of a reply. */
export type ReplyMatch =
  | {
    /** It is what the steps say. */
    readonly ok: true;
    /** How many of the steps it took. */
    readonly used: number;
  }
  | {
    /** It is not. */
    readonly ok: false;
    /** The step that does not match; `undefined`: nothing more was expected. */
    readonly step: Expectation | undefined;
    /** The line that came instead. */
    readonly came: string;
    /** Its index in the reply. */
    readonly index: number;
  };

/**
 * Matches the lines of one reply with the steps that follow each other on its
 * wire, which may be those of several replies.
 *
 * Prefixes that follow each other take any number of lines between them, in any
 * order, as few as will do. A step `absent` counts for the reply that it stands
 * in or right behind; at the very beginning, for the first one.
 *
 * @param steps The steps that are not matched yet.
 * @param lines The whole reply, without CRLFs; at least one line.
 * @param bindings The variables so far; takes the new ones of a match.
 * @returns How many steps that took, or the first line that none matches.
 *
 * @example
 * ```ts ignore
 * const match = matchReply(run, ["250-mx.example.org", "250 SIZE"], bindings);
 * if (match.ok) run = run.slice(match.used);
 * ```
 */
export function matchReply(
  steps: readonly Expectation[],
  lines: readonly string[],
  bindings: Bindings,
): ReplyMatch {
  const walk = new ReplyWalk(steps, lines);
  const end = walk.from(0, 0, bindings);
  if (end === undefined) return walk.mismatch;
  for (const step of steps.slice(0, end.used)) {
    if (step.kind !== "absent") continue;
    const index = lines.findIndex((line) =>
      matchWhole(step.regex, "regex", line, end.bindings) !== undefined
    );
    if (index >= 0) return { ok: false, step, came: lines[index]!, index };
  }
  keep(bindings, end.bindings);
  return { ok: true, used: end.used };
}

/**
 * Whether a run of steps needs no further reply: only prefixes and lines that
 * must not come are left.
 */
export function isOptional(steps: readonly Expectation[]): boolean {
  return steps.every(({ kind }) => kind === "prefix" || kind === "absent");
}

interface WalkEnd {
  readonly used: number;
  readonly bindings: ReadonlyMap<string, string>;
}

/** Looks for a way through the steps that takes all lines. */
class ReplyWalk {
  readonly #steps: readonly Expectation[];
  readonly #lines: readonly string[];
  /**
   * Pairs of line and step from which no way leads on, so that each is tried
   * once. Bindings that differ on the ways there are not told apart.
   */
  readonly #deadEnds = new Set<number>();
  /** The first failure at the furthest line. */
  #failure: { index: number; step: Expectation | undefined } | undefined;

  constructor(steps: readonly Expectation[], lines: readonly string[]) {
    this.#steps = steps;
    this.#lines = lines;
  }

  get mismatch(): ReplyMatch & { ok: false } {
    const { index, step } = this.#failure ?? { index: 0, step: undefined };
    return { ok: false, step, came: this.#lines[index] ?? "", index };
  }

  from(
    line: number,
    step: number,
    bindings: ReadonlyMap<string, string>,
  ): WalkEnd | undefined {
    for (;;) {
      while (this.#steps[step]?.kind === "absent") step++;
      if (line === this.#lines.length) return { used: step, bindings };
      const expected = this.#steps[step];
      if (expected?.kind === "prefix") {
        return this.#anyOrder(line, step, bindings);
      }
      const found = expected && expected.kind !== "absent"
        ? matchStep(expected, this.#lines[line]!, bindings)
        : undefined;
      if (found === undefined) return this.#fail(line, expected);
      bindings = found;
      line++;
      step++;
    }
  }

  /** Lets the prefixes at `step` take as few lines as will do. */
  #anyOrder(
    line: number,
    step: number,
    bindings: ReadonlyMap<string, string>,
  ): WalkEnd | undefined {
    const prefixes: string[] = [];
    let behind = step;
    for (let next; (next = this.#steps[behind]) !== undefined; behind++) {
      if (next.kind === "prefix") prefixes.push(next.prefix);
      else if (next.kind !== "absent") break;
    }
    for (let at = line;; at++) {
      const key = at * (this.#steps.length + 1) + behind;
      if (!this.#deadEnds.has(key)) {
        const end = this.from(at, behind, bindings);
        if (end !== undefined) return end;
        this.#deadEnds.add(key);
      }
      const text = this.#lines[at];
      if (text === undefined) return undefined;
      if (!prefixes.some((prefix) => text.startsWith(prefix))) {
        return this.#fail(at, this.#steps[step]);
      }
    }
  }

  #fail(index: number, step: Expectation | undefined): undefined {
    const failure = this.#failure;
    if (
      failure === undefined || index > failure.index ||
      (index === failure.index && failure.step === undefined)
    ) this.#failure = { index, step };
  }
}
