/**
 * The bytes of all that the player says, as far as they are known before.
 *
 * What depends on a variable that is bound further down, or on a secret, is
 * known only when it is its turn.
 *
 * @module
 */

import { posternEnd, type Step, type Wire } from "../transcript/steps.ts";
import { octetsOf } from "../transcript/template.ts";
import { absence } from "./mismatch.ts";
import type { SecretSource } from "./secret_source.ts";
import { mailData, sentBytes, UnboundVariableError } from "./sending.ts";
import { type Piece, piecesOf, type SentStep } from "./splits.ts";
import { templateOf, variablesOf } from "./step_template.ts";
import type { Veil } from "./veil.ts";

/** What stands for a variable where only the look of a line counts. */
const STAND_IN = "x";

const NOTHING = new Uint8Array();

/** The wires of a conversation; the client's is always there. */
export function wiresOf(steps: readonly Step[]): Wire[] {
  const wires = new Set<Wire>(["client"]);
  for (const step of steps) if ("wire" in step) wires.add(step.wire);
  return [...wires];
}

/**
 * What the player says on a wire, to be cut.
 *
 * @param steps The conversation.
 * @param wire The wire.
 * @param bindings The variables that are known from the beginning.
 * @param readMessage Gives the file that a step names.
 * @returns A piece for each step; of those that are late none has its bytes.
 */
export function saidPieces(
  steps: readonly Step[],
  wire: Wire,
  bindings: ReadonlyMap<string, string>,
  readMessage: (path: string) => Uint8Array,
): Piece[] {
  const end = posternEnd(wire) === "server" ? "client" : "server";
  return piecesOf(steps, wire, end, (step) => {
    if (step.kind === "message") return mailData(readMessage(step.path));
    try {
      return sentBytes(step, bindings);
    } catch (error) {
      if (!(error instanceof UnboundVariableError)) throw error;
      const known = new Map(bindings);
      for (const { name } of variablesOf(step)) {
        if (!known.has(name)) known.set(name, STAND_IN);
      }
      const form = octetsOf(sentBytes(step, known));
      return { form, make: () => NOTHING };
    }
  });
}

/**
 * A piece for one play.
 *
 * @param piece The same for all plays.
 * @param late The bytes that became known in this one.
 */
export function pieceIn(
  piece: Piece,
  late: ReadonlyMap<SentStep, Uint8Array>,
): Piece {
  if (!piece.isLate) return piece;
  const { step, isBarrier } = piece;
  return {
    ...{ step, isBarrier, isLate: true },
    get bytes() {
      return late.get(step)!;
    },
  };
}

/** What is known when a step is said. */
export interface Known {
  /** The variables so far. */
  readonly bindings: ReadonlyMap<string, string>;
  /** Gives what stands for secrets. */
  readonly secrets: SecretSource | undefined;
  /** Learns them. */
  readonly veil: Veil;
}

/**
 * The bytes of a step whose variables must have their values by now.
 *
 * @param step The step.
 * @param known What is known.
 * @throws {Deviation} A variable has no value.
 */
export function lateBytes(
  step: SentStep,
  { bindings, secrets, veil }: Known,
): Uint8Array {
  if (step.kind === "message") return new Uint8Array();
  const values = new Map(bindings);
  for (const variable of variablesOf(step)) {
    const { name, secret } = variable;
    if (values.has(name)) continue;
    const value = secret
      ? secrets?.valueOf(variable, templateOf(step))
      : undefined;
    if (value === undefined) {
      const expected = secret
        ? `${envNameOf(name)} in the environment`
        : "a line above that has it";
      throw absence(step, `no value for \${${name}}: expected ${expected}`);
    }
    values.set(name, value);
    if (secret) veil.add(value);
  }
  return sentBytes(step, values);
}

/** Where a secret is looked for: `POSTERN_SECRET_AUTH` has `secret:auth`. */
export function envNameOf(name: string): string {
  return `POSTERN_SECRET_${name.slice(name.indexOf(":") + 1).toUpperCase()}`;
}
