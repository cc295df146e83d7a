/**
 * Decides what is an address: mailboxes, forward and reverse paths, domains
 * and the name in EHLO, each parsed from text into a value or refused with the
 * place and what was expected there.
 *
 * It keeps the grammar of RFC 5321 section 4.1.2 whole, with what RFC 6531
 * section 3.3 adds (UTF-8 in local parts and domains), strictly: angle
 * brackets, no space before them, no trailing dot, no underscore in a domain.
 * A mailbox stays as it was written, case and quotes included: a relay must
 * get what was sent. It does not ask whether a domain exists, and does not
 * handle the addresses of message headers (RFC 5322), which allow more.
 *
 * All patterns take linear time: what may follow one of their repetitions can
 * never begin with what the repetition takes.
 *
 * @module
 */

import { isAddressLiteral } from "./literal.ts";

/** What a parser gives: a value, or where the text went wrong. */
export type Parsed<T> =
  | {
    /** The text kept the grammar. */
    readonly ok: true;
    /** What it says. */
    readonly value: T;
  }
  | {
    /** The text broke the grammar. */
    readonly ok: false;
    /** Offset in the text, in UTF-16 units, of what is wrong. */
    readonly at: number;
    /** What would have been right there: `"@"` in quotes, `a domain` without. */
    readonly expected: string;
  };

/** A mailbox, as it was written. */
export interface Mailbox {
  /** The part before the "@", with its quotes if it has any. */
  readonly local: string;
  /** The domain, "[192.0.2.1]" for a literal, "" for `<postmaster>`. */
  readonly domain: string;
  /** `local@domain`, or `local` alone where the domain is "". */
  readonly address: string;
  /** Whether it has a character outside ASCII and so needs SMTPUTF8. */
  readonly utf8: boolean;
}

/** Where mail that can't be delivered goes back to; `null`: nowhere, `<>`. */
export type ReversePath = Mailbox | null;

/** Octets of one label. RFC 1035 section 2.3.4, RFC 5321 section 2.3.5. */
const MAX_LABEL_OCTETS = 63;

/** Octets of a domain, dots included. RFC 5321 section 4.5.3.1.2. */
const MAX_DOMAIN_OCTETS = 255;

// The ranges from U+00A0 take both halves of a surrogate pair, and leave out
// the C1 controls: RFC 6531 would allow them, but nobody has them in an
// address, and a terminal may obey them.

/** Dot-string. RFC 5321 section 4.1.2, RFC 6531 section 3.3. */
const DOT_STRING =
  /[\w!#$%&'*+\-/=?^`{|}~\u00a0-\uffff]+(?:\.[\w!#$%&'*+\-/=?^`{|}~\u00a0-\uffff]+)*/y;

/** Quoted-string but for its closing quote; RFC 6531 adds no quoted pairs. */
const QUOTED_STRING =
  /"[ !#-[\]-~\u00a0-\uffff]*(?:\\[ -~][ !#-[\]-~\u00a0-\uffff]*)*/y;

/** Domain; its lengths and its U-labels are looked at afterwards. */
const DOMAIN =
  /[A-Za-z0-9\u00a0-\uffff]+(?:(?:-+|\.)[A-Za-z0-9\u00a0-\uffff]+)*/y;

/** Domain with the underscores that names of hosts have, never in front. */
const HELLO_DOMAIN = /[A-Za-z0-9]\w*(?:(?:-+|\.)\w+)*/y;

/** Address literal as far as its bracket; see {@linkcode isAddressLiteral}. */
const LITERAL = /\[[!-Z^-~]*\]/y;

const POSTMASTER = /<(postmaster)>/iy;

const LONG_LABEL = new RegExp(`(?:^|\\.)[^.]{${MAX_LABEL_OCTETS + 1}}`);

const NON_ASCII = /[\u0080-\uffff]/;

/**
 * What the code points of a U-label may be, nearly: RFC 5892 section 2 and,
 * one by one, the exceptions of its section 2.6 and the joiners.
 */
const U_LABELS =
  /^[A-Za-z0-9.\-\p{L}\p{M}\p{Nd}\u00b7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u200c\u200d\u3007\u30fb]+$/u;

/**
 * Parses the argument of `MAIL FROM:`. RFC 5321 section 4.1.1.2.
 *
 * A source route is accepted and dropped, as appendix C asks.
 *
 * @param text A text that has the path at `at`; what follows is not looked at.
 * @param at Offset to begin at.
 * @returns The path, and the offset just past its ">".
 *
 * @example
 * ```ts
 * import { parseReversePath } from "@postern/smtpd/engine";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const parsed = parseReversePath("<Ann@example.org> SIZE=9");
 * assert(parsed.ok);
 * assertEquals(parsed.value.path?.address, "Ann@example.org");
 * assertEquals(parsed.value.end, 17);
 * ```
 */
export function parseReversePath(
  text: string,
  at = 0,
): Parsed<{ readonly path: ReversePath; readonly end: number }> {
  if (text.startsWith("<>", at)) return accepted({ path: null, end: at + 2 });
  return parsePath(text, at);
}

/**
 * Parses the argument of `RCPT TO:`. RFC 5321 section 4.1.1.3.
 *
 * A source route is accepted and dropped; `<postmaster>` needs no domain.
 *
 * @param text A text that has the path at `at`; what follows is not looked at.
 * @param at Offset to begin at.
 * @returns The path, and the offset just past its ">".
 */
export function parseForwardPath(
  text: string,
  at = 0,
): Parsed<{ readonly path: Mailbox; readonly end: number }> {
  const parsed = parsePath(text, at);
  if (parsed.ok) return parsed;
  POSTMASTER.lastIndex = at;
  const local = POSTMASTER.exec(text)?.[1];
  if (local === undefined) return parsed;
  return accepted({
    path: { local, domain: "", address: local, utf8: false },
    end: POSTMASTER.lastIndex,
  });
}

/**
 * Parses a whole text as a mailbox, without angle brackets.
 *
 * @param text Such as `ann@example.org`.
 * @returns The mailbox.
 */
export function parseMailbox(text: string): Parsed<Mailbox> {
  const parsed = mailboxAt(text, 0);
  if (!parsed.ok) return parsed;
  const { path, end } = parsed.value;
  return end === text.length ? accepted(path) : refused(end, "the end");
}

/**
 * Parses the argument of EHLO or HELO: a domain or an address literal.
 *
 * Underscores are taken, since there are hosts named so; letters outside ASCII
 * are not, since the client can't know yet that they are understood.
 * RFC 5321 section 4.1.1.1, RFC 6531 section 3.7.1.
 *
 * @param text A text that is the name from `at` to its end.
 * @param at Offset to begin at.
 * @returns The name, as it was written.
 */
export function parseHelloName(text: string, at = 0): Parsed<string> {
  const end = text[at] === "["
    ? literalEnd(text, at)
    : domainEnd(HELLO_DOMAIN, text, at, "a domain or an address literal");
  if (!end.ok) return end;
  if (end.value < text.length) return refused(end.value, "the end");
  return accepted(text.slice(at));
}

/** A mailbox and the offset just past it, or past the ">" of its path. */
interface MailboxEnd {
  readonly path: Mailbox;
  readonly end: number;
}

function accepted<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function refused(at: number, expected: string): Parsed<never> {
  return { ok: false, at, expected };
}

/** Where the pattern's match at `at` ends; `at` where there is none. */
function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function parsePath(text: string, at: number): Parsed<MailboxEnd> {
  if (text[at] !== "<") return refused(at, '"<"');
  const route = routeEnd(text, at + 1);
  if (!route.ok) return route;
  const mailbox = mailboxAt(text, route.value);
  if (!mailbox.ok) return mailbox;
  const { path, end } = mailbox.value;
  if (text[end] !== ">") return refused(end, '">"');
  return accepted({ path, end: end + 1 });
}

/** Skips a source route, "@a,@b:", if one stands there. */
function routeEnd(text: string, at: number): Parsed<number> {
  let next = at;
  while (text[next] === "@") {
    const end = domainEnd(DOMAIN, text, next + 1);
    if (!end.ok) return end;
    next = end.value + 1;
    if (text[end.value] === ":") return accepted(next);
    if (text[end.value] !== ",") return refused(end.value, '"," or ":"');
    if (text[next] !== "@") return refused(next, '"@"');
  }
  return accepted(next);
}

function mailboxAt(text: string, at: number): Parsed<MailboxEnd> {
  const local = localEnd(text, at);
  if (!local.ok) return local;
  if (text[local.value] !== "@") return refused(local.value, '"@"');
  const start = local.value + 1;
  const domain = text[start] === "["
    ? literalEnd(text, start)
    : domainEnd(DOMAIN, text, start);
  if (!domain.ok) return domain;
  const end = domain.value;
  const address = text.slice(at, end);
  const utf8 = NON_ASCII.test(address);
  // Only a caller's own string can have halves of a pair: decoding yields none.
  if (utf8 && !address.isWellFormed()) return refused(at, "whole characters");
  return accepted({
    path: {
      local: text.slice(at, local.value),
      domain: text.slice(start, end),
      address,
      utf8,
    },
    end,
  });
}

function localEnd(text: string, at: number): Parsed<number> {
  if (text[at] !== '"') {
    const end = matchEnd(DOT_STRING, text, at);
    if (end === at) return refused(at, "a local part");
    if (text[end] === ".") return refused(end + 1, "an atom");
    return accepted(end);
  }
  const end = matchEnd(QUOTED_STRING, text, at);
  if (text[end] === '"') return accepted(end + 1);
  return refused(
    end,
    end === text.length ? "a closing quote" : "a printable character",
  );
}

function literalEnd(text: string, at: number): Parsed<number> {
  const end = matchEnd(LITERAL, text, at);
  if (!isAddressLiteral(text.slice(at, end))) {
    return refused(at, "an address literal");
  }
  return accepted(end);
}

function domainEnd(
  pattern: RegExp,
  text: string,
  at: number,
  expected = "a domain",
): Parsed<number> {
  const end = matchEnd(pattern, text, at);
  if (end === at) return refused(at, expected);
  if (text[end] === ".") return refused(end + 1, "a label");
  if (text[end] === "-") {
    return refused(end, "a label that ends in a letter or digit");
  }
  const domain = text.slice(at, end);
  const ascii = NON_ASCII.test(domain) ? aLabels(domain) : domain;
  if (ascii === undefined) return refused(at, "a domain of valid U-labels");
  if (domain.length > MAX_DOMAIN_OCTETS || ascii.length > MAX_DOMAIN_OCTETS) {
    return refused(at, `a domain of at most ${MAX_DOMAIN_OCTETS} octets`);
  }
  if (ascii.length > MAX_LABEL_OCTETS && LONG_LABEL.test(ascii)) {
    return refused(at, `labels of at most ${MAX_LABEL_OCTETS} octets`);
  }
  return accepted(end);
}

/** The domain as DNS has it, which is what the limits are for. */
function aLabels(domain: string): string | undefined {
  if (domain.length > MAX_DOMAIN_OCTETS) return domain;
  if (!U_LABELS.test(domain)) return undefined;
  return URL.parse(`http://${domain}`)?.hostname;
}
