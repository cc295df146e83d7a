/**
 * Postern's own client in memory: it sends what a task says over a wire of the
 * player's.
 *
 * @module
 */

import { Stuffer } from "../engine/dots.ts";
import { isPositive, type Reply } from "../engine/reply.ts";
import { silentLog } from "../log/log.ts";
import { RelayHop } from "../relay/hop.ts";
import { RelayPool } from "../relay/pool.ts";
import { RelayError } from "../relay/settings.ts";
import { isTokenMechanism } from "../sasl/mechanism.ts";
import { fixedSecret } from "../sasl/secret_source.ts";
import { Secret } from "../secret.ts";
import type { Connection } from "../transport/connection.ts";
import {
  type ClientTask,
  READ_TIMEOUT_MS,
  type TaskMessage,
} from "./client_task.ts";
import { MemoryWire, startMemoryTls } from "./memory.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Much longer than anything takes in memory, in ms. */
const WRITE_TIMEOUT_MS = 300_000;

/** Who the client says it is. */
export interface Credentials {
  /** The user. */
  readonly user: string;
  /** The password. */
  readonly password: string;
}

/** A client at work. */
export class PosternClient implements AsyncDisposable {
  readonly #task: ClientTask;
  readonly #clock: VirtualClock;
  readonly #stop = new AbortController();
  readonly #pool: RelayPool;
  #wire: MemoryWire | undefined;
  /** What it made of each message that it sent whole. */
  readonly verdicts: Reply[] = [];
  /** Resolves once it has nothing more to do. */
  readonly done: Promise<void>;

  /**
   * Starts one.
   *
   * @param task What it is to do.
   * @param credentials Who it says it is, where it does.
   * @param clock The time at the beginning, in ms since the epoch.
   */
  constructor(task: ClientTask, credentials: Credentials, clock: number) {
    this.#task = task;
    this.#clock = new VirtualClock(clock);
    const { sweep } = this.#clock;
    const { user, password } = credentials;
    const { mechanism } = task;
    this.#pool = new RelayPool({
      address: { hostname: "relay.test", port: 25 },
      helloName: task.helloName,
      ...(task.tls === "implicit"
        ? { tls: "required", implicitTls: true }
        : { tls: task.tls }),
      caCerts: [],
      ...(mechanism === undefined ? {} : {
        credentials: {
          ...{ user, mechanism },
          secret: fixedSecret(
            new Secret(password),
            isTokenMechanism(mechanism) ? "token" : "password",
          ),
        },
      }),
      pool: 1,
      readTimeoutMs: READ_TIMEOUT_MS,
      writeTimeoutMs: WRITE_TIMEOUT_MS,
    }, {
      sweep,
      signal: this.#stop.signal,
      dial: () => this.#dial(),
      startTls: (connection, { timeoutMs }) =>
        startMemoryTls(connection, sweep, timeoutMs),
    });
    this.done = this.#run();
  }

  /** Its wire, once it has called. */
  get wires(): readonly MemoryWire[] {
    return this.#wire === undefined ? [] : [this.#wire];
  }

  /** Lets that much time pass, in ms. */
  wait(ms: number): Promise<void> {
    return this.#clock.wait(ms);
  }

  /** Ends it, whatever it waits for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wire?.end("reset");
    this.#clock.sweep.closeAll();
    await this.done;
    this.#clock.sweep[Symbol.dispose]();
  }

  /** A file has one connection: it is called once. */
  #dial(): Promise<Connection> {
    if (this.#wire !== undefined) {
      return Promise.reject(new Deno.errors.ConnectionRefused());
    }
    // Credentials may go in clear to this machine only.
    this.#wire = new MemoryWire("127.0.0.1");
    return Promise.resolve(this.#wire.connection);
  }

  async #run(): Promise<void> {
    const { messages } = this.#task;
    if (messages.length === 0) await this.#greet();
    for (const message of messages) await this.#send(message);
    await this.#pool.close();
  }

  async #greet(): Promise<void> {
    try {
      this.#pool.give(await this.#pool.open());
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
    }
  }

  async #send(task: TaskMessage): Promise<void> {
    const { sender, parameters, recipients, message } = task;
    const hop = new RelayHop(this.#pool, { sender, parameters }, silentLog());
    const replies = await hop.rcpt(recipients.map((recipient) => ({
      ...{ verb: "RCPT", recipient, parameters: {} } as const,
    })));
    const isWanted = message !== undefined && replies.some(isPositive) &&
      isPositive(await hop.data(""));
    if (!isWanted) return await hop.abort();
    const stuffer = new Stuffer();
    await hop.write(stuffer.add(message));
    await hop.write(stuffer.endOfLine());
    this.verdicts.push(...[await hop.finish()].flat());
  }
}
