/**
 * A client that keeps to no protocol: it sends what it likes, resets, stalls.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import net from "node:net";
import type { ListenAddress } from "../../mod.ts";
import { CA } from "../support/certificates.ts";

/** Longest wait for anything, in ms. */
const PATIENCE_MS = 20_000;

/** An attacker's connection; what it is told gathers in `heard`. */
export class Attacker implements Disposable {
  /** All that came, one character a byte. */
  heard = "";
  /** Whether the other end has closed, or reset. */
  ended = false;
  readonly #socket: net.Socket;
  readonly #waiting: (() => void)[] = [];

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (piece: Buffer) => {
      this.heard += piece.toString("latin1");
      this.#wake();
    });
    const end = () => {
      this.ended = true;
      this.#wake();
    };
    socket.on("error", end);
    socket.on("end", end);
    socket.on("close", end);
  }

  /** Connects. */
  static async connect(address: ListenAddress): Promise<Attacker> {
    const socket = address.transport === "tcp"
      ? net.connect(address.port, address.hostname)
      : net.connect(address.path);
    await new Promise<void>((done, fail) => {
      socket.once("connect", done);
      socket.once("error", fail);
    });
    return new Attacker(socket);
  }

  /** Connects, and goes so far that a ClientHello is the next. */
  static async beforeTls(address: ListenAddress): Promise<Attacker> {
    const attacker = await Attacker.connect(address);
    if (address.scheme === "smtps") return attacker;
    attacker.send("EHLO x.test\r\nSTARTTLS\r\n");
    await attacker.hears("220 2.0.0");
    attacker.heard = "";
    return attacker;
  }

  /** Sends bytes, or a text of a character a byte; whether they go is the kernel's. */
  send(bytes: string | Uint8Array): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(
      typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes,
    );
  }

  /** Waits until a text has come, or the end. */
  async hears(text: string): Promise<void> {
    await this.#until(text, () => this.heard.includes(text) || this.ended);
  }

  /** Waits until anything has come, or the end. */
  async hearsAnything(): Promise<void> {
    await this.#until("anything", () => this.heard !== "" || this.ended);
  }

  /** Waits for the end. */
  async over(): Promise<void> {
    await this.#until("the end", () => this.ended);
  }

  /** Takes nothing any more. */
  pause(): void {
    this.#socket.pause();
  }

  /** Bytes that wait to be sent. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** Ends its own side. */
  finish(): void {
    this.#socket.end();
  }

  /** Resets. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Vanishes. */
  close(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #until(what: string, is: () => boolean): Promise<void> {
    const timer = setTimeout(() => this.#wake(), PATIENCE_MS);
    const end = performance.now() + PATIENCE_MS;
    try {
      while (!is()) {
        if (performance.now() >= end) {
          throw new Error(
            `Expected ${what}, heard ${JSON.stringify(this.heard)}`,
          );
        }
        await new Promise<void>((wake) => this.#waiting.push(wake));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

let hello: Promise<Uint8Array> | undefined;

/** A ClientHello as a good client sends it. */
export function clientHello(): Promise<Uint8Array> {
  return hello ??= capture();
}

async function capture(): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const client = await Deno.startTls(conn, {
    hostname: "localhost",
    caCerts: [CA],
  });
  const shaking = client.handshake().catch(() => {});
  using server = await listener.accept();
  const bytes = new Uint8Array(16 * 1_024);
  const count = await server.read(bytes) ?? 0;
  client.close();
  await shaking;
  return bytes.slice(0, count);
}

/** A number from a seed, so that a failure can be had again. */
export function randomBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed + 1;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
