/**
 * What stands in the lines of an AUTH exchange, mechanism by mechanism: the
 * client's answers, and what a server asks.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { encodeName } from "../sasl/scram.ts";
import { ScramClient, ScramServer } from "./scram.ts";

/** A value's two halves. */
export interface Pair {
  /** The user. */
  readonly user: string;
  /** The password, or token. */
  readonly password: string;
}

/**
 * One line, before base64; `undefined`: what it answers was not said, or is none
 * that can be answered.
 *
 * @param pair Who logs in.
 * @param heard What the other end said last, base64 taken off.
 */
export type Words = (pair: Pair, heard: Heard) => string | undefined;

/** What the other end said last; `undefined`: nothing, or no base64. */
export type Heard = Uint8Array | undefined;

/** The answers of each mechanism, in their order; each time for one exchange. */
export const ANSWERS: Readonly<Record<string, () => readonly Words[]>> = {
  // RFC 4616 section 2.
  PLAIN: () => [({ user, password }) => `\0${user}\0${password}`],
  LOGIN: () => [({ user }) => user, ({ password }) => password],
  // RFC 2195 section 2.
  "CRAM-MD5": () => [({ user, password }, challenge) =>
    challenge &&
    `${user} ${createHmac("md5", password).update(challenge).digest("hex")}`],
  // The server's signature is answered by nothing. RFC 5802 section 5.
  "SCRAM-SHA-256": () => {
    const scram = new ScramClient();
    return [
      ({ user }) => scram.first(user),
      ({ password }, heard) => heard && scram.final(password, textOf(heard)),
      () => "",
    ];
  },
  // Google's; an error comes as a challenge, and is answered with nothing.
  XOAUTH2: () => [
    ({ user, password }) => `user=${user}\x01auth=Bearer ${password}\x01\x01`,
    () => "",
  ],
  // RFC 7628 sections 3.1 and 3.2.3.
  OAUTHBEARER: () => [
    ({ user, password }) =>
      `n,a=${encodeName(user)},\x01auth=Bearer ${password}\x01\x01`,
    () => "\x01",
  ],
};

/** What a server asks, where that is more than an empty line. */
export const CHALLENGES: Readonly<Record<string, () => readonly Words[]>> = {
  LOGIN: () => [() => "Username:", () => "Password:"],
  "CRAM-MD5": () => [() => "<1.2@relay.test>"],
  "SCRAM-SHA-256": () => {
    const scram = new ScramServer();
    return [
      ({ password }, heard) => heard && scram.first(password, textOf(heard)),
      ({ password }, heard) => heard && scram.final(password, textOf(heard)),
    ];
  },
  XOAUTH2: () => [() => '{"status":"401","schemes":"bearer","scope":""}'],
  OAUTHBEARER: () => [() => '{"status":"invalid_token"}'],
};

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
