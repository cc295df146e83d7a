/**
 * One connection of a scripted relay: its behaviour, and what it was told.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { tlsServer } from "../transport/tls_peer.ts";

/** What is said: text without its last CRLF, or what a function does. */
export type Answer =
  | string
  | ((
    peer: Peer,
    line: string,
  ) => string | undefined | void | Promise<string | undefined | void>);

/** Where a relay can be told to do otherwise; `END` is the final dot. */
export type Step =
  | "GREETING"
  | "EHLO"
  | "HELO"
  | "LHLO"
  | "STARTTLS"
  | "AUTH"
  | "XFORWARD"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "END"
  | "BDAT"
  | "RSET"
  | "QUIT";

/** One connection's behaviour. */
export type Behaviour =
  & {
    /** EHLO keywords; `STARTTLS` is added where there is a certificate. */
    readonly offers?: readonly string[];
    /** The name of a certificate in `tests/transport/certs`. */
    readonly certificate?: string;
    /** Whether TLS comes before the greeting. */
    readonly implicitTls?: boolean;
    /** Called for each piece of message data. */
    readonly onData?: (peer: Peer) => void | Promise<void>;
  }
  & { readonly [S in Step]?: Answer };

/** A message as it came, still stuffed; `taken`: it was answered 2xx. */
export interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly data: string;
  readonly taken: boolean;
}

/** What a well-behaved relay offers. */
export const OFFERS: readonly string[] = [
  "PIPELINING",
  "SIZE 50000000",
  "8BITMIME",
  "ENHANCEDSTATUSCODES",
  "SMTPUTF8",
];

const USUAL: Readonly<Record<Step, string>> = {
  GREETING: "220 relay.test ESMTP",
  EHLO: "",
  HELO: "250 relay.test",
  LHLO: "",
  STARTTLS: "220 2.0.0 Go ahead",
  AUTH: "235 2.7.0 Welcome",
  XFORWARD: "250 2.0.0 Noted",
  MAIL: "250 2.1.0 Sender fine",
  RCPT: "250 2.1.5 Recipient fine",
  DATA: "354 Send it",
  END: "250 2.0.0 Queued as 42",
  BDAT: "250 2.0.0 Queued as 42",
  RSET: "250 2.0.0 Reset",
  QUIT: "221 2.0.0 Bye",
};

/** The relay's end of one connection. */
export class Peer {
  /** The command lines, in order. */
  readonly commands: string[] = [];
  /** The same by reads: those of one write are together. */
  readonly batches: string[][] = [];
  /** What was ended by a final dot. */
  readonly messages: Received[] = [];
  /** Data of a message that was not ended. */
  data = "";
  /** Whether it is over, from either side. */
  ended = false;
  /** Whether it is in TLS. */
  secure = false;
  /** Resolved when the relay is shut down. */
  readonly over: Promise<void>;
  readonly #behaviour: Behaviour;
  #conn: Deno.Conn;
  #input = "";
  #inData = false;
  readonly #bytes = new Uint8Array(64 * 1_024);
  #from = "";
  #to: string[] = [];
  readonly #pumps: Promise<unknown>[] = [];

  constructor(conn: Deno.Conn, behaviour: Behaviour, over: Promise<void>) {
    this.#conn = conn;
    this.#behaviour = behaviour;
    this.over = over;
  }

  /** Recipients of the transaction that were taken. */
  get recipients(): readonly string[] {
    return this.#to;
  }

  /** The next line, which is no command; it is kept with the commands. */
  async line(): Promise<string> {
    let end: number;
    while ((end = this.#input.indexOf("\r\n")) === -1) {
      if (!await this.#read()) throw new Error("The client has gone");
    }
    return this.#take(end);
  }

  /** Writes a reply. */
  say(text: string): Promise<void> {
    return this.write(`${text}\r\n`);
  }

  /** Writes bytes, one a character; a client that has gone is no error. */
  async write(text: string): Promise<void> {
    try {
      let bytes: Uint8Array = Buffer.from(text, "latin1");
      while (bytes.length > 0) {
        bytes = bytes.subarray(await this.#conn.write(bytes));
      }
    } catch {
      this.ended = true;
    }
  }

  /** Ends our side, so that the last word arrives; goes on reading. */
  async end(): Promise<void> {
    await this.#conn.closeWrite().catch(() => {});
  }

  /** Says that what comes next is message data, where 354 was not the answer. */
  expectData(): void {
    this.#inData = true;
  }

  /** Closes at once. */
  close(): void {
    this.ended = true;
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }

  /** Runs the conversation to its end. */
  async run(): Promise<void> {
    try {
      if (this.#behaviour.implicitTls) await this.#startTls();
      await this.#act("GREETING", "");
      while (!this.ended && await this.#read()) await this.#consume();
    } catch {
      // The client has gone, or the test is over.
    } finally {
      this.close();
      await Promise.all(this.#pumps);
    }
  }

  /** Reads on; whether there was anything. */
  async #read(): Promise<boolean> {
    const count = await this.#conn.read(this.#bytes);
    if (count === null) return false;
    const read = this.#bytes.subarray(0, count);
    this.#input += Buffer.from(read).toString("latin1");
    this.batches.push([]);
    return true;
  }

  #take(end: number): string {
    const line = this.#input.slice(0, end);
    this.#input = this.#input.slice(end + 2);
    this.commands.push(line);
    this.batches.at(-1)!.push(line);
    return line;
  }

  async #consume(): Promise<void> {
    while (!this.ended) {
      if (this.#inData) {
        if (!await this.#consumeData()) return;
        continue;
      }
      const end = this.#input.indexOf("\r\n");
      if (end === -1) return;
      await this.#obey(this.#take(end));
    }
  }

  async #consumeData(): Promise<boolean> {
    this.data += this.#input;
    this.#input = "";
    await this.#behaviour.onData?.(this);
    const end = `\r\n${this.data}`.indexOf("\r\n.\r\n");
    if (end === -1 || this.ended) return false;
    this.#input = this.data.slice(end + 3);
    const data = this.data.slice(0, end);
    this.data = "";
    this.#inData = false;
    await this.#keep(data, () => this.#act("END", "."));
    return true;
  }

  /** Keeps a message, and what was said of it. */
  async #keep(
    data: string,
    judge: () => Promise<string | undefined>,
  ): Promise<void> {
    const [from, to] = [this.#from, this.#to];
    const at = this.messages.push({ from, to, data, taken: false }) - 1;
    const taken = (await judge())?.startsWith("2") ?? false;
    this.messages[at] = { ...this.messages[at]!, taken };
    this.#to = [];
  }

  async #obey(line: string): Promise<void> {
    const verb = line.slice(0, line.search(/ |$/)).toUpperCase();
    if (!(verb in USUAL)) return await this.say("500 5.5.2 What?");
    if (verb === "BDAT") return await this.#takeChunk(line);
    const said = await this.#act(verb as Step, line);
    const path = /<(.*)>/.exec(line)?.[1] ?? "";
    const isTaken = said?.startsWith("2") ?? false;
    if (verb === "MAIL" && isTaken) {
      this.#from = path;
      this.#to = [];
    }
    if (verb === "RCPT" && isTaken) this.#to.push(path);
    if (verb === "DATA" && said?.startsWith("354")) this.#inData = true;
    if (verb === "STARTTLS" && said?.startsWith("220")) await this.#startTls();
    if (verb === "QUIT") await this.end();
  }

  /** Takes a chunk; the last one makes it a message. */
  async #takeChunk(line: string): Promise<void> {
    const [, digits, last] = /^BDAT (\d+)( LAST)?$/.exec(line) ?? [];
    const size = Number(digits);
    while (this.#input.length < size) {
      if (!await this.#read()) throw new Error("The client has gone");
    }
    this.data += this.#input.slice(0, size);
    this.#input = this.#input.slice(size);
    const judge = () => this.#act("BDAT", line);
    if (last === undefined) return void await judge();
    const { data } = this;
    this.data = "";
    await this.#keep(data, judge);
  }

  /** Answers; gives what was said, where it was an answer at all. */
  async #act(step: Step, line: string): Promise<string | undefined> {
    const answer = this.#behaviour[step] ??
      (USUAL[step] === "" ? this.#ehlo() : USUAL[step]);
    const said = typeof answer === "string"
      ? answer
      : await answer(this, line) ?? undefined;
    if (said !== undefined) await this.say(said);
    return said;
  }

  #ehlo(): string {
    const { offers = OFFERS, certificate } = this.#behaviour;
    const hasTls = certificate !== undefined && !this.secure;
    const lines = ["relay.test", ...offers, ...hasTls ? ["STARTTLS"] : []];
    return lines.map((text, i) =>
      `250${i === lines.length - 1 ? " " : "-"}${text}`
    ).join("\r\n");
  }

  /** The runtime has no server's side of STARTTLS, but listens in TLS. */
  async #startTls(): Promise<void> {
    const { certificate } = this.#behaviour;
    if (certificate === undefined) return;
    const outer = this.#conn;
    using listener = tlsServer(certificate);
    const { port } = listener.addr as Deno.NetAddr;
    const [inner, secured] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    this.#pumps.push(pump(outer, inner), pump(inner, outer));
    this.#conn = secured;
    this.secure = true;
    await secured.handshake();
  }
}

async function pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const bytes = new Uint8Array(64 * 1_024);
  try {
    for (let count; (count = await from.read(bytes)) !== null;) {
      for (let at = 0; at < count;) {
        at += await to.write(bytes.subarray(at, count));
      }
    }
  } catch {
    // Either side has gone.
  }
  for (const conn of [from, to]) {
    try {
      conn.close();
    } catch {
      // Closed already.
    }
  }
}
