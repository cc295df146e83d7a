/**
 * Decides what XCLIENT and XFORWARD say of a client: Postfix's commands by
 * which a server in front hands on whom it is talking to.
 *
 * It keeps Postfix's XCLIENT_README and XFORWARD_README: each value is xtext,
 * and `[UNAVAILABLE]` and `[TEMPUNAVAIL]` stand for what is not known. Whether
 * the peer is to be believed is not asked here.
 *
 * @module
 */

import { isAddressLiteral } from "./literal.ts";
import { accepted, type Parsed, refused } from "./parsed.ts";
import { decodeXtext } from "./xtext.ts";

/** The values by name; `undefined` is what the peer does not know. */
export type Attributes = ReadonlyMap<string, string | undefined>;

/** What each of the two may say, in the order in which EHLO lists it. */
export const ATTRIBUTES = {
  XCLIENT: [
    ...["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR"],
    "DESTPORT",
  ],
  XFORWARD: ["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"],
} as const satisfies Record<string, readonly string[]>;

/** Characters of a value, as written. Postfix's own bound. */
const MAX_VALUE_LENGTH = 255;

const ATTRIBUTE = / +([A-Za-z]+)=([!-~]+)(?= |$)/y;

const UNKNOWN = /^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/i;

const IPV6_TAG = /^IPv6:/i;

const PORT = /^\d{1,5}$/;

const MAX_PORT = 65_535;

/** A mail protocol's name, which need not be SMTP's. XFORWARD_README. */
const PROTOCOL = /^[A-Z\d-]{1,64}$/;

/** Gives the value as it is handed on; a refused one says what was expected. */
type ReadValue = (value: string) => Parsed<string>;

/** How the values are read that are not any text. */
const READ: Readonly<Record<string, ReadValue>> = {
  ADDR: readAddress,
  DESTADDR: readAddress,
  PORT: readPort,
  DESTPORT: readPort,
  PROTO: readProtocol,
  SOURCE: readSource,
};

/**
 * Parses what follows the verb, to the end of the text.
 *
 * @param verb The verb.
 * @param text The whole line.
 * @param at Offset to begin at.
 * @returns The attributes by their names in capitals: addresses bare and
 * without a tag, `PROTO` and `SOURCE` in capitals.
 */
export function parseAttributes(
  verb: keyof typeof ATTRIBUTES,
  text: string,
  at: number,
): Parsed<Attributes> {
  const names: readonly string[] = ATTRIBUTES[verb];
  const attributes = new Map<string, string | undefined>();
  let next = at;
  do {
    ATTRIBUTE.lastIndex = next;
    const [whole, written, xtext] = ATTRIBUTE.exec(text) ?? [];
    if (whole === undefined || written === undefined || xtext === undefined) {
      return refused(next, "NAME=value");
    }
    const start = next + whole.length - written.length - xtext.length - 1;
    const name = written.toUpperCase();
    if (!names.includes(name)) {
      return refused(start, `one of ${names.join(", ")}`);
    }
    if (attributes.has(name)) return refused(start, `${name} only once`);
    const value = readValue(name, xtext);
    if (!value.ok) return refused(start + name.length + 1, value.expected);
    attributes.set(name, value.value);
    next += whole.length;
  } while (next < text.length);
  return accepted(attributes);
}

function readValue(name: string, xtext: string): Parsed<string | undefined> {
  if (xtext.length > MAX_VALUE_LENGTH) {
    return refused(0, `at most ${MAX_VALUE_LENGTH} characters`);
  }
  const value = decodeXtext(xtext);
  if (value === undefined) {
    return refused(0, "xtext without control characters");
  }
  if (UNKNOWN.test(value)) return accepted(undefined);
  return READ[name]?.(value) ?? accepted(value);
}

function readAddress(value: string): Parsed<string> {
  return isAddressLiteral(`[${value}]`)
    ? accepted(value.replace(IPV6_TAG, ""))
    : refused(0, 'an IPv4 address, or "IPV6:" and an IPv6 address');
}

function readPort(value: string): Parsed<string> {
  return PORT.test(value) && Number(value) <= MAX_PORT
    ? accepted(value)
    : refused(0, `a port up to ${MAX_PORT}`);
}

function readProtocol(value: string): Parsed<string> {
  const protocol = value.toUpperCase();
  return PROTOCOL.test(protocol)
    ? accepted(protocol)
    : refused(0, "a protocol such as SMTP or ESMTP");
}

function readSource(value: string): Parsed<string> {
  const source = value.toUpperCase();
  return source === "LOCAL" || source === "REMOTE"
    ? accepted(source)
    : refused(0, "LOCAL or REMOTE");
}
