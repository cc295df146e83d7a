/**
 * Two connections joined in memory, for tests.
 *
 * The rule it keeps: what holds for a socket holds here. A writer waits while
 * its peer does not read, the peer's end reads as `null`, a write to a peer
 * that has closed is a broken pipe, and `close()` ends what is pending.
 *
 * Not here: addresses, loss, delay.
 *
 * @module
 */
import {
  BaseConnection,
  type Connection,
} from "../../lib/transport/connection.ts";

/** How much one direction holds before its writer waits, in bytes; a small socket buffer. */
const PIPE_BYTES = 64 * 1024;

/** One direction: a ring of bytes, readers and writers that wait. */
class Pipe {
  readonly #ring = new Uint8Array(PIPE_BYTES);
  #start = 0;
  #count = 0;
  #writerEnded = false;
  #readerClosed = false;
  /** All who wait for bytes or for room; each looks again when woken. */
  readonly #waiting: (() => void)[] = [];

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#count === 0) {
      if (this.#readerClosed) throw interrupted();
      if (this.#writerEnded) return null;
      await this.#change();
    }
    if (this.#readerClosed) throw interrupted();
    const count = Math.min(
      into.length,
      this.#count,
      PIPE_BYTES - this.#start, // up to the ring's seam; the rest is the next read's
    );
    into.set(this.#ring.subarray(this.#start, this.#start + count));
    this.#start = (this.#start + count) % PIPE_BYTES;
    this.#count -= count;
    this.#wake();
    return count;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      if (this.#writerEnded) throw interrupted();
      if (this.#readerClosed) {
        throw new Deno.errors.BrokenPipe("Broken pipe: the peer has closed");
      }
      const end = (this.#start + this.#count) % PIPE_BYTES;
      const room = Math.min(PIPE_BYTES - this.#count, PIPE_BYTES - end);
      if (room === 0) {
        await this.#change();
        continue;
      }
      const piece = bytes.subarray(written, written + room);
      this.#ring.set(piece, end);
      this.#count += piece.length;
      written += piece.length;
      this.#wake();
    }
  }

  endWriting(): void {
    this.#writerEnded = true;
    this.#wake();
  }

  closeReading(): void {
    this.#readerClosed = true;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((wake) => this.#waiting.push(wake));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** What the runtime throws for a read that `close()` has ended. */
function interrupted(): Error {
  return new Deno.errors.Interrupted("operation canceled");
}

class MemoryConnection extends BaseConnection {
  readonly remote = "";
  readonly remotePort = 0;
  readonly local = "";
  readonly localPort = 0;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;

  constructor(incoming: Pipe, outgoing: Pipe) {
    super();
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#incoming.read(into);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#outgoing.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.#outgoing.endWriting();
    return Promise.resolve();
  }

  protected release(): void {
    this.#incoming.closeReading();
    this.#outgoing.endWriting();
  }
}

/**
 * Creates two connections, each of which reads what the other writes.
 *
 * @returns The two ends; each is to be closed by its owner.
 */
export function memoryPair(): [Connection, Connection] {
  const there = new Pipe();
  const back = new Pipe();
  return [new MemoryConnection(back, there), new MemoryConnection(there, back)];
}
