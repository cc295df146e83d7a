/**
 * Plays a server to a client that called: hears what the file's client says,
 * and answers as the file's server does, each reply behind its command.
 *
 * The rule: what a client says is compared as `same_command.ts` has it. Its own
 * business is an RSET more or less, whether it pipelines, and so what else it
 * says, or leaves out, of a transaction that was refused. But behind the
 * commands that no client may go on behind, it must have waited.
 *
 * What stands for a variable in the server's lines is a sample.
 *
 * @module
 */

import type { EndStep, Step } from "../transcript/steps.ts";
import { type Bindings, fromOctets, textOf } from "../transcript/template.ts";
import type { HeardLine } from "./heard_lines.ts";
import { HeardSecrets } from "./heard_secrets.ts";
import {
  absence,
  Deviation,
  deviation,
  type Mismatch,
} from "../replay/mismatch.ts";
import { mustWaitBehind } from "../replay/pace.ts";
import { isSameCommand, isSameLine } from "../replay/same_command.ts";
import { saidOctets } from "../replay/said_challenge.ts";
import type { SecretSource } from "../replay/secret_source.ts";
import { ServedTransaction } from "../replay/served_transaction.ts";
import type { SocketStage } from "./socket_stage.ts";
import type { SocketWire } from "./socket_wire.ts";
import { type Way, writesOf } from "../replay/splits.ts";
import type { HappenTurn, HearTurn, SayTurn, Turn } from "../replay/turns.ts";

/** To an RSET that the file does not have. */
const RSET_OK = "250 2.0.0 OK\r\n";

/** To what was on its way already when its transaction was refused. */
const BAD_SEQUENCE = "503 5.5.1 Bad sequence of commands\r\n";

/** To a QUIT behind the file's end. */
const BYE = "221 2.0.0 Bye\r\n";

/** Code of a challenge. RFC 4954 section 4. */
const CHALLENGE = 334;

/** How long a client may go on where the file has no end, in ms. */
const END_MS = 1_000;

/** A conversation as its server plays it. */
export interface ServerPart {
  /** The conversation. */
  readonly steps: readonly Step[];
  /** The same, as its server has it. */
  readonly turns: readonly Turn[];
  /** What each of its turns hears. */
  readonly heard: ReadonlyMap<Turn, readonly HeardLine[]>;
  /** How much that is, in bytes. */
  readonly heardBytes: number;
}

/** One conversation with one client. */
export class ListeningPlay {
  readonly #part: ServerPart;
  readonly #stage: SocketStage;
  readonly #wire: SocketWire;
  readonly #way: Way;
  readonly #bindings: Bindings = new Map();
  readonly #secrets: HeardSecrets;
  readonly #asked: SecretSource | undefined;
  /** The client's end, until it is heard. */
  #eof: EndStep | undefined;
  /** A line that was heard, and is not what the turn before was about. */
  #kept: string | undefined;
  /** Code of the last reply. */
  #code = 0;
  readonly #transaction = new ServedTransaction();

  /**
   * A conversation that has not begun.
   *
   * @param part The conversation.
   * @param stage Where it is played.
   * @param way How the replies are cut.
   * @param secrets Values that are never shown.
   * @param asked Gives what is asked in AUTH exchanges.
   */
  constructor(
    part: ServerPart,
    stage: SocketStage,
    way: Way,
    secrets: Iterable<string> = [],
    asked?: SecretSource,
  ) {
    this.#asked = asked;
    this.#part = part;
    this.#stage = stage;
    this.#wire = stage.client;
    this.#way = way;
    this.#secrets = new HeardSecrets(secrets);
    this.#eof = part.steps.find((step): step is EndStep =>
      step.kind === "eof" && step.wire === "client"
    );
  }

  /**
   * Plays it to its end.
   *
   * @returns The first place where it went another way; `undefined`: none.
   */
  async run(): Promise<Mismatch | undefined> {
    try {
      await this.#run();
      return undefined;
    } catch (error) {
      if (!(error instanceof Deviation)) throw error;
      return this.#secrets.veil.overMismatch(error);
    }
  }

  async #run(): Promise<void> {
    const { turns } = this.#part;
    let heard = "";
    for (let i = 0; i < turns.length; i++) {
      const turn = turns[i]!;
      switch (turn.kind) {
        case "say":
          await this.#say(turn, i, heard);
          heard = "";
          break;
        case "hear":
          heard = turn.isMessage ? "." : this.#verbOf(turn);
          if (await this.#hear(turn)) break;
          // Nor is it answered.
          heard = "";
          while (turns[i + 1]?.kind === "say") i++;
          break;
        default:
          if (await this.#happen(turn)) return;
      }
    }
    await this.#end();
  }

  /** Whether it was said; else it was left out. */
  async #hear(turn: HearTurn): Promise<boolean> {
    const lines = this.#part.heard.get(turn)!;
    if (!turn.isMessage && this.#code !== CHALLENGE) {
      return await this.#hearCommand(lines[0]!, verbOf(turn.octets));
    }
    for (const line of lines) {
      const came = await this.#line();
      if (typeof came !== "string") throw this.#missed(line, came);
      if (!isSameLine(line.octets, came, this.#bindings)) {
        throw this.#missed(line, came);
      }
      this.#learn(line, came);
    }
    return true;
  }

  async #hearCommand(line: HeardLine, verb: string): Promise<boolean> {
    for (;;) {
      const came = await this.#line();
      if (typeof came === "string") {
        if (isSameCommand(line.octets, came, this.#bindings)) {
          this.#learn(line, came);
          return true;
        }
        if (await this.#isOwnBusiness(came)) continue;
      }
      if (!this.#transaction.isVain(verb)) throw this.#missed(line, came);
      this.#kept = came ?? undefined;
      return false;
    }
  }

  #learn(line: HeardLine, came: string): void {
    this.#secrets.hear(line, came);
    this.#asked?.hear(textOf(came));
  }

  /** A command's verb; what answers a challenge has none. */
  #verbOf({ octets }: HearTurn): string {
    return this.#code === CHALLENGE ? "" : verbOf(octets);
  }

  async #line(): Promise<string | undefined | null> {
    const kept = this.#kept;
    this.#kept = undefined;
    return kept ?? await this.#wire.line();
  }

  /** Answers what a client may say that the file does not have. */
  async #isOwnBusiness(came: string): Promise<boolean> {
    const verb = verbOf(came);
    if (!this.#transaction.isOwnBusiness(verb)) return false;
    await this.#answer(verb === "RSET" ? RSET_OK : BAD_SEQUENCE);
    return true;
  }

  async #answer(reply: string): Promise<void> {
    await this.#wire.send(fromOctets(reply));
  }

  #missed(
    { step, octets, number }: HeardLine,
    came: string | undefined | null,
  ): Deviation {
    if (typeof came !== "string") return this.#absence(step, came);
    if (step.kind === "line") return deviation(step, this.#shown(came));
    const line = octets.map((part) =>
      typeof part === "string" ? part : `\${${part.name}}`
    ).join("");
    const when = `line ${number}: ${JSON.stringify(textOf(line))}`;
    return deviation(step, this.#shown(came), { when });
  }

  /** That the client says nothing, or has closed. */
  #absence(step: Step, came: undefined | null): Deviation {
    const what = came === null
      ? "a close"
      : `nothing within ${this.#stage.deadlineMs / 1_000} s`;
    const { unfinished } = this.#wire;
    if (unfinished === "") return absence(step, what);
    const begun = JSON.stringify(this.#shown(unfinished));
    return deviation(step, `${begun} and then ${what}`);
  }

  #shown(came: string): string {
    return this.#secrets.shown(came, this.#code === CHALLENGE);
  }

  async #say(turn: SayTurn, index: number, verb: string): Promise<void> {
    await this.#hearEof(turn.step);
    if (this.#code === 0 || mustWaitBehind(verb)) {
      await this.#checkWaiting(turn, index);
    }
    // Each reply is cut at other places than the one before.
    const way = this.#way.startsWith("random:")
      ? `random:${Number(this.#way.slice(7)) + index}` as const
      : this.#way;
    const bytes = fromOctets(saidOctets(turn, this.#asked));
    const { code } = turn;
    const isAhead = this.#wire.hasLine();
    this.#transaction.note({ verb, code, isAhead });
    this.#code = code;
    for (const write of writesOf([{ bytes, isBarrier: true }], way)) {
      await this.#wire.send(write.bytes);
    }
  }

  /** The client must not have gone on, unless the file's client has. */
  async #checkWaiting({ step }: SayTurn, index: number): Promise<void> {
    const { turns, steps } = this.#part;
    const next = turns.slice(index).find((turn) => turn.kind === "hear");
    if (next !== undefined && isBefore(steps, next.stepAt(0), step)) return;
    await this.#stage.settle();
    if (!this.#wire.hasLine()) return;
    const came = await this.#wire.line();
    const when = "before the server spoke";
    throw deviation(step, this.#shown(came ?? ""), { when });
  }

  /** Whether that was the end. */
  async #happen(turn: HappenTurn): Promise<boolean> {
    await this.#hearEof(turn);
    switch (turn.kind) {
      case "wait":
        await this.#stage.wait(turn.ms);
        return false;
      case "tls":
        throw absence(turn, "no TLS");
      case "reset":
        this.#wire.end("reset");
        return true;
      case "close":
        await this.#hearNothing(turn);
        return true;
    }
  }

  /** Hears the client's end, if it stands in the file before a step. */
  async #hearEof(step?: Step): Promise<void> {
    const eof = this.#eof;
    if (eof === undefined) return;
    if (step !== undefined && !isBefore(this.#part.steps, eof, step)) return;
    this.#eof = undefined;
    for (;;) {
      const came = await this.#line();
      if (came === null) return;
      if (came === undefined) throw this.#absence(eof, came);
      if (!await this.#isOwnBusiness(came)) {
        throw deviation(eof, this.#shown(came));
      }
    }
  }

  /** The client must have said nothing that it shouldn't when it is closed. */
  async #hearNothing(step: Step): Promise<void> {
    while (this.#kept !== undefined || this.#wire.hasLine()) {
      const came = await this.#line() ?? "";
      if (await this.#isOwnBusiness(came)) continue;
      throw deviation(step, this.#shown(came));
    }
  }

  /** The file does not say who closes: the client may take its leave. */
  async #end(): Promise<void> {
    if (this.#eof !== undefined) return await this.#hearEof();
    for (;;) {
      if (this.#kept === undefined && !this.#wire.hasLine()) {
        await this.#wire.listen(Math.min(END_MS, this.#stage.deadlineMs));
        if (!this.#wire.hasLine()) return;
      }
      const came = await this.#line() ?? "";
      if (/^QUIT *$/i.test(came)) return await this.#answer(BYE);
      if (await this.#isOwnBusiness(came)) continue;
      const place = { line: 0, expected: "nothing more" };
      throw new Deviation({ ...place, came: this.#shown(came) });
    }
  }
}

function verbOf(octets: string): string {
  return /^[A-Z]*/i.exec(octets)![0].toUpperCase();
}

function isBefore(steps: readonly Step[], a: Step, b: Step): boolean {
  return steps.indexOf(a) < steps.indexOf(b);
}
