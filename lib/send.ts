/**
 * Sending one message, as a client.
 *
 * @module
 */

import { isAscii } from "node:buffer";
import {
  type ListenAddress,
  parseRelayUrl,
  type RelayAddress,
} from "./config/address.ts";
import { defaultConfig } from "./config/load.ts";
import { Stuffer } from "./engine/dots.ts";
import type { RcptCommand } from "./engine/events.ts";
import { type Mailbox, parseMailbox, type ReversePath } from "./engine/path.ts";
import { isPositive, type Reply } from "./engine/reply.ts";
import { type Log, silentLog } from "./log/log.ts";
import { machine } from "./machine.ts";
import { RelayHop } from "./relay/hop.ts";
import { RelayPool } from "./relay/pool.ts";
import type { RelaySettings } from "./relay/settings.ts";
import { relaySettings } from "./runtime.ts";
import { Sweep } from "./transport/sweep.ts";

/** Whom a message is from and for. */
export interface Envelope {
  /** The sender; `null` for a bounce. */
  readonly sender: ReversePath;
  /** The recipients. */
  readonly recipients: readonly Mailbox[];
}

/** What became of one recipient. */
export interface Fate {
  /** The recipient's address. */
  readonly recipient: string;
  /** Whether the server took the message for it. */
  readonly delivered: boolean;
  /** Where in the dialogue it was decided: `connect`, `RCPT TO`, `final dot`. */
  readonly step: string;
  /** What the server said; a 451 of our own where it said nothing fit. */
  readonly reply: Reply;
  /** What went wrong, where the server gave no verdict. */
  readonly error?: Error;
}

/** How {@linkcode sendMessage} works. */
export interface SendingOptions {
  /** Breaks it off; what was not answered 250 by then is not sent. */
  readonly signal?: AbortSignal | undefined;
  /** Where the trouble with the server is told in full; default: nowhere. */
  readonly log?: Log | undefined;
}

/**
 * Sends `message` to the server that `settings` name.
 *
 * A bare CR or LF becomes CRLF, and lines that begin with a dot are stuffed.
 * Resolves with each recipient's fate, also where nothing could be delivered.
 */
export async function sendMessage(
  message: Uint8Array,
  envelope: Envelope,
  settings: RelaySettings,
  options: SendingOptions = {},
): Promise<readonly Fate[]> {
  const { signal = new AbortController().signal, log = silentLog() } = options;
  using sweep = new Sweep();
  const breakOff = () => sweep.closeAll();
  signal.addEventListener("abort", breakOff, { once: true });
  const pool = new RelayPool({ ...settings, pool: 0 }, { sweep, signal });
  const parameters = parametersOf(message, envelope);
  const hop = new RelayHop(pool, { sender: envelope.sender, parameters }, log);
  try {
    return await fatesOf(hop, envelope.recipients, message);
  } finally {
    await pool.close();
    signal.removeEventListener("abort", breakOff);
  }
}

async function fatesOf(
  hop: RelayHop,
  recipients: readonly Mailbox[],
  message: Uint8Array,
): Promise<readonly Fate[]> {
  const fateOf = (recipient: Mailbox, reply: Reply): Fate => ({
    recipient: recipient.address,
    delivered: isPositive(reply),
    step: hop.step,
    reply,
    ...(hop.error === undefined ? {} : { error: hop.error }),
  });
  const answers = await hop.rcpt(recipients.map(toCommand));
  const fates = recipients.map((each, i) => fateOf(each, answers[i]!));
  if (!answers.some(isPositive)) {
    await hop.abort();
    return fates;
  }
  const verdict = await deliver(hop, message);
  return fates.map((fate, i) =>
    fate.delivered ? fateOf(recipients[i]!, verdict) : fate
  );
}

/** How much of the message is stuffed at a time, in bytes. */
const PIECE_BYTES = 64 * 1_024;

async function deliver(hop: RelayHop, message: Uint8Array): Promise<Reply> {
  const go = await hop.data("");
  if (!isPositive(go)) {
    await hop.abort();
    return go;
  }
  const stuffer = new Stuffer();
  for (let at = 0; at < message.length; at += PIECE_BYTES) {
    await hop.write(stuffer.add(message.subarray(at, at + PIECE_BYTES)));
  }
  await hop.write(stuffer.endOfLine());
  return await hop.finish();
}

function parametersOf(
  message: Uint8Array,
  { sender, recipients }: Envelope,
): { size: number; body?: "8BITMIME"; smtputf8: boolean } {
  return {
    size: message.length,
    ...(isAscii(message) ? {} : { body: "8BITMIME" }),
    smtputf8: [sender, ...recipients].some((mailbox) => mailbox?.utf8),
  };
}

function toCommand(recipient: Mailbox): RcptCommand {
  return { verb: "RCPT", recipient, parameters: {} };
}

/** Whom {@linkcode send} sends for, and where to. */
export interface SendOptions {
  /** The sender; `""` for none. */
  readonly from: string;
  /** The recipients. */
  readonly to: readonly string[];
  /**
   * `HOST`, `HOST:PORT`, `plain://USER:PWD@HOST:587`, `unix:/PATH`, or an
   * address of a {@linkcode Server}.
   */
  readonly server: string | ListenAddress | undefined;
  /** How TLS is used; default: `verified` with credentials, else `opportunistic`. */
  readonly tls?: "off" | "opportunistic" | "required" | "verified";
  /** Breaks it off. */
  readonly signal?: AbortSignal;
}

/**
 * Sends one message. A bare CR or LF in it becomes CRLF.
 *
 * Resolves with each recipient's fate, also where the server could not be
 * reached.
 *
 * @throws {TypeError} An address or the server's can't be parsed.
 */
export async function send(
  message: string | Uint8Array,
  options: SendOptions,
): Promise<readonly Fate[]> {
  const bytes = typeof message === "string"
    ? new TextEncoder().encode(message)
    : message;
  const envelope = {
    sender: options.from === "" ? null : mailboxOf(options.from),
    recipients: options.to.map(mailboxOf),
  };
  const address = addressOf(options.server);
  const settings = relaySettings(
    defaultConfig({ hostname: machine().hostname }),
    address,
    [],
  );
  const hasUser = "user" in address && address.user !== undefined;
  const tls = options.tls ?? (hasUser ? "verified" : "opportunistic");
  const { signal } = options;
  return await sendMessage(bytes, envelope, { ...settings, tls }, { signal });
}

function mailboxOf(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (parsed.ok) return parsed.value;
  throw new TypeError(
    `Cannot parse address "${text}": expected ${parsed.expected}`,
  );
}

function addressOf(server: string | ListenAddress | undefined): RelayAddress {
  if (server === undefined) {
    throw new TypeError("Cannot send: expected a server");
  }
  if (typeof server !== "string") {
    return server.transport === "unix" ? { ...server, scheme: "unix" } : {
      transport: "tcp",
      scheme: "smtp",
      host: server.hostname,
      port: server.port,
    };
  }
  const parsed = parseRelayUrl(server);
  if (parsed.ok) return parsed.value;
  throw new TypeError(`Cannot parse the server: expected ${parsed.expected}`);
}
