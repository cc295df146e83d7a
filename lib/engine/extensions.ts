/**
 * Decides which service extensions the server offers in EHLO, which parameters
 * of MAIL and RCPT they allow, and what a relay's EHLO reply offers to us.
 *
 * A new extension is a row of one table: its keyword, its line, the parameters
 * it brings. What a parameter means for the message (is it too big, must the
 * relay take 8 bits) is decided by those who ask. RFC 5321 section 4.1.1.11,
 * RFC 1870, RFC 6152, RFC 6531.
 *
 * @module
 */

/** What the server offers in one session. */
export interface Offer {
  /** Octets of the largest message taken; 0: no limit. RFC 1870. */
  readonly size: number;
}

/** What MAIL says beside the sender. */
export interface MailParameters {
  /** Octets of the message, as the client reckons. RFC 1870. */
  readonly size?: number;
  /** What the message's body may hold. RFC 6152. */
  readonly body?: "7BIT" | "8BITMIME";
  /** Whether addresses and headers may be UTF-8. RFC 6531. */
  readonly smtputf8: boolean;
}

/** What RCPT says beside the recipient: nothing yet. */
export type RcptParameters = Readonly<Record<string, never>>;

/** The type of the parameters of each verb that has some. */
export interface ParametersOf {
  /** Of the MAIL command. */
  readonly MAIL: MailParameters;
  /** Of the RCPT command. */
  readonly RCPT: RcptParameters;
}

/** The parameters of a command, or why they were refused. */
export type ParsedParameters<P> =
  | { readonly ok: true; readonly value: P }
  | {
    readonly ok: false;
    /** `parameter`: it was not offered (555). `syntax`: it is wrong (501). */
    readonly problem: "parameter" | "syntax";
    /** Offset in the text of what is wrong. */
    readonly at: number;
    /** What would have been right there. */
    readonly expected: string;
  };

/** What the server of an EHLO reply can do. */
export interface Capabilities {
  /** Commands may be sent before the replies are there. RFC 2920. */
  readonly pipelining: boolean;
  /** The parameter SIZE is known. RFC 1870. */
  readonly sizeOffered: boolean;
  /** Octets of the largest message taken; 0 or missing: not said. */
  readonly size?: number;
  /** The parameter BODY is known. RFC 6152. */
  readonly eightBitMime: boolean;
  /** Replies have enhanced status codes. RFC 2034. */
  readonly enhancedStatusCodes: boolean;
  /** UTF-8 addresses are taken. RFC 6531. */
  readonly smtputf8: boolean;
  /** TLS can be begun. RFC 3207. */
  readonly startTls: boolean;
  /** SASL mechanisms, in capitals. RFC 4954. */
  readonly auth: ReadonlySet<string>;
}

/**
 * Reads the value of a parameter, `undefined` where it has none; a string says
 * what was expected instead.
 */
type ReadValue<P> = (value: string | undefined) => Partial<P> | string;

interface Extension {
  readonly keyword: string;
  /** The EHLO line, or `undefined` while it is not offered. */
  readonly line?: (offer: Offer) => string | undefined;
  readonly MAIL?: Readonly<Record<string, ReadValue<MailParameters>>>;
  readonly RCPT?: Readonly<Record<string, ReadValue<RcptParameters>>>;
}

/** All that the server can offer, in the order of the EHLO reply. */
const EXTENSIONS: readonly Extension[] = [
  { keyword: "PIPELINING" },
  {
    keyword: "SIZE",
    line: (offer) => `SIZE ${offer.size}`,
    MAIL: { SIZE: readSize },
  },
  { keyword: "8BITMIME", MAIL: { BODY: readBody } },
  { keyword: "ENHANCEDSTATUSCODES" },
  { keyword: "SMTPUTF8", MAIL: { SMTPUTF8: readSmtputf8 } },
  { keyword: "HELP" },
];

/** A parameter and the extension that brings it. */
interface Row<P> {
  readonly extension: Extension;
  readonly read: ReadValue<P>;
}

type Rows<P> = ReadonlyMap<string, Row<P>>;

const ROWS: { readonly [V in keyof ParametersOf]: Rows<ParametersOf[V]> } = {
  MAIL: rows((extension) => extension.MAIL),
  RCPT: rows((extension) => extension.RCPT),
};

const NO_PARAMETERS: ParametersOf = { MAIL: { smtputf8: false }, RCPT: {} };

/**
 * esmtp-param, RFC 5321 section 4.1.2, with the blanks before it. More than
 * one blank is taken: that can't be misunderstood.
 */
const PARAMETER =
  / +([A-Za-z\d][A-Za-z\d-]*)(?:=([!-<>-~\u00a0-\uffff]+))?(?= |$)/y;

const BLANKS = / */y;

/** size-value, RFC 1870 section 5: at most 20 digits. */
const SIZE_VALUE = /^\d{1,20}$/;

/** Lines of an EHLO reply that are looked at. The longest seen have 20. */
const MAX_CAPABILITY_LINES = 100;

/** Words of such a line that are looked at. AUTH has up to ten mechanisms. */
const MAX_CAPABILITY_WORDS = 32;

/** RFC 4422 section 3.1. */
const MECHANISM = /^[A-Z\d_-]{1,20}$/;

/** What a server can do that knows only HELO, or was not asked yet. */
export const NO_CAPABILITIES: Capabilities = parseCapabilities([]);

/**
 * Lists the lines of an EHLO reply below the greeting.
 *
 * @param offer What the server offers in this session.
 * @returns Such as `["PIPELINING", "SIZE 10485760", …]`.
 */
export function ehloLines(offer: Offer): readonly string[] {
  return EXTENSIONS
    .map((extension) => ehloLine(extension, offer))
    .filter((line) => line !== undefined);
}

/**
 * Parses what follows the path in MAIL or RCPT, to the end of the text.
 *
 * @typeParam V The verb.
 * @param verb The verb whose parameters they are.
 * @param text Such as ` SIZE=100 BODY=8BITMIME`; no white space at its end.
 * @param offer What was offered; `undefined` without EHLO, when nothing was.
 * @param at Offset to begin at.
 * @returns The parameters, or what is wrong with the first wrong one.
 */
export function parseParameters<V extends keyof ParametersOf>(
  verb: V,
  text: string,
  offer: Offer | undefined,
  at = 0,
): ParsedParameters<ParametersOf[V]> {
  let parameters: ParametersOf[V] = NO_PARAMETERS[verb];
  const seen = new Set<string>();
  let next = at;
  while (next < text.length) {
    PARAMETER.lastIndex = next;
    const [whole, name, value] = PARAMETER.exec(text) ?? [];
    const start = blanksEnd(text, next);
    if (whole === undefined || name === undefined) {
      return start === next
        ? refused("syntax", next, "a space")
        : refused("syntax", start, "KEYWORD or KEYWORD=value");
    }
    const keyword = name.toUpperCase();
    const row = ROWS[verb].get(keyword);
    if (!row || !offer || ehloLine(row.extension, offer) === undefined) {
      return refused("parameter", start, offeredParameters(verb, offer));
    }
    if (seen.has(keyword)) {
      return refused("syntax", start, `${keyword} only once`);
    }
    seen.add(keyword);
    const read = row.read(value);
    if (typeof read === "string") return refused("syntax", start, read);
    parameters = { ...parameters, ...read };
    next += whole.length;
  }
  return { ok: true, value: parameters };
}

/**
 * Reads what a server offers from its EHLO reply. What is unknown or can't be
 * read counts as not offered.
 *
 * @param lines The texts of the reply's lines but the first, without code.
 * @returns What the server can do.
 */
export function parseCapabilities(lines: readonly string[]): Capabilities {
  const offered = new Set<string>();
  const auth = new Set<string>();
  let size: number | undefined;
  for (const line of lines.slice(0, MAX_CAPABILITY_LINES)) {
    // Some servers write "AUTH=PLAIN" for clients older than RFC 2554.
    const [keyword = "", ...words] = line.trim().toUpperCase()
      .split(/[ \t=]+/, MAX_CAPABILITY_WORDS);
    offered.add(keyword);
    if (keyword === "SIZE") size ??= sizeOf(words[0]);
    if (keyword !== "AUTH") continue;
    for (const word of words) if (MECHANISM.test(word)) auth.add(word);
  }
  return {
    pipelining: offered.has("PIPELINING"),
    sizeOffered: offered.has("SIZE"),
    ...(size !== undefined && { size }),
    eightBitMime: offered.has("8BITMIME"),
    enhancedStatusCodes: offered.has("ENHANCEDSTATUSCODES"),
    smtputf8: offered.has("SMTPUTF8"),
    startTls: offered.has("STARTTLS"),
    auth,
  };
}

/**
 * Formats the parameters of a MAIL command for a server. What it does not
 * offer is left out: whether the message can go there at all is asked before.
 *
 * @param parameters The parameters.
 * @param capabilities What the server offers.
 * @returns Such as ` SIZE=100 SMTPUTF8`, with a space in front; or "".
 */
export function formatMailParameters(
  parameters: MailParameters,
  capabilities: Capabilities,
): string {
  const { size, body, smtputf8 } = parameters;
  let text = "";
  if (capabilities.sizeOffered && size !== undefined) text += ` SIZE=${size}`;
  if (capabilities.eightBitMime && body !== undefined) text += ` BODY=${body}`;
  if (capabilities.smtputf8 && smtputf8) text += " SMTPUTF8";
  return text;
}

function refused(
  problem: "parameter" | "syntax",
  at: number,
  expected: string,
): ParsedParameters<never> {
  return { ok: false, problem, at, expected };
}

function ehloLine(extension: Extension, offer: Offer): string | undefined {
  const { keyword, line } = extension;
  return line === undefined ? keyword : line(offer);
}

function rows<P>(
  readers: (extension: Extension) =>
    | Readonly<Record<string, ReadValue<P>>>
    | undefined,
): Rows<P> {
  return new Map(
    EXTENSIONS.flatMap((extension) =>
      Object.entries(readers(extension) ?? {})
        .map(([keyword, read]) => [keyword, { extension, read }] as const)
    ),
  );
}

function blanksEnd(text: string, at: number): number {
  BLANKS.lastIndex = at;
  return BLANKS.test(text) ? BLANKS.lastIndex : at;
}

function offeredParameters(
  verb: keyof ParametersOf,
  offer: Offer | undefined,
): string {
  if (offer === undefined) return "no parameter without EHLO";
  const keywords = [...ROWS[verb]]
    .filter(([, row]) => ehloLine(row.extension, offer) !== undefined)
    .map(([keyword]) => keyword);
  return keywords.length === 0
    ? "no parameter"
    : `one of ${keywords.join(", ")}`;
}

/** A size beyond what a number holds exactly is beyond every limit too. */
function sizeOf(value: string | undefined): number | undefined {
  if (value === undefined || !SIZE_VALUE.test(value)) return undefined;
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

function readSize(value: string | undefined): Partial<MailParameters> | string {
  const size = sizeOf(value);
  return size === undefined ? "SIZE= with up to 20 digits" : { size };
}

function readBody(value: string | undefined): Partial<MailParameters> | string {
  const body = value?.toUpperCase();
  if (body === "7BIT" || body === "8BITMIME") return { body };
  return "BODY=7BIT or BODY=8BITMIME";
}

function readSmtputf8(
  value: string | undefined,
): Partial<MailParameters> | string {
  return value === undefined ? { smtputf8: true } : "SMTPUTF8 without a value";
}
