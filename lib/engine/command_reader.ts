/**
 * Reads the client's lines: as commands, or as responses in an AUTH exchange.
 *
 * A line that is neither becomes the reply to it. What shows that the other end
 * does not speak SMTP ends the connection: a browser that a web page has made
 * send mail would else get its commands through behind a few errors. So does a
 * BDAT that can't be read: nobody knows how many of the octets behind it are no
 * commands.
 *
 * @module
 */

import { badLineReply } from "./answers.ts";
import { type Command, parseCommand } from "./command.ts";
import type { Offer } from "./extensions.ts";
import { type Framing, type LineFault, startsWith } from "./framing.ts";
import type { Leniency } from "./leniency.ts";
import { MAX_AUTH_LINE_BYTES, type ServerOptions } from "./options.ts";
import { REPLIES, type Reply } from "./reply.ts";

/** How lines begin that a browser can be made to send. RFC 9110 section 9. */
const HTTP_METHODS: readonly string[] = [
  ...["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS "],
  ...["TRACE ", "PATCH ", "PRI "],
];

/** With whatever method, RFC 9112 section 3. */
const HTTP_VERSION = / HTTP\/\d(?:\.\d)?$/i;

/** A TLS record with a handshake in it. RFC 8446 section 5.1. */
const TLS_RECORD = "\x16\x03";

/** Octets of a line's end that are looked at for the version. */
const VERSION_OCTETS = " HTTP/1.1".length;

const NO_LENIENCY: ReadonlySet<Leniency> = new Set();

/** Base64 and "*", RFC 4954 section 4; what else is ASCII the decoder refuses. */
const RESPONSE = new TextDecoder("ascii");

/** Reads lines from a framing. */
export class CommandReader {
  readonly #framing: Framing;
  readonly #lenient: ReadonlySet<Leniency>;
  readonly #used = new Set<Leniency>();
  readonly #maxAuthLine: number;

  /** Reads from `framing`, whose bound is `options.maxLine`. */
  constructor(framing: Framing, options: ServerOptions) {
    const { maxLine, maxAuthLine = MAX_AUTH_LINE_BYTES } = options;
    this.#framing = framing;
    this.#lenient = options.lenient ?? NO_LENIENCY;
    this.#maxAuthLine = Math.max(maxLine, maxAuthLine);
  }

  /** Room for bytes; more than before where an AUTH line has filled it. */
  space(): Uint8Array<ArrayBuffer> {
    const space = this.#framing.space();
    if (space.length > 0) return space;
    this.#framing.exchange(this.#longBuffer());
    return this.#framing.space();
  }

  /** Takes another buffer, or a longer one where what is unread does not fit. */
  exchange(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const fits = this.#framing.unread <= buffer.length;
    return this.#framing.exchange(fits ? buffer : this.#longBuffer());
  }

  #longBuffer(): Uint8Array<ArrayBuffer> {
    return new Uint8Array((this.#maxAuthLine + 3) & ~3);
  }

  /**
   * The next command, or the reply to what isn't one; or nothing yet.
   *
   * @param offer What EHLO offered; `undefined` without EHLO.
   * @param takesAuth Whether AUTH may come, whose line may be longer.
   */
  command(
    offer: Offer | undefined,
    takesAuth: boolean,
  ): Command | Reply | undefined {
    const framing = this.#framing;
    const isAuth = takesAuth && framing.startsWith("AUTH ");
    const line = isAuth ? framing.line(this.#maxAuthLine) : framing.line();
    if (line === undefined) return undefined;
    if (typeof line === "string") {
      return faultReply(line, framing.refused, isAuth);
    }
    const parsed = parseCommand(line, offer, this.#lenient);
    if (!parsed.ok) {
      if (parsed.problem === "unknown" && isForeign(line)) {
        return REPLIES.notSmtp;
      }
      return badLineReply(parsed);
    }
    const command = parsed.value;
    if ("leniencies" in command) {
      for (const leniency of command.leniencies ?? []) this.#used.add(leniency);
    }
    return command;
  }

  /** The next line of an AUTH exchange, likewise. */
  response(): string | Reply | undefined {
    const line = this.#framing.line(this.#maxAuthLine);
    if (line === undefined) return undefined;
    return typeof line === "string"
      ? faultReply(line, this.#framing.refused, true)
      : RESPONSE.decode(line);
  }

  /** The leniencies used since the last call. */
  leniencies(): readonly Leniency[] {
    const used = [...this.#used];
    this.#used.clear();
    return used;
  }
}

/** The reply to a line that was given up. */
function faultReply(
  fault: LineFault,
  refused: Uint8Array,
  isAuth: boolean,
): Reply {
  if (!isAuth && startsWith(refused, "BDAT")) return REPLIES.lostChunk;
  if (!isAuth && isForeign(refused)) return REPLIES.notSmtp;
  if (fault === "bare newline") return REPLIES.bareNewline;
  return isAuth ? REPLIES.authTooLong : REPLIES.tooLong;
}

/** Whether that is no SMTP at all. */
function isForeign(line: Uint8Array): boolean {
  if (startsWith(line, TLS_RECORD)) return true;
  if (HTTP_METHODS.some((method) => startsWith(line, method))) return true;
  return HTTP_VERSION.test(
    String.fromCharCode(...line.subarray(-VERSION_OCTETS)),
  );
}
