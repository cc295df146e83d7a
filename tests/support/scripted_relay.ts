/**
 * A relay for tests, on a loopback socket: it behaves, but for what it is told
 * to do otherwise, and it remembers all it was told.
 *
 * Each connection has its behaviour, in order; the last one is every further
 * connection's. An answer is a reply's text, or a function that may do
 * anything to the connection, or nothing at all: silence.
 *
 * @module
 */

import { until } from "../real/support/wait.ts";
import {
  type Answer,
  type Behaviour,
  Peer,
  type Received,
} from "./scripted_peer.ts";

export {
  type Answer,
  type Behaviour,
  OFFERS,
  type Peer,
  type Received,
  type Step,
} from "./scripted_peer.ts";

/** Says nothing, and goes on listening. */
export const silence: Answer = () => {};

/** Closes without a word. */
export const close: Answer = (peer) => peer.close();

/** Says something, then closes. */
export function last(text: string): Answer {
  return async (peer) => {
    await peer.say(text);
    await peer.end();
  };
}

/** Writes what may be no reply at all. */
export function raw(text: string): Answer {
  return (peer) => peer.write(text);
}

/** Writes the same for as long as anyone listens. */
export function endless(text: string): Answer {
  const piece = text.repeat(Math.ceil(4_096 / text.length));
  return async (peer) => {
    while (!peer.ended) await peer.write(piece);
  };
}

/** Writes a reply a byte at a time, `everyMs`. */
export function slow(text: string, everyMs: number): Answer {
  return async (peer) => {
    for (const byte of `${text}\r\n`) {
      await new Promise((done) => setTimeout(done, everyMs));
      if (peer.ended) return;
      await peer.write(byte);
    }
  };
}

/** The relay. */
export class ScriptedRelay implements AsyncDisposable {
  /** Its connections, in order. */
  readonly peers: Peer[] = [];
  readonly #listener: Deno.Listener;
  readonly #behaviours: readonly Behaviour[];
  readonly #running: Promise<void>[] = [];
  readonly #over = Promise.withResolvers<void>();
  readonly #accepting: Promise<void>;

  /** Starts one, on a free port of 127.0.0.1 unless told otherwise. */
  constructor(
    behaviours: readonly Behaviour[] = [{}],
    at: { hostname: string } | { path: string } = { hostname: "127.0.0.1" },
  ) {
    this.#behaviours = behaviours;
    this.#listener = "path" in at
      ? Deno.listen({ transport: "unix", ...at })
      : Deno.listen({ port: 0, ...at });
    this.#accepting = this.#accept();
  }

  /** Its port. */
  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** As `relay.url` names it. */
  get url(): string {
    const addr = this.#listener.addr as Deno.NetAddr | Deno.UnixAddr;
    return addr.transport === "tcp"
      ? `${addr.hostname}:${addr.port}`
      : `unix:${(addr as Deno.UnixAddr).path}`;
  }

  /** What it took, over all connections. */
  get taken(): Received[] {
    return this.peers.flatMap(({ messages }) => messages)
      .filter(({ taken }) => taken);
  }

  /** Connections that are open. */
  get open(): number {
    return this.peers.filter(({ ended }) => !ended).length;
  }

  /** Waits until no connection is open any more. */
  async emptied(): Promise<void> {
    await until("every relay connection to end", () => this.open === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#over.resolve();
    await this.#accepting;
    for (const peer of this.peers) peer.close();
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
      const at = Math.min(this.peers.length, this.#behaviours.length - 1);
      const peer = new Peer(
        conn,
        this.#behaviours[at] ?? {},
        this.#over.promise,
      );
      this.peers.push(peer);
      this.#running.push(peer.run());
    }
  }
}
