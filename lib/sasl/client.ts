/**
 * The client's side of a SASL exchange, without a socket or clock.
 *
 * @module
 */

import type { ClientExchange, ClientLogin } from "./client_exchange.ts";
import { SaslError } from "./client_exchange.ts";
import { ClientScram } from "./client_scram.ts";
import { createHmac } from "node:crypto";
import type { SaslMechanism } from "./mechanism.ts";
import { encodeText } from "./prepare.ts";
import { encodeName } from "./scram.ts";

export {
  type ClientExchange,
  type ClientLogin,
  SaslError,
} from "./client_exchange.ts";
export type { SaslMechanism } from "./mechanism.ts";

/** Longest challenge answered, in bytes: CRAM-MD5's is one name and some digits. */
const MAX_CHALLENGE_BYTES = 4_096;

/** Begins an exchange. */
export function beginClientExchange(
  mechanism: SaslMechanism,
  login: ClientLogin,
): ClientExchange {
  const { user, host, port } = login;
  // A function, so that the secret is uncovered only where it is sent.
  const secret = () => login.secret.reveal();
  switch (mechanism) {
    case "PLAIN":
      return oneWay(mechanism, `\0${user}\0${secret()}`, []);
    case "LOGIN":
      // Servers differ in what they ask, but not in the order.
      return oneWay(mechanism, undefined, [() => user, secret]);
    case "CRAM-MD5":
      return oneWay(mechanism, undefined, [
        (challenge) =>
          `${user} ${
            createHmac("md5", secret()).update(challenge).digest("hex")
          }`,
      ]);
    case "SCRAM-SHA-256":
      return new ClientScram(login);
    case "XOAUTH2":
      // What is refused is told in a challenge, to be answered by nothing.
      return oneWay(
        mechanism,
        `user=${user}\x01auth=Bearer ${secret()}\x01\x01`,
        [
          () => "",
        ],
      );
    case "OAUTHBEARER":
      // RFC 7628 section 3.1, and section 3.2.3 for a refusal.
      return oneWay(
        mechanism,
        `n,a=${encodeName(user)},\x01host=${host}\x01port=${port}` +
          `\x01auth=Bearer ${secret()}\x01\x01`,
        [() => "\x01"],
      );
  }
}

/** An exchange in which the server proves nothing: what answers which challenge. */
function oneWay(
  mechanism: SaslMechanism,
  initial: string | undefined,
  answers: readonly ((challenge: Uint8Array) => string)[],
): ClientExchange {
  const left = [...answers];
  return {
    mechanism,
    initial: initial === undefined ? undefined : encodeText(initial),
    // deno-lint-ignore require-await -- what is thrown must reject
    async respond(challenge) {
      const answer = left.shift();
      if (answer === undefined || challenge.length > MAX_CHALLENGE_BYTES) {
        throw new SaslError(
          `Server asks for more than ${mechanism} has: expected its verdict`,
        );
      }
      return encodeText(answer(challenge));
    },
    accepted() {},
  };
}

/** The best mechanism of those offered, or none that may be used. */
export function bestMechanism(
  offered: ReadonlySet<string>,
  kind: "password" | "token",
): SaslMechanism | undefined {
  return ORDER[kind].find((mechanism) => offered.has(mechanism));
}

/**
 * Best first. CRAM-MD5 comes last: its digest is weak, and a server that has
 * only hashes of passwords can't do it even where it offers it.
 */
const ORDER: Readonly<Record<"password" | "token", readonly SaslMechanism[]>> =
  {
    password: ["SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"],
    token: ["OAUTHBEARER", "XOAUTH2"],
  };
