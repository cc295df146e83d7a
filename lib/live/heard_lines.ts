/**
 * The lines that a file's client says, as a server expects them of any client,
 * each with the step that it stands in.
 *
 * @module
 */

import { isSaid, type SaidStep, type Step } from "../transcript/steps.ts";
import {
  lineOctets,
  octetsOf,
  type Template,
  type Variable,
} from "../transcript/template.ts";
import { mailData } from "../replay/sending.ts";

/** A line that a client is to say. */
export interface HeardLine {
  /** The line without its CRLF, a character for each octet. */
  readonly octets: Template;
  /** The step that it begins in. */
  readonly step: SaidStep;
  /** Which of the step's lines it is, from 1. */
  readonly number: number;
}

/**
 * All lines of a file's client. What stands behind its last CRLF is none.
 *
 * @param steps The conversation.
 * @param readMessage Gives the file that a step names.
 */
export function heardLines(
  steps: readonly Step[],
  readMessage: (path: string) => Uint8Array,
): HeardLine[] {
  const lines: HeardLine[] = [];
  let octets: (string | Variable)[] = [];
  let start: Omit<HeardLine, "octets"> | undefined;
  for (const step of steps) {
    if (!isSaid(step) || step.wire !== "client" || step.from !== "client") {
      continue;
    }
    let number = 1;
    for (const part of octetsIn(step, readMessage)) {
      if (typeof part !== "string") {
        start ??= { step, number };
        octets.push(part);
        continue;
      }
      // A CRLF may begin in one part and end in the next.
      const before = typeof octets.at(-1) === "string" ? octets.pop() : "";
      const texts = `${before}${part}`.split("\r\n");
      for (const [i, text] of texts.entries()) {
        if (i > 0) {
          lines.push({ octets, ...start! });
          octets = [];
          start = undefined;
          number++;
        }
        if (text === "" && i === texts.length - 1) break;
        start ??= { step, number };
        if (text !== "") octets.push(text);
      }
    }
  }
  return lines;
}

function octetsIn(
  step: SaidStep,
  readMessage: (path: string) => Uint8Array,
): Template {
  switch (step.kind) {
    case "line":
      return lineOctets(step.text);
    case "bytes":
      return step.octets;
    case "message":
      return [octetsOf(mailData(readMessage(step.path)))];
    default:
      return [];
  }
}
