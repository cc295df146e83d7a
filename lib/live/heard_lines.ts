/**
 * The lines that a file's client says, as a server expects them of any client.
 *
 * The rule: a command counts by what it means. Its verb may have any case and
 * EHLO any name; MAIL and RCPT count by their paths and the parameters that the
 * file has, whatever else the client adds. All other lines, those of messages
 * too, are octet for octet what the file has, but for its variables.
 *
 * @module
 */

import { matchOctets } from "../transcript/pattern.ts";
import { isSaid, type SaidStep, type Step } from "../transcript/steps.ts";
import {
  type Bindings,
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

/**
 * Whether a line is what is expected, octet for octet but for variables.
 *
 * @param expected What is expected.
 * @param came The line without its CRLF, an octet a character.
 * @param bindings The variables so far; takes the new ones of a match.
 */
export function isSameLine(
  expected: Template,
  came: string,
  bindings: Bindings,
): boolean {
  if (expected.every((part) => typeof part === "string")) {
    return expected.join("") === came;
  }
  const line = `${came}\r\n`;
  return matchOctets([...expected, "\r\n"], line, bindings) === line.length;
}

/** What of a command may be in any case; with AUTH its mechanism too. */
const VERB = /^(?:AUTH +[\w-]+|(?:MAIL FROM|RCPT TO):|[A-Z]+)/i;

/** MAIL or RCPT, and what is behind its path. */
const PATH_COMMAND =
  /^((?:MAIL FROM|RCPT TO):) *(<(?:"(?:\\.|[^"\\])*"|[^">])*>)(?: +(.*))?$/i;

/**
 * Whether a command means what the expected one does.
 *
 * @param expected The command that is expected.
 * @param came The line without its CRLF, an octet a character.
 * @param bindings The variables so far; takes the new ones of a match.
 */
export function isSameCommand(
  expected: Template,
  came: string,
  bindings: Bindings,
): boolean {
  const [first] = expected;
  const verb = typeof first === "string" ? VERB.exec(first)?.[0] ?? "" : "";
  if (came.slice(0, verb.length).toUpperCase() !== verb.toUpperCase()) {
    return false;
  }
  // RFC 5321 section 4.1.1 lets servers put up with white space at the end.
  const line = verb + came.slice(verb.length).trimEnd();
  if (isSameLine(expected, line, bindings)) return true;
  if (/^(?:EHLO|HELO)$/i.test(verb)) return /^.{4} +\S/.test(line);
  const path = PATH_COMMAND.exec(line);
  if (path === null) return false;
  if (expected.length > 1) {
    return isSameLine(expected, `${verb}${path[2]}`, bindings);
  }
  const wanted = PATH_COMMAND.exec(`${first}`.trimEnd());
  return wanted !== null && isSamePath(wanted[2]!, path[2]!) &&
    hasParameters(path[3] ?? "", wanted[3] ?? "");
}

/** Domains have no case. RFC 5321 section 2.4. */
function isSamePath(a: string, b: string): boolean {
  const normal = (path: string) => {
    const at = path.lastIndexOf("@");
    return at < 0 ? path : path.slice(0, at) + path.slice(at).toLowerCase();
  };
  return normal(a) === normal(b);
}

/** Whether all parameters of `wanted` are there; what SIZE says is reckoned. */
function hasParameters(came: string, wanted: string): boolean {
  const parametersOf = (text: string) =>
    text.toUpperCase().replace(/\bSIZE=\d+/, "SIZE").match(/\S+/g) ?? [];
  const there = new Set(parametersOf(came));
  return parametersOf(wanted).every((parameter) => there.has(parameter));
}
