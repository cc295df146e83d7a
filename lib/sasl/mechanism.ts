/**
 * The SASL mechanisms that Postern speaks, as server and as client.
 *
 * No channel binding ("-PLUS"): the runtime has no exporter of keying material.
 *
 * @module
 */

/** A mechanism, by its registered name. */
export type SaslMechanism =
  | "PLAIN"
  | "LOGIN"
  | "CRAM-MD5"
  | "SCRAM-SHA-256"
  | "XOAUTH2"
  | "OAUTHBEARER";

/** All of them. */
export const SASL_MECHANISMS: readonly SaslMechanism[] = [
  "PLAIN",
  "LOGIN",
  "CRAM-MD5",
  "SCRAM-SHA-256",
  "XOAUTH2",
  "OAUTHBEARER",
];

/** Whether a mechanism of that name, in capitals, is spoken. */
export function isSaslMechanism(name: string): name is SaslMechanism {
  return (SASL_MECHANISMS as readonly string[]).includes(name);
}

/** Whether the mechanism shows a bearer token instead of a password. */
export function isTokenMechanism(mechanism: SaslMechanism): boolean {
  return mechanism === "XOAUTH2" || mechanism === "OAUTHBEARER";
}
