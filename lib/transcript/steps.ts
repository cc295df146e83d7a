/**
 * What a transcript is made of: wires, steps, settings, as values.
 *
 * The rule: a value holds everything of its lines, so that a transcript can be
 * printed as it was read. A step that a program makes or changes has no
 * `source`, and is printed in the file's notation.
 *
 * Reading is `parse.ts`, printing `print.ts`, comparing `pattern.ts`.
 *
 * @module
 */

import type { Template } from "./template.ts";

/** A content checker that Postern talks to. */
export type Checker = "spamd" | "clamd" | "dspam" | "sssp" | "rspamd";

/** A relay that Postern passes mail to: the first one, and another. */
export type Relay = "relay" | "relay2";

/**
 * A connection of Postern's: from its client, to a relay, to a checker. A third
 * relay would be one more word in {@linkcode Relay} and two lines in
 * {@linkcode SPEAKERS}.
 */
export type Wire = "client" | Relay | Checker;

/** An end of a wire: who opened the connection, or who took it. */
export type End = "client" | "server";

/** The sign behind the letters: how the rest of the line is to be read. */
export type Mark = ":" | "~" | "*" | "!" | ">" | "<";

/** Who speaks in lines with these letters, and which marks they may have. */
export interface Speaker {
  /** The letters a line begins with. */
  readonly letters: string;
  /** The wire. */
  readonly wire: Wire;
  /** The end that speaks. */
  readonly from: End;
  /** Allowed behind the letters. */
  readonly marks: string;
}

/** The SMTP wires' letters. A checker's are its name, with `>` or `<`. */
export const SPEAKERS: readonly Speaker[] = [
  { letters: "C", wire: "client", from: "client", marks: ":><" },
  { letters: "S", wire: "client", from: "server", marks: ":~*!>" },
  { letters: "P", wire: "relay", from: "client", marks: ":~>" },
  { letters: "R", wire: "relay", from: "server", marks: ":~*!>" },
  { letters: "P2", wire: "relay2", from: "client", marks: ":~>" },
  { letters: "R2", wire: "relay2", from: "server", marks: ":~*!>" },
];

/** The names that lines of a checker's wire begin with. */
export const CHECKERS: readonly Checker[] = [
  ...["spamd", "clamd", "dspam", "sssp", "rspamd"] as const,
];

/** All wires, by the names that they have behind `==`. */
export const WIRES: readonly Wire[] = [
  ...["client", "relay", "relay2"] as const,
  ...CHECKERS,
];

/** Whether a word names a wire. */
export function isWire(word: string): word is Wire {
  return WIRES.some((wire) => wire === word);
}

/** Whether a wire is a checker's, which does not speak SMTP. */
export function isChecker(wire: Wire): wire is Checker {
  return CHECKERS.some((checker) => checker === wire);
}

/**
 * Who speaks in a checker's line: `spamd>` and `spamd~` Postern, `spamd<` the
 * checker.
 *
 * @param letters What the line begins with.
 * @param mark The mark behind it.
 * @returns The speaker; `undefined` where there is no such checker.
 */
export function checkerSpeaker(
  letters: string,
  mark: Mark,
): Speaker | undefined {
  const wire = CHECKERS.find((checker) => checker === letters);
  const from = mark === "<" ? "server" : "client";
  return wire && { letters, wire, from, marks: "><~" };
}

/** Where something stands in its file, and how it is written there. */
export interface Written {
  /** Its first line, from 1; 0 where no file has it. */
  readonly line: number;
  /** Blank lines and comments above it, as they are. */
  readonly above: string;
  /** Its lines as they are, line ends included; `undefined`: to be printed. */
  readonly source: string | undefined;
}

/** The place of what a program made: `{ ...UNWRITTEN, kind: "wait", ms: 1 }`. */
export const UNWRITTEN: Written = { line: 0, above: "", source: undefined };

/** A setting, `@key value`. */
export interface Setting extends Written {
  /** `client`, `clock`, `split`, `requires`, or a key of the configuration. */
  readonly key: string;
  /** The value as it stands there: TOML for a key of the configuration. */
  readonly text: string;
}

/** What everything said on a wire has. */
export interface Said extends Written {
  /** The connection it goes over. */
  readonly wire: Wire;
  /** The end that says it. */
  readonly from: End;
}

/** One line, CRLF implied: `C: QUIT`, `spamd> PING SPAMC/1.5`. */
export interface LineStep extends Said {
  /** What it is. */
  readonly kind: "line";
  /** The line without its CRLF. */
  readonly text: Template;
}

/** Bytes in one write, nothing added: `C> "bytes"`. */
export interface BytesStep extends Said {
  /** What it is. */
  readonly kind: "bytes";
  /** A character for each byte. */
  readonly octets: Template;
}

/** A message as mail data, dot-stuffed and ended: `C< file.eml`. */
export interface MessageStep extends Said {
  /** What it is. */
  readonly kind: "message";
  /** The file, relative to the transcript. */
  readonly path: string;
}

/** A line that matches whole: `S~ regex`. */
export interface RegexStep extends Said {
  /** What it is. */
  readonly kind: "regex";
  /** The regular expression's source. */
  readonly regex: Template;
}

/** Any number of lines, in any order: `S* prefix`. */
export interface PrefixStep extends Said {
  /** What it is. */
  readonly kind: "prefix";
  /** What each of them begins with. */
  readonly prefix: string;
}

/** No such line in this reply: `S! regex`. */
export interface AbsentStep extends Said {
  /** What it is. */
  readonly kind: "absent";
  /** The regular expression's source. */
  readonly regex: Template;
}

/** Both ends go over to TLS: `== tls`, or `== tls relay`. */
export interface TlsStep extends Written {
  /** What it is. */
  readonly kind: "tls";
  /** The wire that it names, or else the one named last. */
  readonly wire: Wire;
}

/**
 * The connection ends: `== close` by the server, `== eof` by the client,
 * `== reset` broken; or `== eof relay`.
 */
export interface EndStep extends Written {
  /** What it is. */
  readonly kind: "close" | "eof" | "reset";
  /** The wire that it names, or else the one named last. */
  readonly wire: Wire;
}

/** The clock advances: `== wait 301s`. */
export interface WaitStep extends Written {
  /** What it is. */
  readonly kind: "wait";
  /** By how much, in milliseconds. */
  readonly ms: number;
}

/**
 * A part of a delivered message: `| line`, CRLF implied; `|> "bytes"`; or
 * `|< file.eml`, that message with CRLF line ends. `|> ""` alone is a message
 * without a byte.
 */
export type MessagePart =
  | Pick<LineStep, "kind" | "text">
  | Pick<BytesStep, "kind" | "octets">
  | Pick<MessageStep, "kind" | "path">;

/** What must have come out: `== delivered from=<a@b.test> to=<c@d.test>`. */
export interface DeliveredStep extends Written {
  /** What it is. */
  readonly kind: "delivered";
  /** Address of the reverse-path; empty for `<>`. */
  readonly sender: string;
  /** Addresses of the recipients, in their order. */
  readonly recipients: readonly string[];
  /** The message; without parts only the envelope is claimed. */
  readonly message: readonly MessagePart[];
}

/** Nothing must have come out: `== delivered nothing`. */
export interface NothingStep extends Written {
  /** What it is. */
  readonly kind: "nothing";
}

/** What may be expected of one line, or of several. */
export type Expectation = LineStep | RegexStep | PrefixStep | AbsentStep;

/** Something said on a wire. */
export type SaidStep = Expectation | BytesStep | MessageStep;

/** One step of a conversation. */
export type Step =
  | SaidStep
  | TlsStep
  | EndStep
  | WaitStep
  | DeliveredStep
  | NothingStep;

/** A conversation, read from a file. */
export interface Transcript {
  /** The file's name, for messages. */
  readonly file: string;
  /** The first comment, which says what the conversation shows; or the file's name. */
  readonly name: string;
  /** All settings, in their order. */
  readonly settings: readonly Setting[];
  /** Keys of the configuration with their values, as TOML gives them. */
  readonly config: ReadonlyMap<string, unknown>;
  /** Address that the client comes from. */
  readonly client: string | undefined;
  /** The time when the conversation begins, in milliseconds since the epoch. */
  readonly clock: number | undefined;
  /** Whether its outcome rightly depends on chunking: `@split none`. */
  readonly unsplit: boolean;
  /** EHLO keywords that a server must offer to be tested with it, in capitals. */
  readonly requires: readonly string[];
  /** The conversation. */
  readonly steps: readonly Step[];
  /** What stands behind the last step, as it is. */
  readonly tail: string;
}

/** The wire that is named last once a step has been read. */
export function wireNamedBy(step: Step, before: Wire): Wire {
  return "wire" in step ? step.wire : before;
}

/** Whether a step is said on a wire; the others happen to it, or beside it. */
export function isSaid(step: Step): step is SaidStep {
  return "from" in step;
}

/** The end of a wire that is Postern's. */
export function posternEnd(wire: Wire): End {
  return wire === "client" ? "server" : "client";
}
