/** Users with one password, for the server's side of SASL. */
import { Secret } from "../../lib/secret.ts";
import type { Login, Refusal, Users } from "../../lib/sasl/users.ts";
import { deriveVerifier } from "../../lib/sasl/verifier.ts";

/** The signal of a session that goes on. */
export const GOES_ON: AbortSignal = new AbortController().signal;

/** RFC 7677 section 3. */
export const SALT: Uint8Array = Uint8Array.fromBase64(
  "W22ZaJ0SNY7soEsUEjb6gQ==",
);

/** Knows one user by a password or token, and what was asked for. */
export class KnownUsers implements Users {
  /** Each login that was asked about. */
  readonly asked: Login[] = [];
  /** Refuses all. */
  refusal: Refusal | undefined;

  constructor(readonly user: string, readonly secret: string) {}

  #is(user: string): boolean {
    return user === this.user;
  }

  check(login: Login): Promise<Refusal | { type: "accepted" }> {
    this.asked.push(login);
    if (this.refusal !== undefined) return Promise.resolve(this.refusal);
    const shown = login.password ?? login.token;
    const isRight = this.#is(login.user) && shown?.reveal() === this.secret;
    return Promise.resolve(
      isRight
        ? { type: "accepted" }
        : { type: "refused", problem: "credentials" },
    );
  }

  password(
    login: Login,
  ): Promise<Refusal | { type: "password"; password: Secret }> {
    this.asked.push(login);
    if (this.refusal !== undefined) return Promise.resolve(this.refusal);
    const password = this.#is(login.user) ? this.secret : crypto.randomUUID();
    return Promise.resolve({
      type: "password",
      password: new Secret(password),
    });
  }

  async verifier(login: Login): ReturnType<Users["verifier"]> {
    this.asked.push(login);
    if (this.refusal !== undefined) return this.refusal;
    const password = this.#is(login.user) ? this.secret : crypto.randomUUID();
    return {
      type: "verifier",
      verifier: await deriveVerifier(password, SALT, 4_096),
    };
  }
}
