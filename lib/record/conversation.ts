/**
 * A tape, read: what each end of each wire said as one text, and at which moment
 * which of its lines were whole.
 *
 * The rule: a line belongs to the moment at which its last byte came, however
 * the bytes were cut. A line that never became whole, because its wire went over
 * to TLS or ended, belongs to its last byte's moment too; and so does the
 * beginning of one that a server answers before it ends, as it may where no good
 * end can come any more: with a bare LF in it, or too long. A BDAT chunk is
 * complete where it ends, in the middle of a line or not (RFC 3030 section 2):
 * else it would wait for the next command, and that one for its reply.
 *
 * @module
 */

import type { End, Wire } from "../transcript/steps.ts";
import type { Variable } from "../transcript/template.ts";
import type { Happening, Tape, Voice } from "./tape.ts";

/** A place in a text that a variable takes; within one line. */
export interface Place {
  /** Where it begins. */
  readonly start: number;
  /** Just past its end. */
  readonly end: number;
  /** What is written there. */
  readonly variable: Variable;
}

/** All that one end of a wire said. */
export interface Stream {
  /** The wire. */
  readonly wire: Wire;
  /** The end. */
  readonly from: End;
  /** A character for each byte. Secrets in it are masked, length for length. */
  text: string;
  /** Where something is over though its line is not: ascending. */
  readonly cuts: readonly number[];
  /** What variables take: ascending, none overlaps another. */
  places: readonly Place[];
}

/** Lines that one end said at one moment, or what there was of one. */
export interface Passage {
  /** What it is. */
  readonly kind: "said";
  /** Whose words. */
  readonly stream: Stream;
  /** Where they begin in its text. */
  readonly start: number;
  /** Just past their end. */
  readonly end: number;
  /** When, in ms. */
  readonly at: number;
  /** Whether its last line goes on in the next passage of its stream. */
  readonly isOpen?: boolean;
}

/** What came at one moment. */
export type Moment = Passage | Happening;

/** One session. */
export interface Conversation {
  /** One for each end that said anything. */
  readonly streams: readonly Stream[];
  /** What came, in its order. */
  readonly moments: readonly Moment[];
}

/** A stream while it is read. */
interface Reading {
  readonly stream: Stream & { readonly cuts: number[] };
  /** Where it will be cut: ascending, the end of all last. */
  readonly planned: number[];
  /** How much of it has come, and how much of that is told. */
  came: number;
  told: number;
  /** Just past the next CRLF. */
  lineEnd: number;
  nextCut: number;
  /** When the last of it came, in ms. */
  lastAt: number;
  /** What the wire's other end says, if anything. */
  other: Reading | undefined;
}

/**
 * What a server may answer before its line ends: what is in no line, or is
 * longer than any command. RFC 5321 section 4.5.3.1.4.
 */
const ANSWERED_EARLY = /[\0\n]|\r(?!$)|^.{511}/s;

/** How many entries are read before others may work: well under 1 ms. */
const ENTRIES_AT_ONCE = 256;

/**
 * Reads a tape; between its steps others may work. Time is linear in its size,
 * however it was cut.
 */
export function* conversationOf(
  tape: Tape,
): Generator<undefined, Conversation> {
  const readings = join(tape);
  const moments: Moment[] = [];
  for (const [i, entry] of tape.entries.entries()) {
    if (i % ENTRIES_AT_ONCE === 0) yield;
    if (entry.kind !== "said") {
      moments.push(entry);
      continue;
    }
    const reading = readings.get(entry.voice)!;
    if (entry.voice.from === "server" && reading.other !== undefined) {
      tellOpen(reading.other, moments);
    }
    reading.came += entry.length;
    reading.lastAt = entry.at;
    tell(reading, entry.at, moments);
  }
  yield;
  const streams = [...readings.values()].map(({ stream }) => stream);
  return { streams, moments: passedOnLate(moments) };
}

/**
 * The moments, a message to a relay as late as it can be: it is passed on in
 * pieces as it comes from the client, and that is not to be claimed.
 */
function passedOnLate(moments: readonly Moment[]): Moment[] {
  const told: Moment[] = [];
  /** Relays that take a message: they have said 354, and nothing since. */
  const taking = new Set<Wire>();
  let late: Moment[] = [];
  for (const moment of moments) {
    const isSaid = moment.kind === "said";
    const { wire } = isSaid ? moment.stream : moment;
    if (isSaid && moment.stream.from === "client") {
      (taking.has(wire) ? late : told).push(moment);
      continue;
    }
    for (const each of late) told.push(each);
    late = [];
    told.push(moment);
    if (wire === "client") continue;
    if (isSaid && /^354/m.test(textOf(moment))) taking.add(wire);
    else taking.delete(wire);
  }
  return [...told, ...late];
}

function textOf({ stream, start, end }: Passage): string {
  return stream.text.slice(start, end);
}

/** The streams' texts, with all cuts. */
function join(tape: Tape): Map<Voice, Reading> {
  const readings = new Map<Voice, Reading>();
  for (const voice of tape.voices) {
    const { wire, from, text } = voice;
    const other = readings.values().find(({ stream }) => stream.wire === wire);
    const reading: Reading = {
      stream: { wire, from, text, cuts: [], places: [] },
      ...{ planned: [], nextCut: 0, other },
      ...{ came: 0, told: 0, lineEnd: lineEnd(text, 0), lastAt: 0 },
    };
    if (other !== undefined) other.other = reading;
    readings.set(voice, reading);
  }
  for (const entry of tape.entries) {
    if (entry.kind === "said") readings.get(entry.voice)!.came += entry.length;
    else {
      for (const { stream, planned, came } of readings.values()) {
        if (stream.wire === entry.wire) planned.push(came);
      }
    }
  }
  for (const reading of readings.values()) {
    const { stream: { text, from }, planned } = reading;
    reading.came = 0;
    if (from === "client") addChunkEnds(text, planned);
    planned.push(text.length);
    planned.sort((a, b) => a - b);
  }
  return readings;
}

/** Tells what is whole of what has come. */
function tell(reading: Reading, at: number, moments: Moment[]): void {
  const { stream, planned } = reading;
  const tellUpTo = (end: number) => {
    if (end === reading.told) return;
    moments.push({ kind: "said", stream, start: reading.told, end, at });
    reading.told = end;
    reading.lineEnd = lineEnd(stream.text, end);
  };
  for (;;) {
    const cut = planned[reading.nextCut] ?? Infinity;
    const limit = Math.min(reading.came, cut);
    if (reading.lineEnd <= limit) {
      tellUpTo(stream.text.lastIndexOf("\r\n", limit - 2) + 2);
    }
    if (cut > reading.came) return;
    tellUpTo(cut);
    stream.cuts.push(cut);
    reading.nextCut++;
  }
}

/** Tells the beginning of a line that may be answered before it ends. */
function tellOpen(reading: Reading, moments: Moment[]): void {
  const { stream, told, came, lastAt: at } = reading;
  if (told === came) return;
  if (!ANSWERED_EARLY.test(stream.text.slice(told, came))) return;
  moments.push({
    ...{ kind: "said", stream, start: told, end: came, at, isOpen: true },
  });
  stream.cuts.push(came);
  reading.told = came;
  reading.lineEnd = lineEnd(stream.text, came);
}

function lineEnd(text: string, from: number): number {
  const found = text.indexOf("\r\n", from);
  return found < 0 ? Infinity : found + 2;
}

/** RFC 3030 section 2. */
const BDAT = /BDAT[ \t]+(\d{1,9})(?:[ \t]+LAST)?[ \t]*\r\n/iy;
const ANY_BDAT = /^BDAT[ \t]+\d/im;

/** Where BDAT chunks end. What only looks like one does no harm: a line is cut. */
function addChunkEnds(text: string, cuts: number[]): void {
  // Line by line only from the first one on, and few clients have any.
  const first = text.search(ANY_BDAT);
  for (let at = first < 0 ? Infinity : first; at < text.length;) {
    BDAT.lastIndex = at;
    const size = BDAT.exec(text)?.[1];
    if (size === undefined) at = lineEnd(text, at);
    else {
      at = BDAT.lastIndex + Number(size);
      if (at < text.length) cuts.push(at);
    }
  }
}
