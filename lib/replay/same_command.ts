/**
 * Whether what a client says is what the file's client says.
 *
 * The rule: a command counts by what it means. Its verb may have any case and
 * EHLO any name; MAIL and RCPT count by their paths and the parameters that the
 * file has, whatever else the client adds. All other lines, those of messages
 * too, are octet for octet what the file has, but for its variables.
 *
 * @module
 */

import { parseReversePath } from "../engine/path.ts";
import { matchOctets } from "../transcript/pattern.ts";
import type { Bindings, Template } from "../transcript/template.ts";

/** What of a command may be in any case; with AUTH its mechanism too. */
const VERB = /^(?:AUTH +[\w-]+|(?:MAIL FROM|RCPT TO):|[A-Z]+)/i;

/** MAIL or RCPT, and what is behind its path. */
const PATH_COMMAND =
  /^((?:MAIL FROM|RCPT TO):) *(<(?:"(?:\\.|[^"\\])*"|[^">])*>)(?: +(.*))?$/i;

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
  if (path === null) {
    return expected.length === 1 && line === `${first}`.trimEnd();
  }
  if (expected.length > 1) {
    return isSameLine(expected, `${verb}${path[2]}`, bindings);
  }
  const wanted = PATH_COMMAND.exec(`${first}`.trimEnd());
  return wanted !== null && isSamePath(wanted[2]!, path[2]!) &&
    hasParameters(path[3] ?? "", wanted[3] ?? "");
}

/**
 * A command without what is up to each client: parameters of MAIL and RCPT, and
 * the response behind AUTH's mechanism.
 *
 * @param line The command without its CRLF.
 */
export function bareCommand(line: string): string {
  const [, verb, path] = PATH_COMMAND.exec(line.trimEnd()) ?? [];
  if (verb !== undefined) return `${verb}${path}`;
  return /^AUTH +[\w-]+/i.exec(line)?.[0] ?? line;
}

/** Domains have no case. RFC 5321 section 2.4. */
function isSamePath(a: string, b: string): boolean {
  const normal = (path: string) => {
    const address = addressIn(path);
    const at = address.lastIndexOf("@");
    return at < 0
      ? address
      : address.slice(0, at) + address.slice(at).toLowerCase();
  };
  return normal(a) === normal(b);
}

/** A path's address, without a route; else all of it. */
function addressIn(path: string): string {
  const parsed = parseReversePath(path, 0);
  const isWhole = parsed.ok && parsed.value.end === path.length;
  return isWhole ? parsed.value.path?.address ?? "" : path.slice(1, -1);
}

/** Whether all parameters of `wanted` are there; what SIZE says is reckoned. */
function hasParameters(came: string, wanted: string): boolean {
  const parametersOf = (text: string) =>
    text.toUpperCase().replace(/\bSIZE=\d+/, "SIZE").match(/\S+/g) ?? [];
  const there = new Set(parametersOf(came));
  return parametersOf(wanted).every((parameter) => there.has(parameter));
}
