/**
 * Decides what is an address: mailboxes, forward and reverse paths, each
 * parsed from text into a value or refused with the place and what was
 * expected there.
 *
 * It keeps the grammar of RFC 5321 section 4.1.2 whole, with what RFC 6531
 * section 3.3 adds (UTF-8 in local parts and domains), strictly: angle
 * brackets, no space before them. Three leniencies take more where a server is
 * told so; they are tried where the strict reading has failed.
 * A mailbox stays as it was written, case and quotes included: a relay must
 * get what was sent. It does not ask whether a domain exists, and does not
 * handle the addresses of message headers (RFC 5322), which allow more.
 *
 * All patterns take linear time: what may follow one of their repetitions can
 * never begin with what the repetition takes.
 *
 * @module
 */

import { domainEnd, literalEnd, parseHelloName } from "./domain.ts";
import type { Lenience } from "./leniency.ts";
import { accepted, matchEnd, type Parsed, refused } from "./parsed.ts";

export { type Parsed, parseHelloName };

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

// The ranges from U+00A0 take both halves of a surrogate pair, and leave out
// the C1 controls: RFC 6531 would allow them, but nobody has them in an
// address, and a terminal may obey them.

/** Dot-string. RFC 5321 section 4.1.2, RFC 6531 section 3.3. */
const DOT_STRING =
  /[\w!#$%&'*+\-/=?^`{|}~\u00a0-\uffff]+(?:\.[\w!#$%&'*+\-/=?^`{|}~\u00a0-\uffff]+)*/y;

/** Quoted-string but for its closing quote; RFC 6531 adds no quoted pairs. */
const QUOTED_STRING =
  /"[ !#-[\]-~\u00a0-\uffff]*(?:\\[ -~][ !#-[\]-~\u00a0-\uffff]*)*/y;

/** Dot-string with dots anywhere, as `dots-in-local-part` takes it. */
const DOTTED_STRING =
  /\.*[\w!#$%&'*+\-/=?^`{|}~\u00a0-\uffff][\w!#$%&'*+\-./=?^`{|}~\u00a0-\uffff]*/y;

const SPACES = / +/y;

const POSTMASTER = /<(postmaster)>/iy;

const NON_ASCII = /[\u0080-\uffff]/;

/**
 * Parses the argument of `MAIL FROM:`. RFC 5321 section 4.1.1.2.
 *
 * A source route is accepted and dropped, as appendix C asks.
 *
 * @param text A text that has the path at `at`; what follows is not looked at.
 * @param at Offset to begin at.
 * @param lenience What else is taken.
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
  lenience?: Lenience,
): Parsed<{ readonly path: ReversePath; readonly end: number }> {
  const start = pathStart(text, at, lenience);
  if (text.startsWith("<>", start)) {
    return accepted({ path: null, end: start + 2 });
  }
  return parsePath(text, start, lenience);
}

/**
 * Parses the argument of `RCPT TO:`. RFC 5321 section 4.1.1.3.
 *
 * A source route is accepted and dropped; `<postmaster>` needs no domain.
 *
 * @param text A text that has the path at `at`; what follows is not looked at.
 * @param at Offset to begin at.
 * @param lenience What else is taken.
 * @returns The path, and the offset just past its ">".
 */
export function parseForwardPath(
  text: string,
  at = 0,
  lenience?: Lenience,
): Parsed<{ readonly path: Mailbox; readonly end: number }> {
  const start = pathStart(text, at, lenience);
  const parsed = parsePath(text, start, lenience);
  if (parsed.ok) return parsed;
  POSTMASTER.lastIndex = start;
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

/** A mailbox and the offset just past it, or past the ">" of its path. */
interface MailboxEnd {
  readonly path: Mailbox;
  readonly end: number;
}

/** Where the path begins, spaces before it skipped if that is taken. */
function pathStart(text: string, at: number, lenience?: Lenience): number {
  const start = lenience === undefined ? at : matchEnd(SPACES, text, at);
  return start > at && lenience?.takes("space-after-colon") ? start : at;
}

function parsePath(
  text: string,
  at: number,
  lenience?: Lenience,
): Parsed<MailboxEnd> {
  if (text[at] !== "<") {
    const bare = lenience && mailboxAt(text, at, lenience);
    return bare?.ok && lenience?.takes("no-angle-brackets")
      ? bare
      : refused(at, '"<"');
  }
  const route = routeEnd(text, at + 1);
  if (!route.ok) return route;
  const mailbox = mailboxAt(text, route.value, lenience);
  if (!mailbox.ok) return mailbox;
  const { path, end } = mailbox.value;
  if (text[end] !== ">") return refused(end, '">"');
  return accepted({ path, end: end + 1 });
}

/** Skips a source route, "@a,@b:", if one stands there. */
function routeEnd(text: string, at: number): Parsed<number> {
  let next = at;
  while (text[next] === "@") {
    const end = domainEnd(text, next + 1);
    if (!end.ok) return end;
    next = end.value + 1;
    if (text[end.value] === ":") return accepted(next);
    if (text[end.value] !== ",") return refused(end.value, '"," or ":"');
    if (text[next] !== "@") return refused(next, '"@"');
  }
  return accepted(next);
}

function mailboxAt(
  text: string,
  at: number,
  lenience?: Lenience,
): Parsed<MailboxEnd> {
  const local = localEnd(text, at, lenience);
  if (!local.ok) return local;
  if (text[local.value] !== "@") return refused(local.value, '"@"');
  const start = local.value + 1;
  const domain = text[start] === "["
    ? literalEnd(text, start)
    : domainEnd(text, start);
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

function localEnd(
  text: string,
  at: number,
  lenience?: Lenience,
): Parsed<number> {
  if (text[at] !== '"') {
    const end = matchEnd(DOT_STRING, text, at);
    if (end > at && text[end] !== ".") return accepted(end);
    const dotted = lenience === undefined
      ? at
      : matchEnd(DOTTED_STRING, text, at);
    if (dotted > at && lenience?.takes("dots-in-local-part")) {
      return accepted(dotted);
    }
    return end === at
      ? refused(at, "a local part")
      : refused(end + 1, "an atom");
  }
  const end = matchEnd(QUOTED_STRING, text, at);
  if (text[end] === '"') return accepted(end + 1);
  return refused(
    end,
    end === text.length ? "a closing quote" : "a printable character",
  );
}
