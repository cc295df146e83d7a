/**
 * Reads what a client says first in TLS, as far as the server has to know it
 * before it begins: that it is a ClientHello, and which name it asks for.
 *
 * The runtime could tell the name by a callback, but keeps what it has made for
 * good where the handshake then fails. So it is told which certificate to show,
 * and what is no ClientHello does not reach it at all.
 *
 * RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3. Versions, ciphers and all
 * other extensions are the runtime's.
 *
 * @module
 */

/**
 * Longest ClientHello taken, in bytes with its records. With a post-quantum key
 * share and a ticket they have some 4,000.
 */
export const MAX_HELLO_BYTES = 16 * 1_024;

/** What stands at the beginning of a stream. */
export type ClientHello =
  | {
    /** There is all of it. */
    readonly type: "hello";
    /** The name that it asks for; nothing where it asks for none. */
    readonly serverName: string | undefined;
  }
  /** More bytes are needed to tell. */
  | { readonly type: "more" }
  /** It is none, or longer than {@linkcode MAX_HELLO_BYTES}. */
  | { readonly type: "plaintext" | "malformed" };

const HANDSHAKE_RECORD = 22;
const RECORD_HEADER_BYTES = 5;
/** Most that one record holds. RFC 8446 section 5.1. */
const MAX_RECORD_BYTES = 2 ** 14;

const CLIENT_HELLO = 1;
const MESSAGE_HEADER_BYTES = 4;

/** Version and random stand before the first field of variable length. */
const FIXED_BYTES = 2 + 32;

const SERVER_NAME_EXTENSION = 0;
const HOST_NAME = 0;

const MORE = { type: "more" } as const;
const MALFORMED = { type: "malformed" } as const;

const ASCII = new TextDecoder("latin1");

/** Looks at the first bytes of a stream. */
export function parseClientHello(bytes: Uint8Array): ClientHello {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const message = new Uint8Array(MAX_HELLO_BYTES);
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    // SSL 2 and what people type begin otherwise.
    const isTls = bytes[at] === HANDSHAKE_RECORD && (bytes[at + 1] ?? 3) === 3;
    if (!isTls) return at === 0 ? { type: "plaintext" } : MALFORMED;
    if (bytes.length < at + RECORD_HEADER_BYTES) return MORE;
    const size = view.getUint16(at + 3);
    if (size === 0 || size > MAX_RECORD_BYTES) return MALFORMED;
    at += RECORD_HEADER_BYTES;
    const part = bytes.subarray(at, at + size);
    if (length + part.length > message.length) return MALFORMED;
    message.set(part, length);
    length += part.length;
    at += size;
    if (length < MESSAGE_HEADER_BYTES) continue;
    if (message[0] !== CLIENT_HELLO) return MALFORMED;
    const wanted = MESSAGE_HEADER_BYTES +
      (message[1]! << 16 | message[2]! << 8 | message[3]!);
    if (wanted > MAX_HELLO_BYTES) return MALFORMED;
    if (length >= wanted) {
      const body = message.subarray(MESSAGE_HEADER_BYTES, wanted);
      return { type: "hello", serverName: serverNameIn(new Fields(body)) };
    }
  }
  return MORE;
}

/** What can't be read asks for no name: the runtime will say what is wrong. */
function serverNameIn(hello: Fields): string | undefined {
  hello.skip(FIXED_BYTES);
  hello.take(1); // session id
  hello.take(2); // cipher suites
  hello.take(1); // compression methods
  const extensions = hello.take(2);
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const extension = extensions.take(2);
    if (type !== SERVER_NAME_EXTENSION) continue;
    const names = extension.take(2);
    if (names.number(1) !== HOST_NAME) return undefined;
    const name = ASCII.decode(names.take(2).bytes);
    return name === "" ? undefined : name;
  }
  return undefined;
}

/** Fields one after the other; behind the end there is nothing but zeros. */
class Fields {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return Math.max(0, this.bytes.length - this.#at);
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** A number of so many octets. */
  number(octets: number): number {
    let value = 0;
    for (let i = 0; i < octets; i++) {
      value = value << 8 | (this.bytes[this.#at++] ?? 0);
    }
    return value;
  }

  /** A field with its length before it, which has so many octets. */
  take(octets: number): Fields {
    const length = this.number(octets);
    const field = this.bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return new Fields(field);
  }
}
