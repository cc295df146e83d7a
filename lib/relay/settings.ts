/**
 * What is known of a relay before it is spoken to, and what can go wrong there.
 *
 * @module
 */

import type { Reply } from "../engine/reply.ts";
import type { Secret } from "../secret.ts";

/** How a relay is reached. */
export interface RelaySettings {
  /** Host name or bare address; or the path of a Unix socket. */
  readonly address:
    | { readonly hostname: string; readonly port: number }
    | { readonly path: string };
  /** Who this server is in EHLO. */
  readonly helloName: string;
  /**
   * `off`: plain. `opportunistic`: TLS where it can be had, whatever the
   * certificate. `required`: not without TLS. `verified`: nor without a
   * certificate that holds.
   */
  readonly tls: "off" | "opportunistic" | "required" | "verified";
  /** Roots beside the built-in ones; PEM. */
  readonly caCerts: readonly string[];
  /** Credentials, where the relay wants some. */
  readonly credentials?: {
    readonly user: string;
    readonly password: Secret;
  };
  /** Most connections kept idle. */
  readonly pool: number;
  /** How long a reply may take, in ms; the final dot's has its own bound. */
  readonly readTimeoutMs: number;
  /** How long one write may take, in ms. */
  readonly writeTimeoutMs: number;
}

/** The relay as it is named in logs: never with a password. */
export function relayName(settings: RelaySettings): string {
  const { address } = settings;
  if ("path" in address) return `unix:${address.path}`;
  const { hostname, port } = address;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

/** Where in the dialogue with a relay something happened. */
export type RelayStep =
  | "connect"
  | "greeting"
  | "EHLO"
  | "STARTTLS"
  | "AUTH"
  | "MAIL FROM"
  | "RCPT TO"
  | "DATA"
  | "message"
  | "final dot";

/**
 * The relay failed: not its verdict on a message, but no verdict.
 *
 * The client hears `reply`, a general sentence; the log gets the rest.
 */
export class RelayError extends Error {
  /** The class's name. */
  override name = "RelayError";
  /** Where it happened. */
  readonly step: RelayStep;
  /** What the client hears: a 451. */
  readonly reply: Reply;
  /**
   * Whether the relay just let go of a connection it was not answering on:
   * then a fresh one may be asked the same.
   */
  readonly isStale: boolean;

  /** `problem` is for the log: what came, and what was expected. */
  constructor(
    step: RelayStep,
    reply: Reply,
    problem: string,
    options: { cause?: unknown; isStale?: boolean } = {},
  ) {
    super(`Relay failed at ${step}: ${problem}`, { cause: options.cause });
    this.step = step;
    this.reply = reply;
    this.isStale = options.isStale ?? false;
  }
}
