/**
 * What each type of value looks like in a file: how it is read, written, named in an error, and typed.
 *
 * One row a type. Lists are not here: the loader reads a list entry by entry.
 *
 * @module
 */
import { formatListenAddress, type ListenAddress } from "../address.ts";
import type { Parsed } from "../engine/path.ts";
import { parseNetwork } from "../policy/networks.ts";
import type { RelayEntry } from "../policy/relay_table.ts";
import {
  formatRelay,
  formatRelayDomain,
  parseListenAddress,
  parseRelayDomain,
  parseRelayUrl,
  type RelayAddress,
} from "./address.ts";
import { isDomain, isLoopback } from "./host.ts";
import { isIP, isIPv6 } from "node:net";
import { SECRET_DOTS } from "../secret.ts";
import type { Key, TypeName } from "./key.ts";
import {
  formatTlsVersions,
  parseTlsVersions,
  type TlsVersions,
} from "./tls_versions.ts";

/** How values of one type are read and written. */
export interface ValueType {
  /** With its article, for "Cannot use … as a size". */
  readonly noun: string;
  /** For documentation, without an article. */
  readonly form: string;
  /** TypeScript type of a value in a {@linkcode Config}, and of one given by a program. */
  readonly types: readonly [config: string, input: string];
  /** Turns what the file has into what the program uses. */
  parse(value: unknown, row: Key): Parsed<unknown>;
  /** Turns what the program uses into a TOML value. */
  format(value: unknown): string;
}

const UNITS_BYTES: readonly (readonly [string, number])[] = [
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
  ["B", 1],
];
const UNITS_MS: readonly (readonly [string, number])[] = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];

const SIZE_EXPECTED = "a number with B, KiB, MiB or GiB";
const DURATION_EXPECTED = "a number with ms, s, m or h";

function ok<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function expected(text: string): Parsed<never> {
  return { ok: false, at: 0, expected: text };
}

/** A number of `defaultUnit`, or a number with a unit; the result is whole, in the smallest unit. */
function parseQuantity(
  value: unknown,
  units: readonly (readonly [string, number])[],
  defaultUnit: number,
  wish: string,
): Parsed<number> {
  const [, digits, name] =
    /^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-z]*)$/i.exec(String(value)) ?? [];
  const unit = name === ""
    ? defaultUnit
    : units.find(([unit]) => unit.toLowerCase() === name?.toLowerCase())?.[1];
  if (
    (typeof value !== "string" && typeof value !== "number") ||
    unit === undefined
  ) return expected(wish);
  const amount = Number(digits) * unit;
  return Number.isSafeInteger(amount) ? ok(amount) : expected(wish);
}

function formatQuantity(
  value: number,
  units: readonly (readonly [string, number])[],
): string {
  const [name, unit] =
    units.find(([, unit]) => value !== 0 && value % unit === 0) ?? ["", 1];
  return name === "" ? String(value) : quote(`${value / unit}${name}`);
}

/** Writes a TOML basic string. JSON's escapes are TOML's too; DEL alone needs one more. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}

/** A type whose values are strings that a test accepts. */
function stringType(
  noun: string,
  wish: string,
  isFit: (text: string) => boolean,
): ValueType {
  return {
    noun,
    form: noun.replace(/^an? /, ""),
    types: ["string", "string"],
    parse: (value) =>
      typeof value === "string" && isFit(value) ? ok(value) : expected(wish),
    format: (value) => quote(String(value)),
  };
}

/** A type whose values are written as strings and kept as something else. */
function parsedType<T>(
  noun: string,
  type: string,
  parse: (text: string) => Parsed<T>,
  format: (value: T) => string,
): ValueType {
  return {
    noun,
    form: noun.replace(/^an? /, ""),
    types: [type, "string"],
    parse: (value) =>
      typeof value === "string" ? parse(value) : expected("a string"),
    format: (value) => quote(format(value as T)),
  };
}

/** With dots for a password in the URL: what `config print` shows. A password from a file is not in the URL. */
function formatRelayUrl(relay: RelayAddress | undefined): string {
  if (relay === undefined) return "";
  const text = formatRelay(relay);
  return relay.transport === "tcp" && relay.password !== undefined
    ? text.replace("@", `:${SECRET_DOTS}@`)
    : text;
}

function isHostname(text: string): boolean {
  if (text === "") return false;
  const literal = /^\[(IPv6:)?(.*)\]$/i.exec(text);
  if (literal === null) return isDomain(text) && /^[!-~]+$/.test(text);
  const address = literal[2] ?? "";
  return literal[1] === undefined ? isIP(address) === 4 : isIPv6(address);
}

/** A token is as good as a password, so it does not travel in clear. */
function isTokenUrl(text: string): boolean {
  const url = /^[!-~]+$/.test(text) ? URL.parse(text) : null;
  return url !== null && url.username === "" && url.password === "" &&
    (url.protocol === "https:" ||
      (url.protocol === "http:" && isLoopback(url.hostname)));
}

/** How to read and write each type. */
export const VALUE_TYPES: Readonly<Record<TypeName, ValueType>> = {
  text: stringType(
    "a text",
    "a string of printable ASCII characters",
    (text) => /^[ -~]*$/.test(text),
  ),
  hostname: stringType(
    "a host name",
    "a domain, or an address in brackets",
    isHostname,
  ),
  path: stringType(
    "a path",
    "a string without control characters",
    (text) => !/\p{Cc}/u.test(text),
  ),
  network: {
    noun: "a network",
    form: "network",
    types: ["string", "string"],
    // As the policy reads it, but kept as text: names are looked up at start.
    parse: (value) => {
      if (typeof value !== "string") return expected("a string");
      const parsed = parseNetwork(value);
      return parsed.ok ? ok(value) : parsed;
    },
    format: (value) => quote(String(value)),
  },
  integer: {
    noun: "a whole number",
    form: "whole number",
    types: ["number", "number"],
    parse: (value) =>
      typeof value === "number" && Number.isSafeInteger(value)
        ? ok(value)
        : expected("a number such as 10"),
    format: String,
  },
  size: {
    noun: "a size",
    form: 'bytes, or "10MiB"',
    types: ["number", "string | number"],
    parse: (value) => parseQuantity(value, UNITS_BYTES, 1, SIZE_EXPECTED),
    format: (value) => formatQuantity(Number(value), UNITS_BYTES),
  },
  duration: {
    noun: "a duration",
    form: 'seconds, or "500ms", "60s", "5m", "1h"',
    types: ["number", "string | number"],
    parse: (value) => parseQuantity(value, UNITS_MS, 1_000, DURATION_EXPECTED),
    format: (value) => formatQuantity(Number(value), UNITS_MS),
  },
  boolean: {
    noun: "a boolean",
    form: "true or false",
    types: ["boolean", "boolean"],
    parse: (value) =>
      typeof value === "boolean" ? ok(value) : expected("true or false"),
    format: String,
  },
  choice: {
    noun: "a choice",
    form: "one of",
    types: ["", ""], // its choices
    parse: (value, { choices = [], later = [] }) =>
      typeof value === "string" &&
        (choices.includes(value) || later.includes(value))
        ? ok(value)
        : expected(choices.map(quote).join(", ")),
    format: (value) => quote(String(value)),
  },
  listen: parsedType<ListenAddress>(
    "a listening address",
    "ListenAddress",
    parseListenAddress,
    formatListenAddress,
  ),
  relay: parsedType<RelayAddress | undefined>(
    "a relay",
    "RelayAddress | undefined",
    (text) => text === "" ? ok(undefined) : parseRelayUrl(text),
    formatRelayUrl,
  ),
  domain: parsedType<RelayEntry>(
    "a relayed domain",
    "RelayEntry",
    parseRelayDomain,
    formatRelayDomain,
  ),
  command: stringType(
    "a command",
    "a string without control characters",
    (text) => !/\p{Cc}/u.test(text),
  ),
  tokenUrl: stringType(
    "a token URL",
    'an "https://" URL without credentials, or "http://" to this machine',
    (text) => text === "" || isTokenUrl(text),
  ),
  protocols: parsedType<TlsVersions>(
    "TLS versions",
    "TlsVersions",
    parseTlsVersions,
    formatTlsVersions,
  ),
};

/** What a number, size, duration, text or list is measured by, against {@linkcode Key.min} and {@linkcode Key.max}. */
function measure(value: unknown): number {
  return typeof value === "string" || Array.isArray(value)
    ? value.length
    : Number(value);
}

/** The bounds of a key in words ("from 1 to 64"), or nothing. A list is bounded in its number of entries. */
export function formatBounds(row: Key): string {
  const { min, max } = row;
  const unit = row.list ? " entries" : row.type === "text" ? " characters" : "";
  if (min !== undefined && max !== undefined) {
    return `from ${min} to ${max}${unit}`;
  }
  if (min !== undefined) {
    return `at least ${min}${min === 1 ? unit.replace("ies", "y") : unit}`;
  }
  return max === undefined ? "" : `at most ${max}${unit}`;
}

/** Whether a value, or the number of a list's entries, keeps within the bounds of its key. */
export function isWithinBounds(value: unknown, row: Key): boolean {
  const { min, max } = row;
  const size = measure(value);
  return (min === undefined || size >= bound(min, row)) &&
    (max === undefined || size <= bound(max, row));
}

/** A bound as a number in the unit of the values; a bound that is a number already is in it. */
function bound(written: string | number, row: Key): number {
  if (typeof written === "number") return written;
  const parsed = VALUE_TYPES[row.type].parse(written, row);
  if (!parsed.ok) {
    throw new Error(
      `Cannot use ${quote(written)} as a bound: expected ${parsed.expected}`,
    );
  }
  return Number(parsed.value);
}
