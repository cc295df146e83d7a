/**
 * Plays a conversation: says what the client and the relay say, and compares
 * what Postern says with what the file expects, in its order.
 *
 * The rule: what is compared does not depend on the way the bytes are cut. The
 * order of lines across wires is part of the claim: where the relay is to
 * speak, Postern must not have answered its client yet. Only where the client
 * was let run ahead of the file may an answer come later than it stands there,
 * since those to a batch leave in one write.
 *
 * Checkers' wires and TLS are not played yet: `fixture.ts` says so.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Deviation, deviation, type Mismatch } from "./mismatch.ts";
import { checkDelivered } from "./outcome.ts";
import { isOptional, matchReply } from "./reply_pattern.ts";
import {
  type Bindings,
  mailData,
  sentBytes,
  UnboundVariableError,
} from "./sending.ts";
import {
  type Piece,
  piecesOf,
  type SentStep,
  type Way,
  type Write,
  writesOf,
} from "./splits.ts";
import type { Stage, StageWire } from "./stage.ts";
import {
  type DeliveredStep,
  type Expectation,
  isSaid,
  type NothingStep,
  posternEnd,
  type SaidStep,
  type Step,
  type Transcript,
} from "./steps.ts";
import { Unanswered } from "./unanswered.ts";

export type { Mismatch };

/** How a conversation is played. */
export interface PlayOptions {
  /** How the client's bytes are cut. */
  readonly way?: Way;
  /** Reads a message that the file names. */
  readMessage(path: string): Uint8Array;
  /** Variables that are known from the beginning: `host`, `id`. */
  readonly known?: Readonly<Record<string, string>>;
}

/** Times that everything due is let happen before a relay is missed. */
const MAX_SETTLINGS = 8;

/** The bytes of the client, to be cut; `undefined`: some are not known before. */
export function clientPieces(
  transcript: Transcript,
  options: PlayOptions,
): Piece[] | undefined {
  const known = new Map(Object.entries(options.known ?? {}));
  try {
    return piecesOf(
      transcript.steps,
      "client",
      "client",
      (step) => bytesOf(step, known, options),
    );
  } catch (error) {
    if (error instanceof UnboundVariableError) return undefined;
    throw error;
  }
}

/**
 * Plays `transcript` on `stage`.
 *
 * @returns The first place where it went another way; `undefined`: none.
 */
export async function play(
  transcript: Transcript,
  stage: Stage,
  options: PlayOptions,
): Promise<Mismatch | undefined> {
  try {
    await new Playing(transcript, stage, options).run();
    return undefined;
  } catch (error) {
    if (error instanceof Deviation) return error.mismatch;
    throw error;
  }
}

class Playing {
  readonly #steps: readonly Step[];
  readonly #stage: Stage;
  readonly #options: PlayOptions;
  readonly #bindings: Bindings;
  /** The client's writes that are still to come, and what is out of them. */
  readonly #writes: Iterator<Write> | undefined;
  #out = 0;
  #said = 0;
  readonly #unanswered = new Unanswered();
  /** What the client is still to hear: it came in a batch that goes on. */
  #owed: SaidStep[] = [];

  constructor(transcript: Transcript, stage: Stage, options: PlayOptions) {
    this.#steps = transcript.steps;
    this.#stage = stage;
    this.#options = options;
    this.#bindings = new Map(Object.entries(options.known ?? {}));
    const pieces = clientPieces(transcript, options);
    const way = transcript.unsplit ? "whole" : options.way ?? "whole";
    this.#writes = pieces && writesOf(pieces, way);
  }

  async run(): Promise<void> {
    const deliveries: (DeliveredStep | NothingStep)[] = [];
    for (let i = 0; i < this.#steps.length;) {
      const step = this.#steps[i]!;
      if (isSaid(step)) {
        if (step.from === posternEnd(step.wire)) {
          const run = this.#runFrom(i);
          await this.#hear(run);
          i += run.length;
          continue;
        }
        await this.#say(step);
      } else if (step.kind === "wait") await this.#stage.wait(step.ms);
      else if (step.kind === "delivered" || step.kind === "nothing") {
        deliveries.push(step);
      } else if (step.kind !== "tls") await this.#end(step);
      i++;
    }
    await this.#hearOwed();
    await this.#checkEnd();
    checkDelivered(
      deliveries,
      this.#stage.delivered,
      this.#bindings,
      this.#options.readMessage,
    );
  }

  /** The steps of one speaker that follow each other. */
  #runFrom(start: number): SaidStep[] {
    const first = this.#steps[start] as SaidStep;
    const run: SaidStep[] = [];
    for (let i = start; i < this.#steps.length; i++) {
      const step = this.#steps[i]!;
      if (!isSaid(step)) break;
      if (step.wire !== first.wire || step.from !== first.from) break;
      run.push(step);
    }
    return run;
  }

  async #say(step: SaidStep): Promise<void> {
    if (step.wire === "client") return await this.#sayAsClient(step);
    // A new connection of Postern's is there only when all that is due is done.
    await this.#stage.settle();
    const wire = await this.#wire(step, step.wire);
    await this.#checkOrder(step, wire);
    await wire.send(this.#bytesOf(step));
  }

  /** Postern must not have said what the file has behind the relay's words. */
  async #checkOrder(step: SaidStep, relay: StageWire): Promise<void> {
    const client = await this.#stage.wire("client");
    // Only where one command waits is it plain which reply would be too early,
    // and only where the client is not ahead, what the relay is asked too early.
    const early = this.#unanswered.count === 1 && client?.hasLine()
      ? client
      : this.#out <= this.#said && relay.hasLine()
      ? relay
      : undefined;
    if (early === undefined) return;
    throw deviation(step, await early.line() ?? "", "before the relay spoke");
  }

  async #sayAsClient(step: SaidStep): Promise<void> {
    const wire = await this.#wire(step, step.wire);
    const bytes = this.#bytesOf(step);
    this.#unanswered.say(Buffer.from(bytes).toString("latin1"));
    if (this.#writes === undefined) return await wire.send(bytes);
    if (bytes.length === 0) return;
    this.#said++;
    while (this.#out < this.#said) {
      const next = this.#writes.next();
      if (next.done) break;
      await wire.send(next.value.bytes);
      this.#out = next.value.through;
    }
  }

  /** Compares what Postern says with a run of steps. */
  async #hear(run: readonly SaidStep[]): Promise<void> {
    if (run[0]?.wire === "relay") return void await this.#compare(run);
    const owed = [...this.#owed, ...run];
    this.#owed = owed.slice(await this.#compare(owed));
  }

  async #hearOwed(): Promise<void> {
    if (this.#owed.length > 0) await this.#hear([]);
  }

  /** How many of the steps were heard: all, or up to the end of a batch. */
  async #compare(run: readonly SaidStep[]): Promise<number> {
    const wire = await this.#wire(run[0]!, run[0]!.wire);
    for (let at = 0; at < run.length;) {
      const step = run[at]!;
      if (await this.#isBatched(step, wire)) return at;
      if (step.kind === "bytes" || step.kind === "message") {
        await this.#hearBytes(step, wire);
        at++;
        continue;
      }
      const rest = run.slice(at).filter(isExpectation);
      if (at > 0 && isOptional(rest) && !wire.hasLine()) break;
      const lines = await this.#hearReply(step, wire);
      const match = matchReply(rest, lines, this.#bindings);
      if (!match.ok) {
        throw deviation(match.step ?? step, match.came);
      }
      at += match.used;
      if (step.wire === "client") {
        this.#unanswered.hear(lines[0]!);
      }
    }
    return run.length;
  }

  /** Whether Postern may keep the reply until it has answered what came with it. */
  async #isBatched(step: SaidStep, wire: StageWire): Promise<boolean> {
    if (step.wire !== "client" || this.#out <= this.#said) return false;
    if (!wire.hasLine()) await this.#stage.settle();
    return !wire.hasLine();
  }

  /** A reply of the server's, or a line of the client's. */
  async #hearReply(step: SaidStep, wire: StageWire): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await wire.line();
      if (typeof line !== "string") {
        const said = lines.length === 0 ? "" : `${lines.join("\n")} and then `;
        throw deviation(step, said + (line === null ? "a close" : "silence"));
      }
      lines.push(Buffer.from(line, "latin1").toString("utf8"));
      if (step.from === "client" || line[3] !== "-") return lines;
    }
  }

  async #hearBytes(step: SentStep, wire: StageWire): Promise<void> {
    const wanted = Buffer.from(this.#bytesOf(step)).toString("latin1");
    let came = "";
    while (came.length < wanted.length) {
      const line = await wire.line();
      if (typeof line !== "string") break;
      came += `${line}\r\n`;
    }
    if (came !== wanted) throw deviation(step, JSON.stringify(came));
  }

  async #end(step: Extract<Step, { kind: "close" | "eof" | "reset" }>) {
    if (step.wire === "client") await this.#hearOwed();
    const wire = await this.#wire(step, step.wire);
    const ender = step.kind === "close" ? "server" : "client";
    if (step.kind !== "reset" && ender === posternEnd(step.wire)) {
      const line = await wire.line();
      if (line !== null) throw deviation(step, line ?? "silence");
      return;
    }
    wire.end(step.kind === "reset" ? "reset" : "eof");
    await this.#stage.settle();
  }

  async #wire(step: Step, name: string): Promise<StageWire> {
    for (let tries = 0; tries < MAX_SETTLINGS; tries++) {
      const wire = await this.#stage.wire(name);
      if (wire !== undefined) return wire;
      await this.#stage.settle();
    }
    throw deviation(step, `no connection to the ${name}`);
  }

  async #checkEnd(): Promise<void> {
    await this.#stage.settle();
    for (const name of ["client", "relay"]) {
      const wire = await this.#stage.wire(name);
      if (!wire?.hasLine()) continue;
      const came = await wire.line() ?? "";
      throw new Deviation({ line: 0, expected: "nothing more", came });
    }
  }

  #bytesOf(step: SaidStep): Uint8Array {
    return bytesOf(step, this.#bindings, this.#options) ?? new Uint8Array();
  }
}

function bytesOf(
  step: SaidStep,
  bindings: Bindings,
  options: PlayOptions,
): Uint8Array | undefined {
  if (step.kind === "message") return mailData(options.readMessage(step.path));
  if (step.kind !== "line" && step.kind !== "bytes") return undefined;
  return sentBytes(step, bindings);
}

function isExpectation(step: SaidStep): step is Expectation {
  return step.kind !== "bytes" && step.kind !== "message";
}
