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
  addressOf,
  isBadSoFar,
  lineAt,
  messageAt,
  type Unit,
} from "./framing_model.ts";
import { matchTaken, type Message, type Taken } from "./judge_mail.ts";

/** A line that Postern said to its client. */
export interface Heard {
  /** The line without its CRLF, a character for each byte. */
  readonly line: string;
  /** How many bytes the client had sent by then. */
  readonly sent: number;
  /** How many messages had been taken by then. */
  readonly taken: number;
}

/** What is known of a conversation once it is over. */
export interface Evidence {
  /** All that the client sent, a character for each byte. */
  readonly sent: string;
  /** All that Postern said to it. */
  readonly heard: readonly Heard[];
  /** What Postern said behind its last whole line. */
  readonly unfinished: string;
  /** The messages that the store or a relay was given, in order. */
  readonly taken: readonly Taken[];
  /** Whether the client broke the connection, so that replies may be missing. */
  readonly wasReset: boolean;
  /** Bounds of Postern's configuration. */
  readonly limits: {
    /** Longest command line in bytes, CRLF included. */
    readonly line: number;
    /** Largest message in bytes; 0: any. */
    readonly data: number;
    /** Whether a message with a bare CR or LF is refused. */
    readonly rejectsBareNewlines: boolean;
  };
}

/** One reply of Postern's. */
interface Reply {
  /** Its three digits. */
  readonly code: string;
  /** Its last line. */
  readonly last: string;
  /** When its first line was heard. */
  readonly sent: number;
  /** When its last line was heard. */
  readonly taken: number;
}

/** Longest reply line, CRLF included. RFC 5321 section 4.5.3.1.5. */
const MAX_REPLY_LINE_BYTES = 512;

/** A reply's line: printable ASCII. RFC 5321 section 4.2. */
const REPLY_LINE = /^([2-5]\d\d)([ -])[ -~]*$/;

/** What may be answered with 2xx. */
const KNOWN =
  /^(?:EHLO|HELO|MAIL|RCPT|RSET|NOOP|HELP|VRFY|EXPN|QUIT|AUTH|STARTTLS)(?:[ \t]|$)/i;

/** Most of a line that is shown, in characters. */
const MAX_SHOWN = 60;

class Broken extends Error {}

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
  #phase: "command" | "auth" | "data" = "command";
  #sender: string | undefined;
  #recipients: string[] = [];
  #messages: Message[] = [];

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#replies = repliesOf(evidence);
  }

  run(): void {
    const [greeting, ...replies] = this.#replies;
    if (greeting === undefined) {
      if (this.#evidence.wasReset) return;
      throw new Broken("there was no greeting");
    }
    let isOver = greeting.code !== "220";
    for (const reply of replies) {
      if (isOver) {
        throw new Broken(`behind the end it said ${shown(reply.last)}`);
      }
      const unit = this.#next();
      if (reply.code === "421") this.#close(unit, reply);
      else if (unit === undefined) {
        this.#early(this.#evidence.sent.length, reply);
      } else {
        if (reply.sent < unit.end) this.#early(reply.sent, reply);
        this.#answered(unit, reply);
      }
      isOver = reply.code === "421" || reply.code === "221";
    }
    const unanswered = isOver ? undefined : this.#next();
    if (unanswered !== undefined) this.#unanswered(unanswered);
    const problem = matchTaken(
      this.#messages,
      this.#evidence.taken,
      unanswered !== undefined,
    );
    if (problem !== undefined) throw new Broken(problem);
  }

  #next(): Unit | undefined {
    const { sent } = this.#evidence;
    return this.#phase === "data"
      ? messageAt(sent, this.#at)
      : lineAt(sent, this.#at);
  }

  /** A reply before the whole was there: only to what can't be a command. */
  #early(sent: number, { last }: Reply): void {
    const { limits } = this.#evidence;
    const soFar = this.#evidence.sent.slice(this.#at, sent);
    if (this.#phase === "data") {
      throw new Broken(`before the message's end it said ${shown(last)}`);
    }
    if (!isBadSoFar(soFar, limits.line)) {
      throw new Broken(`nobody had asked when it said ${shown(last)}`);
    }
    if (!last.startsWith("5")) {
      throw new Broken(`it took a bad line: ${shown(last)}`);
    }
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
    if (this.#phase === "data") {
      this.#end(unit, isYes, reply.taken);
      this.#phase = "command";
      if (code.startsWith("3")) {
        throw new Broken(`a message was answered ${shown(last)}`);
      }
      return;
    }
    const line = unit.octets;
    const said = `${shown(line)} was answered ${shown(last)}`;
    const isBad = unit.hasBareNewline ||
      line.length + 2 > this.#evidence.limits.line;
    if (isBad && !code.startsWith("5")) throw new Broken(said);
    if (this.#phase === "auth" || /^AUTH /i.test(line)) {
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
      case "RSET":
        return this.#forget();
      case "MAIL":
        this.#forget();
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

/** The replies that these lines are. */
function repliesOf({ heard, unfinished, wasReset }: Evidence): Reply[] {
  const replies: Reply[] = [];
  let first: Heard | undefined;
  for (const each of heard) {
    const { line, taken } = each;
    const [, code, separator] = REPLY_LINE.exec(line) ?? [];
    const isInStep = first === undefined || first.line.slice(0, 3) === code;
    if (
      code === undefined || !isInStep || line.length + 2 > MAX_REPLY_LINE_BYTES
    ) throw new Broken(`no reply has the line ${shown(line)}`);
    first ??= each;
    if (separator === "-") continue;
    replies.push({ code, last: line, sent: first.sent, taken });
    first = undefined;
  }
  const rest = first?.line ?? unfinished;
  if (rest !== "" && !wasReset) {
    throw new Broken(`a reply has no end: ${shown(rest)}`);
  }
  return replies;
}

function shown(octets: string): string {
  return JSON.stringify(
    octets.length > MAX_SHOWN ? `${octets.slice(0, MAX_SHOWN)}…` : octets,
  );
}
