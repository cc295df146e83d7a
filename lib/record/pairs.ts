/**
 * The pairs of user and password in one recording, and what they are called.
 *
 * The rule: one name for one pair: `auth`, then `auth2` and so on, as they are
 * met; `wrong` and `wrong2` where the server refused them. What is not known of a pair may be anything, so that a user's CRAM-MD5,
 * which does not tell the password, has the name of that user's PLAIN.
 *
 * @module
 */

import type { Credentials } from "./credentials.ts";

interface Pair extends Partial<Pick<Credentials, "user" | "password">> {
  readonly name: string;
}

/** Names pairs. */
export class Pairs {
  readonly #pairs: Pair[] = [];
  readonly #word: string;

  /** @param word What the first one is called. */
  constructor(word: "auth" | "wrong") {
    this.#word = word;
  }

  /** The name of the pair with this user and password, as far as they are known. */
  nameOf({ user, password }: Pick<Credentials, "user" | "password">): string {
    const index = this.#pairs.findIndex((pair) =>
      agree(pair.user, user) && agree(pair.password, password)
    );
    const number = this.#pairs.length + 1;
    const pair = this.#pairs[index] ??
      { name: number === 1 ? this.#word : `${this.#word}${number}` };
    const { name } = pair;
    this.#pairs[index < 0 ? number - 1 : index] = {
      name,
      user: pair.user ?? user,
      password: pair.password ?? password,
    };
    return name;
  }
}

function agree(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}
