/**
 * What the server's side of SASL asks about users; `lib/auth/` knows the answers.
 *
 * The rule: an unknown user gets answers of the same form, and after the same
 * work, as a known one. So there is no answer "unknown" here: a made-up
 * verifier or password fits nothing.
 *
 * @module
 */

import type { Reply } from "../engine/reply.ts";
import type { Secret } from "../secret.ts";
import type { SaslMechanism } from "./mechanism.ts";
import type { Verifier } from "./verifier.ts";

/** Who wants to log in, and with what. */
export interface Login {
  /** How. */
  readonly mechanism: SaslMechanism;
  /** As who; never empty, without control characters. */
  readonly user: string;
  /** Under PLAIN and LOGIN. */
  readonly password?: Secret;
  /** Under XOAUTH2 and OAUTHBEARER. */
  readonly token?: Secret;
}

/** Why a login was refused. */
export type LoginProblem = "credentials" | "malformed" | "unavailable";

/** A login refused by what is known of the users. */
export interface Refusal {
  /** Tells it from the other answers. */
  readonly type: "refused";
  /** Wrong credentials, or nobody can say now. */
  readonly problem: "credentials" | "unavailable";
  /** What the operator's hook wants to be said instead of the usual reply. */
  readonly reply?: Reply;
}

/** Who knows whether credentials hold. Aborted, all reject with the signal's reason. */
export interface Users {
  /** Checks a password (PLAIN, LOGIN) or a token (XOAUTH2, OAUTHBEARER). */
  check(
    login: Login,
    signal: AbortSignal,
  ): Promise<Refusal | { readonly type: "accepted" }>;
  /** The user's password, for CRAM-MD5; a made-up one where nobody has it. */
  password(
    login: Login,
    signal: AbortSignal,
  ): Promise<
    Refusal | { readonly type: "password"; readonly password: Secret }
  >;
  /** What SCRAM-SHA-256 checks against; a made-up one for unknown users. */
  verifier(
    login: Login,
    signal: AbortSignal,
  ): Promise<
    Refusal | { readonly type: "verifier"; readonly verifier: Verifier }
  >;
}
