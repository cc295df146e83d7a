/**
 * Stands between any client and any server, passes on what they say, and
 * records it.
 *
 * The rule: neither end notices, but for STARTTLS, which is not offered to the
 * client: else there would be nothing to read.
 *
 * @module
 */

import { formatListenAddress, type ListenAddress } from "../address.ts";
import { formatReply, REPLIES } from "../engine/reply.ts";
import type { Log } from "../log/log.ts";
import type { Connection } from "../transport/connection.ts";
import { dial, type Target } from "../transport/dial.ts";
import { acceptLoop, listen } from "../transport/listen.ts";
import { Sweep } from "../transport/sweep.ts";
import { pass } from "./passage.ts";
import { Recorder } from "./recorder.ts";
import type { SessionRecording } from "./session_recording.ts";
import { prepareFolder } from "./transcript_file.ts";

/** Most sessions at once; each holds two buffers. */
const MAX_SESSIONS = 1_000;

/** How long connecting to the server may take, in ms. */
const DIAL_TIMEOUT_MS = 30_000;

/** How long a client has to take the last reply, in ms. */
const CLOSE_GRACE_MS = 2_000;

const ENCODER = new TextEncoder();
const UNREACHABLE = ENCODER.encode(
  formatReply({ ...REPLIES.relayDown, code: 421 }),
);
const TOO_MANY = ENCODER.encode(formatReply(REPLIES.tooManySessions));

/** Between whom, and where the recordings go. */
export interface GoBetweenOptions {
  /** Where clients connect. */
  readonly listen: ListenAddress;
  /** The server. */
  readonly to: Target;
  /** The folder for the transcripts. */
  readonly folder: string;
  /** Host names that become `${host}`, `${host2}` and so on. */
  readonly hosts?: readonly string[];
  /** Where it says what goes wrong. */
  readonly log: Log;
  /** Called with the path of each transcript. */
  onRecorded(path: string): void;
}

/** This machine, as far as its name tells. */
const LOOPBACK = /^(?:localhost|127\.[0-9.]+|::1|0\.0\.0\.0|::)$/i;

/** Whether it would call itself, and be called, without end. */
function isItself({ listen, to }: GoBetweenOptions): boolean {
  if (listen.transport === "unix") {
    return "path" in to && to.path === listen.path;
  }
  if ("path" in to || to.port !== listen.port) return false;
  return to.hostname === listen.hostname ||
    LOOPBACK.test(to.hostname) && LOOPBACK.test(listen.hostname);
}

/** A go-between at work. */
export class GoBetween {
  readonly #options: GoBetweenOptions;
  readonly #listener: Deno.Listener;
  readonly #recorder: Recorder;
  readonly #sweep = new Sweep();
  readonly #stop = new AbortController();
  readonly #sessions = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(
    options: GoBetweenOptions,
    listener: Deno.Listener,
    recorder: Recorder,
  ) {
    const { log } = options;
    this.#options = options;
    this.#listener = listener;
    this.#recorder = recorder;
    this.#loop = acceptLoop(listener, (client) => this.#admit(client), {
      onError: (error) => log.error("accept-failed", { error }),
    });
  }

  /**
   * Starts one; it accepts when this resolves.
   *
   * @throws {Error} It can't listen there, or can't write to the folder, or
   * would be its own server.
   */
  static async start(options: GoBetweenOptions): Promise<GoBetween> {
    if (isItself(options)) {
      throw new Error(
        "Cannot record: expected a server elsewhere than where clients connect",
      );
    }
    await prepareFolder(options.folder);
    const recorder = new Recorder({ log: options.log });
    return new GoBetween(options, await listen(options.listen), recorder);
  }

  /** Where it listens, with the port that was chosen. */
  get address(): string {
    const { addr } = this.#listener;
    return "hostname" in addr
      ? formatListenAddress({ ...addr, transport: "tcp" })
      : formatListenAddress(this.#options.listen);
  }

  /**
   * Stops accepting; resolves once every session has ended and is written. May
   * be called again.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Breaks off every session; what was said is written all the same. */
  abort(): void {
    this.#stop.abort();
    this.#sweep.closeAll();
  }

  async #close(): Promise<void> {
    this.#listener.close();
    await this.#loop;
    while (this.#sessions.size > 0) await Promise.all(this.#sessions);
    await this.#recorder.settled();
    this.#sweep[Symbol.dispose]();
  }

  #admit(client: Connection): void {
    const isOneTooMany = this.#sessions.size >= MAX_SESSIONS;
    const session =
      (isOneTooMany ? this.#dismiss(client, TOO_MANY) : this.#serve(client))
        .finally(() => this.#sessions.delete(session));
    this.#sessions.add(session);
  }

  async #serve(client: Connection): Promise<void> {
    const { to, log } = this.#options;
    const { signal } = this.#stop;
    let server: Connection;
    try {
      server = await dial(to, { timeoutMs: DIAL_TIMEOUT_MS, signal });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn("unreachable", { client: client.remote, reason });
      return await this.#dismiss(client, UNREACHABLE);
    }
    const recording = this.#begin(client);
    // Of the two connections the server's: what is kept from the client, the
    // offer of TLS, is said by the server all the same when this is played.
    await pass(client, recording.tap(server, "client"), {
      sweep: this.#sweep,
      onEncrypted: () =>
        recording.end("From here on it was TLS, and passed on unread"),
    });
    const path = await this.#recorder.end(recording);
    if (path !== undefined) this.#options.onRecorded(path);
  }

  #begin(client: Connection): SessionRecording {
    const { folder, hosts = [] } = this.#options;
    const id = crypto.randomUUID().slice(0, 8);
    const from = client.remote || "a Unix socket";
    return this.#recorder.begin({
      folder,
      id,
      title: `A session with a client at ${from}`,
      settings: [],
      variables: Object.fromEntries(
        hosts.map((host, i) => [i === 0 ? "host" : `host${i + 1}`, host]),
      ),
    });
  }

  async #dismiss(client: Connection, reply: Uint8Array): Promise<void> {
    client.writeBy = this.#sweep.now() + CLOSE_GRACE_MS;
    this.#sweep.add(client);
    try {
      await client.write(reply);
      await client.end(CLOSE_GRACE_MS);
    } catch {
      // It has gone, and needs no answer.
    } finally {
      client.close();
      this.#sweep.delete(client);
    }
  }
}
