/**
 * How this server logs in to a relay: AUTH. RFC 4954.
 *
 * The rule: credentials leave this machine only under TLS, and stand in no
 * error, even where the relay repeats them. A relay that can't prove what its
 * mechanism has it prove gets no message.
 *
 * @module
 */

import { decodeBase64 } from "@std/encoding/base64";
import { Buffer } from "node:buffer";
import { MAX_AUTH_LINE_BYTES } from "../engine/options.ts";
import { REPLIES, type Reply } from "../engine/reply.ts";
import {
  beginClientExchange,
  bestMechanism,
  type ClientExchange,
  SaslError,
  type SaslMechanism,
} from "../sasl/client.ts";
import { SecretError } from "../sasl/secret_source.ts";
import { type Secret, SECRET_DOTS } from "../secret.ts";
import { isDone } from "./answer.ts";
import type { RelayConnection } from "./connection.ts";
import {
  formatWords,
  type RelayCredentials,
  RelayError,
  type RelaySettings,
} from "./settings.ts";

/** Whatever was wrong with the credentials. RFC 4954 section 6. */
const NOT_ACCEPTED = 535;

/**
 * Logs in.
 *
 * @throws {RelayError} It can't be done, or the relay does not accept it.
 */
export async function logIn(
  relay: RelayConnection,
  credentials: RelayCredentials,
  { address }: RelaySettings,
  signal: AbortSignal,
): Promise<void> {
  relay.step = "AUTH";
  const mechanism = mechanismFor(relay, credentials);
  const secret = await secretOf(credentials, signal);
  const said: string[] = [];
  try {
    const exchange = beginClientExchange(mechanism, {
      user: credentials.user,
      secret,
      ...("path" in address
        ? { host: "localhost", port: 0 }
        : { host: address.hostname, port: address.port }),
    });
    const reply = await converse(relay, exchange, said);
    if (!isDone(reply)) throw refused(relay, reply, credentials, secret, said);
    exchange.accepted();
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    throw failed(error.message);
  }
  relay.isAuthenticated = true;
}

/** Which way it is said, where it may be said at all. */
function mechanismFor(
  relay: RelayConnection,
  { mechanism, secret }: RelayCredentials,
): SaslMechanism {
  if (!relay.isSecure && !isThisMachine(relay.remote)) {
    throw new RelayError(
      "AUTH",
      REPLIES.relayNotSecure,
      "credentials are not sent without TLS",
    );
  }
  const { auth } = relay.capabilities;
  const best = mechanism ?? bestMechanism(auth, secret.kind);
  if (best !== undefined && auth.has(best)) return best;
  const offered = auth.size === 0 ? "no AUTH" : `AUTH ${[...auth].join(" ")}`;
  const wanted = best ?? `a mechanism for a ${secret.kind}`;
  throw failed(`the relay offers ${offered}: expected ${wanted}`);
}

/** Loopback addresses and Unix sockets: RFC 1122 section 3.2.1.3, RFC 4291. */
function isThisMachine(address: string): boolean {
  return address === "" || address === "::1" || /^127\.[0-9.]+$/.test(address);
}

async function secretOf(
  { secret }: RelayCredentials,
  signal: AbortSignal,
): Promise<Secret> {
  try {
    return await secret.get(signal);
  } catch (error) {
    if (!(error instanceof SecretError) && !signal.aborted) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new RelayError("AUTH", REPLIES.localError, problem);
  }
}

/** The exchange, up to the relay's verdict. What was sent is added to `said`. */
async function converse(
  relay: RelayConnection,
  exchange: ClientExchange,
  said: string[],
): Promise<Reply> {
  const { mechanism, initial } = exchange;
  /** An initial response that waits for an empty 334. */
  let late = initial === undefined ? undefined : inBase64(initial);
  const first = late === "" ? "=" : late;
  if (first === undefined || !fitsLine(mechanism, first)) {
    relay.engine.auth(mechanism);
  } else {
    said.push(first);
    relay.engine.auth(mechanism, first);
    late = undefined;
  }
  let { reply } = (await relay.ask(1))[0]!;
  // An exchange throws where it is asked on for longer than it goes.
  while (reply.code === 334) {
    let response = late;
    late = undefined;
    if (response === undefined) {
      const challenge = challengeOf(reply);
      if (challenge === undefined) {
        return await cancel(relay, "the relay's 334 is not in base64");
      }
      try {
        response = inBase64(await exchange.respond(challenge));
      } catch (error) {
        if (!(error instanceof SaslError)) throw error;
        return await cancel(relay, error.message);
      }
    }
    said.push(response);
    relay.engine.respond(response);
    reply = (await relay.ask(1))[0]!.reply;
  }
  return reply;
}

function inBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function fitsLine(mechanism: string, initial: string): boolean {
  const line = `AUTH ${mechanism} ${initial}\r\n`;
  return line.length <= MAX_AUTH_LINE_BYTES;
}

/** What a 334 asks; `undefined` where it can't be read. */
function challengeOf({ text }: Reply): Uint8Array | undefined {
  try {
    return typeof text === "string" ? decodeBase64(text.trim()) : undefined;
  } catch {
    return undefined;
  }
}

/** Ends the exchange from our side. RFC 4954 section 4. */
async function cancel(
  relay: RelayConnection,
  problem: string,
): Promise<never> {
  relay.engine.respond("*");
  // Whatever it says to that, it is over.
  await relay.ask(1).catch(() => {});
  throw failed(problem);
}

function refused(
  relay: RelayConnection,
  reply: Reply,
  { secret: source }: RelayCredentials,
  secret: Secret,
  said: readonly string[],
): RelayError {
  // It closes by itself: RFC 5321 section 3.8.
  if (reply.code === 421) relay.close();
  const mayLogInAgain = reply.code === NOT_ACCEPTED && source.refused(secret);
  let words = formatWords(reply);
  const text = secret.reveal();
  const encoded = inBase64(new TextEncoder().encode(text));
  for (const each of [text, encoded, ...said]) {
    if (each.length > 1) words = words.replaceAll(each, SECRET_DOTS);
  }
  return failed(words, mayLogInAgain);
}

function failed(problem: string, mayLogInAgain = false): RelayError {
  return new RelayError("AUTH", REPLIES.relayNeedsAuth, problem, {
    mayLogInAgain,
  });
}
