/**
 * A client for tests that sends bytes and collects replies, and knows no
 * better.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { ListenAddress } from "../../mod.ts";
import { CA } from "./certificates.ts";

/** Longest wait for a reply, in ms: a test that takes longer has failed. */
const PATIENCE_MS = 20_000;

/** One whole reply at the beginning of what came. */
const REPLY = /^(?:\d{3}-[^\n]*\r\n)*\d{3}(?: [^\n]*)?\r\n/;

/** What a whole message is. */
export interface Mail {
  readonly from?: string;
  readonly to?: readonly string[];
  /** What follows the sender's path, with its space. */
  readonly parameters?: string;
  /** With CRLF line ends, stuffed, without the final dot. */
  readonly data?: string;
}

/** The replies that a message got, as far as it came. */
export interface Replies {
  readonly mail: string;
  readonly rcpt: readonly string[];
  readonly data: string;
  readonly end: string;
}

/** How a client goes over to TLS. */
export interface RawTls {
  /** The name that the server's certificate must be for; default: `localhost`. */
  readonly hostname?: string;
  /** The client's certificate and its key, PEM; only where TLS is first. */
  readonly certificate?: { readonly cert: string; readonly key: string };
}

/** The other end of a session. */
export class RawClient implements Disposable {
  #conn: Deno.Conn;
  #input = "";
  #ended = false;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects, and takes the greeting. */
  static async greeted(address: ListenAddress | undefined): Promise<RawClient> {
    const client = await RawClient.connect(address);
    await client.reply();
    await client.ask("EHLO client.test");
    return client;
  }

  /** Connects; to `smtps` in TLS. */
  static async connect(
    address: ListenAddress | undefined,
    { hostname: name = "localhost", certificate }: RawTls = {},
  ): Promise<RawClient> {
    if (address === undefined) throw new TypeError("Expected an address");
    if (address.transport === "unix") {
      const { transport, path } = address;
      return new RawClient(await Deno.connect({ transport, path }));
    }
    const { hostname, port } = address;
    if (certificate !== undefined) {
      const caCerts = [CA];
      return new RawClient(
        await Deno.connectTls({ hostname, port, caCerts, ...certificate }),
      );
    }
    const conn = await Deno.connect({ hostname, port });
    conn.setNoDelay(true);
    const client = new RawClient(conn);
    if (address.scheme === "smtps") await client.secure(name);
    return client;
  }

  /** Says STARTTLS, and goes over to TLS. */
  async startTls(hostname?: string): Promise<void> {
    const reply = await this.ask("STARTTLS");
    if (!reply.startsWith("220")) throw new Error(`STARTTLS: ${reply}`);
    await this.secure(hostname);
  }

  /** The handshake; the server's certificate has to be for `hostname`. */
  async secure(hostname = "localhost"): Promise<void> {
    const caCerts = [CA];
    const conn = this.#conn as Deno.TcpConn;
    try {
      const secured = await Deno.startTls(conn, { hostname, caCerts });
      this.#conn = secured;
      await secured.handshake();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sends bytes, one a character. */
  async send(text: string): Promise<void> {
    let bytes: Uint8Array = Buffer.from(text, "latin1");
    while (bytes.length > 0) {
      bytes = bytes.subarray(await this.#conn.write(bytes));
    }
  }

  /** The next whole reply, CRLF and all; what there is of it at the end. */
  async reply(): Promise<string> {
    for (;;) {
      const [reply] = REPLY.exec(this.#input) ?? [];
      if (reply === undefined && !this.#ended) {
        await this.#read();
        continue;
      }
      const taken = reply ?? this.#input;
      this.#input = this.#input.slice(taken.length);
      return taken;
    }
  }

  /** Sends a command and takes its reply. */
  async ask(line: string): Promise<string> {
    await this.send(`${line}\r\n`);
    return await this.reply();
  }

  /** All that still comes until the server closes. */
  async rest(): Promise<string> {
    while (!this.#ended) await this.#read();
    const rest = this.#input;
    this.#input = "";
    return rest;
  }

  /** Sends a message in lockstep, as far as it is let. */
  async mail(
    {
      from = "a@example.org",
      to = ["b@localhost"],
      parameters = "",
      data = "Subject: Test\r\n\r\nHello.\r\n",
    }: Mail = {},
  ): Promise<Replies> {
    const replies = { mail: "", rcpt: [] as string[], data: "", end: "" };
    replies.mail = await this.ask(`MAIL FROM:<${from}>${parameters}`);
    if (!replies.mail.startsWith("2")) return replies;
    for (const path of to) {
      replies.rcpt.push(await this.ask(`RCPT TO:<${path}>`));
    }
    if (!replies.rcpt.some((reply) => reply.startsWith("2"))) {
      await this.ask("RSET");
      return replies;
    }
    replies.data = await this.ask("DATA");
    if (!replies.data.startsWith("354")) return replies;
    await this.send(data);
    replies.end = await this.ask(".");
    return replies;
  }

  /** Vanishes. */
  close(): void {
    this.#ended = true;
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #read(): Promise<void> {
    const bytes = new Uint8Array(16 * 1_024);
    const timer = setTimeout(() => this.close(), PATIENCE_MS);
    try {
      const count = await this.#conn.read(bytes);
      if (count === null) this.#ended = true;
      else {
        const piece = bytes.subarray(0, count);
        this.#input += Buffer.from(piece).toString("latin1");
      }
    } catch {
      this.#ended = true;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What decided a message's fate: the first refusal, or the last reply. */
export function verdictOf({ mail, rcpt, data, end }: Replies): string {
  const replies = [mail, ...rcpt, data, end].filter((reply) => reply !== "");
  return replies.find((reply) => /^[45]/.test(reply)) ?? replies.at(-1) ?? "";
}

/** The greeting at `address`. */
export async function greetingAt(
  address: ListenAddress | undefined,
): Promise<string> {
  using client = await RawClient.connect(address);
  return await client.reply();
}
