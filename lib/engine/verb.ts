/**
 * Decides which verb a command line begins with.
 *
 * The first four octets tell all verbs apart, so that one look into a table of
 * numbers does it, without a text being made. What has an argument behind it
 * without a blank is no verb.
 *
 * @module
 */

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
  | "QUIT"
  | "LHLO"
  | "STARTTLS"
  | "AUTH"
  | "BDAT"
  | "XCLIENT"
  | "XFORWARD";

const SPACE = 0x20;
const TAB = 0x09;

/** Octets that tell the verbs apart; the shortest verbs have no more. */
const FOLDED_OCTETS = 4;

/** All bits of an octet but the one that makes a small letter. */
const FOLD_MASK = 0xdf;

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
  "LHLO",
  "STARTTLS",
  "AUTH",
  "BDAT",
  "XCLIENT",
  "XFORWARD",
];

/** The verbs by their first octets as one number: see {@linkcode fold}. */
const VERB_OF_NUMBER: ReadonlyMap<number, Verb> = new Map(
  VERBS.map((verb) => [fold(new TextEncoder().encode(verb)), verb]),
);

/** The verb of a line; `undefined` where it is not known. */
export function verbOf(line: Uint8Array): Verb | undefined {
  const verb = VERB_OF_NUMBER.get(fold(line));
  if (verb === undefined) return undefined;
  for (let i = FOLDED_OCTETS; i < verb.length; i++) {
    if (((line[i] ?? 0) & FOLD_MASK) !== verb.charCodeAt(i)) return undefined;
  }
  return isBlank(line[verb.length] ?? SPACE) ? verb : undefined;
}

/**
 * The first four octets in one number, small letters as capitals. Clearing bit
 * 5 makes a capital of letters only, so that nothing else can look like one.
 */
function fold(line: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = line;
  return ((a << 24) | (b << 16) | (c << 8) | d) & 0xdfdfdfdf;
}

/** Whether the octet is a space or a tab. */
export function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB;
}
