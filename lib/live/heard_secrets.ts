/**
 * What may be shown of what a client said.
 *
 * The rule: beside what `veil.ts` hides, neither what a client says with AUTH
 * nor what it answers a challenge with, whatever was expected there.
 *
 * @module
 */

import { SECRET_DOTS } from "../secret.ts";
import { textOf } from "../transcript/template.ts";
import type { HeardLine } from "./heard_lines.ts";
import { Veil } from "../replay/veil.ts";

/** A command with a secret in it, and what may be shown of it. */
const INITIAL_RESPONSE = /^(AUTH +\S+ +)\S.*/i;

/** The secrets of one client. */
export class HeardSecrets {
  /** What hides them. */
  readonly veil: Veil = new Veil();

  /** @param given Those that were known before. */
  constructor(given: Iterable<string>) {
    for (const secret of given) this.veil.add(secret);
  }

  /** Learns what stands for a secret in a line that was expected, and came. */
  hear({ octets }: HeardLine, came: string): void {
    const hasSecret = octets.some((part) =>
      typeof part !== "string" && part.secret
    );
    if (!hasSecret) return;
    this.veil.add(textOf(came.slice(came.lastIndexOf(" ") + 1)));
  }

  /**
   * A line as it may be shown.
   *
   * @param came The line, an octet a character.
   * @param isAnswer Whether it answers a challenge.
   */
  shown(came: string, isAnswer: boolean): string {
    if (isAnswer) return SECRET_DOTS;
    return textOf(came).replace(INITIAL_RESPONSE, `$1${SECRET_DOTS}`);
  }
}
