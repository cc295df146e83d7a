/**
 * A piece of text that must not be seen: passwords and tokens.
 *
 * Whatever prints, logs, concatenates or serialises a {@linkcode Secret} gets dots, always the same number of them; only
 * {@linkcode Secret.reveal} gives the text. It does not keep the text out of a memory dump.
 *
 * @module
 */

/** What is shown instead of a secret: the same length for every one, so that the length stays secret too. */
export const SECRET_DOTS = "•••••";

/**
 * A text that prints as dots.
 *
 * @example Printing and revealing
 * ```ts ignore
 * const password = new Secret("open sesame");
 * console.log(`${password}`, { password }); // dots, twice
 * password.reveal(); // "open sesame"
 * ```
 */
export class Secret {
  readonly #text: string;

  /**
   * Hides a text.
   *
   * @param text What must not be seen.
   */
  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the one place that has to send it. */
  reveal(): string {
    return this.#text;
  }

  /** Dots, also in template strings and concatenations. */
  toString(): string {
    return SECRET_DOTS;
  }

  /** Dots for `JSON.stringify`. */
  toJSON(): string {
    return SECRET_DOTS;
  }

  /** Dots for `console.log` and `Deno.inspect`. */
  [Symbol.for("Deno.customInspect")](): string {
    return SECRET_DOTS;
  }

  /** Dots for `inspect` of `node:util`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return SECRET_DOTS;
  }
}
