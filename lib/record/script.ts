/**
 * Writes a conversation down as a transcript.
 *
 * The rule: what plays back is what was said, in its order. Lines are told one
 * by one, but where it matters that they came together: recipients that Postern
 * passes on in one go, and replies of a relay that nobody has asked for. A pause
 * is written down, but not before a server's ordinary replies, which come when
 * they come.
 *
 * `== eof` and the like mean the wire named last. Where something was said on
 * another one since, the end of the player's side is told earlier, right behind
 * the last words there, for nothing that it did is between; that of Postern's
 * side can't be claimed earlier, and becomes a comment. So does the beginning of
 * a line that Postern passed on to a relay and never ended: how much of it there
 * was depended on how it came.
 *
 * @module
 */

import { formatStep } from "../transcript/print.ts";
import { posternEnd, UNWRITTEN, type Wire } from "../transcript/steps.ts";
import type { Conversation, Passage, Stream } from "./conversation.ts";
import { LineWriter } from "./line_writer.ts";
import { Owed } from "./owed.ts";
import type { Happening } from "./tape.ts";

/**
 * Shortest pause that is written down, in ms: longer than the network or a busy
 * machine takes, shorter than any deadline.
 */
const MIN_WAIT_MS = 2_000;

/** Pauses are rounded up to this, in ms. */
const WAIT_STEP_MS = 100;

/** Longest pause that a transcript can have, in ms. */
const MAX_WAIT_MS = 24 * 60 * 60 * 1_000;

/** Recipients that came in one go, which Postern passes on in one go. */
const RECIPIENTS = /(?:^RCPT .*\r\n){2,}/gim;

/** Whether there are any at all: most messages have one recipient. */
const ANY_RECIPIENTS = /RCPT .*\r\nRCPT /i;

/** What comes with STARTTLS in one write is thrown away with it. */
const BEHIND_STARTTLS = /^STARTTLS[ \t]*\r\n[^]/im;

/** A conversation's steps. */
export interface FormattedConversation {
  /** The steps, each on its lines, the last one ended too. */
  readonly text: string;
  /** Whether its outcome depends on what came in one write: `@split none`. */
  readonly isUnsplit: boolean;
}

/** How many moments are written before others may work: well under 1 ms. */
const MOMENTS_AT_ONCE = 256;

/** Writes a conversation's steps; between them others may work. */
export function* formatConversation(
  { streams, moments }: Conversation,
): Generator<undefined, FormattedConversation> {
  const script = new Script(streams);
  for (const [i, moment] of moments.entries()) {
    if (i % MOMENTS_AT_ONCE === 0) yield;
    if (moment.kind === "said") script.say(moment);
    else script.happen(moment);
  }
  return script;
}

class Script implements FormattedConversation {
  isUnsplit = false;
  /** Whether recipients that came in one go are passed on so. */
  readonly #hasRecipients: boolean;
  readonly #pieces: string[] = [];
  /** The piece with the last words on each wire. */
  readonly #last = new Map<string, number>();
  /** The wire named last; before the first line that is the client's. */
  #wire = "client";
  #at: number | undefined;
  readonly #writers = new Map<Stream, LineWriter>();
  readonly #owed = new Map<Wire, Owed>();

  constructor(streams: readonly Stream[]) {
    this.#hasRecipients =
      streams.some(({ wire }) => wire.startsWith("relay")) &&
      streams.some(({ wire, from, text }) =>
        wire === "client" && from === "client" && ANY_RECIPIENTS.test(text)
      );
  }

  get text(): string {
    return this.#pieces.join("");
  }

  say(passage: Passage): void {
    const { stream, start, end, at } = passage;
    const { wire, from, text } = stream;
    const isReply = wire === "client" && from === "server";
    this.#pass(at, !isReply || text[start] === "4");
    const writer = this.#writerOf(stream);
    const isRelay = wire.startsWith("relay");
    const isUnasked = isRelay && this.#isUnasked(passage);
    if (isRelay && from === "client" && !text.endsWith("\r\n", end)) {
      writer.lines(start, end);
      const bytes = `${end - start} bytes, and no line end`;
      this.#pieces.push(`# ${writer.letters}: ${bytes}\n`);
      return;
    }
    const piece = isUnasked
      ? writer.oneWrite(start, end)
      : wire === "client" && from === "client"
      ? this.#formatClient(writer, passage)
      : writer.lines(start, end);
    this.#last.set(wire, this.#pieces.push(piece) - 1);
    this.#wire = wire;
  }

  /** The client's words, with what Postern takes for one question in one write. */
  #formatClient(
    writer: LineWriter,
    { stream, start, end }: Passage,
  ): string {
    const said = stream.text.slice(start, end);
    if (BEHIND_STARTTLS.test(said)) {
      this.isUnsplit = true;
      return writer.oneWrite(start, end);
    }
    if (!this.#hasRecipients) return writer.lines(start, end);
    const pieces: string[] = [];
    let from = start;
    for (const { 0: recipients, index } of said.matchAll(RECIPIENTS)) {
      const first = start + index;
      pieces.push(writer.lines(from, first));
      from = first + recipients.length;
      pieces.push(writer.oneWrite(first, from));
      this.isUnsplit = true;
    }
    pieces.push(writer.lines(from, end));
    return pieces.join("");
  }

  happen({ kind, wire, at }: Happening): void {
    const line = `== ${kind}\n`;
    if (kind !== "tls") this.#owed.delete(wire);
    if (wire === this.#wire) {
      this.#pass(at, kind !== "tls");
      this.#pieces.push(line);
      return;
    }
    const last = this.#last.get(wire);
    const ender = kind === "close" ? "server" : "client";
    const isPosterns = ender === posternEnd(wire) &&
      (kind === "close" || kind === "eof");
    if (last === undefined && !isPosterns) {
      // It comes before the first word there.
      this.#pieces.push(`== ${kind} ${wire}\n`);
      this.#wire = wire;
      return;
    }
    if (last !== undefined && (!isPosterns || wire === "client")) {
      this.#pieces[last] += line;
    } else this.#pieces.push(`# ${wire}: ${kind} here\n`);
  }

  /** Lets time pass, as far as it matters. */
  #pass(at: number, matters: boolean): void {
    const pause = at - (this.#at ?? at);
    // What was passed on late came earlier than what stands before it.
    this.#at = Math.max(at, this.#at ?? at);
    if (!matters || pause < MIN_WAIT_MS) return;
    const rounded = Math.ceil(pause / WAIT_STEP_MS) * WAIT_STEP_MS;
    const ms = Math.min(rounded, MAX_WAIT_MS);
    this.#pieces.push(`${formatStep({ ...UNWRITTEN, kind: "wait", ms })}\n`);
  }

  #writerOf(stream: Stream): LineWriter {
    let writer = this.#writers.get(stream);
    if (writer === undefined) {
      writer = new LineWriter(stream);
      this.#writers.set(stream, writer);
    }
    return writer;
  }

  /** Whether a relay says more in one go than it was asked. */
  #isUnasked(passage: Passage): boolean {
    const { wire, from } = passage.stream;
    let owed = this.#owed.get(wire);
    if (owed === undefined) {
      owed = new Owed();
      this.#owed.set(wire, owed);
    }
    if (from === "server") {
      const { stream, start, end } = passage;
      const isOneLine = stream.text.indexOf("\r\n", start) + 2 === end;
      return owed.hearServer(passage) && !isOneLine;
    }
    owed.hearClient(passage);
    return false;
  }
}
