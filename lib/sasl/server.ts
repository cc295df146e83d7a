/**
 * The server's side of a SASL exchange, without a socket or clock.
 *
 * Each mechanism is one function, read from top to bottom, that yields its
 * challenges, gets what the client said, and returns the verdict. Responses
 * come decoded; every field has its bound.
 *
 * @module
 */

import type { Heard, ServerCourse, ServerVerdict } from "./course.ts";
import type { SaslMechanism } from "./mechanism.ts";
import { serveScram } from "./server_scram.ts";
import { serveOAuthBearer, serveXOAuth2 } from "./server_token.ts";
import { serveCramMd5, serveLogin, servePlain } from "./server_password.ts";
import type { Users } from "./users.ts";
import { parseBase64 } from "./verifier.ts";

export type { ServerVerdict } from "./course.ts";
export type { SaslMechanism } from "./mechanism.ts";

/** What the server does next in an exchange. */
export type ServerStep =
  | {
    /** 334 with these bytes, in base64; the client's answer goes to `respond`. */
    readonly type: "challenge";
    /** The challenge; it may be empty. */
    readonly bytes: Uint8Array;
  }
  | ServerVerdict;

/** One exchange, from AUTH to its verdict. */
export interface ServerExchange {
  /**
   * Takes what the client said.
   *
   * @param response Decoded from base64; `undefined` at first, where there was no initial response
   * @param signal Ends the wait; then it rejects with the signal's reason
   */
  respond(
    response: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<ServerStep>;
}

/**
 * Begins an exchange.
 *
 * @param mechanism What the client chose of what was offered
 * @param users Who knows whether credentials hold
 * @param hostname This server's name, for CRAM-MD5's challenge
 */
export function beginServerExchange(
  mechanism: SaslMechanism,
  users: Users,
  hostname: string,
): ServerExchange {
  let course: ServerCourse | undefined;
  return {
    async respond(response, signal) {
      const heard = { response, signal };
      const isFirst = course === undefined;
      course ??= begin(mechanism, heard, users, hostname);
      // What the first call of next() is given goes nowhere.
      const { done, value } =
        await (isFirst
          ? (course as AsyncIterator<Uint8Array, ServerVerdict>).next()
          : course.next(heard));
      if (value === undefined) throw new TypeError("The exchange is over");
      return done ? value : { type: "challenge", bytes: value };
    },
  };
}

function begin(
  mechanism: SaslMechanism,
  first: Heard,
  users: Users,
  hostname: string,
): ServerCourse {
  switch (mechanism) {
    case "PLAIN":
      return servePlain(first, users);
    case "LOGIN":
      return serveLogin(first, users);
    case "CRAM-MD5":
      return serveCramMd5(first, users, hostname);
    case "SCRAM-SHA-256":
      return serveScram(first, users);
    case "XOAUTH2":
      return serveXOAuth2(first, users);
    case "OAUTHBEARER":
      return serveOAuthBearer(first, users);
  }
}

/**
 * The bytes of a line of the exchange; `undefined`: it is not base64, which is
 * answered by 501. RFC 4954 section 4. The initial response "=" is to be given
 * as "", the empty one.
 */
export function parseResponse(line: string): Uint8Array | undefined {
  return parseBase64(line);
}
