/**
 * The client's side of a conversation, without a socket, clock or promise.
 *
 * Commands gather until {@linkcode ClientEngine.output} takes them, so that
 * those that may be pipelined leave in one write; each reply comes with the
 * step it answers, in order. A reply that nobody asked for, a code that can't
 * be, lines without CRLF: {@linkcode ProtocolError}.
 *
 * It does not decide what a reply means for a message; that is `relay/`.
 *
 * @module
 */

import {
  type Capabilities,
  formatMailParameters,
  formatRcptParameters,
  type MailParameters,
  NO_CAPABILITIES,
  parseCapabilities,
  type RcptParameters,
} from "./extensions.ts";
import { Framing } from "./framing.ts";
import { asciiText } from "./text.ts";
import { Outbox } from "./outbox.ts";
import type { Mailbox, ReversePath } from "./path.ts";
import { isPositive, type Reply } from "./reply.ts";
import { CLIENT_MOVES, type ClientState, type ClientStep } from "./states.ts";

/**
 * Longest reply line taken, in bytes. RFC 5321 section 4.5.3.1.5 says 512, and
 * servers exceed it; Postfix takes 2,048 too.
 */
export const MAX_REPLY_LINE_TAKEN_BYTES = 2_048;

/** Most lines of one reply; the longest EHLO answers seen have some thirty. */
export const MAX_REPLY_LINES = 128;

/** The server does not keep to SMTP. */
export class ProtocolError extends Error {
  /** The class's name. */
  override name = "ProtocolError";
}

/** A reply, and the step it answers. */
export interface Answer {
  /** What was sent. */
  readonly step: ClientStep;
  /** What came back. */
  readonly reply: Reply;
}

/** One conversation, the client's side. */
export class ClientEngine {
  readonly #framing = new Framing(MAX_REPLY_LINE_TAKEN_BYTES);
  #state: ClientState = "greeting";
  #capabilities: Capabilities = NO_CAPABILITIES;
  /** What was sent and is not answered yet, oldest first. */
  readonly #awaited: ClientStep[] = ["GREETING"];
  #isLmtp = false;
  /** Recipients of this transaction that were taken. */
  #recipients = 0;
  #lines: string[] = [];
  #code = 0;
  readonly #out = new Outbox();

  /** What the server offered at the last EHLO. */
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** Where the conversation stands, once all replies are there. */
  get state(): ClientState {
    return this.#state;
  }

  /**
   * How many replies the end of the message gets: under LMTP one for each
   * recipient that was taken. RFC 2033 section 4.2.
   */
  get verdicts(): number {
    return this.#isLmtp ? this.#recipients : 1;
  }

  /** Whether every command is answered and no byte is left over. */
  get isQuiet(): boolean {
    return this.#awaited.length === 0 && !this.hasSurplus;
  }

  /** Whether the server says more than it was asked. */
  get hasSurplus(): boolean {
    return this.#awaited.length === 0 &&
      (this.#framing.unread > 0 || this.#lines.length > 0);
  }

  /** Room for bytes from the server. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#framing.space();
  }

  /** Says that `count` bytes of {@linkcode space} are filled. */
  filled(count: number): void {
    this.#framing.filled(count);
  }

  /** What is to be written, in one piece; good until the next call. */
  output(): Uint8Array<ArrayBuffer> | undefined {
    return this.#out.take();
  }

  /**
   * RFC 5321 section 4.1.1.1; HELO where EHLO was refused, and LHLO where LMTP
   * is spoken (RFC 2033 section 4.1).
   */
  hello(verb: "EHLO" | "HELO" | "LHLO", name: string): void {
    this.#send(verb, `${verb} ${name}`);
    this.#isLmtp = verb === "LHLO";
  }

  /** RFC 3207. After its 220, {@linkcode discard} what was read. */
  startTls(): void {
    this.#send("STARTTLS", "STARTTLS");
  }

  /**
   * AUTH, with an initial response in base64 (`=` for an empty one) where there
   * is one to send. RFC 4954 section 4.
   */
  auth(mechanism: string, initialResponse?: string): void {
    const rest = initialResponse === undefined ? "" : ` ${initialResponse}`;
    this.#send("AUTH", `AUTH ${mechanism}${rest}`);
  }

  /** An answer to a 334, in base64; `*` ends the exchange. RFC 4954 section 4. */
  respond(text: string): void {
    this.#send("RESPONSE", text);
  }

  /** XFORWARD, with attributes as they are written. */
  xforward(attributes: string): void {
    this.#send("XFORWARD", `XFORWARD ${attributes}`);
  }

  /** MAIL, with the parameters that the server takes. RFC 5321 section 4.1.1.2. */
  mail(sender: ReversePath, parameters: MailParameters): void {
    const rest = formatMailParameters(parameters, this.#capabilities);
    this.#send("MAIL", `MAIL FROM:<${sender?.address ?? ""}>${rest}`);
    this.#recipients = 0;
  }

  /** RCPT, with the parameters that the server takes. RFC 5321 section 4.1.1.3. */
  rcpt(recipient: Mailbox, parameters: RcptParameters = {}): void {
    const rest = formatRcptParameters(parameters, this.#capabilities);
    this.#send("RCPT", `RCPT TO:<${recipient.address}>${rest}`);
  }

  /** DATA. RFC 5321 section 4.1.1.4. */
  data(): void {
    this.#send("DATA", "DATA");
  }

  /**
   * The final dot; the caller has sent the message, ended by CRLF, and where
   * `isWritten` the dot too, in one write with the last of it.
   */
  end(isWritten = false): void {
    const { verdicts } = this;
    this.#send("END", isWritten ? undefined : ".");
    this.#awaitMore("END", verdicts);
  }

  /**
   * BDAT: the caller sends the chunk, of `size` octets, right behind it.
   * RFC 3030 section 2.
   */
  chunk(size: number, isLast = false): void {
    const { verdicts } = this;
    if (!isLast) return this.#send("BDAT", `BDAT ${size}`);
    this.#send("LAST", `BDAT ${size} LAST`);
    this.#awaitMore("LAST", verdicts);
  }

  /** Ends the transaction. RFC 5321 section 4.1.1.5. */
  reset(): void {
    this.#send("RSET", "RSET");
  }

  /** Ends the conversation. RFC 5321 section 4.1.1.10. */
  quit(): void {
    this.#send("QUIT", "QUIT");
  }

  /** Throws away what was read but not asked for: it came before TLS. */
  discard(): void {
    this.#framing.clear();
    this.#capabilities = NO_CAPABILITIES;
  }

  /**
   * The next answer, or nothing yet.
   *
   * @throws {ProtocolError} What came can't be an answer.
   */
  next(): Answer | undefined {
    for (;;) {
      const line = this.#framing.line();
      if (line === undefined) return undefined;
      if (typeof line === "string") {
        throw new ProtocolError(`Cannot read a reply: ${line}`);
      }
      const text = asciiText(line) ?? DECODER.decode(line);
      const code = codeOf(text);
      const separator = text[3] ?? " "; // the text may be missing: section 4.2.1
      if (code === undefined || (separator !== " " && separator !== "-")) {
        throw new ProtocolError(
          `Cannot read reply ${
            JSON.stringify(text.slice(0, 80))
          }: expected three digits`,
        );
      }
      if (this.#lines.length > 0 && code !== this.#code) {
        throw new ProtocolError(
          `Cannot read a reply: code ${code} follows ${this.#code}`,
        );
      }
      this.#code = code;
      this.#lines.push(text.slice(4));
      if (this.#lines.length > MAX_REPLY_LINES) {
        throw new ProtocolError(
          `Cannot read a reply: expected at most ${MAX_REPLY_LINES} lines`,
        );
      }
      if (separator === " ") return this.#answer();
    }
  }

  #answer(): Answer {
    const reply = toReply(this.#code, this.#lines);
    this.#lines = [];
    const step = this.#awaited.shift();
    if (step === undefined) {
      throw new ProtocolError(`Reply ${reply.code} came unasked`);
    }
    if ((step === "EHLO" || step === "LHLO") && isPositive(reply)) {
      this.#capabilities = parseCapabilities(
        typeof reply.text === "string" ? [] : reply.text.slice(1),
      );
    }
    // The moves were made when the commands were sent; a refusal takes back
    // those that open something.
    if (!isPositive(reply)) this.#state = AFTER_REFUSAL[step] ?? this.#state;
    else if (step === "RCPT") this.#recipients++;
    if (step === "GREETING") this.#state = "hello";
    const isLogin = step === "AUTH" || step === "RESPONSE";
    if (isLogin && reply.code !== 334) this.#state = "ready";
    return { step, reply };
  }

  /** The first of several replies to one step is awaited already. */
  #awaitMore(step: ClientStep, replies: number): void {
    for (let i = 1; i < replies; i++) this.#awaited.push(step);
  }

  #send(step: ClientStep, line: string | undefined): void {
    const state = CLIENT_MOVES[this.#state][step];
    if (state === undefined) {
      throw new TypeError(`Cannot send ${step} in state "${this.#state}"`);
    }
    this.#state = state;
    this.#awaited.push(step);
    if (line !== undefined) this.#out.add(`${line}\r\n`);
  }
}

/** Where a refusal leaves the conversation, if not where the command did. */
const AFTER_REFUSAL: Readonly<Partial<Record<ClientStep, ClientState>>> = {
  EHLO: "hello",
  HELO: "hello",
  LHLO: "hello",
  STARTTLS: "ready",
  DATA: "mail",
};

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** The code of a reply line, if it has one. RFC 5321 section 4.2. */
function codeOf(line: string): number | undefined {
  const first = digitAt(line, 0);
  const second = digitAt(line, 1);
  const third = digitAt(line, 2);
  const isCode = first >= 2 && first <= 5 && second >= 0 && third >= 0;
  return isCode ? 100 * first + 10 * second + third : undefined;
}

/** The decimal digit there, or -1. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - 0x30;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

/** RFC 3463 section 2. */
const STATUS = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/;

/** The status code is taken off each line, where all have the same. */
function toReply(code: number, lines: readonly string[]): Reply {
  // Most replies that have none are told by their second character.
  const status = lines[0]![1] === "." ? STATUS.exec(lines[0]!)?.[1] : undefined;
  const isGeneral = status !== undefined && status[0] === String(code)[0] &&
    lines.every((line) => STATUS.exec(line)?.[1] === status);
  const texts = isGeneral
    ? lines.map((line) => line.slice(status.length + 1))
    : lines;
  const text = texts.length === 1 ? texts[0]! : texts;
  return isGeneral ? { code, status, text } : { code, text };
}
