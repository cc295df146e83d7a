/**
 * A peer over a socket as a stage: another server, or a client that called.
 *
 * The rule: the whole conversation has an end, and so has each wait in it, of
 * which `socket_wire.ts` takes care. What was delivered can't be seen.
 *
 * @module
 */

import type { Connection } from "../transport/connection.ts";
import type { Stage, StageWire } from "../replay/stage.ts";
import { SocketWire, type SocketWireOptions } from "./socket_wire.ts";

/** How long something unasked is looked for, in ms; more than a turn of a machine nearby. */
const SETTLE_MS = 20;

/**
 * How long a peer has to end its side after the player's end, in ms: a turn of
 * a machine far away.
 */
const LEAVE_MS = 1_000;

/** How a peer is played with. */
export interface SocketStageOptions extends SocketWireOptions {
  /** How long the whole conversation may take, in ms. */
  readonly playMs: number;
  /** Breaks it off. */
  readonly signal?: AbortSignal | undefined;
}

/** A peer, ready for one conversation. */
export class SocketStage implements Stage {
  readonly delivered = undefined;
  readonly deadlineMs: number;
  readonly #wire: SocketWire;
  readonly #stop = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #breakOff: () => void;
  readonly #signal: AbortSignal | undefined;

  /**
   * Takes over a connection on which nothing was read yet.
   *
   * @param connection The stage's to close.
   * @param options How it is played with.
   */
  constructor(connection: Connection, options: SocketStageOptions) {
    const { timeoutMs, playMs, signal } = options;
    this.deadlineMs = timeoutMs;
    this.#signal = signal;
    this.#wire = new SocketWire(connection, options);
    this.#breakOff = () => {
      this.#wire.fail("the conversation was broken off");
      this.#stop.abort();
    };
    this.#timer = setTimeout(() => {
      this.#wire.fail(`the conversation took longer than ${playMs / 1_000} s`);
      this.#stop.abort();
    }, playMs);
    signal?.addEventListener("abort", this.#breakOff, { once: true });
    if (signal?.aborted) this.#breakOff();
  }

  /** What the peer did that ended the conversation; `undefined`: nothing. */
  get problem(): string | undefined {
    return this.#wire.problem;
  }

  /** The one wire there is: between a client and a server. */
  get client(): SocketWire {
    return this.#wire;
  }

  /** The connections of that name. */
  wires(name: string): readonly StageWire[] {
    return name === "client" ? [this.#wire] : [];
  }

  /** Waits a moment for what may be on its way. */
  async settle(): Promise<void> {
    if (!this.#wire.hasLine()) await this.#wire.listen(SETTLE_MS);
  }

  /** Lets time pass: as much as it says, for the peer's clock is real. */
  wait(ms: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      if (signal.aborted) done();
      else signal.addEventListener("abort", done, { once: true });
    });
  }

  /** Ends the player's side, so that what was said last arrives. */
  async leave(): Promise<void> {
    await this.#wire.leave(Math.min(LEAVE_MS, this.deadlineMs));
  }

  /** Closes the connection, and waits until nothing is left running. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#breakOff);
    this.#stop.abort();
    await this.#wire.close();
  }
}
