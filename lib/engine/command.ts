/**
 * Decides what a command line says: one line of bytes becomes one typed
 * command, or a problem with a sentence for the reply.
 *
 * It keeps the forms of RFC 5321 section 4.1.1 strictly, but for white space
 * at the end, which section 4.1.1 asks servers to tolerate. The line has no
 * CR, LF or NUL in it: framing sees to that. Whether the command may come now
 * is decided by the table of states, and what it means by the server.
 *
 * @module
 */

import {
  type MailParameters,
  type Offer,
  parseParameters,
  type RcptParameters,
} from "./extensions.ts";
import {
  type Mailbox,
  parseForwardPath,
  parseHelloName,
  parseReversePath,
  type ReversePath,
} from "./path.ts";
import { asciiText } from "./text.ts";

/** The commands that are known, by their first word. */
export type Verb =
  | "EHLO"
  | "HELO"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "RSET"
  | "NOOP"
  | "VRFY"
  | "EXPN"
  | "HELP"
  | "QUIT";

/** A command that kept the grammar; its texts are as the client wrote them. */
export type Command =
  | {
    readonly verb: "EHLO" | "HELO";
    /** How the client calls itself: a domain or an address literal. */
    readonly name: string;
  }
  | {
    readonly verb: "MAIL";
    /** Where failures go to. */
    readonly sender: ReversePath;
    /** What was said beside it. */
    readonly parameters: MailParameters;
  }
  | {
    readonly verb: "RCPT";
    /** Who is to get the message. */
    readonly recipient: Mailbox;
    /** What was said beside it. */
    readonly parameters: RcptParameters;
  }
  | { readonly verb: "DATA" | "RSET" | "QUIT" }
  | {
    readonly verb: "NOOP" | "HELP" | "VRFY" | "EXPN";
    /** The argument; "" where there is none (not with VRFY and EXPN). */
    readonly text: string;
  };

/** A command, or what is wrong with the line. */
export type ParsedCommand =
  | { readonly ok: true; readonly value: Command }
  | {
    readonly ok: false;
    /**
     * - `unknown`: the verb is not known (500).
     * - `syntax`: the argument is wrong (501).
     * - `parameter`: a parameter that was not offered (555).
     * - `utf8address`: an address outside ASCII, without SMTPUTF8 (553).
     */
    readonly problem: "unknown" | "syntax" | "parameter" | "utf8address";
    /** The verb, if that much could be told. */
    readonly verb: Verb | undefined;
    /** Piece of a sentence, `expected a domain at column 17`. */
    readonly expected: string;
  };

type Refused = Extract<ParsedCommand, { ok: false }>;

const SPACE = 0x20;
const TAB = 0x09;

/** Octets of every verb so far. */
const VERB_OCTETS = 4;

const VERBS: readonly Verb[] = [
  "EHLO",
  "HELO",
  "MAIL",
  "RCPT",
  "DATA",
  "RSET",
  "NOOP",
  "VRFY",
  "EXPN",
  "HELP",
  "QUIT",
];

/** The verbs by their four octets as one number: see {@linkcode fold}. */
const VERB_OF_NUMBER: ReadonlyMap<number, Verb> = new Map(
  VERBS.map((verb) => [fold(new TextEncoder().encode(verb)), verb]),
);

/** Where a path begins, and how that looks: RFC 5321 section 4.1.1.2 and 3. */
const BEFORE_SENDER = "MAIL FROM:";
const BEFORE_RECIPIENT = "RCPT TO:";

const LEADING_BLANKS = /^[ \t]+/;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses a command line.
 *
 * An address outside ASCII in RCPT is refused here only where there was no
 * EHLO: whether its MAIL had SMTPUTF8 is for the server to know.
 *
 * @param line The line without its CRLF; holds no CR, LF or NUL.
 * @param offer What EHLO offered; `undefined` without EHLO, when nothing was.
 * @returns The command, or what is wrong with the line.
 *
 * @example
 * ```ts
 * import { parseCommand } from "@postern/smtpd/engine";
 * import { assertEquals } from "@std/assert";
 *
 * const line = new TextEncoder().encode("noop  hello");
 * assertEquals(parseCommand(line, undefined), {
 *   ok: true,
 *   value: { verb: "NOOP", text: "hello" },
 * });
 * ```
 */
export function parseCommand(
  line: Uint8Array,
  offer: Offer | undefined,
): ParsedCommand {
  const verb = VERB_OF_NUMBER.get(fold(line));
  if (verb === undefined || !isBlank(line[VERB_OCTETS] ?? SPACE)) {
    return refused("unknown", undefined, "expected a known command");
  }
  const length = trimmedLength(line);
  if (verb === "DATA" || verb === "RSET" || verb === "QUIT") {
    return length === VERB_OCTETS
      ? accepted({ verb })
      : refused("syntax", verb, `expected ${verb} without an argument`);
  }
  const text = decode(length === line.length ? line : line.subarray(0, length));
  if (text === undefined) {
    return refused("syntax", verb, "expected valid UTF-8");
  }
  switch (verb) {
    case "EHLO":
    case "HELO":
      return parseHello(verb, text);
    case "MAIL":
      return parseMail(text, offer);
    case "RCPT":
      return parseRcpt(text, offer);
    case "NOOP":
    case "HELP":
      return accepted({ verb, text: argumentOf(text) });
    case "VRFY":
    case "EXPN":
      return length === VERB_OCTETS
        ? refused("syntax", verb, `expected ${verb} with a name`)
        : accepted({ verb, text: argumentOf(text) });
  }
}

function parseHello(verb: "EHLO" | "HELO", text: string): ParsedCommand {
  const name = parseHelloName(text, VERB_OCTETS + 1);
  if (!name.ok) return misplaced(verb, name);
  return accepted({ verb, name: name.value });
}

function parseMail(text: string, offer: Offer | undefined): ParsedCommand {
  const verb = "MAIL";
  const start = BEFORE_SENDER.length;
  if (text.slice(0, start).toUpperCase() !== BEFORE_SENDER) {
    return refused("syntax", verb, 'expected "MAIL FROM:<address>"');
  }
  const sender = parseReversePath(text, start);
  if (!sender.ok) return misplaced(verb, sender);
  const { path, end } = sender.value;
  const parameters = parseParameters(verb, text, offer, end);
  if (!parameters.ok) return misplaced(verb, parameters);
  if (path?.utf8 && !parameters.value.smtputf8) {
    return refused(
      "utf8address",
      verb,
      "expected SMTPUTF8 or an ASCII address",
    );
  }
  return accepted({ verb, sender: path, parameters: parameters.value });
}

function parseRcpt(text: string, offer: Offer | undefined): ParsedCommand {
  const verb = "RCPT";
  const start = BEFORE_RECIPIENT.length;
  if (text.slice(0, start).toUpperCase() !== BEFORE_RECIPIENT) {
    return refused("syntax", verb, 'expected "RCPT TO:<address>"');
  }
  const recipient = parseForwardPath(text, start);
  if (!recipient.ok) return misplaced(verb, recipient);
  const { path, end } = recipient.value;
  const parameters = parseParameters(verb, text, offer, end);
  if (!parameters.ok) return misplaced(verb, parameters);
  if (path.utf8 && offer === undefined) {
    return refused("utf8address", verb, "expected an ASCII address");
  }
  return accepted({ verb, recipient: path, parameters: parameters.value });
}

function accepted(value: Command): ParsedCommand {
  return { ok: true, value };
}

function refused(
  problem: Refused["problem"],
  verb: Verb | undefined,
  expected: string,
): ParsedCommand {
  return { ok: false, problem, verb, expected };
}

/** A part of the line was refused; columns count from 1, in UTF-16 units. */
function misplaced(
  verb: Verb,
  { at, expected, problem = "syntax" }: {
    readonly at: number;
    readonly expected: string;
    readonly problem?: Refused["problem"];
  },
): ParsedCommand {
  return refused(problem, verb, `expected ${expected} at column ${at + 1}`);
}

/**
 * The first four octets in one number, small letters as capitals. Clearing bit
 * 5 makes a capital of letters only, so that nothing else can look like one.
 */
function fold(line: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = line;
  return ((a << 24) | (b << 16) | (c << 8) | d) & 0xdfdfdfdf;
}

function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB;
}

function trimmedLength(line: Uint8Array): number {
  let length = line.length;
  while (isBlank(line[length - 1] ?? 0)) length--;
  return length;
}

/** The text, or `undefined` where it is no UTF-8. */
function decode(line: Uint8Array): string | undefined {
  const text = asciiText(line);
  if (text !== undefined) return text;
  try {
    return UTF8.decode(line);
  } catch {
    return undefined;
  }
}

function argumentOf(text: string): string {
  return text.slice(VERB_OCTETS).replace(LEADING_BLANKS, "");
}
