/**
 * What a server needs to say in SCRAM-SHA-256, and what both sides reckon:
 * at once, since in memory no time passes, and the same in every play.
 *
 * @module
 */

import { pbkdf2Sync } from "node:crypto";
import { hash, hmac, MIN_ITERATIONS, type Verifier } from "../sasl/verifier.ts";

/** A server's salt, the same for everybody: nothing is kept. */
const SALT: Uint8Array = new TextEncoder().encode("salt of Postern.");

/** Bytes of SHA-256. */
const HASH_BYTES = 32;

/** Most results that are remembered: a conversation has one or two. */
const MAX_REMEMBERED = 64;

const remembered = new Map<string, Uint8Array>();

/**
 * SaltedPassword of RFC 5802 section 3; what was asked before is remembered,
 * for a conversation is played thousands of times.
 *
 * @param password In its prepared form.
 */
export function saltedPassword(
  password: string,
  salt: Uint8Array,
  iterations: number,
): Uint8Array {
  const key = JSON.stringify([password, [...salt], iterations]);
  let salted = remembered.get(key);
  if (salted === undefined) {
    if (remembered.size === MAX_REMEMBERED) remembered.clear();
    salted = new Uint8Array(
      pbkdf2Sync(password, salt, iterations, HASH_BYTES, "sha256"),
    );
    remembered.set(key, salted);
  }
  return salted;
}

/** What a server knows of a password. */
export function scramVerifier(password: string): Verifier {
  const salted = saltedPassword(password, SALT, MIN_ITERATIONS);
  return {
    iterations: MIN_ITERATIONS,
    salt: SALT,
    storedKey: hash(hmac(salted, "Client Key")),
    serverKey: hmac(salted, "Server Key"),
  };
}
