/**
 * Decides whether Postern kept to what always holds, whatever its client and
 * its relay did.
 *
 * The rule: commands and replies are walked through in step, on the whole of
 * what was sent. One reply to each command, and none before it is there; a
 * line that can't be a command may be refused before its CRLF came. Behind 354
 * comes a message, ended by CRLF.CRLF and nothing else, and earns one reply.
 * Behind 221, 421 or a close nothing is said. What was taken is what the client
 * ended, byte for byte, for those whom it heard 2xx of.
 *
 * It does not judge wording, nor which of the refusals is the right one.
 *
 * @module
 */

import {
  Broken,
  type Evidence,
  repliesOf,
  type Reply,
  shown,
} from "./evidence.ts";
import {
  addressOf,
  type Chunk,
  chunkBehind,
  isBadSoFar,
  lineAt,
  messageAt,
  messageOf,
  proxyHeaderEnd,
  type Unit,
} from "./framing_model.ts";
import { matchTaken, type Message } from "./judge_mail.ts";

/** What may be answered with 2xx. */
const KNOWN =
  /^(?:EHLO|HELO|LHLO|MAIL|RCPT|RSET|NOOP|HELP|VRFY|EXPN|QUIT|AUTH|STARTTLS|XCLIENT|XFORWARD)(?:[ \t]|$)/i;

/** Where its size can't be read nobody knows what comes behind: it ends the session. */
const BDAT = /^BDAT(?:[ \t]|$)/i;

/** What else may be taken for one. */
const MAYBE_BDAT = /^BDAT/i;

/** Longest line of an AUTH exchange, CRLF included. RFC 4954 section 4. */
const MAX_AUTH_LINE_BYTES = 12_288;

/**
 * Judges a conversation that is over.
 *
 * @param evidence What came of it.
 * @returns What was broken, in words; `undefined`: nothing.
 */
export function judge(evidence: Evidence): string | undefined {
  try {
    new Walk(evidence).run();
    return undefined;
  } catch (error) {
    if (error instanceof Broken) return error.message;
    throw error;
  }
}

class Walk {
  readonly #evidence: Evidence;
  readonly #replies: readonly Reply[];
  #at = 0;
  #isOver = false;
  /** Whether the last reply may have been the end. */
  #mayEnd = false;
  #phase: "command" | "auth" | "data" = "command";
  #sender: string | undefined;
  #recipients: string[] = [];
  #messages: Message[] = [];
  /** The chunks of a message so far. */
  #chunks = "";
  #isBinary = false;
  /** The message whose recipients have their replies one by one, and those left. */
  #verdicts: { readonly unit: Unit; readonly to: string[] } | undefined;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#replies = repliesOf(evidence);
    const { listener, secured, sent, heard } = evidence;
    // Who is no proxy of ours is greeted before it says anything.
    const isProxy = listener.isProxied && heard[0]?.sent !== 0;
    if (isProxy) this.#at = proxyHeaderEnd(sent);
    if (listener.isSmtps) this.#at = secured[0] ?? Infinity;
  }

  run(): void {
    const [greeting, ...replies] = this.#replies;
    if (greeting === undefined) {
      const { wasReset, listener } = this.#evidence;
      // Who can't begin as is agreed on hears nothing.
      if (wasReset || listener.isSmtps || listener.isProxied) return;
      throw new Broken("there was no greeting");
    }
    this.#isOver = greeting.code !== "220";
    for (const reply of replies) {
      if (this.#isOver) {
        throw new Broken(`behind the end it said ${shown(reply.last)}`);
      }
      this.#mayEnd = false;
      if (this.#verdicts !== undefined && reply.code !== "421") {
        this.#verdict(this.#verdicts, reply);
        continue;
      }
      const unit = this.#next();
      if (reply.code === "421") this.#close(unit, reply);
      else if (unit === undefined) {
        this.#early(this.#evidence.sent.length, reply);
      } else {
        if (reply.sent < unit.end) this.#early(reply.sent, reply);
        this.#answered(unit, reply);
      }
      this.#isOver ||= reply.code === "421" || reply.code === "221";
    }
    const unanswered = this.#isOver || this.#mayEnd ? undefined : this.#next();
    if (unanswered !== undefined) this.#unanswered(unanswered);
    const problem = matchTaken(
      this.#messages,
      this.#evidence.taken,
      unanswered !== undefined,
    );
    if (problem !== undefined) throw new Broken(problem);
  }

  #next(): Unit | Chunk | undefined {
    const { sent } = this.#evidence;
    if (this.#phase === "data") return messageAt(sent, this.#at);
    const line = lineAt(sent, this.#at);
    if (line === undefined || this.#phase === "auth") return line;
    const chunk = chunkBehind(sent, line) ?? line;
    return "octets" in chunk ? chunk : undefined;
  }

  /** Whether the octets of a chunk are still to come. */
  get #isInChunk(): boolean {
    const { sent } = this.#evidence;
    const line = lineAt(sent, this.#at);
    return this.#phase === "command" && line !== undefined &&
      chunkBehind(sent, line) !== undefined;
  }

  /** A reply before the whole was there: only to what can't be a command. */
  #early(sent: number, { last }: Reply): void {
    const { limits } = this.#evidence;
    const soFar = this.#evidence.sent.slice(this.#at, sent);
    if (this.#phase === "data") {
      throw new Broken(`before the message's end it said ${shown(last)}`);
    }
    // A BDAT whose size can't be, or can't be read, ends the session.
    const isEnd = this.#isInChunk && last.startsWith("5");
    if (!isEnd && !isBadSoFar(soFar, limits.line)) {
      throw new Broken(`nobody had asked when it said ${shown(last)}`);
    }
    if (!last.startsWith("5")) {
      throw new Broken(`it took a bad line: ${shown(last)}`);
    }
    this.#mayEnd = MAYBE_BDAT.test(soFar);
    // Answered once: its rest is no second command.
    if (this.#next() === undefined) this.#at = Infinity;
  }

  #close(unit: Unit | undefined, { last, sent, taken }: Reply): void {
    const isOwed = unit !== undefined && unit.end <= sent;
    if (last.startsWith("421 4.4.2") && isOwed) {
      throw new Broken(
        `it waited in vain for more than ${shown(unit.octets)}`,
      );
    }
    if (last.startsWith("421 4.3.0")) {
      throw new Broken("it failed: an exception");
    }
    if (isOwed && this.#phase === "data") this.#end(unit, false, taken);
  }

  #unanswered(unit: Unit): void {
    if (!this.#evidence.wasReset) {
      throw new Broken(`it did not answer ${shown(unit.octets)}`);
    }
    if (this.#phase === "data") this.#end(unit, false, Infinity);
  }

  #answered(unit: Unit, reply: Reply): void {
    this.#at = unit.end;
    const { code, last } = reply;
    const isYes = code.startsWith("2");
    if (this.#phase === "data" || isChunk(unit)) {
      if (code.startsWith("3")) {
        throw new Broken(`a message was answered ${shown(last)}`);
      }
      this.#phase = "command";
      return isChunk(unit)
        ? this.#chunk(unit, isYes, reply)
        : this.#ended(unit, reply);
    }
    const line = unit.octets;
    const said = `${shown(line)} was answered ${shown(last)}`;
    const isAuth = this.#phase === "auth" || /^AUTH /i.test(line);
    const { limits } = this.#evidence;
    const maxLine = isAuth
      ? Math.max(limits.line, MAX_AUTH_LINE_BYTES)
      : limits.line;
    const isBad = unit.hasBareNewline || line.length + 2 > maxLine;
    if (isBad && !code.startsWith("5")) throw new Broken(said);
    if (this.#phase === "command" && code.startsWith("5")) {
      this.#isOver = !isBad && BDAT.test(line);
      this.#mayEnd = MAYBE_BDAT.test(line);
    }
    if (isAuth) {
      this.#phase = code === "334" ? "auth" : "command";
      return;
    }
    if (code.startsWith("3")) {
      const isData = code === "354" && /^DATA[ \t]*$/i.test(line);
      if (!isData || this.#recipients.length === 0) throw new Broken(said);
      this.#phase = "data";
      return;
    }
    if (!isYes) return;
    if ((code === "221") !== /^QUIT/i.test(line)) throw new Broken(said);
    if (!KNOWN.test(line)) throw new Broken(said);
    this.#command(line, said);
  }

  /** A command that was taken. */
  #command(line: string, said: string): void {
    switch (line.slice(0, 4).toUpperCase()) {
      case "EHLO":
      case "HELO":
      case "LHLO":
      case "RSET":
        return this.#forget();
      case "STAR":
        // What was sent by then is nobody's; and in clear nothing more is said.
        this.#at = this.#evidence.secured.find((at) => at >= this.#at) ??
          Infinity;
        return this.#forget();
      case "XCLI":
        return this.#forget();
      case "MAIL":
        this.#forget();
        this.#isBinary = /\sBODY=BINARYMIME(?:\s|$)/i.test(line);
        this.#sender = addressOf(line);
        if (this.#sender === undefined) throw new Broken(said);
        return;
      case "RCPT": {
        const address = addressOf(line);
        const isInPlace = this.#sender !== undefined;
        if (!isInPlace || !address) throw new Broken(said);
        this.#recipients.push(address);
      }
    }
  }

  #forget(): void {
    this.#sender = undefined;
    this.#recipients = [];
    this.#chunks = "";
    this.#isBinary = false;
  }

  #chunk({ octets, isLast }: Chunk, isYes: boolean, reply: Reply): void {
    // Out of order, it changes nothing.
    if (reply.code === "503") return;
    const isExpected = this.#recipients.length > 0;
    if (isExpected) this.#chunks += octets;
    if (isYes && !isExpected) {
      throw new Broken(`a chunk of nothing was answered ${shown(reply.last)}`);
    }
    if (!isExpected || (isYes && !isLast)) return;
    const message = messageOf(this.#chunks, this.#isBinary);
    if (isLast) this.#ended(message, reply);
    else this.#end(message, false, reply.taken);
  }

  /** A message's end; under LMTP the first of its replies. */
  #ended(unit: Unit, reply: Reply): void {
    if (!this.#evidence.listener.isLmtp) {
      return this.#end(unit, reply.code.startsWith("2"), reply.taken);
    }
    this.#verdict(this.#verdicts = { unit, to: this.#recipients }, reply);
  }

  /** The next recipient's reply. RFC 2033 section 4.2. */
  #verdict(
    { unit, to }: { readonly unit: Unit; readonly to: string[] },
    { code, taken }: Reply,
  ): void {
    const sender = this.#sender;
    this.#recipients = to.splice(0, 1);
    this.#end(unit, code.startsWith("2"), taken);
    this.#sender = sender;
    if (to.length > 0) return;
    this.#verdicts = undefined;
    this.#forget();
  }

  /** A message's end, and whether it was answered with 2xx. */
  #end(unit: Unit, isTaken: boolean, taken: number): void {
    const { data, rejectsBareNewlines } = this.#evidence.limits;
    const size = unit.octets.length;
    if (isTaken && data > 0 && size > data) {
      throw new Broken(`it took a message of ${size} bytes: more than ${data}`);
    }
    if (isTaken && rejectsBareNewlines && unit.hasBareNewline) {
      throw new Broken("it took a message with a bare newline");
    }
    this.#messages.push({
      sender: this.#sender!,
      recipients: this.#recipients,
      octets: unit.octets,
      isTaken,
      taken,
    });
    this.#forget();
  }
}

function isChunk(unit: Unit): unit is Chunk {
  return "isLast" in unit;
}
