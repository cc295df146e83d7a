/**
 * Which versions of TLS are spoken, as operators write it for OpenSSL, nginx
 * and Postfix: names, bounds and exclusions.
 *
 * The runtime speaks TLS 1.2 and 1.3. To exclude an older one changes nothing;
 * to ask for one can't be granted, and is refused rather than ignored.
 *
 * @module
 */
import type { Parsed } from "../engine/path.ts";

/** A version of TLS that is spoken. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** A range of versions. */
export interface TlsVersions {
  /** The least; absent: 1.2. */
  readonly min?: TlsVersion;
  /** The greatest; absent: 1.3. */
  readonly max?: TlsVersion;
}

/** All that are named anywhere, the oldest first. */
const KNOWN: readonly string[] = [
  ...["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
];
const OLDEST = KNOWN.indexOf("TLSv1.2");

const WORD = /^(>=|<=|!|-|)((?:SSL|TLS)v[0-9.]+)$/i;

/**
 * Reads a list of versions, separated by blanks, commas or colons: names
 * (`TLSv1.2 TLSv1.3`), bounds (`>=TLSv1.3`), and exclusions (`!SSLv3`).
 *
 * @param text The list; an empty one stands for all that are spoken.
 * @returns The range, or what was expected.
 */
export function parseTlsVersions(text: string): Parsed<TlsVersions> {
  const named = new Set<number>();
  let spoken = [OLDEST, OLDEST + 1];
  for (const { 0: word, index } of text.matchAll(/[^\s,:]+/g)) {
    const [, sign = "", name = ""] = WORD.exec(word) ?? [];
    const version = KNOWN.findIndex((known) =>
      known.toLowerCase() === name.toLowerCase().replace(/v1\.0$/, "v1")
    );
    const isExclusion = sign === "!" || sign === "-";
    if (version < 0) {
      const expected = '"TLSv1.2", "TLSv1.3" or a bound such as ">=TLSv1.2"';
      return { ok: false, at: index, expected };
    }
    if (version < OLDEST && !isExclusion) {
      const expected =
        '"TLSv1.2" or "TLSv1.3", since older ones are not spoken';
      return { ok: false, at: index, expected };
    }
    if (sign === "") named.add(version);
    spoken = spoken.filter((each) =>
      sign === ">="
        ? each >= version
        : sign === "<="
        ? each <= version
        : !isExclusion || each !== version
    );
  }
  if (named.size > 0) spoken = spoken.filter((each) => named.has(each));
  if (spoken.length === 0) {
    return { ok: false, at: 0, expected: "TLSv1.2 or TLSv1.3 to be left" };
  }
  const value: TlsVersions = {
    ...(spoken.includes(OLDEST) ? {} : { min: "TLSv1.3" }),
    ...(spoken.includes(OLDEST + 1) ? {} : { max: "TLSv1.2" }),
  };
  return { ok: true, value };
}

/** Writes a range so that {@linkcode parseTlsVersions} reads it. */
export function formatTlsVersions({ min, max }: TlsVersions): string {
  const [bound, name] = min === undefined ? ["<=", max] : [">=", min];
  return name === undefined ? "" : `${bound}${name}`;
}
