/**
 * How a relay is greeted: connect, EHLO or HELO, STARTTLS, AUTH.
 *
 * The rule: credentials leave this machine only under TLS, and a certificate
 * that was asked to hold is never given up for plain text. What the relay said
 * before TLS is thrown away (RFC 3207 section 4.2).
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { REPLIES, type Reply } from "../engine/reply.ts";
import type { RelayTrack } from "../record/relay_track.ts";
import type { Connection } from "../transport/connection.ts";
import { dial as dialSocket } from "../transport/dial.ts";
import type { Sweep } from "../transport/sweep.ts";
import { startTls, type StartTlsOptions } from "../transport/tls.ts";
import { isDone } from "./answer.ts";
import { RelayConnection } from "./connection.ts";
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
  /** Ends every attempt to connect. */
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
    // Opportunistic TLS takes what it can get: RFC 7435 section 3.
    const mayFallBack = settings.tls === "opportunistic" &&
      settings.credentials === undefined;
    if (
      mayFallBack && error instanceof RelayError && error.step === "STARTTLS"
    ) return await open({ ...settings, tls: "off" }, world, track);
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
  try {
    const [greeting] = await relay.ask(1);
    expect2xx(relay, greeting!.reply, REPLIES.relayDown);
    await hello(relay, settings);
    const isSecure = await secure(relay, settings, world);
    if (settings.credentials !== undefined) {
      await authenticate(relay, settings.credentials, isSecure);
    }
    tap?.ready();
    return relay;
  } catch (error) {
    // A relay that has refused is taken leave of: RFC 5321 section 4.1.1.10.
    const isRefusal = error instanceof RelayError && error.cause === undefined;
    if (isRefusal) await relay.quit();
    relay.close();
    throw error;
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
  relay.step = "EHLO";
  relay.engine.hello("EHLO", settings.helloName);
  const [ehlo] = await relay.ask(1);
  if (ehlo!.reply.code < 500) {
    return expect2xx(relay, ehlo!.reply, REPLIES.relayDown);
  }
  relay.engine.hello("HELO", settings.helloName);
  const [helo] = await relay.ask(1);
  expect2xx(relay, helo!.reply, REPLIES.relayDown);
}

/** STARTTLS where it is wanted and offered; whether the connection is secure. */
async function secure(
  relay: RelayConnection,
  settings: RelaySettings,
  { signal, startTls: upgrade = startTls }: RelayWorld,
): Promise<boolean> {
  const { tls, address } = settings;
  if (tls === "off") return false;
  relay.step = "STARTTLS";
  if (!relay.engine.capabilities.startTls) {
    if (tls === "opportunistic") return false;
    throw new RelayError(
      relay.step,
      REPLIES.relayNotSecure,
      `relay.tls is "${tls}" and the relay does not offer STARTTLS`,
    );
  }
  relay.engine.startTls();
  const [answer] = await relay.ask(1);
  expect2xx(relay, answer!.reply, REPLIES.relayNotSecure);
  try {
    await relay.upgrade((connection) =>
      upgrade(connection, {
        hostname: "hostname" in address ? address.hostname : "localhost",
        verify: tls === "verified",
        caCerts: settings.caCerts,
        timeoutMs: Math.min(HANDSHAKE_TIMEOUT_MS, settings.readTimeoutMs),
        signal,
      })
    );
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new RelayError(relay.step, REPLIES.relayNotSecure, problem, {
      cause,
    });
  }
  await hello(relay, settings);
  return true;
}

/** AUTH PLAIN. RFC 4616, RFC 4954. */
async function authenticate(
  relay: RelayConnection,
  credentials: NonNullable<RelaySettings["credentials"]>,
  isSecure: boolean,
): Promise<void> {
  relay.step = "AUTH";
  if (!isSecure && !isThisMachine(relay.remote)) {
    throw new RelayError(
      relay.step,
      REPLIES.relayNotSecure,
      "credentials are not sent without TLS",
    );
  }
  if (!relay.engine.capabilities.auth.has("PLAIN")) {
    throw new RelayError(
      relay.step,
      REPLIES.relayNeedsAuth,
      "the relay does not offer AUTH PLAIN",
    );
  }
  const { user, password } = credentials;
  relay.engine.auth("PLAIN", encodeBase64(`\0${user}\0${password.reveal()}`));
  const [answer] = await relay.ask(1);
  expect2xx(relay, answer!.reply, REPLIES.relayNeedsAuth);
}

/** Loopback addresses and Unix sockets: RFC 1122 section 3.2.1.3, RFC 4291. */
function isThisMachine(address: string): boolean {
  return address === "" || address === "::1" || /^127\.[0-9.]+$/.test(address);
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
