/**
 * Decides which replies of a server nobody has asked for, so that they are not
 * joined to those before them.
 *
 * The rule: a reply for each command, and one for each message. A greeting is
 * unasked too, which makes no difference: nothing stands before it.
 *
 * @module
 */

import type { SaidStep } from "../transcript/steps.ts";
import { octetsOf, type Template } from "../transcript/template.ts";
import { Unanswered } from "./unanswered.ts";

/** One server, as it speaks. */
export class ServerPace {
  readonly #unanswered = new Unanswered();
  /** Whether more lines of a reply are to come. */
  #goesOn = false;

  /** Hears what the client says. */
  hear(step: SaidStep): void {
    this.#unanswered.say(wordsOf(step));
  }

  /**
   * Says something.
   *
   * @param bytes What it says.
   * @returns Whether that is a reply which nobody has asked for.
   */
  say(bytes: Uint8Array): boolean {
    let isUnasked = false;
    for (const line of octetsOf(bytes).split("\r\n").slice(0, -1)) {
      if (!this.#goesOn) isUnasked ||= this.#unanswered.count === 0;
      this.#goesOn = line[3] === "-";
      if (!this.#goesOn) this.#unanswered.hear(line);
    }
    return isUnasked;
  }
}

/**
 * Before the last byte of the first reply in some bytes, where another one
 * follows it there.
 *
 * @param bytes What a server says at once.
 */
export function lastCutOf(bytes: Uint8Array): number | undefined {
  const [first] = /^(?:...-.*\r\n)*.*\r\n/.exec(octetsOf(bytes)) ?? [""];
  return first === "" || first.length === bytes.length
    ? undefined
    : first.length - 1;
}

/** What a client's step says, as far as that counts. */
function wordsOf(step: SaidStep): string {
  switch (step.kind) {
    case "line":
      return `${plain(step.text)}\r\n`;
    case "bytes":
      return plain(step.octets);
    case "message":
      return ".\r\n";
    default:
      return "x\r\n";
  }
}

function plain(template: Template): string {
  return template.map((part) => typeof part === "string" ? part : "x").join("");
}
