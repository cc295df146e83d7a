/**
 * Makes transcripts of what others have written down of a client and a server.
 *
 * The rule: the client's lines are sent as they are. Of the server's replies only
 * the codes are claimed, since their wording, their names and their dates are
 * another server's. A conversation begins with a greeting and ends behind 221 or
 * 421; what has no greeting, or no client, is left out.
 *
 * Not here: in which notation they are written (`swaks.ts`, `listing.ts`).
 *
 * @module
 */

import { formatStep } from "./print.ts";
import { type Step, type Transcript, UNWRITTEN, type Wire } from "./steps.ts";

/** The wire of every line. */
const WIRE = "client" satisfies Wire;

/** A reply's line. RFC 5321 section 4.2. */
const REPLY_LINE = /^([2-5]\d\d)(?:([ -])|$)/;

/** What was expected where {@linkcode REPLY_LINE} is not. */
const EXPECTED_REPLY = 'a reply\'s line, such as "250 OK"';

type Unwritten<S> = S extends Step ? Omit<S, "line" | "above" | "source">
  : never;

/** Gathers conversations, line by line. */
export class Imported {
  /** What the next conversation is called; its place where that is empty. */
  name = "";
  readonly #file: string;
  readonly #all: Transcript[] = [];
  #steps: Step[] = [];
  /** The reply under way. */
  #reply: { readonly code: string; readonly line: number } | undefined;
  #verb = "";
  #isInData = false;
  #isTls = false;
  #isOver = false;

  /** @param file The file's name. */
  constructor(file: string) {
    this.#file = file;
  }

  /** The conversations so far, once the last one was ended. */
  get transcripts(): readonly Transcript[] {
    return this.#all;
  }

  /** Whether what the client says is part of a message. */
  get isInData(): boolean {
    return this.#isInData;
  }

  /**
   * Takes a line of the client's.
   *
   * @param line Its number.
   * @param text The line itself.
   */
  clientSays(line: number, text: string): void {
    this.#endReply();
    if (this.#isOver) this.end();
    if (!this.#isInData) this.#verb = text.split(" ", 1)[0]!.toUpperCase();
    else if (text === ".") this.#isInData = false;
    this.#addLine(line, text);
  }

  /**
   * Takes a line of the server's.
   *
   * @param line Its number.
   * @param text The line itself.
   * @returns What was expected; `undefined` where it is a reply's line.
   */
  serverSays(line: number, text: string): string | undefined {
    const [, code, sign] = REPLY_LINE.exec(text) ?? [];
    if (code === undefined) return EXPECTED_REPLY;
    if (this.#reply?.code !== code) this.#endReply();
    if (this.#isOver || this.#isNewGreeting(code)) this.end();
    // Listings leave a message's end out, or all of it.
    if (this.#isInData) this.#addLine(line, ".");
    this.#isInData = false;
    this.#reply ??= { code, line };
    if (sign !== "-") this.#endReply();
    return undefined;
  }

  /** From this line on all is said under TLS. */
  startTls(line: number): void {
    if (this.#isTls && !this.#isOver) return;
    this.#endReply();
    if (this.#isOver) this.end();
    this.#isTls = true;
    this.#add(line, { kind: "tls", wire: WIRE });
  }

  /** The server closes. */
  close(line: number): void {
    this.#endReply();
    if (this.#isOver || this.#steps.length === 0) return;
    this.#isOver = true;
    this.#add(line, { kind: "close", wire: WIRE });
  }

  /** The conversation ends, if there is one. */
  end(): void {
    this.#endReply();
    const steps = this.#steps;
    const first = steps.find(({ kind }) => kind !== "tls");
    const begins = first?.kind === "prefix";
    const answers = steps.some(({ kind }) => kind === "line");
    if (begins && answers) this.#keep(steps);
    this.#steps = [];
    this.#verb = "";
    this.#isInData = this.#isTls = this.#isOver = false;
  }

  #keep(steps: Step[]): void {
    const place = this.#all.length === 0
      ? this.#file
      : `${this.#file}:${steps[0]!.line}`;
    this.#all.push({
      file: this.#file,
      name: this.name || place,
      settings: [],
      config: new Map(),
      client: undefined,
      clock: undefined,
      unsplit: false,
      requires: [],
      steps,
      tail: "",
    });
    this.name = "";
  }

  /** Whether a reply is no answer, but the greeting of another connection. */
  #isNewGreeting(code: string): boolean {
    return code === "220" &&
      this.#verb !== "STARTTLS" && this.#steps.some((step) => "from" in step);
  }

  #endReply(): void {
    if (this.#reply === undefined) return;
    const { code, line } = this.#reply;
    this.#reply = undefined;
    const said = { wire: WIRE, from: "server" } as const;
    this.#add(line, { kind: "prefix", ...said, prefix: `${code}-` });
    this.#add(line, { kind: "regex", ...said, regex: [`${code}( .*)?`] });
    if (code === "354") this.#isInData = true;
    else if (code === "220" && this.#verb === "STARTTLS") this.startTls(line);
    else if (code === "221" || code === "421") this.close(line);
  }

  #addLine(line: number, text: string): void {
    const said = { wire: WIRE, from: "client" } as const;
    this.#add(line, { kind: "line", ...said, text: text === "" ? [] : [text] });
  }

  #add(line: number, step: Unwritten<Step>): void {
    const made = { ...UNWRITTEN, ...step, line } as Step;
    this.#steps.push({ ...made, source: `${formatStep(made)}\n` });
  }
}
