/**
 * Whether what was delivered is what the file says.
 *
 * The rule: a file that says nothing of it claims nothing; one that does claims
 * every message, in order, and no other.
 *
 * @module
 */

import { matchMessage } from "./message_pattern.ts";
import { Deviation, deviation } from "./mismatch.ts";
import type { Bindings } from "./sending.ts";
import type { Delivered } from "./stage.ts";
import type { DeliveredStep, NothingStep } from "./steps.ts";

/**
 * Compares what was delivered.
 *
 * @param steps What the file says of it.
 * @param delivered What came out.
 * @param bindings The variables so far; takes the new ones.
 * @param readMessage Gives the file that a part names.
 * @throws {Deviation} The first difference.
 */
export function checkDelivered(
  steps: readonly (DeliveredStep | NothingStep)[],
  delivered: readonly Delivered[],
  bindings: Bindings,
  readMessage: (path: string) => Uint8Array,
): void {
  const last = steps.at(-1);
  if (last === undefined) return;
  const wanted = steps.filter((step) => step.kind === "delivered");
  wanted.forEach((step, i) => {
    const came = delivered[i];
    if (came === undefined) throw deviation(step, "no message");
    checkMessage(step, came, bindings, readMessage);
  });
  const more = delivered[wanted.length];
  if (more === undefined) return;
  throw deviation(last, `a message ${envelopeOf(more)}`, "and nothing more");
}

function checkMessage(
  step: DeliveredStep,
  came: Delivered,
  bindings: Bindings,
  readMessage: (path: string) => Uint8Array,
): void {
  if (envelopeOf(step) !== envelopeOf(came)) {
    throw deviation(step, envelopeOf(came));
  }
  const found = matchMessage(step, came.message, bindings, readMessage);
  if (found === undefined) return;
  const line = step.line === 0 ? 0 : step.line + 1 + found.index;
  const expected = found.part === undefined
    ? "the end of the message"
    : step.source?.split("\n")[1 + found.index]?.trimEnd() ??
      "that part of the message";
  throw new Deviation({ line, expected, came: found.came ?? "its end" });
}

function envelopeOf(
  { sender, recipients }: Pick<Delivered, "sender" | "recipients">,
): string {
  return `from=<${sender}> to=<${recipients.join(">,<")}>`;
}
