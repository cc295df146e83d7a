/**
 * What an exchange is to a client.
 *
 * @module
 */

import type { Secret } from "../secret.ts";
import type { SaslMechanism } from "./mechanism.ts";

/** The server does not keep to the mechanism, or can't prove who it is. */
export class SaslError extends Error {
  /** The class's name. */
  override name = "SaslError";
}

/** Who logs in where. */
export interface ClientLogin {
  /** The user's name. */
  readonly user: string;
  /** Its password, or token. */
  readonly secret: Secret;
  /** The server's host, for OAUTHBEARER. */
  readonly host: string;
  /** The server's port, for OAUTHBEARER. */
  readonly port: number;
}

/** One exchange, from AUTH to the server's verdict. */
export interface ClientExchange {
  /** What goes into the AUTH command. */
  readonly mechanism: SaslMechanism;
  /** What goes with it, before base64; `undefined`: the server speaks first. */
  readonly initial: Uint8Array | undefined;
  /**
   * The answer to a 334's bytes; empty for an empty line.
   *
   * @throws {SaslError} The exchange is to be cancelled with `*`.
   */
  respond(challenge: Uint8Array): Promise<Uint8Array>;
  /**
   * Says that the server accepted (235).
   *
   * @throws {SaslError} It has not proven that it knows the password, as
   * SCRAM asks of it: the connection is not to be used.
   */
  accepted(): void;
}
