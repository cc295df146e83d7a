/**
 * Postern in memory, as a stage: one session under a virtual clock, its relays
 * on wires of the player's, and a store that remembers what it got.
 *
 * @module
 */

import { isIP } from "node:net";
import { Client } from "../client.ts";
import type { Config } from "../config/config.ts";
import { Unstuffer } from "../engine/dots.ts";
import { REPLIES } from "../engine/reply.ts";
import type { Hop, Sender } from "../hop.ts";
import { type Log, silentLog } from "../log/log.ts";
import { type Begun, Runtime } from "../runtime.ts";
import type { Secret } from "../secret.ts";
import { Session } from "../session.ts";
import { Buffers } from "../transport/buffers.ts";
import type { Connection } from "../transport/connection.ts";
import type { Target } from "../transport/dial.ts";
import type { Sweep } from "../transport/sweep.ts";
import type { Relay } from "../transcript/steps.ts";
import { memoryHooks, MemoryUsers } from "./accounts.ts";
import { MemoryWire, settle, startMemoryTls } from "./memory.ts";
import { joined } from "./sending.ts";
import type { Delivered, Stage } from "./stage.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** How Postern is set up for a conversation. */
export interface PosternOptions {
  /** Its configuration. */
  readonly config: Config;
  /** The client's address. */
  readonly client: string;
  /** The time at the beginning, in ms since the epoch. */
  readonly clock: number;
  /** Who may log in, where the configuration has a users' file or hooks. */
  readonly accounts?: ReadonlyMap<string, Secret>;
  /** Whether the relay is asked what it offers before the client is greeted. */
  readonly probesRelay?: boolean;
}

/** The id of the one session: what `${id}` stands for. */
const SESSION_ID = "00000000";

/** The relays' names, in the order in which their addresses are called. */
const RELAYS: readonly Relay[] = ["relay", "relay2"];

/** Why what was begun is given up: made once, since it costs a stack trace. */
const ENDED = new Error("The conversation has ended");

/** Who may log in where nobody was named. */
const NO_ACCOUNTS: ReadonlyMap<string, Secret> = new Map();

/** What TLS in memory tells of itself. */
const MEMORY_TLS = {
  protocol: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
} as const;

/** A relay's address where the file has a name for it. */
const RELAY_ADDRESS = "192.0.2.25";

/** Large buffers, for all conversations one after the other. */
const BUFFERS = new Buffers();

/** Who is local by each configuration: reading that is much of a short play. */
const LOCALS = new WeakMap<Config, Runtime["locals"]>();

/** Postern, ready for one conversation. */
export async function openPostern(options: PosternOptions): Promise<Stage> {
  const clock = new VirtualClock(options.clock);
  const { sweep } = clock;
  const stop = new AbortController();
  const delivered: Delivered[] = [];
  const relays = new MemoryRelays();
  const log = silentLog();
  const { config, accounts = NO_ACCOUNTS, probesRelay = false } = options;
  const client = new MemoryWire(options.client);
  const pauses = new Pauses(config.limits.greeting_delay > 0);
  const runtime = await Runtime.of(config, {
    sweep,
    locals: LOCALS.get(config),
    signal: stop.signal,
    buffers: BUFFERS,
    log,
    dial: (target) => relays.dial(target),
    startTls: (connection, { timeoutMs }) =>
      startMemoryTls(connection, sweep, timeoutMs),
    acceptTls: async (connection, timeoutMs) => {
      // Behind a proxy's header it is the wire below that goes over to TLS.
      await startMemoryTls(client.connection, sweep, timeoutMs);
      return { connection, facts: MEMORY_TLS };
    },
    users: new MemoryUsers(config, accounts),
    hooks: config.hooks.module === "" ? undefined : memoryHooks(accounts),
    pause: () => pauses.next(),
    openLocalHop: (mail) => new MemoryHop(mail, delivered),
  });
  LOCALS.set(config, runtime.locals);
  const clients = [client];
  sweep.add(client.connection);
  const ended = (async () => {
    if (probesRelay) await runtime.probe();
    await serve(client.connection, runtime, sweep, log);
  })();
  // It never rejects; if it does all the same, the disposal says so.
  ended.catch(() => {});
  return {
    delivered,
    wires: (name) => name === "client" ? clients : relays.wires(name),
    settle,
    wait: (ms) => clock.wait(ms),
    async [Symbol.asyncDispose]() {
      stop.abort(ENDED);
      client.end("reset");
      relays.reset();
      sweep.closeAll();
      await ended;
      await runtime.close();
      sweep[Symbol.dispose]();
    },
  };
}

/**
 * Who waits for the sake of waiting has waited. Only before the greeting there
 * is time to speak out of turn.
 */
class Pauses {
  #isBeforeGreeting: boolean;

  constructor(isBeforeGreeting: boolean) {
    this.#isBeforeGreeting = isBeforeGreeting;
  }

  next(): Promise<void> {
    if (!this.#isBeforeGreeting) return Promise.resolve();
    this.#isBeforeGreeting = false;
    return settle();
  }
}

/** What a server does with a connection, from its first byte to its last. */
async function serve(
  connection: Connection,
  runtime: Runtime,
  sweep: Sweep,
  log: Log,
): Promise<void> {
  const [listener] = runtime.listeners.values();
  let begun: Begun;
  // A header's own deadline is one of real time.
  connection.readBy = sweep.now() + runtime.config.limits.read_timeout;
  try {
    begun = await runtime.begin(connection, listener!);
  } catch {
    return connection.close();
  }
  connection.readBy = Infinity;
  const { remote, remotePort } = begun.connection;
  sweep.add(begun.connection);
  const session = new Session(
    begun.connection,
    new Client(
      {
        id: SESSION_ID,
        address: remote,
        port: remotePort,
        isProxy: listener!.trusted?.contains(remote) ?? false,
        tls: begun.tls,
      },
      (address) => runtime.isLocal(address),
    ),
    runtime.sessionSettings(listener!, undefined),
    log,
  );
  await session.run();
}

/** The relays that Postern has called. */
class MemoryRelays {
  readonly #names = new Map<string, Relay>();
  readonly #wires = new Map<string, MemoryWire[]>();

  /** Answers a call; each address has a name of its own. */
  dial(target: Target): Promise<Connection> {
    const address = JSON.stringify(target);
    const name = this.#names.get(address) ?? RELAYS[this.#names.size];
    if (name === undefined) {
      return Promise.reject(new Deno.errors.ConnectionRefused());
    }
    const isBare = "hostname" in target && isIP(target.hostname) !== 0;
    const wire = new MemoryWire(isBare ? target.hostname : RELAY_ADDRESS);
    this.#names.set(address, name);
    this.#wires.getOrInsertComputed(name, () => []).push(wire);
    return Promise.resolve(wire.connection);
  }

  /** The connections to the relay of that name, in their order. */
  wires(name: string): readonly MemoryWire[] {
    return this.#wires.get(name) ?? [];
  }

  /** Breaks all connections. */
  reset(): void {
    for (const wires of this.#wires.values()) {
      for (const wire of wires) wire.end("reset");
    }
  }
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

  finish: Hop["finish"] = () => {
    this.#delivered.push({
      sender: this.#mail.sender?.address ?? "",
      recipients: this.#recipients,
      message: joined(this.#pieces),
    });
    return Promise.resolve(REPLIES.delivered);
  };

  abort: Hop["abort"] = () => Promise.resolve();
}
