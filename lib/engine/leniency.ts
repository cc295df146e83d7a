/**
 * Which departures from the grammar of addresses and names a server may be
 * told to take, and which of them a line has used.
 *
 * None is taken unless it is named. Each is asked about only where the strict
 * reading has failed, so a line that keeps the grammar uses none.
 *
 * @module
 */

/**
 * - `no-angle-brackets`: `MAIL FROM:ann@example.org`, and RCPT likewise.
 * - `space-after-colon`: `MAIL FROM: <ann@example.org>`, and RCPT likewise.
 * - `any-hello-name`: the name in EHLO, HELO or LHLO may be up to 255 of the
 *   printable ASCII characters that mean nothing in a header: no space, and
 *   none of `()<>,;"\`. Some name there must be.
 * - `dots-in-local-part`: `a..b@example.org`, `.a@example.org` and
 *   `a.@example.org`, as some telephone companies gave to their customers.
 */
export type Leniency =
  | "no-angle-brackets"
  | "space-after-colon"
  | "any-hello-name"
  | "dots-in-local-part";

/** All leniencies there are. */
export const LENIENCIES: readonly Leniency[] = [
  "no-angle-brackets",
  "space-after-colon",
  "any-hello-name",
  "dots-in-local-part",
];

/** What one line is allowed, and what it has used of that. */
export class Lenience {
  readonly #allowed: ReadonlySet<Leniency>;
  readonly #used = new Set<Leniency>();

  /** Nothing is used yet. */
  constructor(allowed: ReadonlySet<Leniency>) {
    this.#allowed = allowed;
  }

  /** Whether it is allowed; then it counts as used. */
  takes(leniency: Leniency): boolean {
    if (!this.#allowed.has(leniency)) return false;
    this.#used.add(leniency);
    return true;
  }

  /** What was used, for a command: nothing where there was nothing. */
  get used(): { readonly leniencies?: readonly Leniency[] } {
    return this.#used.size === 0 ? {} : { leniencies: [...this.#used] };
  }
}
