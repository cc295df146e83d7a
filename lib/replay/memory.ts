/**
 * A wire in memory: Postern's end is a connection, the other is the player's.
 *
 * What Postern writes is there at once, and what the player sends is read at
 * once: no socket, and no time passes but what the player lets pass.
 *
 * @module
 */

import { BaseConnection, type Connection } from "../transport/connection.ts";
import type { StageWire } from "./stage.ts";

/**
 * Turns of the microtask queue in which an answer is looked for, before
 * everything that is due is let happen: more than lie between most questions
 * and their answers, and much quicker.
 */
const MAX_TURNS = 64;

/** Most that Postern may say unheard, in bytes: far over any conversation. */
const MAX_SAID_BYTES = 64 * 1_024 * 1_024;

/** Lets every callback run that is due. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The player's end. */
export class MemoryWire implements StageWire {
  readonly #connection: MemoryConnection;

  /** A wire to a peer of that address, as Postern sees it. */
  constructor(remote: string) {
    this.#connection = new MemoryConnection(remote);
  }

  /** Postern's end. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Sends bytes to Postern. */
  send(bytes: Uint8Array): void {
    this.#connection.feed(bytes);
  }

  /** The next line that Postern says. */
  async line(): Promise<string | undefined | null> {
    const connection = this.#connection;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      if (this.hasLine() || connection.closed) break;
      await undefined;
    }
    if (!this.hasLine()) await settle();
    const { said } = connection;
    const end = said.indexOf("\r\n");
    if (end === -1) return connection.closed ? null : undefined;
    connection.said = said.slice(end + 2);
    return said.slice(0, end);
  }

  /** Whether Postern has said a whole line that was not asked for yet. */
  hasLine(): boolean {
    return this.#connection.said.includes("\r\n");
  }

  /** Ends the player's side. */
  end(how: "eof" | "reset"): void {
    this.#connection.hangUp(how);
  }
}

class MemoryConnection extends BaseConnection {
  readonly remote: string;
  readonly remotePort = 0;
  readonly local = "";
  readonly localPort = 0;
  /** What Postern said and the player has not heard, an octet a character. */
  said = "";
  readonly #sent: Uint8Array[] = [];
  #hungUp: "eof" | "reset" | undefined;
  #wake: (() => void) | undefined;

  constructor(remote: string) {
    super();
    this.remote = remote;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#sent.length === 0 || this.closed) {
      if (this.closed) throw new Deno.errors.Interrupted("closed");
      if (this.#hungUp === "eof") return null;
      if (this.#hungUp === "reset") throw new Deno.errors.ConnectionReset();
      await new Promise<void>((wake) => this.#wake = wake);
    }
    const first = this.#sent[0]!;
    const count = Math.min(first.length, into.length);
    into.set(first.subarray(0, count));
    if (count === first.length) this.#sent.shift();
    else this.#sent[0] = first.subarray(count);
    return count;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.closed || this.#hungUp === "reset") {
      return Promise.reject(new Deno.errors.BrokenPipe());
    }
    if (this.said.length + bytes.length > MAX_SAID_BYTES) {
      return Promise.reject(new RangeError("Too much is said unheard"));
    }
    this.said += latin1(bytes);
    return Promise.resolve();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  /** In memory nothing is on its way, so there is nothing to wait for. */
  override end(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  feed(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#sent.push(bytes);
    this.#wake?.();
  }

  hangUp(how: "eof" | "reset"): void {
    this.#hungUp = how;
    this.#wake?.();
  }

  protected release(): void {
    this.#wake?.();
  }
}

/** Octets as characters, one for one. */
function latin1(bytes: Uint8Array): string {
  const chunk = 8_192; // what a call's arguments bear
  let text = "";
  for (let at = 0; at < bytes.length; at += chunk) {
    text += String.fromCharCode(...bytes.subarray(at, at + chunk));
  }
  return text;
}
