/**
 * What a relay is told of where a message comes from, by Postfix's XFORWARD, as
 * its XFORWARD_README has it.
 *
 * The rule: only attributes that the relay takes, and each of those, so that
 * none of an earlier message counts for this one. What is not known is said to
 * be so.
 *
 * @module
 */

import { isIPv6 } from "node:net";
import { formatXtext } from "../engine/xtext.ts";
import type { Origin } from "../hop.ts";

/**
 * Longest XFORWARD line, in bytes with its CRLF: other commands' own bound, and
 * what Postfix keeps to. RFC 5321 section 4.5.3.1.4.
 */
const MAX_LINE_BYTES = 512;

/** Longest value, in bytes as written; Postfix takes no longer one. */
const MAX_VALUE_BYTES = 255;

const UNAVAILABLE = "[UNAVAILABLE]";

/** The attributes, in the order in which they are said. */
const ATTRIBUTES: readonly [
  name: string,
  value: (origin: Origin) => string | undefined,
][] = [
  ["NAME", ({ name }) => name],
  ["ADDR", ({ address }) => isIPv6(address) ? `IPV6:${address}` : address],
  ["PORT", ({ port }) => port === 0 ? undefined : String(port)],
  ["PROTO", ({ protocol }) => protocol],
  ["HELO", ({ helo }) => helo],
  ["IDENT", () => undefined],
  // The relay may rewrite the header of local mail, and that is not for us to say.
  ["SOURCE", () => "REMOTE"],
];

/**
 * Writes what XFORWARD commands have behind their verb.
 *
 * @param origin Where the message comes from.
 * @param offered The attributes that the relay takes.
 * @returns One text a command; none where the relay takes nothing.
 */
export function forwardLines(
  origin: Origin,
  offered: ReadonlySet<string>,
): readonly string[] {
  const most = MAX_LINE_BYTES - "XFORWARD \r\n".length;
  const lines: string[] = [];
  for (const [name, valueOf] of ATTRIBUTES) {
    if (!offered.has(name)) continue;
    const attribute = `${name}=${formatValue(valueOf(origin))}`;
    const last = lines.at(-1);
    const joined = `${last} ${attribute}`;
    if (last !== undefined && joined.length <= most) {
      lines[lines.length - 1] = joined;
    } else lines.push(attribute);
  }
  return lines;
}

function formatValue(value = ""): string {
  const xtext = formatXtext(value);
  const isGood = xtext !== "" && xtext.length <= MAX_VALUE_BYTES;
  return isGood ? xtext : UNAVAILABLE;
}
