/**
 * Reads a line that must not be seen: a password.
 *
 * From a terminal without echo, a key at a time; from anything else a line as
 * it is.
 *
 * @module
 */

import { Secret } from "../secret.ts";

/** Longest line taken, in bytes: more than a password may have. */
const MAX_LINE_BYTES = 4_096;

/** What keys send. */
const KEY = { interrupt: 0x03, endOfInput: 0x04, backspace: 0x08, erase: 0x15 };
const DELETE = 0x7f;

/** The operator ended the input, by Ctrl-C or Ctrl-D, or it was too long. */
export class InputError extends Error {
  /** The class's name. */
  override name = "InputError";
}

/**
 * Reads a line from standard input.
 *
 * @param prompt What is asked for, if a terminal is asked
 * @throws {InputError} There is none, or too long a one.
 */
export function readHiddenLine(prompt: string): Secret {
  if (!Deno.stdin.isTerminal()) return readLine();
  const write = (text: string) =>
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  write(prompt);
  Deno.stdin.setRaw(true);
  try {
    return readKeys();
  } finally {
    Deno.stdin.setRaw(false);
    write("\n");
  }
}

function readKeys(): Secret {
  const line: number[] = [];
  for (;;) {
    const key = readByte();
    switch (key) {
      case 0x0d:
      case 0x0a:
        return toSecret(line);
      case undefined:
      case KEY.interrupt:
      case KEY.endOfInput:
        throw new InputError("No password was given");
      case KEY.backspace:
      case DELETE:
        // A character of UTF-8 is its first byte and those that continue it.
        while (((line.pop() ?? 0) & 0xc0) === 0x80);
        break;
      case KEY.erase:
        line.length = 0;
        break;
      default:
        take(line, key);
    }
  }
}

function readLine(): Secret {
  const line: number[] = [];
  for (;;) {
    const byte = readByte();
    if (byte === undefined && line.length === 0) {
      throw new InputError(
        "No password was given: expected one line on standard input",
      );
    }
    if (byte === undefined || byte === 0x0a) {
      if (line.at(-1) === 0x0d) line.pop();
      return toSecret(line);
    }
    take(line, byte);
  }
}

function take(line: number[], byte: number): void {
  if (line.push(byte) <= MAX_LINE_BYTES) return;
  throw new InputError(
    `Password is too long: expected at most ${MAX_LINE_BYTES} bytes`,
  );
}

/** One at a time: what follows the line is the next reader's. */
function readByte(): number | undefined {
  const byte = new Uint8Array(1);
  return Deno.stdin.readSync(byte) === null ? undefined : byte[0];
}

function toSecret(line: readonly number[]): Secret {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return new Secret(decoder.decode(Uint8Array.from(line)));
  } catch {
    throw new InputError("Cannot use the password: expected UTF-8");
  }
}
