/**
 * Whether what was delivered is what the file says.
 *
 * The rule: a file that says nothing of it claims nothing; one that does claims
 * every message, in order, and no other.
 *
 * @module
 */

import type { DeliveredStep, Step } from "../transcript/steps.ts";
import { UNWRITTEN } from "../transcript/steps.ts";
import type { Bindings } from "../transcript/template.ts";
import { endOf } from "./amendment.ts";
import { matchMessage } from "./message_pattern.ts";
import { Deviation, deviation } from "./mismatch.ts";
import type { Delivered } from "./stage.ts";
import { writtenParts } from "./written_steps.ts";

/**
 * Compares what was delivered.
 *
 * @param steps The conversation.
 * @param delivered What came out.
 * @param bindings The variables so far; takes the new ones.
 * @param readMessage Gives the file that a part names.
 * @throws {Deviation} The first difference.
 */
export function checkDelivered(
  steps: readonly Step[],
  delivered: readonly Delivered[],
  bindings: Bindings,
  readMessage: (path: string) => Uint8Array,
): void {
  const first = endOf(steps);
  const claims = steps.slice(first);
  const last = claims.at(-1);
  if (last === undefined) return;
  const wanted = claims.filter((step) => step.kind === "delivered");
  wanted.forEach((step, i) => {
    const came = delivered[i];
    if (came === undefined) throw deviation(step, "no message");
    checkMessage(step, first + i, came, bindings, readMessage);
  });
  const more = delivered.slice(wanted.length);
  if (more.length === 0) return;
  const isNothing = last.kind === "nothing";
  throw deviation(last, `a message ${envelopeOf(more[0]!)}`, {
    when: "and nothing more",
    amendment: {
      from: isNothing ? steps.length - 1 : steps.length,
      count: isNothing ? 1 : 0,
      steps: more.map((came) => ({
        ...(isNothing ? { ...UNWRITTEN, above: last.above } : UNWRITTEN),
        ...written(came),
        message: writtenParts(came.message, bindings),
      })),
    },
  });
}

function checkMessage(
  step: DeliveredStep,
  index: number,
  came: Delivered,
  bindings: Bindings,
  readMessage: (path: string) => Uint8Array,
): void {
  const amendmentWith = (message: DeliveredStep["message"]) => {
    const fresh = { ...step, ...written(came), message, source: undefined };
    return { from: index, count: 1, steps: [fresh] };
  };
  if (envelopeOf(step) !== envelopeOf(came)) {
    const amendment = amendmentWith(step.message);
    throw deviation(step, envelopeOf(came), { amendment });
  }
  const found = matchMessage(step, came.message, bindings, readMessage);
  if (found === undefined) return;
  const line = step.line === 0 ? 0 : step.line + 1 + found.index;
  const expected = found.part === undefined
    ? "the end of the message"
    : step.source?.split("\n")[1 + found.index]?.trimEnd() ??
      "that part of the message";
  const rest = came.message.subarray(found.at);
  const amendment = amendmentWith([
    ...step.message.slice(0, found.index),
    ...(rest.length > 0 || found.index === 0
      ? writtenParts(rest, bindings)
      : []),
  ]);
  const mismatch = { line, expected, came: found.came ?? "its end", amendment };
  throw new Deviation(mismatch, step);
}

function written(
  { sender, recipients }: Delivered,
): Pick<DeliveredStep, "kind" | "sender" | "recipients"> {
  return { kind: "delivered", sender, recipients };
}

function envelopeOf(
  { sender, recipients }: Pick<Delivered, "sender" | "recipients">,
): string {
  return `from=<${sender}> to=<${recipients.join(">,<")}>`;
}
