/**
 * Finds AUTH exchanges (RFC 4954 section 4) in what the two ends of a wire said.
 *
 * The rule: where it is not sure, it is an exchange. What follows AUTH is an
 * answer until the client says a command that is known, whether or not the
 * server asked for it: a client may have sent its password before it heard that
 * AUTH is refused, or without listening at all. Only a reply 235 says that no
 * more answers follow.
 *
 * A message is not looked into, but a BDAT chunk is: whether the server takes
 * the one for what it is shows in its 354, while the other may have been refused.
 *
 * @module
 */

import type { Wire } from "../transcript/steps.ts";
import type { Conversation, Passage, Stream } from "./conversation.ts";

/** Where something stands in its stream. */
export interface Span {
  /** Whose words. */
  readonly stream: Stream;
  /** Where it begins. */
  readonly start: number;
  /** Just past its end. */
  readonly end: number;
}

/** One exchange: `AUTH`, and what came of it. */
export interface Exchange {
  /** In capitals; empty where there was none. */
  readonly mechanism: string;
  /** What the client said: the initial response and all answers. */
  readonly answers: readonly Span[];
  /** Whether its first answer, LOGIN's user, was empty and is not among them. */
  readonly hasNoUser: boolean;
  /** What the server asked, without the code; only where it asked anything. */
  readonly challenges: readonly Span[];
  /** Whether the server did not accept the credentials. */
  readonly isRefused: boolean;
}

/** Mechanisms that have no other answer than the token. */
const TOKEN = /^(?:XOAUTH2|OAUTHBEARER)$/;

/** The credentials are not accepted (RFC 4954 section 6), once too often. */
const NOT_ACCEPTED: readonly string[] = ["535", "421"];

/** In any spelling, and behind what a terminal may have sent before it. */
const AUTH = /^\W*AUTH(?=\W|$)/i;

/** What may stand behind AUTH: the mechanism, and an initial response. */
const ARGUMENTS = /^([^\w+/]*)(\S*)([ \t]*)(.*)$/s;

/** Whether AUTH is anywhere at all: most sessions have none. */
const ANY_AUTH = /auth(?=\W|$)/i;

/** The mechanisms there are, in any case. */
const KNOWN_MECHANISM =
  /^(?:PLAIN|LOGIN|ANONYMOUS|EXTERNAL|NTLM|GSSAPI|GSS-SPNEGO|KERBEROS_V4|OTP|S?KEY|XOAUTH2?|OAUTHBEARER|DIGEST-MD5|CRAM-\w+|SCRAM-[\w-]+|GS2-[\w-]+)$/i;

/**
 * What may be another one (RFC 4422 section 3.1). Anything else is taken for an
 * answer without a mechanism.
 */
const MECHANISM = /^[A-Z][A-Z\d_-]{1,19}$/;

/** Commands that no answer is taken for. */
const COMMAND =
  /^[ \t]*(?:EHLO|LHLO|HELO|MAIL|RCPT|DATA|BDAT|RSET|NOOP|QUIT|VRFY|EXPN|HELP|STARTTLS|ETRN|TURN|ATRN|BURL|XCLIENT|XFORWARD)(?=[ \t]|$)/i;

/** What is no answer to a challenge either: short of base64, and no password. */
const GIVES_UP = /^[ \t]*(?:QUIT|RSET|NOOP)[ \t]*$/i;

/** Cancels, or says nothing. RFC 4954 section 4. */
const NO_ANSWER = /^[*=]?$/;

const DATA = /^[ \t]*DATA[ \t]*$/i;

const END_OF_DATA = "\r\n.\r\n";

/**
 * Finds the exchanges on one wire.
 *
 * @param conversation The session.
 * @param wire The wire.
 * @returns The exchanges in their order.
 */
export function exchangesOn(
  { streams, moments }: Conversation,
  wire: Wire,
): readonly Exchange[] {
  const says = streams.some((stream) =>
    stream.wire === wire && stream.from === "client" &&
    ANY_AUTH.test(stream.text)
  );
  if (!says) return [];
  const listener = new Listener();
  for (const moment of moments) {
    const isSaid = moment.kind === "said";
    if ((isSaid ? moment.stream.wire : moment.wire) !== wire) continue;
    if (!isSaid) listener.startAfresh();
    else if (moment.stream.from === "client") listener.hearClient(moment);
    else listener.hearServer(moment);
  }
  listener.startAfresh();
  return listener.exchanges;
}

interface Growing extends Exchange {
  readonly answers: Span[];
  readonly challenges: Span[];
  hasNoUser: boolean;
  isRefused: boolean;
}

/** Hears both ends of a wire. */
class Listener {
  readonly exchanges: Growing[] = [];
  /** The exchange that what comes may belong to. */
  #open: Growing | undefined;
  /** How many AUTHs were said since the last other command. */
  #auths = 0;
  /** Whether the server waits for an answer. */
  #isAsked = false;
  /** Whether the client's last command was DATA; whether its message comes. */
  #saidData = false;
  #isInData = false;
  /** A line of the client's that has not ended yet. */
  #begun: Span | undefined;

  /** Neither an exchange nor a message goes on over TLS, or another connection. */
  startAfresh(): void {
    if (this.#begun !== undefined) this.#hearLine(this.#begun);
    this.#begun = undefined;
    this.#open = undefined;
    this.#auths = 0;
    this.#isAsked = this.#saidData = this.#isInData = false;
  }

  hearClient({ stream, start, end, isOpen = false }: Passage): void {
    let at = this.#begun?.start ?? start;
    this.#begun = undefined;
    while (at < end) {
      if (this.#isInData) {
        at = this.#endOfData(stream.text, at, end);
        continue;
      }
      // Some clients end their lines with LF alone, and some servers take it.
      const lineEnd = anyLineEnd(stream.text, at, end);
      const line = { stream, start: at, end: lineEnd };
      if (isOpen && lineEnd === end) this.#begun = line;
      else this.#hearLine(line);
      at = lineEnd + 1;
    }
  }

  hearServer({ stream, start, end }: Span): void {
    for (let at = start; at < end;) {
      const found = stream.text.indexOf("\r\n", at);
      const lineEnd = found < 0 || found > end ? end : found;
      this.#hearReply({ stream, start: at, end: lineEnd });
      at = lineEnd + 2;
    }
  }

  #hearLine(span: Span): void {
    const { stream, start, end } = span;
    const line = stream.text.slice(start, end);
    const verb = AUTH.exec(line)?.[0];
    if (verb !== undefined) this.#begin(span, line, verb.length);
    else if (this.#open !== undefined && this.#isAnswer(line)) {
      const said = line.trim();
      const lead = line.length - line.trimStart().length;
      this.#answer(stream, start + lead, this.#isAsked ? said || "=" : said);
      this.#isAsked = false;
    } else if (COMMAND.test(line)) {
      this.#open = undefined;
      this.#auths = 0;
      this.#saidData = DATA.test(line);
    }
  }

  #isAnswer(line: string): boolean {
    return this.#isAsked ? !GIVES_UP.test(line) : !COMMAND.test(line);
  }

  #begin({ stream, start }: Span, line: string, verbEnd: number): void {
    this.#isAsked = this.#saidData = false;
    this.#auths++;
    const [, blank = "", word = "", gap = "", rest = ""] =
      ARGUMENTS.exec(line.slice(verbEnd).trimEnd()) ?? [];
    const isMechanism = KNOWN_MECHANISM.test(word) || MECHANISM.test(word);
    this.#open = this.#add(isMechanism ? word.toUpperCase() : "");
    const wordAt = start + verbEnd + blank.length;
    if (!isMechanism) this.#answer(stream, wordAt, word + gap + rest);
    else this.#answer(stream, wordAt + word.length + gap.length, rest);
  }

  #add(mechanism: string): Growing {
    const exchange = {
      ...{ mechanism, answers: [], challenges: [] },
      hasNoUser: false,
      isRefused: false,
    };
    this.exchanges.push(exchange);
    return exchange;
  }

  #answer(stream: Stream, start: number, text: string): void {
    const open = this.#open;
    if (text === "=" && open?.answers.length === 0) open.hasNoUser = true;
    if (NO_ANSWER.test(text)) return;
    open?.answers.push({ stream, start, end: start + text.length });
  }

  #hearReply({ stream, start, end }: Span): void {
    const { text } = stream;
    const code = text.slice(start, start + 3);
    if (code === "334") {
      // Whatever it was that the server took for AUTH, an answer follows.
      if (this.#open === undefined) this.#open = this.#add("");
      this.#isAsked = true;
      // A token that is refused is told so first. RFC 7628 section 3.2.3.
      const { mechanism, answers } = this.#open;
      if (TOKEN.test(mechanism) && answers.length > 0) {
        this.#open.isRefused = true;
      }
      const challenge = text.slice(start + 4, end).trim();
      if (challenge === "") return;
      const at = text.indexOf(challenge, start + 4);
      const span = { stream, start: at, end: at + challenge.length };
      this.#open.challenges.push(span);
    } else if (text[start + 3] !== "-") {
      this.#isAsked = false;
      if (NOT_ACCEPTED.includes(code) && this.#open !== undefined) {
        this.#open.isRefused = true;
      }
      // It may be to an earlier AUTH than the one that is open.
      if (code === "235" && --this.#auths <= 0) this.#open = undefined;
      // Anything but 354 to DATA: no message comes, or none any more.
      this.#isInData = code === "354" && this.#saidData;
      if (this.#isInData) this.#saidData = false;
    }
  }

  /** Where the client's message ends, or what is there of it. */
  #endOfData(text: string, at: number, end: number): number {
    // The end of data may be the message's first line, or begin in the last one.
    // Not beyond `end`: a message may come in many passages.
    const from = Math.max(0, at - 2);
    const found = text.startsWith(".\r\n", at)
      ? 0
      : text.slice(from, end).indexOf(END_OF_DATA);
    const dataEnd = from + found + END_OF_DATA.length;
    if (found < 0 || dataEnd > end) return end;
    this.#isInData = false;
    return dataEnd;
  }
}

/** Where the line at `at` ends: at CR or LF, or at `end`. */
function anyLineEnd(text: string, at: number, end: number): number {
  const found = text.slice(at, end).search(/[\r\n]/);
  return found < 0 ? end : at + found;
}
