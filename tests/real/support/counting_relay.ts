/**
 * A relay inside the test: counts what comes and keeps none of it, so that it
 * can take any amount; tells what is still connected; and answers what the test
 * wants answered.
 *
 * It takes the wire form as it is: dots stay stuffed. One command at a time or
 * pipelined. Not a model of a server: it checks nothing.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** A message that was ended by its final dot. */
export interface Counted {
  /** Bytes of content after {@linkcode RelayOptions.from} begins. */
  readonly bytes: number;
  /** Their SHA-256, hexadecimal. */
  readonly sha256: string;
}

/** What a relay of a test does differently. */
export interface RelayOptions {
  /** Where the sender's own content begins, after what servers put before it. */
  readonly from?: string;
  /** Replies by verb, `CONNECT` and `.` included, instead of the usual ones. */
  readonly replies?: Readonly<Record<string, string>>;
}

const REPLIES: Readonly<Record<string, string>> = {
  CONNECT: "220 relay.example.org ESMTP",
  EHLO:
    "250-relay.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n250 SMTPUTF8",
  HELO: "250 relay.example.org",
  MAIL: "250 2.1.0 Ok",
  RCPT: "250 2.1.5 Ok",
  DATA: "354 End data with <CR><LF>.<CR><LF>",
  ".": "250 2.0.0 Ok: counted",
  RSET: "250 2.0.0 Ok",
  NOOP: "250 2.0.0 Ok",
  QUIT: "221 2.0.0 Bye",
};

/** Read at once; what makes Deno fast with large messages. */
const READ_BYTES = 128 * 1_024;

const END = Buffer.from("\r\n.\r\n");

/** A running relay. */
export class CountingRelay implements AsyncDisposable {
  /** Messages that ended, in order. */
  readonly counted: Counted[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #options: RelayOptions;
  readonly #conns: Set<Deno.TcpConn> = new Set();
  readonly #sessions: Set<Promise<void>> = new Set();
  readonly #accepting: Promise<void>;

  /** Listens on a port of 127.0.0.1. */
  constructor(options: RelayOptions = {}) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept();
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Connections open now. */
  get open(): number {
    return this.#conns.size;
  }

  /** Ends it, with all its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    await this.#accepting;
    await Promise.all(this.#sessions);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      const session = this.#serve(conn).catch(ignoreBrokenOff).finally(() => {
        if (this.#conns.delete(conn)) closeQuietly(conn);
        this.#sessions.delete(session);
      });
      this.#sessions.add(session);
    }
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    let commands = "";
    let content: Content | undefined;
    await this.#answer(conn, "CONNECT");
    for (;;) {
      const length = await conn.read(buffer);
      if (length === null) return;
      let piece: Uint8Array | undefined = buffer.subarray(0, length);
      while (piece !== undefined && piece.length > 0) {
        if (content !== undefined) {
          piece = content.add(piece);
          if (piece === undefined) break;
          this.counted.push(content.finish());
          content = undefined;
          await this.#answer(conn, ".");
        }
        commands += new TextDecoder().decode(piece);
        piece = undefined;
        for (let end; (end = commands.indexOf("\r\n")) >= 0;) {
          const verb = commands.slice(0, end).split(" ")[0]!.toUpperCase();
          commands = commands.slice(end + 2);
          const reply = await this.#answer(conn, verb);
          if (verb === "QUIT") return;
          if (verb !== "DATA" || !reply.startsWith("354")) continue;
          content = new Content(this.#options.from ?? "");
          piece = new TextEncoder().encode(commands);
          commands = "";
          break;
        }
      }
    }
  }

  async #answer(conn: Deno.TcpConn, verb: string): Promise<string> {
    const reply = this.#options.replies?.[verb] ?? REPLIES[verb] ??
      "500 5.5.2 What?";
    const bytes = new TextEncoder().encode(`${reply}\r\n`);
    for (let at = 0; at < bytes.length;) {
      at += await conn.write(bytes.subarray(at));
    }
    return reply;
  }
}

/** One message's content while it comes. */
class Content {
  readonly #from: string;
  readonly #hash = createHash("sha256");
  #begun: boolean;
  #bytes = 0;
  /** What may be the beginning of the end, or of `from`. */
  #tail: Buffer = Buffer.from("\r\n");

  constructor(from: string) {
    this.#from = from;
    this.#begun = from === "";
  }

  /** Takes a piece; gives what follows the end, once that has come. */
  add(piece: Uint8Array): Uint8Array | undefined {
    let bytes = Buffer.concat([this.#tail, piece]);
    if (!this.#begun) {
      const at = bytes.indexOf(this.#from);
      // Trace fields are few: what is kept until then stays small.
      if (at < 0) {
        this.#tail = bytes;
        return;
      }
      this.#begun = true;
      bytes = bytes.subarray(at);
    }
    const end = bytes.indexOf(END);
    // The content's last CRLF belongs to it.
    const length = end < 0 ? Math.max(0, bytes.length - END.length) : end + 2;
    this.#hash.update(bytes.subarray(0, length));
    this.#bytes += length;
    this.#tail = bytes.subarray(length);
    return end < 0 ? undefined : bytes.subarray(end + END.length);
  }

  finish(): Counted {
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed by the test's end already.
  }
}

/** A sender may break off at any time; anything else is the test's fault. */
function ignoreBrokenOff(error: unknown): void {
  const expected = [
    Deno.errors.BadResource,
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionReset,
    Deno.errors.Interrupted,
  ];
  if (!expected.some((type) => error instanceof type)) throw error;
}
