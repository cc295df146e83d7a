/**
 * What a player says in SCRAM-SHA-256 (RFC 5802, RFC 7677), as either end.
 *
 * The rule: what is reckoned is there at once, since in memory no time passes,
 * and a server says the same in every play. Nothing is checked: whether a proof
 * is right, and a signature, shows in what Postern says to it.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { pbkdf2Sync } from "node:crypto";
import { preparePassword, prepareUser } from "../sasl/prepare.ts";
import {
  clientProof,
  encodeName,
  makeNonce,
  parseAttributes,
} from "../sasl/scram.ts";
import {
  hash,
  hmac,
  MAX_ITERATIONS,
  MIN_ITERATIONS,
  parseBase64,
  type Verifier,
} from "../sasl/verifier.ts";

/** A server's salt, the same for everybody: nothing is kept. */
const SALT: Uint8Array = new TextEncoder().encode("salt of Postern.");

/** A server's part of the nonce, the same every time. */
const SERVER_NONCE = "Postern";

/** No channel binding, nobody acts for another. */
const GS2_HEADER = "n,,";

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

/** What a server knows of a user with that password. */
export function scramVerifier(password: string): Verifier {
  const prepared = preparePassword(password) ?? password;
  const salted = saltedPassword(prepared, SALT, MIN_ITERATIONS);
  return {
    iterations: MIN_ITERATIONS,
    salt: SALT,
    storedKey: hash(hmac(salted, "Client Key")),
    serverKey: hmac(salted, "Server Key"),
  };
}

/** A client's messages. */
export class ScramClient {
  #bare = "";

  /** The first one. RFC 5802 section 7, client-first-message. */
  first(user: string): string {
    const name = encodeName(prepareUser(user) ?? user);
    this.#bare = `n=${name},r=${makeNonce()}`;
    return GS2_HEADER + this.#bare;
  }

  /**
   * The second one, which proves the password.
   *
   * @param serverFirst What the server said to the first.
   * @returns `undefined` where that is no such message.
   */
  final(password: string, serverFirst: string): string | undefined {
    const [nonce, saltText, rounds] = parseAttributes(serverFirst, "rsi") ?? [];
    const salt = parseBase64(saltText ?? "");
    const iterations = Number(rounds);
    const isUsable = iterations >= 1 && iterations <= MAX_ITERATIONS;
    if (salt === undefined || !isUsable) return undefined;
    const prepared = preparePassword(password) ?? password;
    const salted = saltedPassword(prepared, salt, iterations);
    const withoutProof = `c=${encodeBase64(GS2_HEADER)},r=${nonce}`;
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`;
    const proof = encodeBase64(clientProof(salted, authMessage));
    return `${withoutProof},p=${proof}`;
  }
}

/** A server's messages. */
export class ScramServer {
  #bare = "";
  #first = "";

  /**
   * The first one. RFC 5802 section 7, server-first-message.
   *
   * @param clientFirst What the client began with.
   * @returns `undefined` where that is no such message.
   */
  first(password: string, clientFirst: string): string | undefined {
    this.#bare = clientFirst.replace(/^[^,]*,[^,]*,/, "");
    const [, nonce] = parseAttributes(this.#bare, "nr") ?? [];
    if (nonce === undefined) return undefined;
    const { salt, iterations } = scramVerifier(password);
    return this.#first = `r=${nonce}${SERVER_NONCE},s=${
      encodeBase64(salt)
    },i=${iterations}`;
  }

  /**
   * The last one: the server knows the password too.
   *
   * @param clientFinal What the client proved it with.
   */
  final(password: string, clientFinal: string): string {
    const withoutProof = clientFinal.replace(/,p=[^,]*$/, "");
    const authMessage = `${this.#bare},${this.#first},${withoutProof}`;
    const { serverKey } = scramVerifier(password);
    return `v=${encodeBase64(hmac(serverKey, authMessage))}`;
  }
}
