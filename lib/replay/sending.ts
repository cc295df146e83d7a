/**
 * The bytes of a step that is sent, and of the messages in files that steps
 * name.
 *
 * It opens no file: the caller reads it.
 *
 * @module
 */

import { Stuffer, Unstuffer } from "../engine/dots.ts";
import type { BytesStep, LineStep } from "../transcript/steps.ts";
import {
  fromOctets,
  lineOctets,
  type Template,
  toOctets,
  type Variable,
} from "../transcript/template.ts";

/** Something is to be sent whose variable has no value. */
export class UnboundVariableError extends Error {
  /** The class's name. */
  override name = "UnboundVariableError";

  /** The variable that has no value. */
  readonly variable: Variable;

  /**
   * Says what is missing.
   *
   * @param variable The variable that has no value.
   */
  constructor(variable: Variable) {
    super(
      `Cannot send "\${${variable.name}}": expected ${
        variable.secret ? "the secret to be given" : "a line above that has it"
      }`,
    );
    this.variable = variable;
  }
}

/**
 * The bytes of a line, CRLF included, or of bytes in quotes.
 *
 * @param step What is to be sent.
 * @param bindings Values of its variables.
 * @returns A copy.
 * @throws {UnboundVariableError} A variable has no value.
 */
export function sentBytes(
  step: Pick<LineStep, "kind" | "text"> | Pick<BytesStep, "kind" | "octets">,
  bindings: ReadonlyMap<string, string>,
): Uint8Array<ArrayBuffer> {
  const octets = step.kind === "line" ? lineOctets(step.text) : step.octets;
  return fromOctets(fillOctets(octets, bindings));
}

function fillOctets(
  octets: Template,
  bindings: ReadonlyMap<string, string>,
): string {
  return octets.map((part) => {
    if (typeof part === "string") return part;
    const value = bindings.get(part.name);
    if (value === undefined) throw new UnboundVariableError(part);
    return toOctets(value);
  }).join("");
}

/**
 * A message as mail data: CRLF line ends, dots stuffed, the final dot's line at
 * its end. RFC 5321 section 4.5.2.
 *
 * @param message A file, as it is.
 */
export function mailData(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const stuffer = new Stuffer();
  return joined([stuffer.add(message), stuffer.end()]);
}

/**
 * A message as it comes out: CRLF line ends, the last one included.
 *
 * @param message A file, as it is.
 */
export function wholeMessage(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const stuffer = new Stuffer();
  const stuffed = joined([stuffer.add(message), stuffer.endOfLine()]);
  return joined(new Unstuffer().add(stuffed));
}

/** These bytes in one piece. */
export function joined(
  pieces: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
