/**
 * Reads a conversation from its file: text in, a {@linkcode Transcript} or all
 * its problems out.
 *
 * The rule: every line is one of those below, or a problem with its place; what
 * is read can be printed byte for byte. Lines end with LF or CRLF, the last one
 * may lack it. Behind `C:` and the like stands one space, then the text to the
 * end of the line.
 *
 * | line | means |
 * |---|---|
 * | `# text`, or blank | a comment; the first one is the transcript's name |
 * | `@key value` | a setting, before the first step |
 * | `C: text`, `S: text` | the client, the server says this line; CRLF is implied |
 * | `S~ regex` | the server says a line that matches, whole |
 * | `S* prefix` | any number of lines with this prefix, in any order |
 * | `S! regex` | no line of this reply matches, whole |
 * | `C> "bytes"`, `S> "bytes"` | these bytes in one write, nothing added |
 * | `C< file.eml` | that message as mail data |
 * | `P: P~ P>`, `R: R~ R* R! R>` | the same between Postern and its relay |
 * | `P2: …`, `R2: …` | and its second relay: the second address that it calls |
 * | `spamd> text`, `spamd> "bytes"`, `spamd~ regex` | Postern says this to a checker |
 * | `spamd< text`, `spamd< "bytes"` | the checker answers |
 * | `== tls`, `== close`, `== eof`, `== reset` | what happens to the wire named last |
 * | `== eof relay`, `== close client` and so on | what happens to this wire |
 * | `== wait 301s` | the clock advances; `ms`, `s`, `m` or `h` |
 *
 * At the end stands what must have come out, without the trace put before it:
 * nothing, or one block for each message. Without a block nothing is claimed,
 * without lines in it only the envelope is, and `|> ""` is an empty message.
 *
 * ```text
 * == delivered nothing
 *
 * == delivered from=<a@b.test> to=<c@d.test>,<e@f.test>
 * | Subject: such a one
 * |
 * | A line of the message, without dot-stuffing; CRLF is implied.
 * |> "bytes, nothing added\n"
 * |< file.eml
 * ```
 *
 * In all texts, regular expressions and bytes `${name}` is a variable, as
 * `template.ts` tells; not in a prefix. It does not open files, and does not ask
 * whether the conversation makes sense.
 *
 * @module
 */

import type { Parsed } from "../engine/path.ts";
import { parseMessagePart } from "./delivered.ts";
import { parseEvent, parseSaid } from "./read_step.ts";
import { Settings } from "./settings.ts";
import {
  type DeliveredStep,
  type MessagePart,
  type Step,
  type Transcript,
  type Wire,
  wireNamedBy,
  type Written,
} from "./steps.ts";

/** Largest file read, in bytes: a message at the usual limit, and its replies. */
export const MAX_TRANSCRIPT_BYTES: number = 10 * 1_024 * 1_024;

/** Most problems told of one file: more of them say that it is none. */
export const MAX_PROBLEMS = 100;

/** What is wrong with a file, and where. */
export interface Problem {
  /** The file, as it was named. */
  readonly file: string;
  /** Line, from 1. */
  readonly line: number;
  /** Column, from 1, in UTF-16 units. */
  readonly column: number;
  /** What would have been right there. */
  readonly expected: string;
}

/** A transcript, or all that is wrong with its file. */
export type ParsedTranscript =
  | {
    /** The file kept the grammar. */
    readonly ok: true;
    /** What it says. */
    readonly value: Transcript;
  }
  | {
    /** The file broke the grammar. */
    readonly ok: false;
    /** All problems, in the file's order; at least one. */
    readonly problems: readonly Problem[];
  };

/** Writes a problem as `FILE:LINE:COLUMN: what was expected`. */
export function formatProblem(
  { file, line, column, expected }: Problem,
): string {
  return `${file}:${line}:${column}: expected ${expected}`;
}

/**
 * Reads a transcript. Time is linear in its size.
 *
 * @param source The file, as text or as its bytes.
 * @param file The file's name, for messages.
 * @returns The transcript, or all problems.
 *
 * @example
 * ```ts ignore
 * const parsed = parseTranscript("C: QUIT\nS~ 221 .*\n== close\n", "quit.smtp");
 * if (!parsed.ok) console.error(parsed.problems.map(formatProblem).join("\n"));
 * ```
 */
export function parseTranscript(
  source: string | Uint8Array,
  file: string,
): ParsedTranscript {
  const problems: Problem[] = [];
  const report = (line: number, column: number, expected: string) =>
    problems.push({ file, line, column, expected });
  if (source.length > MAX_TRANSCRIPT_BYTES) {
    report(1, 1, `a file of at most ${MAX_TRANSCRIPT_BYTES} bytes`);
    return { ok: false, problems };
  }
  const text = typeof source === "string" ? source : decode(source, report);
  if (problems.length > 0) return { ok: false, problems };
  const reader = new Reader();
  for (const line of linesOf(text)) {
    const refused = reader.take(line);
    if (refused === undefined) continue;
    report(line.number, refused.at + 1, refused.expected);
    if (problems.length === MAX_PROBLEMS) break;
  }
  reader.endBlock();
  if (problems.length === 0 && reader.steps.length === 0) {
    report(1, 1, "at least one step");
  }
  if (problems.length > 0) return { ok: false, problems };
  const { steps, tail, name } = reader;
  return {
    ok: true,
    value: { file, name: name || file, ...reader.settings, steps, tail },
  };
}

/** A line of a file. */
interface Line {
  readonly number: number;
  /** As it stands there, line end included. */
  readonly source: string;
  /** Without the line end. */
  readonly content: string;
}

function* linesOf(text: string): Generator<Line> {
  let number = 0;
  for (let start = 0; start < text.length;) {
    const lf = text.indexOf("\n", start);
    const end = lf < 0 ? text.length : lf + 1;
    const source = text.slice(start, end);
    // A byte order mark at the beginning, by editors on Windows, is kept aside.
    const first = number === 0 && source.startsWith("\ufeff") ? 1 : 0;
    const content = source.slice(first).replace(/\r?\n$/, "");
    yield { number: ++number, source, content };
    start = end;
  }
}

/** Text of a file's bytes; reports each line that is not UTF-8. */
function decode(
  bytes: Uint8Array,
  report: (line: number, column: number, expected: string) => void,
): string {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    let [number, found] = [0, 0];
    for (let start = 0; start < bytes.length && found < MAX_PROBLEMS;) {
      const lf = bytes.indexOf(0x0a, start);
      const end = lf < 0 ? bytes.length : lf + 1;
      const line = bytes.subarray(start, end);
      const text = UTF8.decode(line);
      number++;
      start = end;
      // What is not UTF-8 gives U+FFFD, which the line may also have itself.
      const again = ENCODER.encode(text);
      const at = again.findIndex((byte, i) => byte !== line[i]);
      if (at < 0 && again.length === line.length) continue;
      found++;
      report(
        number,
        UTF8.decode(line.subarray(0, at)).length + 1,
        'UTF-8: write other bytes as "\\xHH" in quotes',
      );
    }
    return "";
  }
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

type Refusal = Extract<Parsed<never>, { ok: false }>;

/** What comes behind `== delivered`, until its last line is there. */
interface Block {
  readonly step: DeliveredStep;
  readonly message: MessagePart[];
  readonly sources: string[];
}

/** Takes a file's lines one by one. */
class Reader {
  readonly steps: Step[] = [];
  readonly #settings = new Settings();
  /** Text of the first comment that has one. */
  name = "";
  /** Blank lines and comments that nothing stands below yet. */
  #above: string[] = [];
  #wire: Wire = "client";
  /** Where lines with `|` belong; `"refused"`: its head was a problem. */
  #block: Block | "refused" | undefined;
  #isBehindSettings = false;

  get settings(): Settings["read"] {
    return this.#settings.read;
  }

  get tail(): string {
    return this.#above.join("");
  }

  /** Takes a line; gives what was expected instead. */
  take(line: Line): Refusal | undefined {
    const { content } = line;
    if (content.startsWith("|")) return this.#takePart(line);
    this.endBlock();
    if (content.startsWith("#") || content.trim() === "") {
      this.#above.push(line.source);
      if (content.startsWith("#")) this.name ||= content.slice(1).trim();
      return undefined;
    }
    const { number, source } = line;
    const written = { line: number, above: this.tail, source };
    this.#above = [];
    if (!content.startsWith("@")) return this.#takeStep(content, written);
    if (this.#isBehindSettings) {
      return refused(0, "settings before the first step");
    }
    const setting = this.#settings.add(content, written);
    return setting.ok ? undefined : setting;
  }

  /** Puts the block's step in its place, once no line can follow. */
  endBlock(): void {
    if (typeof this.#block === "object") {
      const { step, message, sources } = this.#block;
      this.steps.push({ ...step, message, source: sources.join("") });
    }
    this.#block = undefined;
  }

  #takePart({ content, source }: Line): Refusal | undefined {
    if (this.#block === "refused") return undefined;
    if (this.#block === undefined) {
      return refused(0, '"== delivered" right above a message\'s lines');
    }
    const part = parseMessagePart(content);
    if (!part.ok) return part;
    this.#block.message.push(part.value);
    this.#block.sources.push(source);
    return undefined;
  }

  #readStep(content: string, written: Written): Parsed<Step> {
    const step = content.startsWith("==")
      ? parseEvent(content, written, this.#wire)
      : parseSaid(content, written);
    if (!step.ok) return step;
    const last = this.steps.at(-1)?.kind;
    const isInPlace = last === "delivered"
      ? step.value.kind === "delivered"
      : last !== "nothing";
    return isInPlace ? step : refused(0, "no step behind what was delivered");
  }

  #takeStep(content: string, written: Written): Refusal | undefined {
    this.#isBehindSettings = true;
    const step = this.#readStep(content, written);
    if (!step.ok) {
      // The lines below its head are no problem of their own.
      if (content.startsWith("== delivered")) this.#block = "refused";
      return step;
    }
    const { value } = step;
    if (value.kind === "delivered") {
      const sources = [written.source ?? ""];
      this.#block = { step: value, message: [], sources };
      return undefined;
    }
    this.#wire = wireNamedBy(value, this.#wire);
    this.steps.push(value);
    return undefined;
  }
}

function refused(at: number, expected: string): Refusal {
  return { ok: false, at, expected };
}
