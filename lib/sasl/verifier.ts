/**
 * What a server keeps instead of a password, and how it is made, written and
 * checked: SCRAM's verifier, which serves PLAIN and LOGIN as well.
 *
 * It is written as PostgreSQL and others do:
 * `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY`, the last three in base64.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { encodeBase64 } from "@std/encoding/base64";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** RFC 5802 section 3: what SCRAM-SHA-256 checks against. */
export interface Verifier {
  /** Rounds of PBKDF2. */
  readonly iterations: number;
  /** The salt. */
  readonly salt: Uint8Array;
  /** H(HMAC(SaltedPassword, "Client Key")); 32 bytes. */
  readonly storedKey: Uint8Array;
  /** HMAC(SaltedPassword, "Server Key"); 32 bytes. */
  readonly serverKey: Uint8Array;
}

/**
 * Rounds of PBKDF2 for new hashes. Some 15 ms of one core: a client has to do
 * the same in its own language at each SCRAM login (Python 25 ms), and a server
 * that checks seventy a second on one core can't be kept busy by a few guessers.
 * RFC 7677 section 4 asks for 4,096 at least.
 */
export const DEFAULT_ITERATIONS = 100_000;

/** RFC 7677 section 4. */
export const MIN_ITERATIONS = 4_096;

/**
 * Most rounds taken from a file, or from a server that wants them done: a
 * second or less. More would let one login, or a hostile server, keep a core.
 */
export const MAX_ITERATIONS = 2_000_000;

/** Bytes of a new salt; as PostgreSQL and RFC 7677's example have. */
export const SALT_BYTES = 16;

/** Longest salt taken, in bytes. */
export const MAX_SALT_BYTES = 64;

/** Bytes of SHA-256. */
const HASH_BYTES = 32;

const FORM =
  /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/;

/** Reads a verifier as it is written; `undefined`: it is none. */
export function parseVerifier(text: string): Verifier | undefined {
  const [, rounds, saltText, storedText, serverText] = FORM.exec(text) ?? [];
  const iterations = Number(rounds);
  if (!(iterations >= MIN_ITERATIONS && iterations <= MAX_ITERATIONS)) {
    return undefined;
  }
  const salt = parseBase64(saltText!);
  const storedKey = parseBase64(storedText!);
  const serverKey = parseBase64(serverText!);
  const isWhole = salt !== undefined && salt.length > 0 &&
    salt.length <= MAX_SALT_BYTES && storedKey?.length === HASH_BYTES &&
    serverKey?.length === HASH_BYTES;
  return isWhole ? { iterations, salt, storedKey, serverKey } : undefined;
}

/** Writes a verifier. */
export function formatVerifier(verifier: Verifier): string {
  const { iterations, salt, storedKey, serverKey } = verifier;
  return `SCRAM-SHA-256$${iterations}:${encodeBase64(salt)}$${
    encodeBase64(storedKey)
  }:${encodeBase64(serverKey)}`;
}

/**
 * Makes the verifier of a password.
 *
 * @param password In its prepared form
 * @param salt Random, but where a known one is to be met
 */
export async function deriveVerifier(
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Verifier> {
  const salted = await saltPassword(password, salt, iterations);
  return {
    iterations,
    salt,
    storedKey: hash(hmac(salted, "Client Key")),
    serverKey: hmac(salted, "Server Key"),
  };
}

/** Whether the password, in its prepared form, is the verifier's. */
export async function verifyPassword(
  password: string,
  verifier: Verifier,
): Promise<boolean> {
  const { salt, iterations, storedKey } = verifier;
  const derived = await deriveVerifier(password, salt, iterations);
  return timingSafeEqual(derived.storedKey, storedKey);
}

/**
 * SaltedPassword of RFC 5802 section 3. WebCrypto does it beside the event loop,
 * and five times as fast as `node:crypto`.
 */
export async function saltPassword(
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(password),
    "PBKDF2",
    false,
    ["deriveBits"],
  );
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt: salt.slice(), iterations },
    key,
    HASH_BYTES * 8,
  );
  return new Uint8Array(bits);
}

/** HMAC-SHA-256. */
export function hmac(key: Uint8Array, text: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(text).digest());
}

/** SHA-256. */
export function hash(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** Bytes of base64, padded as RFC 4648 section 4 has it, or `undefined`. */
export function parseBase64(text: string): Uint8Array | undefined {
  // The decoder skips what it doesn't know; what encodes to the same was right.
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? new Uint8Array(bytes) : undefined;
}
