/**
 * What is known of a relay before it is spoken to, and what can go wrong there.
 *
 * @module
 */

import { formatHostPort } from "../address.ts";
import type { Answer } from "../engine/client.ts";
import { type Reply, replyLines } from "../engine/reply.ts";
import type { Secret } from "../secret.ts";
import type { Target } from "../transport/dial.ts";

/**
 * How long the relay may take over the final dot, in ms: giving up earlier
 * than it does makes a double. RFC 5321 section 4.5.3.2.6.
 */
export const FINAL_DOT_TIMEOUT_MS = 10 * 60 * 1_000;

/** How a relay is reached. */
export interface RelaySettings {
  /** Host name or bare address; or the path of a Unix socket. */
  readonly address: Target;
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
  /**
   * How long the relay may take over the final dot, in ms.
   * @default {FINAL_DOT_TIMEOUT_MS}
   */
  readonly finalDotTimeoutMs?: number;
  /** How long one write may take, in ms. */
  readonly writeTimeoutMs: number;
}

/** The relay as it is named in logs: never with a password. */
export function relayName(settings: RelaySettings): string {
  const { address } = settings;
  return "path" in address
    ? `unix:${address.path}`
    : formatHostPort(address.hostname, address.port);
}

/** What the relay said, for logs. */
export function formatWords(reply: Reply): string {
  const { code, status } = reply;
  return [code, ...status === undefined ? [] : [status], ...replyLines(reply)]
    .join(" ");
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
  /** What was answered of what was asked. */
  readonly answers: readonly Answer[];

  /** `problem` is for the log: what came, and what was expected. */
  constructor(
    step: RelayStep,
    reply: Reply,
    problem: string,
    options: {
      cause?: unknown;
      isStale?: boolean;
      answers?: readonly Answer[];
    } = {},
  ) {
    super(`Relay failed at ${step}: ${problem}`, { cause: options.cause });
    this.step = step;
    this.reply = reply;
    this.isStale = options.isStale ?? false;
    this.answers = options.answers ?? [];
  }
}
