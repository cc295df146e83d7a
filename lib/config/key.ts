/**
 * What one row of the table of configuration keys says.
 *
 * @module
 */

/** The kinds of value a key, or one entry of its list, can have. */
export type TypeName =
  | "text"
  | "hostname"
  | "path"
  | "integer"
  | "size"
  | "duration"
  | "boolean"
  | "choice"
  | "listen"
  | "relay"
  | "domain"
  | "network"
  | "command"
  | "tokenUrl"
  | "protocols";

/** A value as it stands in the file. */
export type FileValue = string | number | boolean | readonly string[];

/** One row of the table. */
export interface Key {
  /** Kind of the value, or of each entry where {@linkcode Key.list} is set. */
  readonly type: TypeName;
  /** The value is a list of these. */
  readonly list?: true;
  /** Value where the file has none, as the file would have it; absent: {@linkcode Key.computed} says what it is. */
  readonly default?: FileValue;
  /** There is no default: each table of the section has to have it. */
  readonly required?: true;
  /** How the default is found, in words, where it depends on something else. */
  readonly computed?: string;
  /** Left `undefined` where it is not given: its default differs from one use to the next, as {@linkcode Key.computed} says. */
  readonly leftOpen?: true;
  /** Least number, size, duration, or number of characters or entries. */
  readonly min?: string | number;
  /** Greatest number, size, duration, or number of characters or entries. */
  readonly max?: string | number;
  /** What a `choice` may be. */
  readonly choices?: readonly string[];
  /** What a `choice` may be in a later version. */
  readonly later?: readonly string[];
  /** Known, but this version takes only the default. */
  readonly notYet?: true;
  /** Why no other value than the default can be taken, in any version. */
  readonly fixed?: string;
  /** The command line's option for it. */
  readonly option?: string;
  /** What it means to the operator, in one or two sentences. */
  readonly meaning: string;
}
