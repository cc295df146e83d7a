/**
 * Prints a transcript: byte for byte as it was read, and what a program made or
 * changed in the same notation.
 *
 * A line that plain text can't hold is printed as bytes, and what happens to a
 * wire names it where it is not the one named last.
 *
 * @module
 */

import { formatDelivered } from "./delivered.ts";
import {
  isChecker,
  isSaid,
  type Mark,
  type SaidStep,
  SPEAKERS,
  type Step,
  type Transcript,
  type Wire,
  wireNamedBy,
  type Written,
} from "./steps.ts";
import {
  formatQuoted,
  formatSource,
  formatText,
  lineOctets,
} from "./template.ts";

/** Longest first: a wait is printed in the largest unit that it is whole in. */
const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ...[["h", 3_600_000], ["m", 60_000], ["s", 1_000]] as const,
];

/**
 * Prints a transcript.
 *
 * @param transcript As it was read, or with steps and settings changed: those
 * whose `source` is `undefined` are printed anew.
 * @returns The file's text.
 *
 * @example
 * ```ts ignore
 * const steps = transcript.steps.map((step) =>
 *   step === old ? { ...step, text: ["250 Ok"], source: undefined } : step
 * );
 * await Deno.writeTextFile(file, formatTranscript({ ...transcript, steps }));
 * ```
 */
export function formatTranscript(
  { settings, steps, tail }: Pick<Transcript, "settings" | "steps" | "tail">,
): string {
  const pieces: string[] = [];
  const add = ({ above, source }: Written, format: () => string) => {
    pieces.push(above, source ?? `${format()}\n`);
  };
  for (const setting of settings) {
    add(setting, () => `@${setting.key} ${setting.text}`);
  }
  let wire: Wire = "client";
  for (const step of steps) {
    const isElsewhere = !isSaid(step) && "wire" in step && step.wire !== wire;
    const name = isElsewhere ? ` ${step.wire}` : "";
    // Its line may have come to mean another wire.
    const isMeant = !isElsewhere || step.source?.trimEnd().endsWith(name);
    add(
      isMeant ? step : { ...step, source: undefined },
      () => formatStep(step) + name,
    );
    wire = wireNamedBy(step, wire);
  }
  pieces.push(tail);
  // The last line of a file may lack its end, and now have something behind it.
  const written = pieces.filter((piece) => piece !== "");
  return written.map((piece, i) =>
    i + 1 === written.length || piece.endsWith("\n") ? piece : `${piece}\n`
  ).join("");
}

/**
 * Prints one step anew, as its lines in a file; an event as one of the wire
 * named last.
 *
 * @param step Any step; its `source` and `above` do not count.
 * @returns The lines, separated by LF, without one at the end.
 * @throws {TypeError} No file can have it, such as a regular expression for
 * what the client sends.
 */
export function formatStep(step: Step): string {
  switch (step.kind) {
    case "tls":
    case "close":
    case "eof":
    case "reset":
      return `== ${step.kind}`;
    case "wait": {
      const unit = UNITS.find(([, ms]) => step.ms > 0 && step.ms % ms === 0);
      const [name, ms] = unit ?? ["ms", 1];
      return `== wait ${step.ms / ms}${name}`;
    }
    case "delivered":
      return formatDelivered(step);
    case "nothing":
      return "== delivered nothing";
    default:
      return formatSaid(step);
  }
}

function formatSaid(step: SaidStep): string {
  switch (step.kind) {
    case "line":
      return formatLine(step);
    case "bytes":
      return withLetters(step, ">", formatQuoted(step.octets));
    case "message":
      return withLetters(step, "<", step.path);
    case "regex":
      return withLetters(step, "~", formatSource(step.regex));
    case "absent":
      return withLetters(step, "!", formatSource(step.regex));
    case "prefix":
      return withLetters(step, "*", step.prefix);
  }
}

function formatLine(step: SaidStep & { kind: "line" }): string {
  const text = formatText(step.text);
  // What begins with a quote would be bytes in a checker's line.
  if (text === undefined || isChecker(step.wire) && text.startsWith('"')) {
    return withLetters(step, ">", formatQuoted(lineOctets(step.text)));
  }
  return withLetters(step, ":", text);
}

function withLetters(step: SaidStep, mark: Mark, text: string): string {
  const { wire, from } = step;
  if (/[\r\n]/.test(text)) {
    throw new TypeError(`Cannot print a "${step.kind}": expected one line`);
  }
  const behind = text === "" ? "" : ` ${text}`;
  if (isChecker(wire)) {
    if (mark === "~" && from === "client") return `${wire}~${behind}`;
    if (mark === ":" || mark === ">") {
      return `${wire}${from === "client" ? ">" : "<"}${behind}`;
    }
  }
  const speaker = SPEAKERS.find((speaker) =>
    speaker.wire === wire && speaker.from === from
  );
  if (!speaker?.marks.includes(mark)) {
    throw new TypeError(
      `Cannot print a "${step.kind}" that the ${from} says on wire "${wire}"`,
    );
  }
  return `${speaker.letters}${mark}${behind}`;
}
