/**
 * Postern in memory, as a stage: one session under a virtual clock, its relays
 * on wires of the player's, and a store that remembers what it got.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { Unstuffer } from "../engine/dots.ts";
import { REPLIES } from "../engine/reply.ts";
import type { Hop, Sender } from "../hop.ts";
import { silentLog } from "../log/log.ts";
import { Runtime } from "../runtime.ts";
import { Session } from "../session.ts";
import { Buffers } from "../transport/buffers.ts";
import { Sweep } from "../transport/sweep.ts";
import { MemoryWire, settle } from "./memory.ts";
import type { Delivered, Stage, StageWire } from "./stage.ts";

/** How Postern is set up for a conversation. */
export interface PosternOptions {
  /** Its configuration. */
  readonly config: Config;
  /** The client's address. */
  readonly client: string;
  /** The time at the beginning, in ms since the epoch. */
  readonly clock: number;
}

/** The id of the one session: what `${id}` stands for. */
const SESSION_ID = "00000000";

/** How far the clock moves at a time, in ms, as the sweep looks. */
const TICK_MS = 1_000;

/** Large buffers, for all conversations one after the other. */
const BUFFERS = new Buffers();

/** Postern, ready for one conversation. */
export async function openPostern(options: PosternOptions): Promise<Stage> {
  let now = options.clock;
  const stop = new AbortController();
  const sweep = new Sweep({ now: () => now });
  const delivered: Delivered[] = [];
  const dialled: MemoryWire[] = [];
  const log = silentLog();
  const runtime = await Runtime.of(options.config, {
    sweep,
    signal: stop.signal,
    buffers: BUFFERS,
    log,
    dial: () => {
      const wire = new MemoryWire("192.0.2.25");
      dialled.push(wire);
      return Promise.resolve(wire.connection);
    },
    openLocalHop: (mail) => new MemoryHop(mail, delivered),
  });
  const client = new MemoryWire(options.client);
  sweep.add(client.connection);
  const isLocal = runtime.isLocal(options.client);
  const session = new Session(
    client.connection,
    { id: SESSION_ID, isLocal },
    runtime.session,
    log,
  );
  const ended = session.run();
  return {
    delivered,
    wire: (name) => Promise.resolve(wireOf(name, client, dialled)),
    settle,
    async wait(ms) {
      const until = now + ms;
      while (now < until) {
        now = Math.min(until, now + TICK_MS);
        sweep.pass(now);
        await settle();
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      client.end("reset");
      for (const wire of dialled) wire.end("reset");
      sweep.closeAll();
      await ended;
      await runtime.close();
      sweep[Symbol.dispose]();
    },
  };
}

/** The client's wire, or the relay connection opened last. */
function wireOf(
  name: string,
  client: StageWire,
  dialled: readonly StageWire[],
): StageWire | undefined {
  return name === "client" ? client : dialled.at(-1);
}

/** A store that remembers. */
class MemoryHop implements Hop {
  readonly name = "memory";
  readonly #mail: Sender;
  readonly #delivered: Delivered[];
  readonly #recipients: string[] = [];
  readonly #unstuffer = new Unstuffer();
  readonly #pieces: Uint8Array[] = [];

  constructor(mail: Sender, delivered: Delivered[]) {
    this.#mail = mail;
    this.#delivered = delivered;
  }

  rcpt: Hop["rcpt"] = (recipients) => {
    this.#recipients.push(...recipients.map((each) => each.recipient.address));
    return Promise.resolve(recipients.map(() => REPLIES.recipientOk));
  };

  data: Hop["data"] = () => Promise.resolve(REPLIES.start);

  write(piece: Uint8Array): undefined {
    for (const part of this.#unstuffer.add(piece)) {
      this.#pieces.push(part.slice());
    }
  }

  finish: Hop["finish"] = async () => {
    this.#delivered.push({
      sender: this.#mail.sender?.address ?? "",
      recipients: this.#recipients,
      message: await new Blob(this.#pieces as BlobPart[]).bytes(),
    });
    return REPLIES.delivered;
  };

  abort: Hop["abort"] = () => Promise.resolve();
}
