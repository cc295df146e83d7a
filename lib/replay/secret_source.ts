/**
 * Where the player gets what stands for `${secret:NAME}`.
 *
 * @module
 */

import type { Template, Variable } from "../transcript/template.ts";

/** Values of secrets, which may depend on what the other end said. */
export interface SecretSource {
  /** The other end said this line: a challenge, maybe, or AUTH. */
  hear(line: string): void;
  /**
   * Whether what was said last has the other end reckon for a while, as SCRAM
   * does: the one thing in memory that takes time.
   */
  readonly hasToReckon?: boolean;
  /**
   * What stands for `variable` in a line that is about to be sent.
   *
   * @param variable The variable.
   * @param line The line that it stands in.
   * @returns The text; `undefined` where there is no value.
   */
  valueOf(variable: Variable, line: Template): string | undefined;
}
