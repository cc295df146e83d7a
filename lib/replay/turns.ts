/**
 * A conversation as its server has it: what it hears, what it answers.
 *
 * The rule: each reply stands behind the command that it answers, however the
 * client of the file has pipelined. What a server can't do as the file has it,
 * or no other client could, is an {@linkcode UnfitError}.
 *
 * @module
 */

import type {
  EndStep,
  SaidStep,
  Step,
  TlsStep,
  WaitStep,
} from "../transcript/steps.ts";
import {
  type Bindings,
  lineOctets,
  octetsOf,
  type Template,
  toOctets,
} from "../transcript/template.ts";
import { sampleLine, sampleValue } from "./sample.ts";
import { mailData } from "./sending.ts";

/** A command, or a message with its final dot. */
export interface HearTurn {
  /** What it is. */
  readonly kind: "hear";
  /** What is to come, CRLF included, an octet a character. */
  readonly octets: string;
  /** Whether it is a message. */
  readonly isMessage: boolean;
  /** The step that has its octet `at`. */
  stepAt(at: number): SaidStep;
}

/** A reply. */
export interface SayTurn {
  /** What it is. */
  readonly kind: "say";
  /** Its lines, CRLF included, an octet a character; the last may lack it. */
  readonly lines: readonly string[];
  /** Its code; `NaN` where it has none. */
  readonly code: number;
  /** The step it begins with. */
  readonly step: SaidStep;
}

/** Something that happens. */
export type HappenTurn =
  | TlsStep
  | WaitStep
  | (EndStep & { readonly kind: "close" | "reset" });

/** What comes next for a server. */
export type Turn = HearTurn | SayTurn | HappenTurn;

/** A conversation that Postern's client can't have as a client. */
export class UnfitError extends Error {
  /** The class's name. */
  override name = "UnfitError";

  /**
   * @param reason Why, in words.
   * @param step Where that shows.
   */
  constructor(reason: string, step?: Step) {
    super(step && step.line > 0 ? `${reason} (line ${step.line})` : reason);
  }
}

/**
 * Reads a conversation as its server has it. Other wires than the client's
 * count for nothing.
 *
 * @param steps The conversation.
 * @param readMessage Gives the file that a step names.
 * @throws {UnfitError} It is no conversation for Postern's client.
 */
export function turnsOf(
  steps: readonly Step[],
  readMessage: (path: string) => Uint8Array,
): readonly Turn[] {
  const reader = new TurnReader(readMessage);
  steps.forEach((step, i) => {
    if (step.kind === "wait") return reader.happen(step);
    if (!("wire" in step) || step.wire !== "client") return;
    if (!("from" in step)) {
      // What the client does at the end, Postern's client does by itself.
      return step.kind === "eof"
        ? undefined
        : reader.happen(step as HappenTurn);
    }
    // Where a reply's end is only described, it is its last line here.
    const next = steps.slice(i + 1).find(({ kind }) =>
      kind !== "prefix" && kind !== "absent"
    );
    const goesOn = next !== undefined && "from" in next &&
      next.from === step.from && next.wire === step.wire;
    reader.take(step, goesOn ? "-" : " ");
  });
  return reader.finish();
}

const END_OF_DATA = "\r\n.\r\n";

class TurnReader {
  readonly #readMessage: (path: string) => Uint8Array;
  readonly #bindings: Bindings = new Map();
  readonly #turns: Turn[] = [];
  /** What the client has said, and what of it no turn has yet. */
  #client = "";
  #at = 0;
  readonly #starts: { readonly at: number; readonly step: SaidStep }[] = [];
  /** What the server has said since its last whole reply. */
  #lines: string[] = [];
  #half = "";
  #first: SaidStep | undefined;
  #isGreeted = false;
  #isInMessage = false;
  /** Whether the command that is to be answered next is among the turns. */
  #isHeard = false;

  constructor(readMessage: (path: string) => Uint8Array) {
    this.#readMessage = readMessage;
  }

  take(step: SaidStep, separator: " " | "-"): void {
    const octets = this.#octetsOf(step, separator);
    if (octets === "") return;
    if (step.from === "client") {
      this.#starts.push({ at: this.#client.length, step });
      this.#client += octets;
      return;
    }
    this.#first ??= step;
    this.#half += octets;
    for (let end; (end = this.#half.indexOf("\r\n")) >= 0;) {
      const line = this.#half.slice(0, end + 2);
      this.#half = this.#half.slice(end + 2);
      this.#lines.push(line);
      if (line[3] !== "-") this.#answer(step);
    }
  }

  /** Puts the reply that is whole behind its command. */
  #answer(step: SaidStep): void {
    if (this.#isGreeted && !this.#isHeard) this.#hear(step);
    this.#isGreeted = true;
    this.#isHeard = false;
    this.#isInMessage = this.#say() === 354;
    if (this.#half !== "") this.#first = step;
  }

  #say(): number {
    const lines = this.#lines;
    const code = Number(/^\d{3}/.exec(lines[0] ?? "")?.[0] ?? NaN);
    this.#turns.push({ kind: "say", lines, code, step: this.#first! });
    this.#lines = [];
    this.#first = undefined;
    return code;
  }

  /** Takes the next command, or message; none: the server speaks unasked. */
  #hear(step?: Step): boolean {
    const start = this.#at;
    const isMessage = this.#isInMessage;
    if (start === this.#client.length && !isMessage) return false;
    const end = this.#nextEnd;
    if (end <= start) {
      const what = isMessage ? "message" : "command";
      throw new UnfitError(`its client does not end a ${what}`, step);
    }
    const octets = this.#client.slice(start, end);
    const stepAt = (at: number) =>
      this.#starts.findLast((each) => each.at <= start + at)!.step;
    this.#turns.push({ kind: "hear", octets, isMessage, stepAt });
    this.#at = end;
    this.#isInMessage = false;
    return true;
  }

  /** Just past the next command, or message; not above its start: it has none. */
  get #nextEnd(): number {
    return this.#isInMessage
      ? endOfMessage(this.#client, this.#at)
      : this.#client.indexOf("\r\n", this.#at) + 2;
  }

  happen(step: HappenTurn): void {
    if (step.kind === "wait") {
      // It is the server that takes its time, if a command is there.
      const isAsked = this.#isGreeted && this.#nextEnd > this.#at;
      this.#isHeard ||= isAsked && this.#hear(step);
      this.#turns.push(step);
      return;
    }
    this.#end();
    this.#turns.push(step);
  }

  /** All turns. */
  finish(): readonly Turn[] {
    this.#end();
    return this.#turns;
  }

  /** Puts what has no reply, or no command, at the end. */
  #end(): void {
    if (this.#half !== "") {
      this.#lines.push(this.#half);
      this.#half = "";
    }
    if (this.#lines.length > 0) {
      if (!this.#isHeard) this.#hear();
      this.#say();
    }
    while (this.#hear());
  }

  #octetsOf(step: SaidStep, separator: " " | "-"): string {
    switch (step.kind) {
      case "line":
        return this.#filled(lineOctets(step.text));
      case "bytes":
        return this.#filled(step.octets);
      case "message":
        return octetsOf(mailData(this.#readMessage(step.path)));
      case "regex": {
        const line = sampleLine(step.regex, separator, this.#bindings);
        if (line !== undefined) return `${toOctets(line)}\r\n`;
        throw new UnfitError("no line was found for an expression", step);
      }
      default:
        // Any number of lines, and so none.
        return "";
    }
  }

  #filled(octets: Template): string {
    return octets.map((part) =>
      typeof part === "string"
        ? part
        : toOctets(sampleValue(part, this.#bindings))
    ).join("");
  }
}

/** Just past a message's end; below `start` where there is none. */
function endOfMessage(octets: string, start: number): number {
  if (octets.startsWith(".\r\n", start)) return start + 3;
  const end = octets.indexOf(END_OF_DATA, start);
  return end < 0 ? -1 : end + END_OF_DATA.length;
}
