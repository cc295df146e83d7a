/**
 * Decides whether a delivered message is what a transcript says, byte for byte.
 *
 * It does not compare envelopes, which are two plain values.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { keep, matchOctets, matchWhole } from "../transcript/pattern.ts";
import type { Bindings } from "../transcript/template.ts";
import { sentBytes, wholeMessage } from "./sending.ts";
import type { DeliveredStep, MessagePart } from "../transcript/steps.ts";
import { octetsOf } from "../transcript/template.ts";

/** Most bytes looked at for quoted bytes with variables: more than a header. */
const MAX_QUOTED_BYTES = 64 * 1_024;

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where a delivered message differs. */
export interface MessageMismatch {
  /** The part that does not match; `undefined`: the message should have ended. */
  readonly part: MessagePart | undefined;
  /** Its index among the parts. */
  readonly index: number;
  /** Where it is in what came. */
  readonly at: number;
  /** What came instead, its first line without the CRLF; `undefined`: the end. */
  readonly came: string | undefined;
}

/**
 * Compares a delivered message, byte for byte.
 *
 * @param step What must have come out; without lines anything will do.
 * @param came The message: CRLF line ends, no dot-stuffing.
 * @param bindings The variables so far; takes the new ones.
 * @param readMessage Gives the file that a part names.
 * @returns The first difference, if there is one.
 */
export function matchMessage(
  step: DeliveredStep,
  came: Uint8Array,
  bindings: Bindings,
  readMessage: (path: string) => Uint8Array,
): MessageMismatch | undefined {
  if (step.message.length === 0) return undefined;
  let at = 0;
  for (const [index, part] of step.message.entries()) {
    const rest = came.subarray(at);
    const length = partLength(part, rest, bindings, readMessage);
    if (length === undefined) return { part, index, at, came: firstLine(rest) };
    at += length;
  }
  if (at === came.length) return undefined;
  const index = step.message.length;
  return { part: undefined, index, at, came: firstLine(came.subarray(at)) };
}

/** How many bytes of `rest` a part is, if they are it. */
function partLength(
  part: MessagePart,
  rest: Uint8Array,
  bindings: Bindings,
  readMessage: (path: string) => Uint8Array,
): number | undefined {
  if (part.kind === "line") {
    const end = lineEnd(rest);
    if (end === undefined) return undefined;
    const text = UTF8.decode(rest.subarray(0, end - 2));
    const found = matchWhole(part.text, "text", text, bindings);
    if (found === undefined) return undefined;
    keep(bindings, found);
    return end;
  }
  if (
    part.kind === "bytes" &&
    part.octets.some((part) => typeof part !== "string")
  ) {
    const octets = octetsOf(rest.subarray(0, MAX_QUOTED_BYTES));
    const length = matchOctets(part.octets, octets, bindings);
    return length === "more" ? undefined : length;
  }
  const bytes = part.kind === "message"
    ? wholeMessage(readMessage(part.path))
    : sentBytes(part, bindings);
  const same = Buffer.compare(bytes, rest.subarray(0, bytes.length)) === 0;
  return same ? bytes.length : undefined;
}

/** Just past the first CRLF. */
function lineEnd(bytes: Uint8Array): number | undefined {
  for (let from = 0;;) {
    const lf = bytes.indexOf(0x0a, from);
    if (lf < 0) return undefined;
    if (bytes[lf - 1] === 0x0d) return lf + 1;
    from = lf + 1;
  }
}

function firstLine(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  const end = lineEnd(bytes);
  return UTF8.decode(
    bytes.subarray(0, end === undefined ? undefined : end - 2),
  );
}
