/**
 * Decides which service extensions the server offers in EHLO, and which
 * parameters of MAIL and RCPT they allow.
 *
 * A new extension is a row of one table: its keyword, when it is offered, its
 * words, the parameters it brings. What a parameter may say stands in
 * `parameters.ts`; what a relay's EHLO reply says, in `capabilities.ts`.
 * RFC 5321 section 4.1.1.11.
 *
 * @module
 */

import { ATTRIBUTES } from "./attributes.ts";
import {
  type Capabilities,
  NO_CAPABILITIES,
  parseCapabilities,
} from "./capabilities.ts";
import type { Offer } from "./offer.ts";
import {
  formatMailParameters,
  formatRcptParameters,
  type MailParameters,
  offersBinaryMime,
  type RcptParameters,
  readAuth,
  readBody,
  readEnvid,
  readNotify,
  readOrcpt,
  readRequireTls,
  readRet,
  readSize,
  readSmtputf8,
  type ReadValue,
} from "./parameters.ts";

export {
  type Capabilities,
  formatMailParameters,
  formatRcptParameters,
  type MailParameters,
  NO_CAPABILITIES,
  type Offer,
  parseCapabilities,
  type RcptParameters,
};

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

interface Extension {
  readonly keyword: string;
  /** Whether it is offered; absent: always. */
  readonly isOffered?: (offer: Offer) => boolean;
  /** What stands behind the keyword in EHLO. */
  readonly words?: (offer: Offer) => string;
  readonly MAIL?: Readonly<Record<string, ReadValue<MailParameters>>>;
  readonly RCPT?: Readonly<Record<string, ReadValue<RcptParameters>>>;
}

/** The largest RCPTMAX: six digits. RFC 9422 section 4. */
const MAX_RCPTMAX = 999_999;

/** All that the server can offer, in the order of the EHLO reply. */
const EXTENSIONS: readonly Extension[] = [
  { keyword: "PIPELINING" },
  {
    keyword: "SIZE",
    words: (offer) => `${offer.size}`,
    MAIL: { SIZE: readSize },
  },
  { keyword: "STARTTLS", isOffered: (offer) => offer.startTls === true },
  {
    keyword: "AUTH",
    isOffered: (offer) => (offer.auth?.length ?? 0) > 0,
    words: (offer) => (offer.auth ?? []).join(" "),
    MAIL: { AUTH: readAuth },
  },
  {
    keyword: "8BITMIME",
    isOffered: (offer) => offer.eightBitMime !== false,
    MAIL: { BODY: readBody },
  },
  { keyword: "ENHANCEDSTATUSCODES" },
  {
    keyword: "SMTPUTF8",
    isOffered: (offer) => offer.smtputf8 !== false,
    MAIL: { SMTPUTF8: readSmtputf8 },
  },
  { keyword: "CHUNKING", isOffered: (offer) => offer.chunking === true },
  {
    keyword: "BINARYMIME",
    isOffered: offersBinaryMime,
    MAIL: { BODY: readBody },
  },
  {
    keyword: "DSN",
    isOffered: (offer) => offer.dsn === true,
    MAIL: { RET: readRet, ENVID: readEnvid },
    RCPT: { NOTIFY: readNotify, ORCPT: readOrcpt },
  },
  {
    keyword: "REQUIRETLS",
    isOffered: (offer) => offer.requireTls === true,
    MAIL: { REQUIRETLS: readRequireTls },
  },
  {
    keyword: "LIMITS",
    isOffered: (offer) => offer.limits !== undefined,
    words: ({ limits }) =>
      `RCPTMAX=${Math.min(limits?.recipients ?? Infinity, MAX_RCPTMAX)}`,
  },
  {
    keyword: "XCLIENT",
    isOffered: (offer) => offer.xclient === true,
    words: () => ATTRIBUTES.XCLIENT.join(" "),
  },
  {
    keyword: "XFORWARD",
    isOffered: (offer) => offer.xforward === true,
    words: () => ATTRIBUTES.XFORWARD.join(" "),
    // A Postfix in front hands on what its own client said, AUTH= included.
    MAIL: { AUTH: readAuth },
  },
  { keyword: "HELP" },
];

/** A parameter and the extensions that bring it. */
interface Row<P> {
  readonly extensions: readonly Extension[];
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

/**
 * Lists the lines of an EHLO reply below the greeting.
 *
 * @param offer What the server offers in this session.
 * @returns Such as `["PIPELINING", "SIZE 10485760", …]`.
 */
export function ehloLines(offer: Offer): readonly string[] {
  return EXTENSIONS.filter((extension) => isOffered(extension, offer))
    .map(({ keyword, words }) =>
      words === undefined ? keyword : `${keyword} ${words(offer)}`
    );
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
    if (!row || !offer || !isAllowed(row, offer)) {
      return refused("parameter", start, offeredParameters(verb, offer));
    }
    if (seen.has(keyword)) {
      return refused("syntax", start, `${keyword} only once`);
    }
    seen.add(keyword);
    const read = row.read(value, offer);
    if (typeof read === "string") return refused("syntax", start, read);
    parameters = { ...parameters, ...read };
    next += whole.length;
  }
  return { ok: true, value: parameters };
}

function refused(
  problem: "parameter" | "syntax",
  at: number,
  expected: string,
): ParsedParameters<never> {
  return { ok: false, problem, at, expected };
}

function isOffered({ isOffered }: Extension, offer: Offer): boolean {
  return isOffered === undefined || isOffered(offer);
}

function isAllowed<P>({ extensions }: Row<P>, offer: Offer): boolean {
  return extensions.some((extension) => isOffered(extension, offer));
}

function rows<P>(
  readers: (extension: Extension) =>
    | Readonly<Record<string, ReadValue<P>>>
    | undefined,
): Rows<P> {
  const rows = new Map<string, Row<P>>();
  for (const extension of EXTENSIONS) {
    for (const [keyword, read] of Object.entries(readers(extension) ?? {})) {
      const others = rows.get(keyword)?.extensions ?? [];
      rows.set(keyword, { extensions: [...others, extension], read });
    }
  }
  return rows;
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
    .filter(([, row]) => isAllowed<unknown>(row, offer))
    .map(([keyword]) => keyword);
  return keywords.length === 0
    ? "no parameter"
    : `one of ${keywords.join(", ")}`;
}
