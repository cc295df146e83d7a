/**
 * What came, as the steps that a file would have for it.
 *
 * The rule: what stands for a known variable is written as that variable, where
 * it is a word of its own; everything else is written as it came. What is no
 * text is written as bytes.
 *
 * @module
 */

import {
  type BytesStep,
  type LineStep,
  type MessagePart,
  type SaidStep,
  UNWRITTEN,
} from "../transcript/steps.ts";
import {
  formatText,
  fromOctets,
  MAX_VARIABLES,
  octetsOf,
  type Template,
} from "../transcript/template.ts";

/**
 * Shortest value that is taken for its variable, in UTF-16 units: shorter ones
 * stand in a line by chance.
 */
const MIN_VALUE_LENGTH = 3;

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whose words they are. */
type Voice = Pick<SaidStep, "wire" | "from">;

/**
 * Lines that were said, as steps: all as text, or where one is none, all as
 * bytes.
 *
 * @param lines The lines without CRLF, an octet a character.
 * @param voice Who said them, and where.
 * @param bindings The variables so far.
 */
export function writtenLines(
  lines: readonly string[],
  { wire, from }: Voice,
  bindings: ReadonlyMap<string, string>,
): (LineStep | BytesStep)[] {
  const said = { ...UNWRITTEN, wire, from };
  const texts = lines.map((octets) => writtenText(octets, bindings));
  if (texts.every((text) => text !== undefined)) {
    return texts.map((text) => ({ ...said, kind: "line", text }));
  }
  return lines.map((octets) => ({
    ...said,
    kind: "bytes",
    octets: [`${octets}\r\n`],
  }));
}

/**
 * A message, or the rest of one, as parts of a delivered block.
 *
 * @param message The bytes.
 * @param bindings The variables so far.
 */
export function writtenParts(
  message: Uint8Array,
  bindings: ReadonlyMap<string, string>,
): MessagePart[] {
  const lines = octetsOf(message).split("\r\n");
  const rest = lines.pop()!;
  const parts = lines.map((octets): MessagePart => {
    const text = writtenText(octets, bindings);
    return text === undefined
      ? { kind: "bytes", octets: [`${octets}\r\n`] }
      : { kind: "line", text };
  });
  if (rest !== "") parts.push({ kind: "bytes", octets: [rest] });
  if (parts.length === 0) parts.push({ kind: "bytes", octets: [] });
  return parts;
}

/** A line as text with variables; `undefined`: a plain text can't hold it. */
function writtenText(
  octets: string,
  bindings: ReadonlyMap<string, string>,
): Template | undefined {
  let text: string;
  try {
    text = STRICT_UTF8.decode(fromOctets(octets));
  } catch {
    return undefined;
  }
  const template = withVariables(text, bindings);
  return formatText(template) === undefined ? undefined : template;
}

/** The text with `${name}` where the value of `name` stands. */
function withVariables(
  text: string,
  bindings: ReadonlyMap<string, string>,
): Template {
  const names = new Map<string, string>();
  for (const [name, value] of bindings) {
    const isUsed = value.length >= MIN_VALUE_LENGTH && text.includes(value);
    if (isUsed && !names.has(value)) names.set(value, name);
  }
  if (names.size === 0) return text === "" ? [] : [text];
  // The longest first: one value may begin another.
  const values = [...names.keys()].sort((a, b) => b.length - a.length);
  const words = new RegExp(
    // The hyphen behind a reply's code parts words too.
    `(?<![\\w.]|(?<!^\\d{3})-)(${
      values.map((value) => RegExp.escape(value)).join("|")
    })(?![\\w-]|\\.\\w)`,
    "u",
  );
  // Split by a group, every second part is a value.
  const parts = text.split(words);
  if (parts.length > 2 * MAX_VARIABLES) return [text];
  return parts.map((part, i) =>
    i % 2 === 0 ? part : { name: names.get(part)!, secret: false }
  ).filter((part) => part !== "");
}
