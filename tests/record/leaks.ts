/**
 * Looks for a secret in a transcript by brute force: it knows nothing of how
 * recordings are made, and tries each form in all that the file may be read as.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** All forms of a secret that are looked for, letter for letter. */
function* formsOf(secret: string): Generator<string> {
  const bytes = Buffer.from(secret, "utf8");
  yield secret;
  yield bytes.toString("hex");
  yield bytes.toString("hex").toUpperCase();
  yield encodeURIComponent(secret);
  yield [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`)
    .join("");
  yield [...bytes].map((byte) => `=${byte.toString(16).padStart(2, "0")}`)
    .join("").toUpperCase();
  // Every neighbour gives the same letters in the middle.
  for (const before of ["", "x", "xy"]) {
    const shifted = Buffer.concat([Buffer.from(before), bytes]);
    const [first, end] = [
      Math.ceil(before.length * 4 / 3),
      Math.floor(shifted.length * 4 / 3),
    ];
    for (const encoding of ["base64", "base64url"] as const) {
      yield shifted.toString(encoding).slice(first, end);
    }
  }
}

/** The texts that a reader can make of a transcript. */
function readingsOf(text: string): string[] {
  const lines = text.replace(/\$\{[\w:]+\}/g, "\0").split("\n").map((line) => {
    const content = line.replace(/^(?:@[\w.]+ |== |#|[A-Z]\d?[:>] ?)/, "");
    return /^[A-Z]\d?>/.test(line) ? unquoted(content) : `${content}\n`;
  });
  const joined = lines.join("");
  return [joined, joined.replace(/\s/g, ""), joined.replace(/=\r?\n/g, "")];
}

/** What stands in quotes, as UTF-8. */
function unquoted(text: string): string {
  const octets = Buffer.from(text.slice(1, -1), "utf8").toString("latin1");
  const letters: Record<string, string> = { r: "\r", n: "\n", t: "\t" };
  const read = octets.replace(
    /\\(x..|.)/g,
    (_, code: string) =>
      code.length > 1
        ? String.fromCharCode(parseInt(code.slice(1), 16))
        : letters[code] ?? code,
  );
  return Buffer.from(read, "latin1").toString("utf8");
}

/** The forms of a secret that a transcript holds. */
export function leaksOf(text: string, secret: string): string[] {
  const readings = readingsOf(text);
  return [...formsOf(secret)].filter((form) =>
    form.length > 3 && readings.some((reading) => reading.includes(form))
  );
}
