/**
 * Reads one step of a transcript from its line.
 *
 * The forms are listed in `parse.ts`.
 *
 * @module
 */

import type { Parsed } from "../engine/path.ts";
import { parseDelivered } from "./delivered.ts";
import { regexFault } from "./pattern.ts";
import {
  CHECKERS,
  checkerSpeaker,
  isChecker,
  isWire,
  type Mark,
  type Said,
  SPEAKERS,
  type Step,
  type Wire,
  WIRES,
  type Written,
} from "./steps.ts";
import { parseQuoted, parseRegex, parseText, plainRest } from "./template.ts";

/** Longest wait: longer than any deadline of RFC 5321 section 4.5.3.2. */
const MAX_WAIT_MS = 24 * 60 * 60 * 1_000;

const UNIT_MS: Readonly<Record<string, number>> = {
  ...{ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 },
};

/** Letters and mark of a step. */
const SPOKEN = /^([A-Za-z]\w*)([:~*!<>])/;

/** What is no step at all. */
const EXPECTED_STEP =
  'a step such as "C: QUIT", "== close", "@key value" or "# comment"';

/**
 * Reads a line that begins with letters and a mark.
 *
 * @param content The line, without its end.
 * @param written Where it stands.
 * @returns The step, or what was expected.
 */
export function parseSaid(content: string, written: Written): Parsed<Step> {
  const [, letters, sign] = SPOKEN.exec(content) ?? [];
  if (letters === undefined) return refused(0, EXPECTED_STEP);
  const mark = sign as Mark;
  const speaker = SPEAKERS.find((speaker) => speaker.letters === letters) ??
    checkerSpeaker(letters, mark);
  if (speaker === undefined) {
    return refused(0, `C, S, P, R, P2, R2 or one of ${CHECKERS.join(", ")}`);
  }
  const behind = letters.length;
  if (!speaker.marks.includes(mark)) {
    const marks = [...speaker.marks].map((mark) => `"${mark}"`).join(", ");
    return refused(behind, `one of ${marks} behind "${letters}"`);
  }
  const at = behind + 2;
  if (content.length >= at && content[at - 1] !== " ") {
    return refused(at - 1, `a space behind "${letters}${mark}"`);
  }
  const { wire, from } = speaker;
  return parseBody(content, at, { ...written, wire, from }, mark);
}

function parseBody(
  content: string,
  at: number,
  said: Said,
  mark: Mark,
): Parsed<Step> {
  const isSmtp = !isChecker(said.wire);
  if (mark === "~" || mark === "!") {
    const regex = parseRegex(content, at);
    if (!regex.ok) return regex;
    const fault = regexFault(regex.value);
    if (fault !== undefined) {
      return refused(at, `a regular expression: ${fault}`);
    }
    const kind = mark === "~" ? "regex" : "absent";
    return accepted({ ...said, kind, regex: regex.value });
  }
  if (mark === ">" && isSmtp || mark !== ":" && content[at] === '"') {
    const octets = parseQuoted(content, at);
    if (!octets.ok) return octets;
    return accepted({ ...said, kind: "bytes", octets: octets.value });
  }
  const text = parseText(content, at);
  if (!text.ok) return text;
  if (mark === "*" || mark === "<" && isSmtp) {
    const rest = plainRest(content, at, text.value);
    if (!rest.ok) return rest;
    if (mark === "*") {
      return accepted({ ...said, kind: "prefix", prefix: rest.value });
    }
    if (rest.value === "") return refused(at, "the name of a message's file");
    return accepted({ ...said, kind: "message", path: rest.value });
  }
  return accepted({ ...said, kind: "line", text: text.value });
}

/**
 * Reads what happens to a connection or to time, or what was delivered: a line
 * that begins with `==`.
 *
 * @param content The line, without its end.
 * @param written Where it stands.
 * @param wire The wire named last, which an event happens to that names none.
 * @returns The step, or what was expected.
 */
export function parseEvent(
  content: string,
  written: Written,
  wire: Wire,
): Parsed<Step> {
  const [, event = "", rest] = /^== ([a-z]+)(?: (.*))?$/.exec(content) ?? [];
  const at = `== ${event} `.length;
  switch (event) {
    case "tls":
    case "close":
    case "eof":
    case "reset":
      if (rest !== undefined && !isWire(rest)) {
        return refused(at, `the end of the line, or ${WIRES.join(", ")}`);
      }
      return accepted({ ...written, kind: event, wire: rest ?? wire });
    case "wait": {
      const [, count, unit = ""] = /^(\d{1,9})(ms|s|m|h)$/.exec(rest ?? "") ??
        [];
      const ms = Number(count) * (UNIT_MS[unit] ?? NaN);
      if (ms <= MAX_WAIT_MS) return accepted({ ...written, kind: "wait", ms });
      return refused(at, "a duration up to 24h, such as 301s");
    }
    case "delivered":
      return parseDelivered(content, at, written);
    default:
      return refused(
        3,
        '"tls", "close", "eof", "reset", "wait" or "delivered" behind "== "',
      );
  }
}

function accepted<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function refused(at: number, expected: string): Parsed<never> {
  return { ok: false, at, expected };
}
