/**
 * Prints one event of the log as one line, in text or in JSON.
 *
 * Whatever a peer or a hook puts into a field, the line stays one line, stays
 * bounded, shows nothing that a terminal would obey, and holds no secret: a key
 * that names one prints as dots, and so does the password in a URL.
 *
 * What a secret is in the midst of other text is not recognised; such values
 * travel in a type of their own, which prints as dots by itself.
 *
 * @module
 */

import { SECRET_DOTS } from "../secret.ts";

/** How much an event matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** How a line is printed. */
export type LogFormat = "text" | "json";

/**
 * What is told with an event. Undefined values are left out, lists become text
 * with commas, errors become `Name: message` with their causes. The names
 * `time`, `level`, `session` and `event` are taken.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** One event before it is printed. */
export interface LogEvent {
  /** When, as `2026-11-24T11:08:26.123Z`. */
  readonly time: string;
  /** How much it matters. */
  readonly level: LogLevel;
  /** The session's id; empty where there is none. */
  readonly session: string;
  /** One word that says what happened. */
  readonly event: string;
  /** The rest. */
  readonly fields: LogFields | undefined;
}

/**
 * Longest value, in UTF-16 code units. A path has 256 octets (RFC 5321 section
 * 4.5.3.1.3), a line of a reply 512 (section 4.5.3.1.5).
 */
const MAX_VALUE_CHARS = 512;

/** Longest error: the innermost cause is the one that helps, so leave room. */
const MAX_ERROR_CHARS = 2_048;

/** Longest stack: V8 prints ten frames of some 100 to 200 characters. */
const MAX_STACK_CHARS = 4_096;

/** Errors printed in a chain of causes, which may also be a ring. */
const MAX_CAUSES = 5;

/** Items of a list, and members of an object, that are looked at. */
const MAX_ITEMS = 64;

const SECRET_KEY = /password|secret|token|authorization/i;

/** Text that needs neither quotes nor escapes, the common case. */
const BARE = /^[\x21\x23-\x3c\x3e-\x5b\x5d-\x7e]+$/;

/** The same for what stands in a JSON string. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** Beyond ASCII: blanks and all that has no form of its own. */
const ODD = /[\s"=\\\p{C}\p{Z}]/u;

/** What JSON leaves as it is and a terminal may obey, or reorder by. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Prints an event, ended by LF.
 *
 * @param event What happened
 * @param format How to print it
 * @returns The line
 */
export function formatLine(event: LogEvent, format: LogFormat): string {
  return format === "json" ? jsonLine(event) : textLine(event);
}

function textLine({ time, level, session, event, fields }: LogEvent): string {
  let line = `${time} ${level.padEnd(5)}`;
  if (session !== "") line += ` ${bare(session)}`;
  line += ` ${bare(event)}`;
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined) continue;
    const printed = printable(key, value);
    line += ` ${bare(key)}=` +
      (typeof printed === "string" ? bare(printed) : printed);
    const stack = level === "error" ? stackOf(key, value) : undefined;
    if (stack !== undefined) line += ` stack=${bare(stack)}`;
  }
  return line + "\n";
}

function jsonLine({ time, level, session, event, fields }: LogEvent): string {
  let line = `{"time":"${time}","level":"${level}"`;
  if (session !== "") line += `,"session":${quoted(session)}`;
  line += `,"event":${quoted(event)}`;
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined) continue;
    const printed = printable(key, value);
    line += `,${quoted(key)}:` +
      (typeof printed === "string" ? quoted(printed) : printed);
    const stack = level === "error" ? stackOf(key, value) : undefined;
    if (stack !== undefined) line += `,"stack":${quoted(stack)}`;
  }
  return line + "}\n";
}

function bare(text: string): string {
  if (BARE.test(text)) return text;
  return text === "" || ODD.test(text) ? quoted(text) : text;
}

function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(UNPRINTABLE, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) {
      const unit = character.charCodeAt(i).toString(16).padStart(4, "0");
      escaped += `\\u${unit}`;
    }
    return escaped;
  });
}

/** A value as a bounded text, or as a number or boolean that prints itself. */
function printable(key: string, value: unknown): string | number | boolean {
  if (SECRET_KEY.test(key)) return SECRET_DOTS;
  switch (typeof value) {
    case "string":
      return cut(hideCredentials(value), MAX_VALUE_CHARS);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "object":
      try {
        return objectText(value);
      } catch {
        return "unreadable value"; // a getter, toJSON or toString that throws
      }
    case "function":
      return "function";
    default:
      return cut(String(value), MAX_VALUE_CHARS);
  }
}

function objectText(value: object | null): string {
  if (value instanceof Error) return errorText(value);
  const list = Array.isArray(value) || value instanceof Set ? [...value] : null;
  if (list === null) return cut(jsonText(value), MAX_VALUE_CHARS);
  const items = list.slice(0, MAX_ITEMS).map((item) =>
    typeof item === "object" ? jsonText(item) : printable("", item)
  );
  if (list.length > MAX_ITEMS) items.push("…");
  return cut(items.join(","), MAX_VALUE_CHARS);
}

/** An object in JSON, or as its class prints it. Throws where it is a ring. */
function jsonText(value: unknown): string {
  const root = ownText(value);
  if (typeof root === "string") return hideCredentials(root);
  let left = MAX_ITEMS;
  const json = JSON.stringify(root, (key, member: unknown) => {
    if (left-- < 0) return undefined;
    return SECRET_KEY.test(key) ? SECRET_DOTS : ownText(member);
  }) ?? "undefined";
  // A class whose toJSON() gives one string needs no quotes around it.
  return hideCredentials(
    json.startsWith('"') ? String(JSON.parse(json)) : json,
  );
}

/** A value as its class prints it, as a secret's does; else the value itself. */
function ownText(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return headline(value);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (value instanceof Set) return [...value];
  if (Array.isArray(value) || "toJSON" in value) return value;
  return typeof value.toString === "function" &&
      value.toString !== Object.prototype.toString
    ? String(value)
    : value;
}

function headline(error: Error): string {
  const text = `${error.name}: ${error.message}`;
  return cut(hideCredentials(text), MAX_VALUE_CHARS);
}

function errorText(error: Error): string {
  const chain: string[] = [];
  let link: unknown = error;
  while (link !== undefined && chain.length < MAX_CAUSES) {
    if (!(link instanceof Error)) {
      chain.push(cut(jsonText(link), MAX_VALUE_CHARS));
      break;
    }
    chain.push(headline(link));
    link = link.cause;
  }
  return cut(chain.join("; caused by "), MAX_ERROR_CHARS);
}

/** The frames of an error's stack; its message stands in the field itself. */
function stackOf(key: string, value: unknown): string | undefined {
  if (!(value instanceof Error) || SECRET_KEY.test(key)) return undefined;
  try {
    const frames = String(value.stack).split("\n    at ").slice(1);
    if (frames.length === 0) return undefined;
    return cut(hideCredentials(frames.join("; ")), MAX_STACK_CHARS);
  } catch {
    return undefined; // a getter that throws
  }
}

function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const last = text.charCodeAt(maxChars - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? maxChars - 1 : maxChars) + "…";
}

/**
 * Puts dots for the password of `scheme://user:password@host`, which errors of
 * `new URL()` repeat. Takes all up to the last "@", since a password that was
 * not percent-encoded may hold anything.
 */
function hideCredentials(text: string): string {
  const at = text.lastIndexOf("@");
  if (at === -1) return text;
  const scheme = text.indexOf("://");
  if (scheme === -1 || scheme > at) return text;
  const user = /:\/\/[^\s:@/?#[]*:/.exec(text);
  if (user === null) return text;
  const start = user.index + user[0].length;
  return start > at
    ? text
    : text.slice(0, start) + SECRET_DOTS + text.slice(at);
}
