/**
 * What a server of the player's says, with what it asks in an AUTH exchange.
 *
 * @module
 */

import type { SaidStep } from "../transcript/steps.ts";
import { textOf, toOctets, type Variable } from "../transcript/template.ts";
import { absence } from "./mismatch.ts";
import { envNameOf } from "./said_bytes.ts";
import type { SecretSource } from "./secret_source.ts";
import { templateOf } from "./step_template.ts";
import type { SayTurn } from "./turns.ts";

/** What stands before it. RFC 4954 section 4. */
const CODE = "334 ";

/**
 * The bytes of a reply, a character for each.
 *
 * @param turn The reply.
 * @param secrets Gives what is computed.
 * @throws {Deviation} It has a secret for which there is no value.
 */
export function saidOctets(
  { lines, step }: SayTurn,
  secrets: SecretSource | undefined,
): string {
  const challenge = challengeIn(step, lines);
  if (challenge === undefined) return lines.join("");
  const value = secrets?.valueOf(challenge, templateOf(step));
  if (value !== undefined) return `${CODE}${toOctets(value)}\r\n`;
  const { name } = challenge;
  const problem = `no value for \${${name}}: expected ${envNameOf(name)}`;
  throw absence(step, `${problem} in the environment`);
}

function challengeIn(
  step: SaidStep,
  [first = ""]: readonly string[],
): Variable | undefined {
  if (!first.startsWith(CODE)) return undefined;
  return templateOf(step).find((part): part is Variable =>
    typeof part !== "string" && part.secret
  );
}

/**
 * Whether an answer to a challenge is what the file has: where that is a secret
 * it may be any.
 *
 * @param step Where the file has it.
 * @param octets What the file has, without CRLF.
 * @param came What came.
 */
export function isSameAnswer(
  step: SaidStep,
  octets: string,
  came: string,
): boolean {
  const hasSecret = templateOf(step).some((part) =>
    typeof part !== "string" && part.secret
  );
  return hasSecret ? textOf(came) !== "*" : came === octets;
}
