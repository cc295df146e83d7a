/**
 * Where a password or token for another server comes from.
 *
 * @module
 */

import type { Secret } from "../secret.ts";

/** A password can't be had, or a token; the message never holds a secret. */
export class SecretError extends Error {
  /** The class's name. */
  override name = "SecretError";
}

/** Gives a password or token, and learns that it was not accepted. */
export interface SecretSource {
  /** What it gives. */
  readonly kind: "password" | "token";
  /**
   * The secret, as far as is known still good.
   *
   * @throws {SecretError} It can't be had.
   */
  get(signal: AbortSignal): Promise<Secret>;
  /**
   * Says that the other server did not accept one (535).
   *
   * @param secret Which one
   * @returns Whether asking again may give another.
   */
  refused(secret: Secret): boolean;
}

/** A secret that stands in the configuration, and stays as it is. */
export function fixedSecret(
  secret: Secret,
  kind: "password" | "token" = "password",
): SecretSource {
  return { kind, get: () => Promise.resolve(secret), refused: () => false };
}
