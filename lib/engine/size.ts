/**
 * A count of octets as SIZE and BDAT write it.
 *
 * @module
 */

/** size-value, RFC 1870 section 5, and as many for chunk-size: 20 digits. */
const SIZE_VALUE = /^\d{1,20}$/;

/**
 * Reads a count of octets.
 *
 * @param digits One to 20 digits.
 * @returns The number, at most what a number holds exactly: more is beyond
 * every limit too, and never comes to its end; `undefined` for anything else.
 */
export function parseSize(digits: string | undefined): number | undefined {
  if (digits === undefined || !SIZE_VALUE.test(digits)) return undefined;
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
