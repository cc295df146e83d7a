/**
 * What is known of a relay before it is spoken to, and what can go wrong there.
 *
 * @module
 */

import { formatHostPort } from "../address.ts";
import type { Answer } from "../engine/client.ts";
import { type Reply, replyLines } from "../engine/reply.ts";
import type { SaslMechanism } from "../sasl/client.ts";
import type { SecretSource } from "../sasl/secret_source.ts";
import type { Target } from "../transport/dial.ts";

/**
 * How long the relay may take over the final dot, in ms: giving up earlier
 * than it does makes a double. RFC 5321 section 4.5.3.2.6.
 */
export const FINAL_DOT_TIMEOUT_MS = 10 * 60 * 1_000;

/** Whom the relay is to take this server for. */
export interface RelayCredentials {
  /** How it is said; absent: the best way that the relay offers. */
  readonly mechanism?: SaslMechanism | undefined;
  /** The user's name. */
  readonly user: string;
  /** Where the password or the token comes from. */
  readonly secret: SecretSource;
}

/** How a relay is reached. */
export interface RelaySettings {
  /** Host name or bare address; or the path of a Unix socket. */
  readonly address: Target;
  /**
   * LMTP gives a verdict for each recipient. RFC 2033.
   * @default {"smtp"}
   */
  readonly protocol?: "smtp" | "lmtp";
  /**
   * Whether TLS comes before the greeting (`smtps://`). RFC 8314 section 3.3.
   * @default {false}
   */
  readonly implicitTls?: boolean;
  /** Who this server is in EHLO. */
  readonly helloName: string;
  /**
   * `off`: plain. `opportunistic`: TLS where it can be had, whatever the
   * certificate. `required`: not without TLS. `verified`: nor without a
   * certificate that holds. Under `implicitTls` there is no plain to fall back
   * to: all but `verified` mean TLS, whatever the certificate.
   */
  readonly tls: "off" | "opportunistic" | "required" | "verified";
  /** Roots beside the built-in ones; PEM. */
  readonly caCerts: readonly string[];
  /** Credentials, where the relay wants some. */
  readonly credentials?: RelayCredentials;
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
  | "TLS"
  | "STARTTLS"
  | "AUTH"
  | "MAIL FROM"
  | "RCPT TO"
  | "DATA"
  | "message"
  | "final dot"
  | "last chunk";

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
  /** Whether another secret can be had than the one that was refused. */
  readonly mayLogInAgain: boolean;
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
      mayLogInAgain?: boolean;
      answers?: readonly Answer[];
    } = {},
  ) {
    super(`Relay failed at ${step}: ${problem}`, { cause: options.cause });
    this.step = step;
    this.reply = reply;
    this.isStale = options.isStale ?? false;
    this.mayLogInAgain = options.mayLogInAgain ?? false;
    this.answers = options.answers ?? [];
  }
}
