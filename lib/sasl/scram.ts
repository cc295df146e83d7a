/**
 * What both sides of SCRAM-SHA-256 (RFC 5802, RFC 7677) share: messages as
 * attributes, names, nonces, proofs.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { hash, hmac } from "./verifier.ts";

/** Longest message taken, in bytes: a name whose every character is escaped, nonces, proof. */
export const MAX_SCRAM_BYTES = 2_048;

/** Longest nonce taken, in characters; both sides' together. */
export const MAX_NONCE_CHARS = 512;

/** Random bytes of a nonce: nobody guesses or meets it again. */
const NONCE_BYTES = 18;

/** RFC 5802 section 7: printable, without the comma. */
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;

/** Makes this side's part of the nonce. */
export function makeNonce(): string {
  return encodeBase64(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
}

/** Whether the text can be a nonce. */
export function isNonce(text: string): boolean {
  return text.length <= MAX_NONCE_CHARS && NONCE.test(text);
}

/**
 * Takes a message apart into its attributes, which must have these names in
 * this order. Optional ones may follow (RFC 5802 section 5.1, extensions) and
 * are not looked at.
 *
 * @returns Their values, or `undefined` where it is not such a message
 */
export function parseAttributes(
  message: string,
  names: string,
): string[] | undefined {
  const parts = message.split(",");
  const isAttribute = (part: string) => /^[A-Za-z]=./.test(part);
  if (parts.length < names.length || !parts.every(isAttribute)) {
    return undefined;
  }
  const isInOrder = [...names].every((name, i) => parts[i]![0] === name);
  return isInOrder
    ? parts.slice(0, names.length).map((part) => part.slice(2))
    : undefined;
}

/** A name as an attribute has it. RFC 5802 section 5.1. */
export function encodeName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** The name in an attribute, or `undefined`: a "=" that is no escape. */
export function decodeName(text: string): string | undefined {
  if (/=(?!3D|2C)/.test(text)) return undefined;
  return text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

/** The bytes that differ in two values of the same length: XOR. */
export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ b[i]!);
}

/** ClientProof of RFC 5802 section 3. */
export function clientProof(
  saltedPassword: Uint8Array,
  authMessage: string,
): Uint8Array {
  const clientKey = hmac(saltedPassword, "Client Key");
  return xor(clientKey, hmac(hash(clientKey), authMessage));
}
