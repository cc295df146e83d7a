/**
 * Sending one message, as a client.
 *
 * @module
 */

import { isAscii } from "node:buffer";
import type { ListenAddress } from "./address.ts";
import { parseRelayUrl, type RelayAddress } from "./config/address.ts";
import type { Config } from "./config/config.ts";
import { defaultConfig } from "./config/load.ts";
import { Stuffer } from "./engine/dots.ts";
import type { RcptCommand } from "./engine/events.ts";
import { type Mailbox, parseMailbox, type ReversePath } from "./engine/path.ts";
import { isPositive, type Reply } from "./engine/reply.ts";
import { silentLog } from "./log/log.ts";
import { machine } from "./machine.ts";
import { RelayHop } from "./relay/hop.ts";
import { RelayPool } from "./relay/pool.ts";
import { readCaCerts, relaySettings } from "./relays.ts";
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

/** Whom {@linkcode sendMessage} sends for, where to, and how. */
export interface Sending {
  /** Whom the message is from and for. */
  readonly envelope: Envelope;
  /** The server that gets it. */
  readonly server: RelayAddress;
  /** How servers are reached. */
  readonly config: Config;
  /** Breaks it off; what was not answered 250 by then is not sent. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends `message`.
 *
 * A bare CR or LF becomes CRLF, and lines that begin with a dot are stuffed.
 * Resolves with each recipient's fate, also where nothing could be delivered.
 */
export async function sendMessage(
  message: Uint8Array,
  { envelope, server, config, signal = new AbortController().signal }: Sending,
): Promise<readonly Fate[]> {
  const settings = relaySettings(config, server, readCaCerts(config));
  using sweep = new Sweep();
  const breakOff = () => sweep.closeAll();
  signal.addEventListener("abort", breakOff, { once: true });
  const pool = new RelayPool({ ...settings, pool: 0 }, { sweep, signal });
  const parameters = parametersOf(message, envelope);
  const mail = { sender: envelope.sender, parameters };
  const hop = new RelayHop(pool, mail, silentLog());
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
  const verdicts = await deliver(hop, message);
  let next = 0;
  return fates.map((fate, i) => {
    if (!fate.delivered) return fate;
    const verdict = verdicts[next++] ?? verdicts[0]!;
    return fateOf(recipients[i]!, verdict);
  });
}

/** How much of the message is stuffed at a time, in bytes. */
const PIECE_BYTES = 64 * 1_024;

/** One verdict for all, or one for each recipient that was accepted. */
async function deliver(
  hop: RelayHop,
  message: Uint8Array,
): Promise<readonly Reply[]> {
  const go = await hop.data("");
  if (!isPositive(go)) {
    await hop.abort();
    return [go];
  }
  const stuffer = new Stuffer();
  for (let at = 0; at < message.length; at += PIECE_BYTES) {
    await hop.write(stuffer.add(message.subarray(at, at + PIECE_BYTES)));
  }
  await hop.write(stuffer.endOfLine());
  const said = await hop.finish();
  return "code" in said ? [said] : said;
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
  /** The sender; `""` or `<>` for none. */
  readonly from: string;
  /** The recipients. */
  readonly to: readonly string[];
  /**
   * `HOST`, `HOST:PORT`, `smtp://USER:PWD@HOST:587`, `smtps://HOST`,
   * `unix:/PATH` and the like, or an address of a {@linkcode Server}.
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
  const { from, to, server, tls, signal } = options;
  const config = defaultConfig({ hostname: machine().hostname });
  return await sendMessage(bytes, {
    envelope: parseEnvelope(from, to),
    server: parseServer(server),
    config: { ...config, relay: { ...config.relay, tls } },
    signal,
  });
}

/**
 * Reads whom a message is from and for.
 *
 * @param from The sender; `""` or `<>` for none.
 * @param to The recipients.
 * @throws {TypeError} One can't be parsed.
 */
export function parseEnvelope(from: string, to: readonly string[]): Envelope {
  return {
    sender: from === "" || from === "<>" ? null : mailboxOf(from),
    recipients: to.map(mailboxOf),
  };
}

function mailboxOf(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (parsed.ok) return parsed.value;
  throw new TypeError(
    `Cannot parse address "${text}": expected ${parsed.expected} at column ${
      parsed.at + 1
    }`,
  );
}

/**
 * Reads where to send to: as `relay.url`, or where a server listens.
 *
 * @throws {TypeError} It can't be parsed; since it may hold a password, the
 * message does not repeat it.
 */
export function parseServer(
  server: string | ListenAddress | undefined,
): RelayAddress {
  if (server === undefined) {
    throw new TypeError("Cannot send: expected a server");
  }
  if (typeof server !== "string") {
    const { scheme } = server;
    return server.transport === "unix"
      ? { ...server, scheme: scheme === "lmtp" ? scheme : "unix" }
      : { ...server, scheme: scheme ?? "smtp" };
  }
  const parsed = parseRelayUrl(server);
  if (!parsed.ok) {
    throw new TypeError(`Cannot parse the server: expected ${parsed.expected}`);
  }
  const address = parsed.value;
  if (
    "user" in address && address.user !== undefined &&
    address.password === undefined
  ) throw new TypeError("Cannot parse the server: expected USER:PWD before @");
  return address;
}
