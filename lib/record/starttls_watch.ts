/**
 * Takes the offer of STARTTLS out of what a server says, so that the session
 * stays readable, and notices where TLS begins all the same.
 *
 * The rule: nothing else is ever changed, however the network has chunked it. A
 * reply is held back to its end only while the one to EHLO is awaited.
 *
 * It does not follow the dialogue. A message may have lines that look like
 * commands; but no reply to one looks like a list of extensions (`250-`, several
 * lines), or like the consent to TLS (220).
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** Longest reply to EHLO that is looked at, in bytes: hundreds of extensions. */
const MAX_REPLY_BYTES = 16 * 1_024;

/** How much of an unfinished line is kept to know it by, in bytes. */
const MAX_LINE_BYTES = 2_048;

const HELLO = /^EHLO[ \t]/im;
const STARTTLS = /^STARTTLS[ \t]*\r?$/im;
const CONSENT = /^220(?: |\r?$)/m;

/** A whole reply: what is no continuation line ends it. RFC 5321 section 4.2. */
const REPLY = /^(?:\d{3}-[^\n]*\n)*(?!\d{3}-)[^\n]*\n/;

const OFFER_LINE = /^250[ -]STARTTLS[ \t]*\r\n$/i;

/** Watches one session. */
export class StartTlsWatch {
  readonly #client = new Lines();
  readonly #server = new Lines();
  #isGreeting = false;
  #isAsked = false;
  #isEncrypted = false;
  #held = "";

  /** Whether the client asked for TLS and the server agreed: what follows can't be read. */
  get isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  /** The client has said this; to be told before the server is. */
  heed(bytes: Uint8Array): void {
    if (this.#isEncrypted) return;
    const lines = this.#client.add(bytes);
    this.#isGreeting ||= HELLO.test(lines);
    this.#isAsked ||= STARTTLS.test(lines);
  }

  /** What of the server's bytes goes to the client now. */
  filter(bytes: Uint8Array): Uint8Array {
    if (this.#isEncrypted) return bytes;
    const lines = this.#server.add(bytes);
    this.#isEncrypted = this.#isAsked && CONSENT.test(lines);
    if (!this.#isGreeting && this.#held === "") return bytes;
    this.#held += octetsOf(bytes);
    let passed = "";
    while (this.#isGreeting && !this.#isEncrypted) {
      const [reply] = REPLY.exec(this.#held) ?? [];
      if (reply === undefined) {
        if (this.#held.length <= MAX_REPLY_BYTES) return bytesOf(passed);
        this.#isGreeting = false;
        break;
      }
      passed += withoutOffer(reply);
      this.#held = this.#held.slice(reply.length);
      // A single line answers a command before EHLO, or offers nothing.
      this.#isGreeting = !reply.startsWith("250-");
    }
    return bytesOf(passed + this.#take());
  }

  /** What is held back, once the server has ended. */
  flush(): Uint8Array {
    return bytesOf(this.#take());
  }

  #take(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }
}

/** A reply to EHLO without the line that offers STARTTLS. */
function withoutOffer(reply: string): string {
  if (!reply.startsWith("250-")) return reply;
  const lines = reply.split(/(?<=\n)/);
  const kept = lines.filter((line, i) => i === 0 || !OFFER_LINE.test(line));
  if (kept.length === lines.length) return reply;
  const last = kept.pop()!;
  return [...kept, `${last.slice(0, 3)} ${last.slice(4)}`].join("");
}

/** One end's stream, in whole lines. */
class Lines {
  #unfinished = "";

  /** The lines that these bytes complete, an octet a character. */
  add(bytes: Uint8Array): string {
    const text = this.#unfinished + octetsOf(bytes);
    const end = text.lastIndexOf("\n") + 1;
    this.#unfinished = text.slice(end, end + MAX_LINE_BYTES);
    return text.slice(0, end);
  }
}

function octetsOf({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

function bytesOf(octets: string): Uint8Array {
  return Buffer.from(octets, "latin1");
}
