/**
 * What a client does in a conversation, apart from what it hears, so that it
 * can be changed.
 *
 * The rule: it waits where the file has an answer, and goes on where it has
 * none.
 *
 * It says nothing: `mutated_run.ts` does.
 *
 * @module
 */

import { mailData, sentBytes } from "../replay/sending.ts";
import { piecesOf, type SentStep } from "../replay/splits.ts";
import { isSaid, type Step, type Transcript } from "../transcript/steps.ts";
import { octetsOf, type Template } from "../transcript/template.ts";

/** Something that the client sends. */
export interface WriteAction {
  /** What it is. */
  readonly kind: "write";
  /** A character for each byte. */
  readonly octets: string;
  /** Whether the client waits for all that comes of it. */
  readonly waits: boolean;
  /** Whether it must. */
  readonly isBarrier: boolean;
  /** Its line in the file, for words about it. */
  readonly line: number;
}

/** One thing that a client does. */
export type Action =
  | WriteAction
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "tls" }
  | { readonly kind: "end"; readonly how: "eof" | "reset" };

/**
 * What the client does in `transcript`.
 *
 * @param transcript The conversation.
 * @param readMessage Reads a message that the file names.
 * @param known Values of variables; one that has none stands for its name.
 */
export function scriptOf(
  transcript: Transcript,
  readMessage: (path: string) => Uint8Array,
  known: Readonly<Record<string, string>>,
): Action[] {
  const { steps } = transcript;
  const bindings = bindingsOf(steps, known);
  const pieces = piecesOf(
    steps,
    "client",
    "client",
    (step) =>
      step.kind === "message"
        ? mailData(readMessage(step.path))
        : sentBytes(step, bindings),
  );
  const bySteps = new Map(pieces.map((piece) => [piece.step, piece]));
  const script: Action[] = [];
  for (const [index, step] of steps.entries()) {
    const piece = bySteps.get(step as SentStep);
    if (piece !== undefined) {
      script.push({
        kind: "write",
        octets: octetsOf(piece.bytes),
        waits: waitsBehind(steps, index),
        isBarrier: piece.isBarrier,
        line: step.line,
      });
    } else if (step.kind === "wait") script.push({ kind: "wait", ms: step.ms });
    else if (step.kind === "tls" && step.wire === "client") {
      script.push({ kind: "tls" });
    } else if (
      (step.kind === "eof" || step.kind === "reset") && step.wire === "client"
    ) script.push({ kind: "end", how: step.kind });
  }
  return script;
}

/** Whether what comes next on the client's wire is not the client's word. */
function waitsBehind(steps: readonly Step[], index: number): boolean {
  const next = steps.slice(index + 1).find((step) =>
    !("wire" in step) || step.wire === "client"
  );
  return next === undefined || !isSaid(next) || next.from === "server";
}

function bindingsOf(
  steps: readonly Step[],
  known: Readonly<Record<string, string>>,
): Map<string, string> {
  const bindings = new Map(Object.entries(known));
  for (const step of steps) {
    const template: Template = step.kind === "line"
      ? step.text
      : step.kind === "bytes"
      ? step.octets
      : [];
    for (const part of template) {
      if (typeof part === "string" || bindings.has(part.name)) continue;
      bindings.set(part.name, part.name);
    }
  }
  return bindings;
}
