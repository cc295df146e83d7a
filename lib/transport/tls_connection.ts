/**
 * A connection over a `TLSSocket` of `node:tls`, either side of it.
 *
 * The rule it keeps: it behaves as a socket's. Bytes are taken from the stream
 * only when asked for, so back-pressure reaches the peer through the gate;
 * `close()` ends whatever is pending, and every wait has an end of its own.
 *
 * Stamps and farewell are its own: it is the one in the sweep, the connection
 * below it has none.
 *
 * @module
 */
import type { TLSSocket } from "node:tls";
import { BaseConnection, type Connection } from "./connection.ts";
import type { Gate } from "./gate.ts";

type Callback = (error?: Error | null) => void;

/** A connection in TLS by `node:tls`, over any other connection. */
export class NodeTlsConnection extends BaseConnection {
  readonly remote: string;
  readonly remotePort: number;
  readonly local: string;
  readonly localPort: number;
  readonly #socket: TLSSocket;
  readonly #gate: Gate;
  #taken = 0;
  #ended = false;
  #failure: Error | undefined;
  /** Ends the writes whose callbacks have not come yet. */
  readonly #pending = new Set<(error: Error) => void>();
  /** Readers that wait for the stream to change; each looks again when woken. */
  readonly #waiting: (() => void)[] = [];

  /**
   * Takes everything over.
   *
   * @param inner The connection below, for its addresses.
   * @param gate The stream over it.
   * @param socket The TLS over that, its handshake done or not.
   */
  constructor(inner: Connection, gate: Gate, socket: TLSSocket) {
    super();
    this.remote = inner.remote;
    this.remotePort = inner.remotePort;
    this.local = inner.local;
    this.localPort = inner.localPort;
    this.#gate = gate;
    this.#socket = socket;
    // Not `readableLength`: the runtime queues most of it further down, but
    // counts it in `bytesRead` as soon as it is decrypted.
    gate.watch(() => socket.bytesRead - this.#taken);
    const wake = () => this.#wake();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Deno.errors.UnexpectedEof()));
  }

  /** The version, such as `TLSv1.3`. */
  get tlsProtocol(): string | undefined {
    return this.#socket.getProtocol() ?? undefined;
  }

  /** The cipher suite's name, such as `TLS_AES_256_GCM_SHA384`. */
  get tlsCipher(): string | undefined {
    const cipher = this.#socket.getCipher();
    return cipher?.standardName ?? cipher?.name;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (true) {
      if (this.closed) throw new Deno.errors.Interrupted("operation canceled");
      // Reads nothing, but makes the stream fetch more or tell its end.
      if (this.#socket.readableLength === 0) this.#socket.read(0);
      const wanted = Math.min(into.length, this.#socket.readableLength);
      if (wanted > 0) {
        into.set(this.#socket.read(wanted));
        this.#taken += wanted;
        this.#gate.reopen();
        return wanted;
      }
      if (this.#ended) return null;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#called((done) => this.#socket.write(bytes, done));
  }

  closeWrite(): Promise<void> {
    return this.#called((done) => this.#socket.end(done));
  }

  protected release(): void {
    this.#fail(new Deno.errors.Interrupted("operation canceled"));
    this.#socket.destroy();
    this.#gate.destroy();
  }

  /** Calls `start` and waits for its callback, which may never come once the socket failed. */
  async #called(start: (done: Callback) => void): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending.add(reject);
    try {
      start((error) => error ? reject(error) : resolve());
      await promise;
    } finally {
      this.#pending.delete(reject);
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const reject of this.#pending) reject(this.#failure);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
