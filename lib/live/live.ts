/**
 * A transcript against any server, over sockets, in all the ways it can be cut.
 *
 * The rule: whatever the server does, or doesn't, is a failure in the file or
 * none, and comes in bounded time. Each play is a connection of its own.
 *
 * A file's `@client` and configuration are another server's own affair, so what
 * depends on them is reported like any other difference. What a file claims of
 * other wires can't be played; what it says was delivered isn't looked at.
 *
 * @module
 */

import type { ListenAddress } from "../address.ts";
import type { Connection } from "../transport/connection.ts";
import { dial, DialError } from "../transport/dial.ts";
import { startTls } from "../transport/tls.ts";
import type { Step, Transcript, Wire } from "../transcript/steps.ts";
import { askCapabilities } from "./capabilities.ts";
import { deviation, type Mismatch } from "../replay/mismatch.ts";
import { play, playedPieces } from "../replay/play.ts";
import type { Played, PlaySettings } from "../replay/played.ts";
import { Secrets } from "../replay/secrets.ts";
import { explained, playMsOf, tooLongWait } from "./real_time.ts";
import { SocketStage } from "./socket_stage.ts";
import { type Way, waysOf } from "../replay/splits.ts";

/** Most that a server may say to what was sent at once, in bytes: replies to ten thousand commands. */
const MAX_ANSWER_BYTES = 1_024 * 1_024;

/** A server that is played with. */
export interface LiveServerOptions {
  /** Where it is. */
  readonly server: ListenAddress;
  /** How long connecting, and each of its lines, may take, in ms. */
  readonly timeoutMs: number;
  /** Breaks off what is played. */
  readonly signal?: AbortSignal | undefined;
}

/** One server, for many transcripts. */
export class LiveServer {
  readonly #options: LiveServerOptions;
  /** What it offers, asked once for all. */
  #offered: Promise<ReadonlySet<string> | undefined> | undefined;

  /**
   * Names a server; nothing is connected yet.
   *
   * @param options Where it is, and how long it may take.
   */
  constructor(options: LiveServerOptions) {
    this.#options = options;
  }

  /**
   * Plays a transcript in every way of its splits.
   *
   * @param transcript The conversation.
   * @param settings How it is played.
   * @returns What came of it.
   * @throws The reason of the server's `signal`, if that was aborted.
   */
  async play(transcript: Transcript, settings: PlaySettings): Promise<Played> {
    const skipped = unplayable(transcript) ??
      await this.#missing(transcript.requires);
    if (skipped !== undefined) return { plays: 0, skipped };
    const { readMessage } = settings;
    // Once is enough where nothing is cut.
    const splits = transcript.unsplit ? ["whole"] as const : settings.splits;
    const pieces = playedPieces(transcript, { readMessage });
    let plays = 0;
    for (const split of splits) {
      for (const way of waysOf(split, [...pieces.values()].flat())) {
        plays++;
        const mismatch = await this.#playOnce(transcript, settings, way);
        this.#options.signal?.throwIfAborted();
        if (mismatch === undefined) continue;
        return { plays, failure: { ...mismatch, way } };
      }
    }
    return { plays };
  }

  async #playOnce(
    transcript: Transcript,
    settings: PlaySettings,
    way: Way,
  ): Promise<Mismatch | undefined> {
    const { steps } = transcript;
    const connection = await this.#connect();
    if (typeof connection === "string") {
      return steps[0] && deviation(steps[0], connection).mismatch;
    }
    const playMs = playMsOf(steps, this.#options.timeoutMs);
    await using stage = this.#stage(connection, playMs);
    const secrets = new Secrets(settings.secrets ?? new Map(), steps);
    const mismatch = await play(transcript, stage, {
      readMessage: settings.readMessage,
      secrets,
      way,
    });
    const why = stage.problem ?? secrets.problem;
    return why === undefined ? mismatch : explained(mismatch, why);
  }

  /** Why a conversation can't be played with this server. */
  async #missing(requires: readonly string[]): Promise<string | undefined> {
    if (requires.length === 0) return undefined;
    const offered = await (this.#offered ??= this.#ask());
    const missing = requires.filter((keyword) => !offered?.has(keyword));
    // A server that doesn't answer is no reason to be silent about it.
    if (offered === undefined || missing.length === 0) return undefined;
    return `the server does not offer ${missing.join(", ")}`;
  }

  async #ask(): Promise<ReadonlySet<string> | undefined> {
    const connection = await this.#connect();
    if (typeof connection === "string") return undefined;
    const playMs = playMsOf([], this.#options.timeoutMs);
    await using stage = this.#stage(connection, playMs);
    return await askCapabilities(stage.client);
  }

  /** A connection, or why there is none. */
  async #connect(): Promise<Connection | string> {
    const { server, timeoutMs, signal } = this.#options;
    try {
      return await dial(server, { timeoutMs, signal });
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      return error.message.replace(/^C/, "c");
    }
  }

  #stage(connection: Connection, playMs: number): SocketStage {
    const { server, timeoutMs, signal } = this.#options;
    const hostname = server.transport === "tcp" ? server.hostname : "localhost";
    return new SocketStage(connection, {
      peer: "server",
      maxSaidBytes: MAX_ANSWER_BYTES,
      timeoutMs,
      playMs,
      signal,
      // Not looking at the certificate is usual for a server under test; whoever
      // stands between can read all, secrets too.
      startTls: (connection, signal) =>
        startTls(connection, { hostname, timeoutMs, signal, verify: false }),
    });
  }
}

/** Why a conversation can't be played with any other server. */
function unplayable({ steps }: Transcript): string | undefined {
  const wire = steps.map(wireOf).find((wire) =>
    wire !== undefined && wire !== "client"
  );
  if (wire !== undefined) {
    return `has a wire to the ${wire}, where another server can't be watched`;
  }
  return tooLongWait(steps);
}

function wireOf(step: Step): Wire | undefined {
  return "wire" in step ? step.wire : undefined;
}
