/**
 * How a relay is greeted: connect, TLS, EHLO or HELO or LHLO, STARTTLS, AUTH.
 *
 * The rule: a certificate that was asked to hold is never given up for plain
 * text. What the relay said before TLS is thrown away (RFC 3207 section 4.2).
 *
 * @module
 */

import { REPLIES, type Reply } from "../engine/reply.ts";
import type { RelayTrack } from "../record/relay_track.ts";
import type { Connection } from "../transport/connection.ts";
import { dial as dialSocket } from "../transport/dial.ts";
import type { Sweep } from "../transport/sweep.ts";
import { startTls, type StartTlsOptions } from "../transport/tls.ts";
import { isDone } from "./answer.ts";
import { RelayConnection } from "./connection.ts";
import { logIn } from "./login.ts";
import {
  formatWords,
  RelayError,
  type RelaySettings,
  type RelayStep,
} from "./settings.ts";

/** What a relay is reached through. */
export interface RelayWorld {
  /** Watches the connections' deadlines, and has their clock. */
  readonly sweep: Sweep;
  /** Ends every attempt to open a connection. */
  readonly signal: AbortSignal;
  /** Connects; default: a socket. */
  readonly dial?: typeof dialSocket | undefined;
  /** Goes over to TLS; default: over what was dialled. */
  readonly startTls?: StartTls | undefined;
}

/** Makes a connection a secure one. */
export type StartTls = (
  connection: Connection,
  options: StartTlsOptions,
) => Promise<Connection>;

/** How long connecting may take, all addresses of the relay together, in ms. */
export const CONNECT_TIMEOUT_MS = 30_000;

/** How long a TLS handshake may take at most, in ms. */
export const HANDSHAKE_TIMEOUT_MS = 30_000;

/**
 * Opens a connection that is ready for MAIL.
 *
 * @throws {RelayError} With the step that failed.
 */
export async function openRelay(
  settings: RelaySettings,
  world: RelayWorld,
  track?: RelayTrack,
): Promise<RelayConnection> {
  try {
    return await open(settings, world, track);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    // Opportunistic TLS takes what it can get: RFC 7435 section 3.
    const mayFallBack = settings.tls === "opportunistic" &&
      settings.credentials === undefined && error.step === "STARTTLS";
    if (mayFallBack) {
      return await open({ ...settings, tls: "off" }, world, track);
    }
    // A token may have run out; whether another helps is found out once.
    if (error.mayLogInAgain) return await open(settings, world, track);
    throw error;
  }
}

async function open(
  settings: RelaySettings,
  world: RelayWorld,
  track: RelayTrack | undefined,
): Promise<RelayConnection> {
  const connection = await connect(settings, world);
  const tap = track?.opening();
  const relay = new RelayConnection(connection, settings, world.sweep, tap);
  const breakOff = () => relay.close();
  world.signal.addEventListener("abort", breakOff, { once: true });
  try {
    world.signal.throwIfAborted();
    if (settings.implicitTls) {
      relay.step = "TLS";
      await goSecure(relay, settings, world);
    }
    relay.step = "greeting";
    const [greeting] = await relay.ask(1);
    expect2xx(relay, greeting!.reply, REPLIES.relayDown);
    await hello(relay, settings);
    if (!settings.implicitTls) await offerTls(relay, settings, world);
    const { credentials } = settings;
    if (credentials !== undefined) {
      await logIn(relay, credentials, settings, world.signal);
    }
    tap?.ready();
    return relay;
  } catch (error) {
    // A relay that has refused is taken leave of: RFC 5321 section 4.1.1.10.
    const isRefusal = error instanceof RelayError && error.cause === undefined;
    if (isRefusal) await relay.quit();
    relay.close();
    throw error;
  } finally {
    world.signal.removeEventListener("abort", breakOff);
  }
}

async function connect(
  settings: RelaySettings,
  { signal, dial = dialSocket }: RelayWorld,
): Promise<Connection> {
  try {
    const timeoutMs = CONNECT_TIMEOUT_MS;
    return await dial(settings.address, { timeoutMs, signal });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new RelayError("connect", REPLIES.relayDown, problem, { cause });
  }
}

/** EHLO, and HELO where the relay doesn't know it. RFC 5321 section 3.2. */
async function hello(
  relay: RelayConnection,
  settings: RelaySettings,
): Promise<void> {
  const { helloName, protocol } = settings;
  relay.step = "EHLO";
  const isLmtp = protocol === "lmtp";
  relay.engine.hello(isLmtp ? "LHLO" : "EHLO", helloName);
  const [ehlo] = await relay.ask(1);
  if (isLmtp || ehlo!.reply.code < 500) {
    return expect2xx(relay, ehlo!.reply, REPLIES.relayDown);
  }
  relay.engine.hello("HELO", helloName);
  const [helo] = await relay.ask(1);
  expect2xx(relay, helo!.reply, REPLIES.relayDown);
}

/** STARTTLS where it is wanted and offered. RFC 3207. */
async function offerTls(
  relay: RelayConnection,
  settings: RelaySettings,
  world: RelayWorld,
): Promise<void> {
  const { tls } = settings;
  if (tls === "off") return;
  relay.step = "STARTTLS";
  if (!relay.capabilities.startTls) {
    if (tls === "opportunistic") return;
    throw new RelayError(
      relay.step,
      REPLIES.relayNotSecure,
      `relay.tls is "${tls}" and the relay does not offer STARTTLS`,
    );
  }
  relay.engine.startTls();
  const [answer] = await relay.ask(1);
  expect2xx(relay, answer!.reply, REPLIES.relayNotSecure);
  await goSecure(relay, settings, world);
  await hello(relay, settings);
}

/** The handshake. */
async function goSecure(
  relay: RelayConnection,
  { address, tls, caCerts, readTimeoutMs }: RelaySettings,
  { signal, startTls: upgrade = startTls }: RelayWorld,
): Promise<void> {
  const verify = tls === "verified";
  try {
    await relay.upgrade((connection) =>
      upgrade(connection, {
        hostname: "hostname" in address ? address.hostname : "localhost",
        verify,
        caCerts,
        timeoutMs: Math.min(HANDSHAKE_TIMEOUT_MS, readTimeoutMs),
        signal,
      })
    );
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new RelayError(relay.step, REPLIES.relayNotSecure, problem, {
      cause,
    });
  }
  relay.isSecure = true;
  relay.isVerified = verify;
}

function expect2xx(relay: RelayConnection, reply: Reply, heard: Reply): void {
  if (isDone(reply)) return;
  // It closes by itself: RFC 5321 section 3.8.
  if (reply.code === 421) relay.close();
  throw refused(relay.step, reply, heard);
}

function refused(step: RelayStep, reply: Reply, heard: Reply): RelayError {
  return new RelayError(step, heard, formatWords(reply));
}
