/**
 * How names and passwords are brought into the one form in which they are
 * compared and hashed.
 *
 * The rule is SASLprep's (RFC 4013): some characters are mapped to nothing or to
 * a space, then NFKC. What it prohibits is refused only as far as it can do
 * harm here: control characters. Its tables of unassigned code points (of Unicode
 * 3.2) and of mixed writing directions are not looked into.
 *
 * @module
 */

/** RFC 4616 section 2: a user's name in UTF-8; more need not be taken. */
export const MAX_USER_BYTES = 255;

/** RFC 4616 section 2 asks for 255; long pass phrases in other scripts are longer. */
export const MAX_PASSWORD_BYTES = 1_024;

/**
 * Longest token in bytes: what fits into a line of AUTH in base64, RFC 4954
 * section 4.
 */
export const MAX_TOKEN_BYTES = 9_216;

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** RFC 3454 table B.1. */
const MAPPED_TO_NOTHING =
  /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/g;

/** RFC 3454 table C.1.2, without U+200B, which has gone by then. */
const NON_ASCII_SPACE = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;

const ASCII = /^[\x20-\x7e]*$/;

/** RFC 3454 tables C.2 and what else may not stand in one line of a log. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

/** The text of UTF-8 bytes, or `undefined` where they are none. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The bytes of a text, in UTF-8. Not a `Buffer`, whose `slice()` is no copy:
 * `encodeBase64()` relies on that, and would write into Node's shared pool.
 */
export function encodeText(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** A user's name in the form in which it is compared; `undefined`: it can't be one. */
export function prepareUser(text: string): string | undefined {
  return prepare(text, MAX_USER_BYTES);
}

/** A password in the form in which it is hashed; `undefined`: it can't be one. */
export function preparePassword(text: string): string | undefined {
  return prepare(text, MAX_PASSWORD_BYTES);
}

function prepare(text: string, maxBytes: number): string | undefined {
  // Before the work, and after it: NFKC can make text eighteen times as long.
  if (text.length > maxBytes) return undefined;
  const prepared = ASCII.test(text) ? text : text
    .replace(MAPPED_TO_NOTHING, "")
    .replace(NON_ASCII_SPACE, " ")
    .normalize("NFKC");
  const isUsable = prepared !== "" && prepared.isWellFormed() &&
    !CONTROL.test(prepared) && ENCODER.encode(prepared).length <= maxBytes;
  return isUsable ? prepared : undefined;
}
