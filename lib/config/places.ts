/**
 * Finds the line and column of every key and value in a TOML text, and keys that are there twice.
 *
 * TOML parsers give values without places, and some let a later key win in silence. This one reads only as much as it needs for
 * that: it walks over keys, tables, strings, arrays and comments, takes valid TOML for granted and says nothing about the rest,
 * whatever it is given. Time is linear in the text.
 *
 * @module
 */

/** A place in a text: both count from 1, columns in UTF-16 units. */
export interface Place {
  /** Line, from 1. */
  readonly line: number;
  /** Column, from 1. */
  readonly column: number;
}

/** A key that was there before. */
export interface Duplicate {
  /** Full name. */
  readonly key: string;
  /** Where it stands for the second time. */
  readonly place: Place;
  /** The bytes of the pair, as offsets into the text; absent: a table. */
  readonly span?: readonly [from: number, to: number];
}

/** What was found in a text. */
export interface Places {
  /** Where each key, table and `name[index]` of an array of tables is named first. */
  readonly keys: ReadonlyMap<string, Place>;
  /** Where each value begins; entries of arrays as `key[index]`. */
  readonly values: ReadonlyMap<string, Place>;
  /** Keys and tables that are there for a second time. */
  readonly duplicates: readonly Duplicate[];
}

/** Depth of arrays, inline tables and dotted keys that is followed; none of the known keys needs more than three. */
const MAX_DEPTH = 32;

/**
 * The full name of a key in a table, as it stands in messages.
 *
 * @param table Full name of the table, empty for the whole file.
 * @param name Name in it; quoted in the result where TOML would need quotes.
 */
export function keyPath(table: string, name: string): string {
  const part = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
  return table === "" ? part : `${table}.${part}`;
}

/** Finds the places of all keys and values; never throws, even on what is not TOML. */
export function findPlaces(text: string): Places {
  return new Scanner(text).scan();
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #lineEnd: number;
  readonly #keys = new Map<string, Place>();
  readonly #values = new Map<string, Place>();
  readonly #duplicates: Duplicate[] = [];
  /** Full names that a pair or a table header has named, as opposed to those that only lead there. */
  readonly #defined = new Set<string>();
  /** Number of tables in each array of tables so far. */
  readonly #counts = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
    this.#lineEnd = this.#endFrom(0);
  }

  scan(): Places {
    let table = "";
    for (this.#skipBlank(); this.#at < this.#text.length; this.#skipBlank()) {
      if (this.#text[this.#at] === "[") table = this.#header();
      else this.#pair(table, 0);
      // A comment, or what is no TOML: the rest of the line is not looked at.
      this.#at = this.#endFrom(this.#at);
    }
    return {
      keys: this.#keys,
      values: this.#values,
      duplicates: this.#duplicates,
    };
  }

  /** The place of an offset; asked for in rising order, so that the lines are counted once. */
  #place(at: number): Place {
    while (this.#lineEnd < at) {
      this.#line++;
      this.#lineStart = this.#lineEnd + 1;
      this.#lineEnd = this.#endFrom(this.#lineStart);
    }
    return { line: this.#line, column: at - this.#lineStart + 1 };
  }

  /** The next line end at or after an offset, or the text's end. */
  #endFrom(at: number): number {
    const end = this.#text.indexOf("\n", at);
    return end < 0 ? this.#text.length : end;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #skipBlank(): void {
    while (this.#match(/[\s]+|#[^\n]*/y) !== "");
  }

  /** A dotted key; stops at what does not belong to it. */
  #key(): string[] {
    const parts: string[] = [];
    for (;;) {
      this.#match(/[ \t]+/y);
      const start = this.#at;
      const quoted = /["']/.test(this.#text[start] ?? "");
      if (quoted) this.#string();
      else this.#match(/[^\s.=\[\]{},#"']+/y);
      const written = this.#text.slice(start, this.#at);
      if (written === "") return parts;
      if (parts.length < MAX_DEPTH) {
        parts.push(quoted ? unquote(written) : written);
      }
      this.#match(/[ \t]+/y);
      if (this.#match(/\./y) === "") return parts;
    }
  }

  /** `[table]` or `[[table]]`; gives the full name of what follows. */
  #header(): string {
    const isArray = this.#match(/\[\[?/y) === "[[";
    this.#match(/[ \t]+/y);
    const place = this.#place(this.#at);
    const parts = this.#key();
    let path = "";
    parts.forEach((part, i) => {
      path = keyPath(path, part);
      const isLast = i === parts.length - 1;
      const count = this.#counts.get(path) ?? 0;
      if (isLast && isArray) this.#counts.set(path, count + 1);
      this.#name(path, place);
      if (isLast && isArray) path += `[${count}]`;
      else if (count > 0) path += `[${count - 1}]`;
    });
    this.#name(path, place);
    this.#define(path, place);
    return path;
  }

  #name(path: string, place: Place): void {
    if (!this.#keys.has(path)) this.#keys.set(path, place);
  }

  #define(path: string, place: Place): boolean {
    const isNew = !this.#defined.has(path);
    if (!isNew) this.#duplicates.push({ key: path, place });
    this.#defined.add(path);
    return isNew;
  }

  #pair(table: string, depth: number): void {
    const start = this.#at;
    const place = this.#place(start);
    let path = table;
    for (const part of this.#key()) {
      path = keyPath(path, part);
      this.#name(path, place);
    }
    if (path === table) return;
    const isNew = this.#define(path, place);
    this.#match(/[ \t]*=[ \t]*/y);
    this.#value(path, depth);
    const duplicate = isNew ? undefined : this.#duplicates.pop();
    if (duplicate === undefined) return;
    this.#duplicates.push(
      depth > 0 ? duplicate : { ...duplicate, span: [start, this.#at] },
    );
  }

  #value(path: string, depth: number): void {
    if (!this.#values.has(path)) this.#values.set(path, this.#place(this.#at));
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") this.#string();
    else if (first === "[" && depth < MAX_DEPTH) {
      this.#entries("]", (i) => this.#value(`${path}[${i}]`, depth + 1));
    } else if (first === "{" && depth < MAX_DEPTH) {
      this.#entries("}", () => this.#pair(path, depth + 1));
    } else this.#match(/[^\s,\]}#]+/y);
  }

  /** An array or inline table: entries with commas between them up to `close`. */
  #entries(close: string, entry: (index: number) => void): void {
    this.#at++;
    for (let i = 0; this.#at < this.#text.length; i++) {
      this.#skipBlank();
      if (this.#text[this.#at] === close) break;
      const before = this.#at;
      entry(i);
      this.#skipBlank();
      if (this.#match(/,/y) === "" && this.#text[this.#at] !== close) {
        // Not TOML, or a date with a space in it: go on behind it, but never stand still.
        if (this.#at === before) return;
      }
    }
    this.#at++;
  }

  /** A string of any of the four kinds, to just past its end; one that does not end takes its line, or the whole text. */
  #string(): void {
    const quote = this.#text[this.#at] ?? "";
    const isLong = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    const stop = new RegExp(
      `${end}${quote === '"' ? "|\\\\[^]" : ""}${isLong ? "" : "|\n"}`,
      "g",
    );
    for (;;) {
      stop.lastIndex = this.#at;
      const found = stop.exec(this.#text);
      if (found === null) {
        this.#at = this.#text.length;
        return;
      }
      this.#at = found.index + (found[0] === "\n" ? 0 : found[0].length);
      if (found[0].startsWith("\\")) continue;
      // Up to two quotes may stand before the closing three.
      if (isLong) this.#match(quote === '"' ? /"{0,2}/y : /'{0,2}/y);
      return;
    }
  }
}

/** The text of a quoted key. Its escapes are JSON's but for `\U` and `\e`, which no known key has. */
function unquote(written: string): string {
  try {
    return written.startsWith('"')
      ? String(JSON.parse(written))
      : written.slice(1, -1);
  } catch {
    return written;
  }
}
