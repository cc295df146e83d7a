/**
 * Where a transcript is played: against Postern in memory, against Postern's
 * client in memory, against any server, or against any client.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import type { ListenAddress } from "../address.ts";
import { parsePlainServer } from "../config/address.ts";
import { SECRET_DOTS } from "../secret.ts";
import type { Transcript } from "../transcript/steps.ts";
import { playAsRelay } from "../replay/as_relay.ts";
import { MessageFolder } from "./conversation_file.ts";
import { playInMemory } from "../replay/in_memory.ts";
import type { ListeningServer } from "../live/listening.ts";
import { LiveServer } from "../live/live.ts";
import type { Played, PlaySettings } from "../replay/played.ts";
import type { Split } from "../replay/splits.ts";

/** How long a server may take for each of its lines, in ms: a slow one's reply. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** Seeds of the splits that are made by chance, unless others are wished for. */
const SEEDS = 5;

/** Every way of cutting; as many seeds as make most joins and cuts. */
export const ALL_SPLITS: readonly Split[] = [
  ...["whole", "bytes", "pipelined", "every"] as const,
  ...Array.from({ length: SEEDS }, (_, i): Split => `random:${i + 1}`),
];

/** Where and how transcripts are played. */
export interface ReplayOptions {
  /**
   * Which part the file plays: the client's, against Postern or `server`, or the
   * server's, against Postern's own client.
   *
   * @default {"client"}
   */
  readonly as?: "client" | "relay" | undefined;
  /** A server to play against: `HOST`, port 25 unless given as `HOST:PORT`, or `unix:/PATH`. */
  readonly server?: string | undefined;
  /**
   * With `as: "relay"`: clients that connect there are played against instead
   * of Postern's own. It has its own timeout and signal, and is the caller's to
   * dispose of.
   */
  readonly listening?: ListeningServer | undefined;
  /**
   * How the file's bytes are cut. By default in every way in memory, and as
   * written against another program, where each play takes time.
   */
  readonly splits?: readonly Split[] | undefined;
  /**
   * How long the server may take to connect, and for each of its lines, in ms.
   *
   * @default {10_000}
   */
  readonly timeoutMs?: number | undefined;
  /** Values of `${secret:NAME}` by name; `USER:PASSWORD` for AUTH exchanges. */
  readonly secrets?: ReadonlyMap<string, string> | undefined;
  /** Breaks off what is played against a server. */
  readonly signal?: AbortSignal | undefined;
}

/** Plays many transcripts in one place. */
export class Player {
  readonly #options: ReplayOptions;
  /** The other end, where that is another program. */
  readonly #live: LiveServer | ListeningServer | undefined;

  /**
   * Chooses the place.
   *
   * @param options Where and how.
   * @throws {TypeError} `server` is no address, or stands beside `as: "relay"`,
   * or `listening` stands without it.
   */
  constructor(options: ReplayOptions = {}) {
    this.#options = options;
    const { as, server, listening } = options;
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    if (listening !== undefined && as !== "relay") {
      throw new TypeError(
        'Cannot listen for clients as "client": expected as "relay"',
      );
    }
    this.#live = listening;
    if (server === undefined) return;
    if (as === "relay") {
      throw new TypeError(
        'Cannot play as "relay" against a server: expected one of the two',
      );
    }
    const address = serverAddress(server);
    this.#live = new LiveServer({ server: address, timeoutMs, signal });
  }

  /**
   * Plays a transcript.
   *
   * @param transcript The conversation.
   * @param readMessage Gives a message that it names.
   * @param splits How its bytes are cut; the player's own by default.
   * @throws {TypeError} Its settings are no configuration.
   */
  play(
    transcript: Transcript,
    readMessage: (path: string) => Uint8Array,
    splits?: readonly Split[],
  ): Promise<Played> {
    const { as, secrets } = this.#options;
    const settings: PlaySettings = {
      splits: splits ?? this.#options.splits ??
        (this.#live === undefined ? ALL_SPLITS : ["whole"]),
      readMessage,
      ...(secrets && { secrets }),
    };
    if (this.#live !== undefined) return this.#live.play(transcript, settings);
    const play = as === "relay" ? playAsRelay : playInMemory;
    return play(transcript, settings);
  }
}

/**
 * Plays one transcript.
 *
 * @param transcript The conversation.
 * @param options Where and how. `readMessage` gives a message that it names; by
 * default the file of that path beside the transcript's.
 * @returns How many plays there were, and the first that went another way.
 * @throws {TypeError} An option is not usable, or the transcript's settings are
 * no configuration.
 */
export async function replay(
  transcript: Transcript,
  options: ReplayOptions & {
    /** Gives a message that the transcript names. */
    readonly readMessage?: ((path: string) => Uint8Array) | undefined;
  } = {},
): Promise<Played> {
  const messages = new MessageFolder(dirname(resolve(transcript.file)));
  const readMessage = options.readMessage ?? ((path) => messages.read(path));
  return await new Player(options).play(transcript, readMessage);
}

/** As `postern record --to` reads it: without a port it is 25. */
function serverAddress(text: string): ListenAddress {
  const parsed = parsePlainServer(text);
  if (parsed.ok) return parsed.value;
  // What stands before the sign may be a password.
  const shown = text.replace(/^.*@/s, `${SECRET_DOTS}@`);
  throw new TypeError(
    `Cannot parse server "${shown}": expected ${parsed.expected}`,
  );
}
