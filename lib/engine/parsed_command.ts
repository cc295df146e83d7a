/**
 * The commands as values, and what is wrong with a line that is none.
 *
 * @module
 */

import type { Leniency } from "./leniency.ts";
import type { MailParameters, RcptParameters } from "./parameters.ts";
import type { Mailbox, ReversePath } from "./path.ts";
import type { Verb } from "./verb.ts";

/** A command that kept the grammar; its texts are as the client wrote them. */
export type Command =
  | {
    readonly verb: "EHLO" | "HELO" | "LHLO";
    /** How the client calls itself: a domain or an address literal. */
    readonly name: string;
    /** What departed from the grammar and was taken; absent: nothing. */
    readonly leniencies?: readonly Leniency[];
  }
  | {
    readonly verb: "MAIL";
    /** Where failures go to. */
    readonly sender: ReversePath;
    /** What was said beside it. */
    readonly parameters: MailParameters;
    /** What departed from the grammar and was taken; absent: nothing. */
    readonly leniencies?: readonly Leniency[];
  }
  | {
    readonly verb: "RCPT";
    /** Who is to get the message. */
    readonly recipient: Mailbox;
    /** What was said beside it. */
    readonly parameters: RcptParameters;
    /** What departed from the grammar and was taken; absent: nothing. */
    readonly leniencies?: readonly Leniency[];
  }
  | { readonly verb: "DATA" | "RSET" | "QUIT" | "STARTTLS" }
  | {
    readonly verb: "AUTH";
    /** The SASL mechanism, in capitals. */
    readonly mechanism: string;
    /**
     * The initial response in base64, as written; "" for "=", which says that
     * it is empty; `undefined` where there is none. It may hold a secret.
     */
    readonly initial: string | undefined;
  }
  | {
    readonly verb: "BDAT";
    /** Octets that follow. */
    readonly size: number;
    /** Whether they are the message's last. */
    readonly last: boolean;
  }
  | {
    readonly verb: "XCLIENT" | "XFORWARD";
    /**
     * The values by their names in capitals, decoded, an IPv6 address without
     * its tag; `undefined` is what the peer does not know.
     */
    readonly attributes: ReadonlyMap<string, string | undefined>;
  }
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

const NON_ASCII = /[\u0080-\uffff]/;

/**
 * Says whether a RCPT command has something outside ASCII, in its address or
 * in ORCPT, and so must come behind a MAIL with SMTPUTF8. RFC 6533 section 3.
 */
export function needsSmtputf8(
  { recipient, parameters }: Extract<Command, { verb: "RCPT" }>,
): boolean {
  return recipient.utf8 || NON_ASCII.test(parameters.orcpt ?? "");
}

/** The line said `value`. */
export function accepted(value: Command): ParsedCommand {
  return { ok: true, value };
}

/** The line is refused, with a sentence that has nothing of the client's. */
export function refused(
  problem: Refused["problem"],
  verb: Verb | undefined,
  expected: string,
): ParsedCommand {
  return { ok: false, problem, verb, expected };
}

/** A part of the line was refused; columns count from 1, in UTF-16 units. */
export function misplaced(
  verb: Verb,
  { at, expected, problem = "syntax" }: {
    readonly at: number;
    readonly expected: string;
    readonly problem?: Refused["problem"];
  },
): ParsedCommand {
  return refused(problem, verb, `expected ${expected} at column ${at + 1}`);
}
