/**
 * Reads and prints what must have been delivered: the head of a block,
 * `== delivered from=<a@b.test> to=<c@d.test>,<e@f.test>`, and its lines.
 *
 * Addresses are those of MAIL and RCPT, without parameters.
 *
 * @module
 */

import {
  type Parsed,
  parseForwardPath,
  parseReversePath,
} from "../engine/path.ts";
import type {
  DeliveredStep,
  MessagePart,
  NothingStep,
  Written,
} from "./steps.ts";
import {
  formatQuoted,
  formatText,
  lineOctets,
  parseQuoted,
  parseText,
  plainRest,
} from "./template.ts";

/**
 * Reads the head of a block.
 *
 * @param content The whole line.
 * @param start Where what follows `== delivered ` begins.
 * @param written Where it stands.
 * @returns The step, as yet without a message.
 */
export function parseDelivered(
  content: string,
  start: number,
  written: Written,
): Parsed<DeliveredStep | NothingStep> {
  if (content.slice(start).trimEnd() === "nothing") {
    return { ok: true, value: { ...written, kind: "nothing" } };
  }
  if (!content.startsWith("from=", start)) {
    return refused(start, '"nothing" or "from=<address> to=<address>"');
  }
  const sender = parseReversePath(content, start + 5);
  if (!sender.ok) return sender;
  let at = sender.value.end;
  if (!content.startsWith(" to=", at)) return refused(at, '" to=<address>"');
  at += 3;
  const recipients: string[] = [];
  do {
    const recipient = parseForwardPath(content, at + 1);
    if (!recipient.ok) return recipient;
    recipients.push(recipient.value.path.address);
    at = recipient.value.end;
  } while (content[at] === ",");
  if (content.slice(at).trim() !== "") {
    return refused(at, '"," and another address, or the end of the line');
  }
  const envelope = { sender: sender.value.path?.address ?? "", recipients };
  const step = { ...written, kind: "delivered" as const, ...envelope };
  return { ok: true, value: { ...step, message: [] } };
}

/**
 * Reads a line of a block.
 *
 * @param content The whole line, which begins with `|`.
 * @returns That part of the message.
 */
export function parseMessagePart(content: string): Parsed<MessagePart> {
  const mark = content[1] === ">" || content[1] === "<" ? content[1] : "";
  const at = mark.length + 2;
  if (content.length >= at && content[at - 1] !== " ") {
    return refused(at - 1, `a space behind "|${mark}"`);
  }
  if (mark === ">") {
    const octets = parseQuoted(content, at, 0);
    if (!octets.ok) return octets;
    return { ok: true, value: { kind: "bytes", octets: octets.value } };
  }
  const text = parseText(content, at);
  if (!text.ok) return text;
  if (mark === "") {
    return { ok: true, value: { kind: "line", text: text.value } };
  }
  const path = plainRest(content, at, text.value);
  if (!path.ok) return path;
  if (path.value === "") return refused(at, "the name of a message's file");
  return { ok: true, value: { kind: "message", path: path.value } };
}

/** Writes a block, its lines separated by LF. */
export function formatDelivered(step: DeliveredStep): string {
  const to = step.recipients.map((recipient) => `<${recipient}>`).join(",");
  return [
    `== delivered from=<${step.sender}> to=${to}`,
    ...step.message.map(formatMessagePart),
  ].join("\n");
}

function formatMessagePart(part: MessagePart): string {
  if (part.kind === "message") return `|< ${part.path}`;
  if (part.kind === "bytes") return `|> ${formatQuoted(part.octets)}`;
  const text = formatText(part.text);
  if (text === undefined) return `|> ${formatQuoted(lineOctets(part.text))}`;
  return text === "" ? "|" : `| ${text}`;
}

function refused(at: number, expected: string): Parsed<never> {
  return { ok: false, at, expected };
}
