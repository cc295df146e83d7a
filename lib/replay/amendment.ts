/**
 * What would make a file right where Postern said something else.
 *
 * The rule: steps that are right stay as they are, with their comments; what
 * came in place of the others is written as `written_steps.ts` tells. An
 * amendment is for a person to look at: it makes no difference between a better
 * wording and a fault.
 *
 * @module
 */

import { matchStep, matchWhole } from "../transcript/pattern.ts";
import type {
  EndStep,
  Expectation,
  SaidStep,
  Step,
  Wire,
} from "../transcript/steps.ts";
import { posternEnd, UNWRITTEN } from "../transcript/steps.ts";
import { type Bindings, textOf } from "../transcript/template.ts";
import type { Amendment } from "./mismatch.ts";
import { matchReply } from "./reply_pattern.ts";
import { writtenLines } from "./written_steps.ts";

/** A step that expects something, and where it stands in the transcript. */
export interface Claim<S extends SaidStep = SaidStep> {
  /** The step. */
  readonly step: S;
  /** Its index among all steps. */
  readonly index: number;
}

/**
 * A reply, or a line of Postern's to a relay, in place of what is claimed.
 *
 * @param claims What is claimed from there on; at least one step.
 * @param lines What came, an octet a character.
 * @param bindings The variables before it.
 * @returns The amendment; `undefined` where the steps do not stand together.
 */
export function replyAmendment(
  claims: readonly Claim[],
  lines: readonly string[],
  bindings: Bindings,
): Amendment | undefined {
  const first = claims[0]!;
  const old = claims.slice(0, replyLength(claims));
  const isWhole = old.every(({ index }, i) => index === first.index + i);
  if (!isWhole) return undefined;
  const steps = old.map(({ step }) => step);
  const fresh = writtenLines(lines, first.step, bindings);
  const kept = fresh.every((step) => step.kind === "line")
    ? merged(steps, fresh, lines.map(textOf), bindings)
    : fresh;
  // The comments of what is gone stay, at the top.
  const lost = steps.filter((step) =>
    step.above !== "" && !kept.some(({ above }) => above === step.above)
  );
  const above = lost.map((step) => step.above).join("");
  const top = { ...kept[0]!, above: above + kept[0]!.above };
  const count = old.length;
  return { from: first.index, count, steps: [top, ...kept.slice(1)] };
}

/** How many of the claims are about the first reply. */
function replyLength(claims: readonly Claim[]): number {
  const end = claims.findIndex(({ step }) => !continues(step));
  if (end < 0) return claims.length;
  const behind = claims.slice(end + 1).findIndex(({ step }) =>
    step.kind !== "absent"
  );
  return behind < 0 ? claims.length : end + 1 + behind;
}

/** Whether more lines of the same reply must follow. */
function continues(step: SaidStep): boolean {
  if (step.from === "client") return false;
  switch (step.kind) {
    case "prefix":
    case "absent":
      return true;
    case "line":
      return isContinued(step.text[0]);
    case "regex":
      return isContinued(step.regex[0]);
    default:
      return false;
  }
}

function isContinued(start: unknown): boolean {
  return typeof start === "string" && start[3] === "-";
}

/** The steps that match stay, in their order; what came between them is new. */
function merged(
  steps: readonly SaidStep[],
  fresh: readonly SaidStep[],
  lines: readonly string[],
  bindings: Bindings,
): readonly SaidStep[] {
  const old = steps.filter(isExpectation).filter((step) =>
    step.kind !== "absent" ||
    !lines.some((line) =>
      matchWhole(step.regex, "regex", line, bindings) !== undefined
    )
  );
  const result: SaidStep[] = [];
  let next = 0;
  /** Goes on to the old step `at`; of those before it the open ones stay. */
  const goTo = (at: number) => {
    result.push(...old.slice(next, at).filter(isOpen));
    next = at;
  };
  const matches = (step: Expectation, line: string) =>
    step.kind !== "absent" && matchStep(step, line, bindings) !== undefined;
  for (const [i, line] of lines.entries()) {
    const last = result.at(-1);
    if (last?.kind === "prefix" && matches(last, line)) continue;
    const at = old.findIndex((step, at) => at >= next && matches(step, line));
    const own = old.findIndex((step, at) => at >= next && !isOpen(step));
    const isFree = own >= 0 &&
      !lines.slice(i).some((line) => matches(old[own]!, line));
    if (isFree && (at < 0 || (old[at]!.kind === "prefix" && own < at))) {
      // It stands where that line is, and comes nowhere else.
      goTo(own);
      result.push({ ...fresh[i]!, above: old[own]!.above });
      next++;
    } else if (at < 0) result.push(fresh[i]!);
    else {
      goTo(at);
      result.push(old[at]!);
      next++;
    }
  }
  goTo(old.length);
  const trial = new Map(bindings);
  const match = matchReply(result.filter(isExpectation), lines, trial);
  return match.ok && match.used === result.length ? result : fresh;
}

/** Whether a step takes any number of lines, or none. */
function isOpen({ kind }: Expectation): boolean {
  return kind === "prefix" || kind === "absent";
}

function isExpectation(step: SaidStep): step is Expectation {
  return step.kind !== "bytes" && step.kind !== "message";
}

/**
 * Lines put before a step that expects none.
 *
 * @param index The step's index.
 * @param lines What came, an octet a character.
 * @param voice Who said it.
 * @param bindings The variables so far.
 */
export function insertion(
  index: number,
  lines: readonly string[],
  voice: Pick<SaidStep, "wire" | "from">,
  bindings: ReadonlyMap<string, string>,
): Amendment {
  const steps = writtenLines(lines, voice, bindings);
  return { from: index, count: 0, steps };
}

/**
 * Where a wire's last words in a file were to be, and Postern ended it: that.
 *
 * @param steps The conversation.
 * @param claims What was claimed at that place; nothing: behind the last step.
 * @param wire The wire.
 * @returns The amendment; `undefined` where more is claimed of the wire.
 */
export function closeAmendment(
  steps: readonly Step[],
  claims: readonly Claim[],
  wire: Wire,
): Amendment | undefined {
  const from = claims[0]?.index ?? endOf(steps);
  const count = claims.length;
  const rest = steps.slice(from + count);
  const isContiguous = claims.at(-1)?.index === from + count - 1;
  if (count > 0 && !isContiguous) return undefined;
  const kind = posternEnd(wire) === "server" ? "close" : "eof";
  const next = rest[0];
  if (next?.kind === kind && next.wire === wire) {
    return count === 0 ? undefined : { from, count, steps: [] };
  }
  if (rest.some((step) => "wire" in step && step.wire === wire)) {
    return undefined;
  }
  const end: EndStep = { ...UNWRITTEN, kind, wire };
  return { from, count, steps: [end] };
}

/** The index behind the conversation, before what must have been delivered. */
export function endOf(steps: readonly Step[]): number {
  const at = steps.findIndex(({ kind }) =>
    kind === "delivered" || kind === "nothing"
  );
  return at < 0 ? steps.length : at;
}
