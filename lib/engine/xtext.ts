/**
 * xtext: printable ASCII in which "+", "=" and all else is "+" and two
 * hexadecimal digits, so that any text can be a parameter's value.
 * RFC 3461 section 4.
 *
 * @module
 */

/** Visible ASCII but "+" and "="; and "+2B", in capitals as it is written. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[\dA-F]{2})+$/;

const HEX_CHAR = /\+([\dA-F]{2})/g;

/** What must not come out: it would be obeyed by a log or a terminal. */
const CONTROL = /\p{Cc}/u;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes xtext.
 *
 * @param text The text as written.
 * @returns What it stands for, UTF-8 read as such; `undefined` where it is
 * empty, no xtext or no UTF-8, or holds a control character.
 */
export function decodeXtext(text: string): string | undefined {
  if (!XTEXT.test(text)) return undefined;
  if (!text.includes("+")) return text;
  const octets = text.replace(
    HEX_CHAR,
    (_, digits) => String.fromCharCode(parseInt(digits, 16)),
  );
  try {
    const decoded = UTF8.decode(
      Uint8Array.from(octets, (octet) => octet.charCodeAt(0)),
    );
    return CONTROL.test(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}

/**
 * Writes a text as xtext, UTF-8 for what is outside ASCII.
 *
 * @param text The text.
 * @returns Its form on the wire.
 */
export function formatXtext(text: string): string {
  let xtext = "";
  for (const octet of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(octet);
    xtext += XTEXT.test(char)
      ? char
      : `+${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return xtext;
}
