/**
 * A wire of the player's over a socket, whichever end of it the player is.
 *
 * The rule: every wait has an end. A line has its deadline from when it is
 * asked for, however its bytes come; so has each piece that is written. What the
 * peer says unasked stays in the socket, but for one buffer. But for TLS,
 * nothing here throws because of what the peer does: it closes the connection
 * and says why in `problem`.
 *
 * `reset` closes at once, which only resets the connection where something is
 * unread: the runtime's sockets know no other way, and a peer sees an end of
 * input instead.
 *
 * @module
 */

import type { Connection } from "../transport/connection.ts";
import { fromOctets, octetsOf } from "../transcript/template.ts";
import { ContinuedConnection } from "./continued_connection.ts";
import type { StageWire } from "../replay/stage.ts";

/** Read at a time, in bytes: any usual reply. */
const READ_BYTES = 16 * 1_024;

/** Written at a time, in bytes: each piece has its own deadline. */
const WRITE_BYTES = 64 * 1_024;

/** Longest line, in bytes: over a hundred times what RFC 5321 section 4.5.3.1.5 allows. */
export const MAX_LINE_BYTES = 64 * 1_024;

/**
 * How long a server's reply may take from its first line to its last, in
 * deadlines of a line: one that says a line now and then would never end.
 */
const REPLY_TIMEOUTS = 4;

/** How the other end of a wire is played with. */
export interface SocketWireOptions {
  /** Who the other end is, in what is said of it. */
  readonly peer: "server" | "client";
  /** How long a line, or the taking of a piece, may take, in ms. */
  readonly timeoutMs: number;
  /** Most that it may say without being answered, in bytes. */
  readonly maxSaidBytes: number;
  /**
   * Goes over to TLS.
   *
   * @param connection In clear so far; whoever gets it closes it.
   * @param signal Says that the conversation is over.
   */
  startTls(connection: Connection, signal: AbortSignal): Promise<Connection>;
}

/** The player's end of a connection. */
export class SocketWire implements StageWire {
  #connection: Connection;
  readonly #options: SocketWireOptions;
  readonly #over = new AbortController();
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** What came and was not asked for, a character for each byte. */
  #came = "";
  /** Bytes that came since something was sent. */
  #said = 0;
  /** When the reply must have ended whose first lines were asked for. */
  #replyBy = Infinity;
  /** The read that is pending; it never rejects. */
  #reading: Promise<void> | undefined;
  #ending: Promise<void> = Promise.resolve();
  #hasEnded = false;
  #problem: string | undefined;

  /**
   * Takes over a connection on which nothing was read yet.
   *
   * @param connection The wire's to close.
   * @param options How the other end is played with.
   */
  constructor(connection: Connection, options: SocketWireOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** What the peer did that ended the conversation; `undefined`: nothing. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What it said behind its last whole line. */
  get unfinished(): string {
    const end = this.#came.lastIndexOf("\r\n");
    return end < 0 ? this.#came : this.#came.slice(end + 2);
  }

  /** Whether it has said a whole line that was not asked for yet. */
  hasLine(): boolean {
    return this.#came.includes("\r\n");
  }

  /** Sends bytes; what can't be sent is lost. */
  async send(bytes: Uint8Array): Promise<void> {
    const { peer, timeoutMs } = this.#options;
    this.#said = 0;
    for (let at = 0; at < bytes.length && !this.#connection.closed;) {
      const piece = bytes.subarray(at, at + WRITE_BYTES);
      const timer = setTimeout(
        () => this.fail(`the ${peer} took nothing for ${timeoutMs} ms`),
        timeoutMs,
      );
      try {
        await this.#connection.write(piece);
      } catch {
        // What the peer said before it went can still be read.
        return;
      } finally {
        clearTimeout(timer);
      }
      at += piece.length;
    }
  }

  /** The next line, within the deadline. */
  async line(): Promise<string | undefined | null> {
    const { peer, timeoutMs } = this.#options;
    const now = performance.now();
    const by = Math.min(now + timeoutMs, this.#replyBy);
    for (let seen = 0;;) {
      const end = this.#came.indexOf("\r\n", Math.max(0, seen - 1));
      if (end >= 0) {
        const line = this.#came.slice(0, end);
        this.#came = this.#came.slice(end + 2);
        const goesOn = peer === "server" && line[3] === "-";
        if (!goesOn) this.#replyBy = Infinity;
        else if (this.#replyBy === Infinity) {
          this.#replyBy = now + REPLY_TIMEOUTS * timeoutMs;
        }
        return line;
      }
      seen = this.#came.length;
      if (seen > MAX_LINE_BYTES) {
        this.fail(`the ${peer} said a line of more than ${MAX_LINE_BYTES} B`);
      }
      const left = by - performance.now();
      if (left <= 0 && by === this.#replyBy) {
        const ms = REPLY_TIMEOUTS * timeoutMs;
        this.fail(`the ${peer} took more than ${ms} ms for a reply`);
      }
      if (this.#hasEnded) return null;
      if (left <= 0) return undefined;
      await this.listen(left);
    }
  }

  /** Reads once, for that long at most. */
  async listen(ms: number): Promise<void> {
    if (this.#hasEnded) return;
    const reading = this.#reading ??= this.#read();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((done) => timer = setTimeout(done, ms));
    await Promise.race([reading, late]);
    clearTimeout(timer);
  }

  /** Goes over to TLS; rejects where more came in clear. */
  async startTls(): Promise<void> {
    if (this.#came !== "") {
      const { peer } = this.#options;
      throw new Error(`the ${peer} said more in clear before TLS`);
    }
    const clear = new ContinuedConnection(
      this.#connection,
      this.#reading?.then(() => {
        const bytes = fromOctets(this.#came);
        this.#came = "";
        return bytes;
      }),
    );
    this.#connection = await this.#options.startTls(
      clear,
      this.#over.signal,
    );
  }

  /** Ends the player's side. */
  end(how: "eof" | "reset"): void {
    if (how === "reset") this.#close();
    else this.#ending = this.#connection.closeWrite().catch(() => {});
  }

  /** Gives up on the peer; the first reason counts. */
  fail(problem: string): void {
    this.#problem ??= problem;
    this.#close();
  }

  /**
   * Ends the player's side, and waits for the peer to end its own, so that what
   * was said last arrives: a socket closed with unread input is reset.
   *
   * @param ms How long the peer has, in ms.
   */
  async leave(ms: number): Promise<void> {
    const by = performance.now() + ms;
    if (!this.#connection.closed) this.end("eof");
    for (let left = ms; left > 0; left = by - performance.now()) {
      if (this.#hasEnded) return;
      this.#came = "";
      await this.listen(left);
    }
  }

  /** Closes, and waits for what is pending. */
  async close(): Promise<void> {
    this.#close();
    await this.#reading;
    await this.#ending;
  }

  #close(): void {
    this.#hasEnded = true;
    this.#over.abort();
    this.#connection.close();
  }

  async #read(): Promise<void> {
    try {
      const count = await this.#connection.read(this.#buffer);
      if (count === null) this.#hasEnded = true;
      else this.#hear(this.#buffer.subarray(0, count));
    } catch {
      // Reset by the peer, or closed here: in either case it ends.
      this.#hasEnded = true;
    }
    this.#reading = undefined;
  }

  #hear(bytes: Uint8Array): void {
    this.#came += octetsOf(bytes);
    this.#said += bytes.length;
    const { peer, maxSaidBytes } = this.#options;
    if (this.#said <= maxSaidBytes) return;
    this.fail(`the ${peer} said more than ${maxSaidBytes} B at once`);
  }
}
