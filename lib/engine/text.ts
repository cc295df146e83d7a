/**
 * Text of the bytes of one whole line.
 *
 * @module
 */

/** Longest line taken the short way: what a call's arguments bear, and more. */
const MAX_SHORT_BYTES = 512;

/**
 * The text of an ASCII line; nothing for any other, or for a long one, which
 * the caller decodes. Half the time of a decoder's call for a line of thirty
 * bytes.
 */
export function asciiText(line: Uint8Array): string | undefined {
  if (line.length > MAX_SHORT_BYTES) return undefined;
  for (let i = 0; i < line.length; i++) {
    if (line[i]! > 0x7f) return undefined;
  }
  return String.fromCharCode.apply(null, line as unknown as number[]);
}
