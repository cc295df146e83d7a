/**
 * Plays a conversation: says what Postern's peers say, and compares what
 * Postern says with what the file expects, in its order.
 *
 * The rule: what is compared does not depend on the way the bytes are cut. The
 * order of lines across wires is part of the claim: where a relay or a checker
 * is to speak, Postern must not have answered its client yet. Only where the
 * client was let run ahead of the file may an answer come later than it stands
 * there, since those to a batch leave in one write.
 *
 * @module
 */

import {
  type EndStep,
  isSaid,
  posternEnd,
  type SaidStep,
  type Step,
  type TlsStep,
  type Transcript,
  type Wire,
} from "../transcript/steps.ts";
import { type Bindings, formatQuoted } from "../transcript/template.ts";
import { type Claim, closeAmendment, endOf } from "./amendment.ts";
import { Hearing } from "./hearing.ts";
import { absence, Deviation, deviation, type Mismatch } from "./mismatch.ts";
import { checkDelivered } from "./outcome.ts";
import { PlayedWire } from "./played_wire.ts";
import { lateBytes, saidPieces, wiresOf } from "./said_bytes.ts";
import type { SecretSource } from "./secret_source.ts";
import { isSent, type Piece, type SentStep, type Way } from "./splits.ts";
import type { Stage } from "./stage.ts";
import { Veil } from "./veil.ts";

export type { Mismatch };

/** How a conversation is played. */
export interface PlayOptions {
  /** How the player's bytes are cut. */
  readonly way?: Way;
  /** Reads a message that the file names. */
  readMessage(path: string): Uint8Array;
  /** Variables that are known from the beginning: `host`, `id`. */
  readonly known?: Readonly<Record<string, string>>;
  /** Gives what stands for secrets. */
  readonly secrets?: SecretSource;
}

/** Times that everything due is let happen before a relay is missed. */
const MAX_SETTLINGS = 8;

/**
 * All that the player says, on all wires, to be cut.
 *
 * @param transcript The conversation.
 * @param options How it is played.
 */
export function playedPieces(
  { steps }: Pick<Transcript, "steps">,
  { known = {}, readMessage }: PlayOptions,
): Piece[] {
  const bindings = new Map(Object.entries(known));
  const later = () => new Uint8Array();
  return wiresOf(steps).flatMap((wire) =>
    saidPieces(steps, wire, bindings, readMessage, later)
  );
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
  const playing = new Playing(transcript, stage, options);
  try {
    await playing.run();
    return undefined;
  } catch (error) {
    if (error instanceof Deviation) return playing.veil.overMismatch(error);
    throw error;
  }
}

class Playing {
  readonly veil: Veil = new Veil();
  readonly #steps: readonly Step[];
  readonly #stage: Stage;
  readonly #options: PlayOptions;
  readonly #bindings: Bindings;
  readonly #hearing: Hearing;
  readonly #wires: ReadonlyMap<Wire, PlayedWire>;
  readonly #client: PlayedWire;
  /** Bytes that were not known from the beginning. */
  readonly #late = new Map<SentStep, Uint8Array>();
  /** What the client is still to hear: it came in a batch that goes on. */
  #owed: readonly Claim[] = [];

  constructor(transcript: Transcript, stage: Stage, options: PlayOptions) {
    const { steps, unsplit } = transcript;
    const { known = {}, secrets, way = "whole" } = options;
    const readMessage = (path: string) => options.readMessage(path);
    const bindings = new Map(Object.entries(known));
    this.#steps = steps;
    this.#stage = stage;
    this.#options = options;
    this.#bindings = bindings;
    this.#hearing = new Hearing({
      ...{ steps, stage, bindings, secrets, readMessage },
    });
    const late = (step: SentStep) => this.#late.get(step)!;
    const wire = (name: Wire) => {
      const pieces = saidPieces(steps, name, bindings, readMessage, late);
      return new PlayedWire(name, pieces, unsplit ? "whole" : way);
    };
    this.#wires = new Map(wiresOf(steps).map((name) => [name, wire(name)]));
    this.#client = this.#wires.get("client")!;
  }

  async run(): Promise<void> {
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i]!;
      if (!isSaid(step)) await this.#happen(step, i);
      else if (step.from !== posternEnd(step.wire)) await this.#say(step, i);
      else {
        const claims = this.#claimsFrom(i);
        await this.#hear(claims);
        i += claims.length - 1;
      }
    }
    await this.#hear([]);
    await this.#checkEnd();
    const { delivered } = this.#stage;
    if (delivered === undefined) return;
    const { readMessage } = this.#options;
    checkDelivered(this.#steps, delivered, this.#bindings, readMessage);
  }

  async #happen(step: Exclude<Step, SaidStep>, index: number): Promise<void> {
    switch (step.kind) {
      case "wait":
        return await this.#stage.wait(step.ms);
      case "tls":
        return await this.#startTls(step, index);
      case "close":
      case "eof":
      case "reset":
        return await this.#end(step, index);
    }
  }

  /** The steps of one speaker that follow each other. */
  #claimsFrom(start: number): Claim[] {
    const first = this.#steps[start] as SaidStep;
    const claims: Claim[] = [];
    for (let index = start; index < this.#steps.length; index++) {
      const step = this.#steps[index]!;
      if (!isSaid(step)) break;
      if (step.wire !== first.wire || step.from !== first.from) break;
      claims.push({ step, index });
    }
    return claims;
  }

  /** Compares what Postern says, and first what is still owed to the client. */
  async #hear(claims: readonly Claim[]): Promise<void> {
    const { step } = claims[0] ?? this.#owed[0] ?? {};
    if (step === undefined) return;
    const wire = await this.#wire(step, step.wire);
    if (wire !== this.#client) return void await this.#compare(claims, wire);
    const owed = [...this.#owed, ...claims];
    this.#owed = owed.slice(await this.#compare(owed, wire));
  }

  #compare(claims: readonly Claim[], wire: PlayedWire): Promise<number> {
    return this.#hearing.compare(claims, wire);
  }

  async #say(step: SaidStep, index: number): Promise<void> {
    const before = this.#steps[index - 1];
    const goesOn = before !== undefined && isSaid(before) &&
      before.wire === step.wire && before.from === step.from;
    const isOrdered = step.wire !== "client" && !goesOn;
    // A new connection of Postern's is there only when all that is due is done.
    if (isOrdered) await this.#stage.settle();
    const wire = await this.#wire(step, step.wire);
    if (isOrdered) await this.#checkOrder(step, index, wire);
    if (!isSent(step)) {
      throw absence(step, "what can be heard only, not said");
    }
    const piece = wire.next;
    if (piece?.step !== step) return; // it has no bytes
    if (piece.isLate) {
      const { secrets } = this.#options;
      const known = { bindings: this.#bindings, secrets, veil: this.veil };
      this.#late.set(piece.step, lateBytes(piece.step, known));
    }
    await wire.say();
  }

  /** Postern must not have said what the file has behind its peer's words. */
  async #checkOrder(
    step: SaidStep,
    index: number,
    wire: PlayedWire,
  ): Promise<void> {
    const when = `before the ${step.wire} spoke`;
    const client = await this.#stage.wire("client");
    if (client !== undefined) this.#client.use(client);
    // Only where one command waits is it plain which reply would be too early,
    if (
      client !== undefined && this.#client.unanswered.count === 1 &&
      this.#client.hasLine()
    ) {
      const { came } = await this.#hearing.surplus(index, this.#client);
      throw deviation(step, came, { when });
    }
    // and only where the client is not ahead, what was asked too early.
    if (this.#client.isAhead || !wire.hasLine()) return;
    const { came, amendment } = await this.#hearing.surplus(index, wire);
    throw deviation(step, came, { when, amendment });
  }

  async #startTls(step: TlsStep, index: number): Promise<void> {
    if (step.wire === "client") await this.#hear([]);
    const wire = await this.#wire(step, step.wire);
    if (this.#stage.deadlineMs === undefined) await this.#stage.settle();
    const { came } = await this.#hearing.surplus(index, wire);
    // In TLS it would be nobody's.
    if (came !== "") throw deviation(step, came);
    try {
      await wire.connection.startTls();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw absence(step, reason);
    }
  }

  async #end(step: EndStep, index: number): Promise<void> {
    if (step.wire === "client") await this.#hear([]);
    const wire = await this.#wire(step, step.wire);
    const ender = step.kind === "close" ? "server" : "client";
    if (step.kind === "reset" || ender !== posternEnd(step.wire)) {
      wire.connection.end(step.kind === "reset" ? "reset" : "eof");
      return await this.#stage.settle();
    }
    const line = await wire.line();
    if (line === null) return;
    if (line === undefined) {
      throw this.#hearing.silence(step, undefined, [], wire);
    }
    const { came, amendment } = await this.#hearing.surplus(index, wire, line);
    throw deviation(step, came, { amendment });
  }

  async #wire(step: Step, name: Wire): Promise<PlayedWire> {
    const wire = this.#wires.get(name)!;
    for (let tries = 0; tries < MAX_SETTLINGS; tries++) {
      const connection = await this.#stage.wire(name);
      if (connection !== undefined) {
        wire.use(connection);
        return wire;
      }
      await this.#stage.settle();
    }
    throw absence(step, `no connection to the ${name}`);
  }

  /** Nothing more was said, and nobody closed whom the file doesn't let close. */
  async #checkEnd(): Promise<void> {
    await this.#stage.settle();
    const steps = this.#steps;
    const place = { line: 0, expected: "nothing more" };
    for (const [name, wire] of this.#wires) {
      const connection = await this.#stage.wire(name);
      if (connection === undefined) continue;
      wire.use(connection);
      if (wire.hasLine()) {
        const more = await this.#hearing.surplus(endOf(steps), wire);
        throw new Deviation({ ...place, ...more });
      }
      // A message to a relay may have been broken off.
      if (wire === this.#client && wire.unfinished !== "") {
        const came = formatQuoted([wire.unfinished]);
        throw new Deviation({ ...place, came });
      }
    }
    const hasEnd = steps.some((step) =>
      "wire" in step && !isSaid(step) && step.kind !== "tls" &&
      step.wire === "client"
    );
    if (hasEnd || !(await this.#stage.wire("client"))?.isClosed) return;
    const amendment = closeAmendment(steps, [], "client");
    throw new Deviation({
      ...{ ...place, came: "a close" },
      ...(amendment === undefined ? {} : { amendment }),
    });
  }
}
