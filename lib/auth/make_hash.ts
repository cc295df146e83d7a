/**
 * Makes what the users' file keeps of a new password.
 *
 * @module
 */

import { preparePassword, prepareUser } from "../sasl/prepare.ts";
import {
  DEFAULT_ITERATIONS,
  deriveVerifier,
  formatVerifier,
  SALT_BYTES,
} from "../sasl/verifier.ts";
import type { Secret } from "../secret.ts";
import { PLAIN_MARK } from "./user_line.ts";

/** A user's name in the form in which it is kept; `undefined`: it can't be one. */
export { prepareUser as parseUserName };

/**
 * What is kept of a password: a salted hash, or the password itself, which
 * CRAM-MD5 needs.
 *
 * @throws {TypeError} The password can't be one.
 */
export async function makeHash(
  password: Secret,
  kind: "scram" | "plain",
): Promise<string> {
  const prepared = preparePassword(password.reveal());
  if (prepared === undefined) {
    throw new TypeError(
      "Cannot use the password: expected 1 to 1,024 bytes without control characters",
    );
  }
  if (kind === "plain") return PLAIN_MARK + prepared;
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  return formatVerifier(
    await deriveVerifier(prepared, salt, DEFAULT_ITERATIONS),
  );
}
