/**
 * Decides what a command line says: one line of bytes becomes one typed
 * command, or a problem with a sentence for the reply.
 *
 * It keeps the forms of RFC 5321 section 4.1.1 strictly, but for white space
 * at the end, which section 4.1.1 asks servers to tolerate, and for the
 * leniencies that are named. The line has no CR, LF or NUL in it: framing sees
 * to that. Whether the command may come now is decided by the table of states,
 * whether it was offered and what it means by the server.
 *
 * @module
 */

import { parseAttributes } from "./attributes.ts";
import { type Offer, parseParameters } from "./extensions.ts";
import { Lenience, type Leniency } from "./leniency.ts";
import {
  accepted,
  type Command,
  misplaced,
  needsSmtputf8,
  type ParsedCommand,
  refused,
} from "./parsed_command.ts";
import { parseForwardPath, parseHelloName, parseReversePath } from "./path.ts";
import { parseSize } from "./size.ts";
import { asciiText } from "./text.ts";
import { isBlank, type Verb, verbOf } from "./verb.ts";

export { type Command, needsSmtputf8, type ParsedCommand, type Verb };

/** Where a path begins, and how that looks: RFC 5321 section 4.1.1.2 and 3. */
const BEFORE_SENDER = "MAIL FROM:";
const BEFORE_RECIPIENT = "RCPT TO:";

const LEADING_BLANKS = /^[ \t]+/;

/** sasl-mech and initial-response. RFC 4422 section 3.1, RFC 4954 section 4. */
const AUTH = /^AUTH +([A-Z\d_-]{1,20})(?: +([!-~]+))?$/i;

/** chunk-size and end-marker. RFC 3030 section 2. */
const BDAT = /^BDAT +(\d+)( +LAST)?$/i;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses a command line.
 *
 * An address outside ASCII in RCPT is refused here only where there was no
 * EHLO: whether its MAIL had SMTPUTF8 is for the server to know.
 *
 * @param line The line without its CRLF; holds no CR, LF or NUL.
 * @param offer What EHLO offered; `undefined` without EHLO, when nothing was.
 * @param lenient The leniencies that are allowed; none by default.
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
  lenient?: ReadonlySet<Leniency>,
): ParsedCommand {
  const verb = verbOf(line);
  if (verb === undefined) {
    return refused("unknown", undefined, "expected a known command");
  }
  const length = trimmedLength(line);
  if (
    verb === "DATA" || verb === "RSET" || verb === "QUIT" ||
    verb === "STARTTLS"
  ) {
    return length === verb.length
      ? accepted({ verb })
      : refused("syntax", verb, `expected ${verb} without an argument`);
  }
  const text = decode(length === line.length ? line : line.subarray(0, length));
  if (text === undefined) {
    return refused("syntax", verb, "expected valid UTF-8");
  }
  const lenience = lenient && new Lenience(lenient);
  switch (verb) {
    case "EHLO":
    case "HELO":
    case "LHLO":
      return parseHello(verb, text, lenience);
    case "MAIL":
      return parseMail(text, offer, lenience);
    case "RCPT":
      return parseRcpt(text, offer, lenience);
    case "NOOP":
    case "HELP":
      return accepted({ verb, text: argumentOf(verb, text) });
    case "VRFY":
    case "EXPN":
      return length === verb.length
        ? refused("syntax", verb, `expected ${verb} with a name`)
        : accepted({ verb, text: argumentOf(verb, text) });
    case "AUTH":
      return parseAuth(text);
    case "BDAT":
      return parseBdat(text);
    case "XCLIENT":
    case "XFORWARD": {
      const attributes = parseAttributes(verb, text, verb.length);
      return attributes.ok
        ? accepted({ verb, attributes: attributes.value })
        : misplaced(verb, attributes);
    }
  }
}

function parseHello(
  verb: "EHLO" | "HELO" | "LHLO",
  text: string,
  lenience?: Lenience,
): ParsedCommand {
  const name = parseHelloName(text, verb.length + 1, lenience);
  if (!name.ok) return misplaced(verb, name);
  return accepted({ verb, name: name.value, ...lenience?.used });
}

function parseMail(
  text: string,
  offer: Offer | undefined,
  lenience?: Lenience,
): ParsedCommand {
  const verb = "MAIL";
  const start = BEFORE_SENDER.length;
  if (text.slice(0, start).toUpperCase() !== BEFORE_SENDER) {
    return refused("syntax", verb, 'expected "MAIL FROM:<address>"');
  }
  const sender = parseReversePath(text, start, lenience);
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
  return accepted({
    verb,
    sender: path,
    parameters: parameters.value,
    ...lenience?.used,
  });
}

function parseRcpt(
  text: string,
  offer: Offer | undefined,
  lenience?: Lenience,
): ParsedCommand {
  const verb = "RCPT";
  const start = BEFORE_RECIPIENT.length;
  if (text.slice(0, start).toUpperCase() !== BEFORE_RECIPIENT) {
    return refused("syntax", verb, 'expected "RCPT TO:<address>"');
  }
  const recipient = parseForwardPath(text, start, lenience);
  if (!recipient.ok) return misplaced(verb, recipient);
  const { path, end } = recipient.value;
  const parameters = parseParameters(verb, text, offer, end);
  if (!parameters.ok) return misplaced(verb, parameters);
  if (path.utf8 && offer === undefined) {
    return refused("utf8address", verb, "expected an ASCII address");
  }
  return accepted({
    verb,
    recipient: path,
    parameters: parameters.value,
    ...lenience?.used,
  });
}

/** The sentence of a refusal says nothing of what the line had in it. */
function parseAuth(text: string): ParsedCommand {
  const verb = "AUTH";
  const [, mechanism, initial] = AUTH.exec(text) ?? [];
  if (mechanism === undefined) {
    return refused(
      "syntax",
      verb,
      "expected AUTH mechanism [initial-response]",
    );
  }
  return accepted({
    verb,
    mechanism: mechanism.toUpperCase(),
    initial: initial === "=" ? "" : initial,
  });
}

function parseBdat(text: string): ParsedCommand {
  const verb = "BDAT";
  const [, digits, last] = BDAT.exec(text) ?? [];
  const size = parseSize(digits);
  return size === undefined
    ? refused("syntax", verb, "expected BDAT size [LAST]")
    : accepted({ verb, size, last: last !== undefined });
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

function argumentOf(verb: Verb, text: string): string {
  return text.slice(verb.length).replace(LEADING_BLANKS, "");
}
