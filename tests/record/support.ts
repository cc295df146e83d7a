/**
 * What the tests of recordings share.
 *
 * @module
 */

import {
  Recording,
  type RecordingOptions,
} from "../../lib/record/recording.ts";
import { formatTranscript } from "../../lib/transcript/print.ts";
import { SPEAKERS, type Wire } from "../../lib/transcript/steps.ts";
import { fromOctets, toOctets } from "../../lib/transcript/template.ts";
import { transcript } from "../transcript/support.ts";

/** What happens in a session: a text is UTF-8, an array of octets is not. */
export type Event =
  | readonly [letters: string, text: string]
  | readonly [letters: string, bytes: Uint8Array]
  | readonly ["==", what: "tls" | "close" | "eof" | "reset", wire?: Wire]
  | readonly ["wait", ms: number];

/** How bytes are cut on their way. */
export type Cutting = (bytes: Uint8Array) => Iterable<Uint8Array>;

/** In one piece. */
export function whole(bytes: Uint8Array): Uint8Array[] {
  return [bytes];
}

/** Byte by byte. */
export function* byteByByte(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) yield bytes.subarray(at, at + 1);
}

/** In two, behind so many bytes. */
export function at(cut: number): Cutting {
  return (bytes) => [bytes.subarray(0, cut), bytes.subarray(cut)];
}

/** Bytes of a text of octets. */
export function octets(text: string): Uint8Array {
  return fromOctets(text);
}

/** Records a session. */
export function record(
  events: readonly Event[],
  options: Partial<RecordingOptions> = {},
  cut: Cutting = whole,
): Recording {
  let now = 1_000;
  const recording = new Recording({
    title: "t",
    settings: [],
    variables: {},
    now: () => now++,
    maxBytes: 1_000_000,
    ...options,
  });
  for (const [first, second, wire = "client"] of events) {
    if (first === "wait") now += Number(second);
    else if (first === "==") {
      if (second === "tls") recording.secured(wire);
      else recording.ended(wire, second as "close");
    } else {
      const speaker = SPEAKERS.find(({ letters }) => letters === first)!;
      const bytes = typeof second === "string"
        ? octets(toOctets(second))
        : second as Uint8Array;
      for (const piece of cut(bytes)) {
        // Whoever reads the next bytes uses the same buffer.
        const buffer = piece.slice();
        recording.said(speaker.wire, speaker.from, buffer);
        buffer.fill(0);
      }
    }
  }
  return recording;
}

/** The steps of a session's transcript, which can be read and printed anew. */
export function steps(
  events: readonly Event[],
  options: Partial<RecordingOptions> = {},
  cut: Cutting = whole,
): string {
  const { text } = record(events, options, cut).format();
  const parsed = transcript(text);
  const anew = formatTranscript({
    ...parsed,
    steps: parsed.steps.map((step) => ({ ...step, source: undefined })),
  });
  if (anew !== text) throw new Error(`Printed anew:\n${anew}\nnot:\n${text}`);
  return text.slice(text.indexOf("\n\n") + 2);
}
