/**
 * A transcript's server, listening: any client that calls is played with, so
 * that who writes code which sends mail can test it against a file.
 *
 * The rule: a play takes one connection, and whatever its client does, or
 * doesn't, is a failure in the file or none, and comes in bounded time. What
 * calls before a play waits for it, without a greeting.
 *
 * Of a file's wires only the client's counts; what was delivered, its
 * configuration and the address its client comes from do not. Not here: TLS,
 * and BDAT; such files are skipped.
 *
 * @module
 */

import type { ListenAddress } from "../address.ts";
import type { Connection } from "../transport/connection.ts";
import { acceptLoop, listen } from "../transport/listen.ts";
import type { Transcript } from "../transcript/steps.ts";
import { fromOctets } from "../transcript/template.ts";
import { type HeardLine, heardLines } from "./heard_lines.ts";
import { ListeningPlay, type ServerPart } from "./listening_play.ts";
import { deviation, type Mismatch } from "../replay/mismatch.ts";
import type { Played, PlaySettings } from "../replay/played.ts";
import { explained, playMsOf, tooLongWait } from "./real_time.ts";
import { SocketStage } from "./socket_stage.ts";
import { type Way, waysOf } from "../replay/splits.ts";
import { Secrets } from "../replay/secrets.ts";
import { type Turn, turnsOf, UnfitError } from "../replay/turns.ts";

/** Most connections that wait for a play; more are closed. */
const MAX_WAITING = 16;

/** Most that a client may say unasked behind what its file says, in bytes. */
const SPARE_BYTES = 1_024 * 1_024;

/** Where a transcript's server listens, and how patient it is. */
export interface ListeningOptions {
  /** Where; port 0 takes a free one. */
  readonly listen: ListenAddress;
  /** How long a client may take to call, and for each of its lines, in ms. */
  readonly timeoutMs: number;
  /** Breaks off what is played. */
  readonly signal?: AbortSignal | undefined;
}

/** The server's side of many transcripts, one after the other. */
export class ListeningServer implements AsyncDisposable {
  /** Where it listens; its port is the one that was taken. */
  readonly address: ListenAddress;
  readonly #options: ListeningOptions;
  readonly #listener: Deno.Listener;
  readonly #accepting: Promise<void>;
  /** Clients that have called, and nobody has played with. */
  readonly #waiting: Connection[] = [];
  /** Plays that wait for one. */
  readonly #wanting = new Set<(client: Connection | undefined) => void>();

  private constructor(listener: Deno.Listener, options: ListeningOptions) {
    const { addr } = listener;
    const { listen } = options;
    this.address = "port" in addr && listen.transport === "tcp"
      ? { ...listen, port: addr.port }
      : listen;
    this.#options = options;
    this.#listener = listener;
    this.#accepting = acceptLoop(listener, (connection) => {
      const [take] = this.#wanting;
      if (take !== undefined) take(connection);
      else if (this.#waiting.length < MAX_WAITING) {
        this.#waiting.push(connection);
      } else connection.close();
    });
  }

  /**
   * Listens.
   *
   * @param options Where, and how long clients may take.
   * @returns The server; the caller's to dispose of.
   * @throws {ListenError} If that is not possible.
   */
  static async listen(options: ListeningOptions): Promise<ListeningServer> {
    return new ListeningServer(await listen(options.listen), options);
  }

  /**
   * Plays the server's side of a transcript with the next clients that call,
   * one for each way of its splits.
   *
   * @param transcript The conversation.
   * @param settings How it is played; secrets are not compared, but not shown.
   * @returns What came of it.
   * @throws The reason of the options' `signal`, if that was aborted.
   */
  async play(transcript: Transcript, settings: PlaySettings): Promise<Played> {
    let part: ServerPart;
    try {
      part = serverPartOf(transcript, settings.readMessage);
    } catch (error) {
      if (!(error instanceof UnfitError)) throw error;
      return { plays: 0, skipped: error.message };
    }
    const replies = part.turns.filter((turn) => turn.kind === "say")
      .map(({ lines }) => ({
        bytes: fromOctets(lines.join("")),
        isBarrier: true,
      }));
    // Once is enough where nothing is cut.
    const splits = transcript.unsplit ? ["whole"] as const : settings.splits;
    let plays = 0;
    for (const split of splits) {
      for (const way of waysOf(split, replies)) {
        plays++;
        const mismatch = await this.#playOnce(part, settings, way);
        this.#options.signal?.throwIfAborted();
        if (mismatch !== undefined) {
          return { plays, failure: { ...mismatch, way } };
        }
      }
    }
    return { plays };
  }

  /** Stops listening: no client comes any more, and who waits is let go. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const take of this.#wanting) take(undefined);
    for (const connection of this.#waiting.splice(0)) connection.close();
  }

  async #playOnce(
    part: ServerPart,
    { secrets = new Map() }: PlaySettings,
    way: Way,
  ): Promise<Mismatch | undefined> {
    const { timeoutMs, signal } = this.#options;
    const { steps } = part;
    const connection = await this.#call();
    if (connection === undefined) {
      const came = `no client within ${timeoutMs / 1_000} s`;
      return steps[0] && deviation(steps[0], came).mismatch;
    }
    await using stage = new SocketStage(connection, {
      peer: "client",
      timeoutMs,
      playMs: playMsOf(steps, timeoutMs),
      maxSaidBytes: part.heardBytes + SPARE_BYTES,
      signal,
      startTls: () => Promise.reject(new Error("no TLS as a server")),
    });
    const asked = new Secrets(secrets, steps);
    const play = new ListeningPlay(part, stage, way, secrets.values(), asked);
    const mismatch = await play.run();
    const why = stage.problem;
    await stage.leave();
    return why === undefined ? mismatch : explained(mismatch, why);
  }

  /** The next client; `undefined`: none came in time. */
  async #call(): Promise<Connection | undefined> {
    const { timeoutMs, signal } = this.#options;
    if (signal?.aborted || this.#waiting.length > 0) {
      return this.#waiting.shift();
    }
    const { promise, resolve } = Promise.withResolvers<
      Connection | undefined
    >();
    const take = (client: Connection | undefined) => {
      this.#wanting.delete(take);
      resolve(client);
    };
    const giveUp = () => take(undefined);
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener("abort", giveUp, { once: true });
    this.#wanting.add(take);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    }
  }
}

/**
 * A conversation as its server plays it.
 *
 * @throws {UnfitError} It can't be played to any client.
 */
function serverPartOf(
  { steps }: Transcript,
  readMessage: (path: string) => Uint8Array,
): ServerPart {
  const tooLong = tooLongWait(steps);
  if (tooLong !== undefined) throw new UnfitError(tooLong);
  const tls = steps.find((step) =>
    step.kind === "tls" && step.wire === "client"
  );
  if (tls !== undefined) throw new UnfitError("has a server with TLS", tls);
  const turns = turnsOf(steps, readMessage);
  const lines = heardLines(steps, readMessage);
  const heard = new Map<Turn, readonly HeardLine[]>();
  let heardBytes = 0;
  for (const turn of turns) {
    if (turn.kind !== "hear") continue;
    const { octets } = turn;
    if (/^BDAT\b/i.test(octets)) {
      throw new UnfitError("its client says BDAT", turn.stepAt(0));
    }
    heardBytes += octets.length;
    heard.set(turn, lines.splice(0, octets.split("\r\n").length - 1));
  }
  return { steps, turns, heard, heardBytes };
}
