/**
 * Finds what differs from one session to the next, and lets variables stand for
 * it: values that are known, dates (RFC 5322 section 3.3), and the ids that
 * servers give to messages.
 *
 * The rule: a claim may have variables, and what is sent on replay only those
 * that have a value by then. So the client's words, and the relay's, keep their
 * dates and ids, and a known value only where Postern has said it before. What
 * Postern passes on as the client said it is claimed as it is.
 *
 * Any other number that varies stays: a recording is a claim.
 *
 * @module
 */

import { posternEnd } from "../transcript/steps.ts";
import type { Conversation, Place, Stream } from "./conversation.ts";

/** As `${date}` matches it. */
const DATE =
  /(?:[A-Z][a-z]{2}, +)?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|[A-Z]{1,5}\b)(?: \([A-Z]{1,5}\))?/g;

/**
 * A message's id in the reply to its end: Postfix's and smtp-server's "queued as
 * ID", Exim's "id=ID", plain "Ok: ID"; OpenSMTPD and Sendmail put it first.
 */
const QUEUED =
  /^250[ -].*?(?:\bqueued as |\bid=)([\w-]+(?:\.[\w-]+)*)|^250[ -].*?\bok: ([\w-]+)\r$|^250[ -](?:2\.\d\.\d )?([\w-]+) Message accepted/gim;

/** Most ids that get variables: more messages than most sessions have. */
const MAX_IDS = 100;

/** Shortest id, in characters: what is shorter is a word, or a count. */
const MIN_ID = 5;

/**
 * Puts variables into a conversation whose secrets are out; between its steps
 * others may work.
 */
export function* placeVariables(
  conversation: Conversation,
  values: Readonly<Record<string, string>>,
): Generator<undefined, void> {
  const { streams } = conversation;
  const claims = streams.filter(isClaim);
  const sent = streams.filter((stream) => !isClaim(stream));
  const found = new Map<Stream, Place[]>();
  const add = (stream: Stream, place: Place) => {
    const places = found.get(stream);
    if (places === undefined) found.set(stream, [place]);
    else places.push(place);
  };
  for (const [name, value] of Object.entries(values)) {
    const variable = { name, secret: false };
    const word = wordOf(name, value);
    const all = streams.filter(({ text }) => text.includes(value));
    const isBound = all.every(isClaim) || isClaimedFirst(conversation, word);
    const passedOn = new PassedOn(sent, word);
    for (const stream of all) {
      yield;
      if (!isBound && !isClaim(stream)) continue;
      for (const { index } of stream.text.matchAll(word)) {
        if (!isBound && passedOn.has(stream, index)) continue;
        const end = index + value.length;
        add(stream, { start: index, end, variable });
      }
    }
  }
  const date = { name: "date", secret: false };
  const passedOn = new PassedOn(sent, DATE);
  for (const stream of claims) {
    yield;
    for (const { 0: text, index } of stream.text.matchAll(DATE)) {
      if (passedOn.has(stream, index)) continue;
      const end = index + text.length;
      add(stream, { start: index, end, variable: date });
    }
  }
  const names = new Set(Object.keys(values));
  const server = claims.find(({ wire }) => wire === "client");
  for (const id of server === undefined ? [] : queueIds(server.text)) {
    yield;
    // What the relay says is sent as it is, and comes to the client like that.
    if (sent.some(({ text }) => text.includes(id))) continue;
    const variable = { name: freeName("id", names), secret: false };
    for (const { index } of server!.text.matchAll(wordOf("id", id))) {
      add(server!, { start: index, end: index + id.length, variable });
    }
  }
  for (const [stream, places] of found) {
    stream.places = withPlaces(stream.places, places);
  }
}

/** What has a pattern and was sent to Postern, which may have passed it on. */
class PassedOn {
  readonly #sent: readonly Stream[];
  readonly #pattern: RegExp;
  #lines: Set<string> | undefined;

  constructor(sent: readonly Stream[], pattern: RegExp) {
    this.#sent = sent;
    this.#pattern = pattern;
  }

  /** Whether a line that has the pattern was sent like that. */
  has({ wire, text }: Stream, at: number): boolean {
    if (wire === "client") return false;
    this.#lines ??= new Set(
      this.#sent.flatMap(({ text }) =>
        [...text.matchAll(this.#pattern)].map(({ index }) =>
          lineAt(text, index)
        )
      ),
    );
    return this.#lines.has(lineAt(text, at));
  }
}

/** Whether it is Postern that speaks, or the server that a client talks to. */
function isClaim({ wire, from }: Stream): boolean {
  return from === posternEnd(wire);
}

/** A value as a whole word; a host name not as part of another one. */
function wordOf(name: string, value: string): RegExp {
  // A reply's code has a hyphen behind it, which is no part of the name.
  const [before, behind] = name.startsWith("host")
    ? [String.raw`(?:(?<![\w.\-])|(?<=^\d{3}-))`, String.raw`[\w\-]|\.\w`]
    : [String.raw`(?<!\w)`, String.raw`\w`];
  return new RegExp(`${before}${RegExp.escape(value)}(?!${behind})`, "gm");
}

/** Whether a claim has the word before anything that is sent. */
function isClaimedFirst({ moments }: Conversation, word: RegExp): boolean {
  for (const moment of moments) {
    if (moment.kind !== "said") continue;
    const { stream, start, end } = moment;
    if (stream.text.slice(start, end).search(word) >= 0) return isClaim(stream);
  }
  return true;
}

function* queueIds(text: string): Generator<string> {
  const seen = new Set<string>();
  for (const [, ...ids] of text.matchAll(QUEUED)) {
    const id = ids.find((id) => id !== undefined)!;
    if (id.length < MIN_ID || !/\d/.test(id) || seen.has(id)) continue;
    if (seen.add(id).size > MAX_IDS) return;
    yield id;
  }
}

/** The line around `at`, without its end. */
function lineAt(text: string, at: number): string {
  const start = text.lastIndexOf("\r\n", at);
  const end = text.indexOf("\r\n", at);
  return text.slice(start < 0 ? 0 : start + 2, end < 0 ? undefined : end);
}

/** `id`, or where there is one already, `id2` and so on. */
function freeName(word: string, names: Set<string>): string {
  let name = word;
  for (let number = 2; names.has(name); number++) name = `${word}${number}`;
  names.add(name);
  return name;
}

/** The places there are, and of the new ones those that still have room. */
function withPlaces(
  places: readonly Place[],
  added: readonly Place[],
): readonly Place[] {
  const all: Place[] = [];
  // Where two begin at one character, the one that was there first stays.
  const isNew = new Set(added);
  const sorted = [...places, ...added].sort((a, b) => a.start - b.start);
  for (const place of sorted) {
    const last = all.at(-1);
    if (last === undefined || place.start >= last.end) all.push(place);
    else if (isNew.has(last) && !isNew.has(place)) all[all.length - 1] = place;
  }
  return all;
}
