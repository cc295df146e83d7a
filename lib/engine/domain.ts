/**
 * Decides what is a domain, and what a client may call itself in EHLO.
 *
 * It keeps RFC 5321 section 4.1.2 with what RFC 6531 section 3.3 adds: no
 * trailing dot, no underscore, the lengths of RFC 1035 as the DNS counts them.
 * It does not ask whether a domain exists.
 *
 * @module
 */

import type { Lenience } from "./leniency.ts";
import { isAddressLiteral } from "./literal.ts";
import { accepted, matchEnd, type Parsed, refused } from "./parsed.ts";

/** Octets of one label. RFC 1035 section 2.3.4, RFC 5321 section 2.3.5. */
const MAX_LABEL_OCTETS = 63;

/** Octets of a domain, dots included. RFC 5321 section 4.5.3.1.2. */
const MAX_DOMAIN_OCTETS = 255;

/** Domain; its lengths and its U-labels are looked at afterwards. */
const DOMAIN =
  /[A-Za-z0-9\u00a0-\uffff]+(?:(?:-+|\.)[A-Za-z0-9\u00a0-\uffff]+)*/y;

/** Domain with the underscores that names of hosts have, never in front. */
const HELLO_DOMAIN = /[A-Za-z0-9]\w*(?:(?:-+|\.)\w+)*/y;

/** Address literal as far as its bracket; see {@linkcode isAddressLiteral}. */
const LITERAL = /\[[!-Z^-~]*\]/y;

/**
 * Printable ASCII without a space and without what has a meaning in a header
 * field: a name is written into `Received:`, where it must not look like a
 * comment or the field's end.
 */
const ANY_NAME = /[!#-'*+\-./0-:=?@A-[\]-~]+/y;

const LONG_LABEL = new RegExp(`(?:^|\\.)[^.]{${MAX_LABEL_OCTETS + 1}}`);

const NON_ASCII = /[\u0080-\uffff]/;

/**
 * What the code points of a U-label may be, nearly: RFC 5892 section 2 and,
 * one by one, the exceptions of its section 2.6 and the joiners.
 */
const U_LABELS =
  /^[A-Za-z0-9.\-\p{L}\p{M}\p{Nd}\u00b7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u200c\u200d\u3007\u30fb]+$/u;

/**
 * Parses the argument of EHLO, HELO or LHLO: a domain or an address literal.
 *
 * Underscores are taken, since there are hosts named so; letters outside ASCII
 * are not, since the client can't know yet that they are understood.
 * RFC 5321 section 4.1.1.1, RFC 6531 section 3.7.1.
 *
 * @param text A text that is the name from `at` to its end.
 * @param at Offset to begin at.
 * @param lenience What else is taken.
 * @returns The name, as it was written.
 */
export function parseHelloName(
  text: string,
  at = 0,
  lenience?: Lenience,
): Parsed<string> {
  const strict = text[at] === "["
    ? literalEnd(text, at)
    : nameEnd(HELLO_DOMAIN, text, at, "a domain or an address literal");
  if (strict.ok && strict.value === text.length) {
    return accepted(text.slice(at));
  }
  if (
    lenience !== undefined && isAnyName(text, at) &&
    lenience.takes("any-hello-name")
  ) return accepted(text.slice(at));
  return strict.ok ? refused(strict.value, "the end") : strict;
}

/** Whether the text is a name as `any-hello-name` takes them. */
function isAnyName(text: string, at: number): boolean {
  return text.length - at <= MAX_DOMAIN_OCTETS &&
    matchEnd(ANY_NAME, text, at) === text.length && at < text.length;
}

/**
 * Reads an address literal, brackets included.
 *
 * @param text A text that has it at `at`; what follows is not looked at.
 * @param at Offset of its "[".
 * @returns The offset just past its "]".
 */
export function literalEnd(text: string, at: number): Parsed<number> {
  const end = matchEnd(LITERAL, text, at);
  if (!isAddressLiteral(text.slice(at, end))) {
    return refused(at, "an address literal");
  }
  return accepted(end);
}

/**
 * Reads a domain.
 *
 * @param text A text that has it at `at`; what follows is not looked at.
 * @param at Offset to begin at.
 * @returns The offset just past it.
 */
export function domainEnd(text: string, at: number): Parsed<number> {
  return nameEnd(DOMAIN, text, at, "a domain");
}

function nameEnd(
  pattern: RegExp,
  text: string,
  at: number,
  expected: string,
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
