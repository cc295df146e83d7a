/**
 * What the engine's tests share: bytes, chunkings, and a server and a client
 * that are played without a socket.
 *
 * @module
 */

import {
  type Answer,
  ClientEngine,
  ProtocolError,
} from "../../lib/engine/client.ts";
import type { Event } from "../../lib/engine/events.ts";
import type { Offer } from "../../lib/engine/extensions.ts";
import type { ServerOptions } from "../../lib/engine/options.ts";
import type { Reply } from "../../lib/engine/reply.ts";
import { ServerEngine } from "../../lib/engine/server.ts";

/** One byte for each character, which is at most U+00FF. */
export function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** One character for each byte. */
export function text(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** UTF-8, a character for each byte. */
export function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/** Whole, byte by byte, and cut in two at every byte. */
export function* chunkings(input: Uint8Array): Generator<Uint8Array[]> {
  yield [input];
  yield byteByByte(input);
  for (let cut = 1; cut < input.length; cut++) {
    yield [input.subarray(0, cut), input.subarray(cut)];
  }
}

export function byteByByte(input: Uint8Array): Uint8Array[] {
  return Array.from(input, (byte) => Uint8Array.of(byte));
}

/** Every string over `alphabet` of up to `length` characters. */
export function* strings(alphabet: string, length: number): Generator<string> {
  yield "";
  if (length === 0) return;
  for (const rest of strings(alphabet, length - 1)) {
    for (const char of alphabet) yield char + rest;
  }
}

/** What bytes are read into. */
interface Reader {
  space(): Uint8Array;
  filled(count: number): void;
}

/**
 * Lets `reader` read `chunk`, as much at a time as it has room for, until
 * `onRead` says `"stop"`; how many bytes it has read.
 */
export function feed(
  reader: Reader,
  chunk: Uint8Array,
  onRead: () => unknown,
): number {
  let read = 0;
  while (read < chunk.length) {
    const space = reader.space();
    if (space.length === 0) throw new Error("No room to read into");
    const count = Math.min(space.length, chunk.length - read);
    space.set(chunk.subarray(read, read + count));
    reader.filled(count);
    read += count;
    if (onRead() === "stop") break;
  }
  return read;
}

/** A pseudo-random number below `n` (mulberry32): the same in every run. */
export function random(seed: number): (n: number) => number {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

export const OPTIONS: ServerOptions = {
  hostname: "mx.example.org",
  greeting: "ESMTP Postern",
  offer: { size: 1_000 },
  maxLine: 512,
  maxRecipients: 5,
  maxErrors: 20,
  bareNewline: "normalize",
  needHello: false,
};

/** All that can be offered. */
export const FULL_OFFER: Offer = {
  size: 1_000,
  startTls: true,
  auth: ["PLAIN", "LOGIN"],
  chunking: true,
  binaryMime: true,
  dsn: true,
  requireTls: true,
  limits: { recipients: 5 },
  xclient: true,
  xforward: true,
};

export const GREETING = "220 mx.example.org ESMTP Postern\r\n";

/** What the owner of a server answers; nothing: the usual. */
export type Decide = (event: Event) => Reply | readonly Reply[] | undefined;

/** A server, and what came of what it was told. */
export class Server {
  readonly engine: ServerEngine;
  readonly #decide: Decide;
  /** Everything said since the last {@linkcode take}. */
  #said = "";
  /** The questions, but those for a piece of the body. */
  readonly events: Event[] = [];
  /** The message data of the last message, still stuffed. */
  body = "";
  /** How many writes there were. */
  writes = 0;

  constructor(options: Partial<ServerOptions> = {}, decide?: Decide) {
    this.engine = new ServerEngine({ ...OPTIONS, ...options });
    this.#decide = decide ?? (() => undefined);
    this.#turn();
  }

  /** Tells it `chunks`, up to its end; gives what it says to them. */
  tell(...chunks: (string | Uint8Array)[]): string {
    const wasClosed = this.engine.closed;
    for (const chunk of chunks) {
      const bytes = typeof chunk === "string" ? octets(chunk) : chunk;
      feed(this.engine, bytes, () => {
        this.#turn();
        return this.engine.closed ? "stop" : undefined;
      });
      if (this.engine.closed && !wasClosed) break;
    }
    return this.take();
  }

  /** TLS begins, after what was said and was thrown away. */
  secure(): void {
    this.engine.secured();
    this.#turn();
  }

  take(): string {
    const said = this.#said;
    this.#said = "";
    return said;
  }

  #turn(): void {
    for (let event; (event = this.engine.next()) !== undefined;) {
      if (event.type === "body") {
        this.body += text(event.bytes);
        continue;
      }
      if (event.type === "data") this.body = "";
      this.events.push(event);
      this.engine.answer(this.#decide(event));
    }
    const bytes = this.engine.output();
    if (bytes === undefined) return;
    this.writes++;
    this.#said += text(bytes);
  }
}

/** RCPT commands for these local parts. */
export function rcpts(...locals: string[]): string {
  return locals.map((local) => `RCPT TO:<${local}@d>\r\n`).join("");
}

/** The codes of the replies in `said`, with their status where one is given. */
export function codes(said: string): string {
  return said.split("\r\n").slice(0, -1)
    .filter((line) => line[3] === " ")
    .map((line) => /^\d{3}(?: \d\.\d{1,3}\.\d{1,3}(?= ))?/.exec(line)?.[0])
    .join(", ");
}

/** All that `client` has heard once it was told `chunks`, errors at the end. */
export function heard(
  client: ClientEngine,
  chunks: Iterable<Uint8Array>,
): (Answer | string)[] {
  const answers: (Answer | string)[] = [];
  const turn = () => {
    for (let answer; (answer = client.next()) !== undefined;) {
      answers.push(answer);
    }
  };
  try {
    for (const chunk of chunks) feed(client, chunk, turn);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    answers.push(error.message);
  }
  return answers;
}

/** A client in `ready`, without what it has said so far. */
export function greetedClient(
  ehlo = "250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 8BITMIME\r\n",
): ClientEngine {
  const client = new ClientEngine();
  heard(client, [octets("220 mx\r\n")]);
  client.hello("EHLO", "client.example");
  heard(client, [octets(ehlo)]);
  client.output();
  return client;
}
