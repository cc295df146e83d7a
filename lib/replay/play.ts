/**
 * Plays a conversation: says what Postern's peers say, and compares what
 * Postern says with what the file expects, in its order.
 *
 * The rule: what is compared does not depend on the way the bytes are cut. The
 * order of lines across wires is part of the claim, see `order.ts`. Only where
 * the client was let run ahead of the file may an answer come later than it
 * stands there, since those to a batch leave in one write.
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
  WIRES,
} from "../transcript/steps.ts";
import { type Bindings, formatQuoted } from "../transcript/template.ts";
import { type Claim, closeAmendment, endOf } from "./amendment.ts";
import { Hearing } from "./hearing.ts";
import { absence, Deviation, deviation, type Mismatch } from "./mismatch.ts";
import { checkDelivered } from "./outcome.ts";
import { isContinued, isSameVoice, Order } from "./order.ts";
import { reckoned } from "./memory.ts";
import { isPosternsEnd, PlayedWire } from "./played_wire.ts";
import { lateBytes, pieceIn, saidPieces, wiresOf } from "./said_bytes.ts";
import type { SecretSource } from "./secret_source.ts";
import { isSent, type Piece, type SentStep, type Way } from "./splits.ts";
import type { Stage } from "./stage.ts";
import { Veil } from "./veil.ts";

export type { Mismatch };

/** All that the player says, by wire: the same in each play. */
export type PlayedPieces = ReadonlyMap<Wire, readonly Piece[]>;

/** How a conversation is played. */
export interface PlayOptions {
  /** What {@linkcode playedPieces} gives, where there is more than one play. */
  readonly pieces?: PlayedPieces;
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
  { known = {}, readMessage }: Pick<PlayOptions, "known" | "readMessage">,
): PlayedPieces {
  const bindings = new Map(Object.entries(known));
  return new Map(
    wiresOf(steps).map((wire) => [
      wire,
      saidPieces(steps, wire, bindings, readMessage),
    ]),
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
  readonly #order: Order;
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
    const { pieces = playedPieces(transcript, options) } = options;
    this.#wires = new Map(
      pieces.entries().map(([name, pieces]) => [
        name,
        new PlayedWire(
          name,
          () => stage.wires(name),
          pieces.map((piece) => pieceIn(piece, this.#late)),
          unsplit ? "whole" : way,
        ),
      ]),
    );
    this.#client = this.#wires.get("client")!;
    this.#order = new Order(this.#wires, stage, this.#hearing);
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
    const wire = await this.#reach(step, step.wire);
    if (wire !== this.#client) return void await this.#compare(claims, wire);
    const owed = [...this.#owed, ...claims];
    this.#owed = owed.slice(await this.#compare(owed, wire));
  }

  #compare(claims: readonly Claim[], wire: PlayedWire): Promise<number> {
    return this.#hearing.compare(claims, wire);
  }

  async #say(step: SaidStep, index: number): Promise<void> {
    const before = this.#steps[index - 1];
    const isClient = step.wire === "client";
    // A new connection of Postern's is there only when all that is due is done,
    // and an old one gone: a reply that ends may end it.
    if (!isClient && !isContinued(before)) await this.#stage.settle();
    const wire = await this.#reach(step, step.wire);
    if (isClient) await this.#order.checkBeforeClient(step, index);
    else if (!isSameVoice(before, step)) {
      await this.#order.checkBefore(step, index, wire);
    }
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
    if (piece.isLate && this.#options.secrets?.hasToReckon) {
      await reckoned(wire.connection);
    }
  }

  async #startTls(step: TlsStep, index: number): Promise<void> {
    if (step.wire === "client") await this.#hear([]);
    const wire = await this.#reach(step, step.wire);
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
    const wire = await this.#reach(step, step.wire);
    if (!isPosternsEnd(step)) {
      wire.leave(step.kind === "reset" ? "reset" : "eof");
      return await this.#stage.settle();
    }
    const line = await wire.end();
    if (line === null) return;
    if (line === undefined) {
      throw this.#hearing.silence(step, undefined, [], wire);
    }
    const { came, amendment } = await this.#hearing.surplus(index, wire, line);
    throw deviation(step, came, { amendment });
  }

  /** The wire of that name, with the connection that a step is about. */
  async #reach(step: Step, name: Wire): Promise<PlayedWire> {
    const wire = this.#wires.get(name)!;
    for (let tries = 0; !wire.reach(step); tries++) {
      if (tries < MAX_SETTLINGS) await this.#stage.settle();
      else if (!wire.isConnected || wire.hasLeft) {
        throw absence(step, `no connection to the ${name}`);
      } // What is said to one that Postern has closed is lost.
      else break;
    }
    return wire;
  }

  /** Nothing more was said, and nobody closed whom the file doesn't let close. */
  async #checkEnd(): Promise<void> {
    await this.#stage.settle();
    const steps = this.#steps;
    const place = { line: 0, expected: "nothing more" };
    for (const wire of this.#wires.values()) {
      if (!wire.isConnected) continue;
      if (wire.saysMore) {
        const more = await this.#hearing.surplus(endOf(steps), wire);
        throw new Deviation({ ...place, ...more });
      }
      // A message to a relay may have been broken off.
      if (wire === this.#client && wire.unfinished !== "") {
        const came = formatQuoted([wire.unfinished]);
        throw new Deviation({ ...place, came });
      }
    }
    for (const name of WIRES) {
      const known = this.#wires.get(name);
      const isCalled = known?.hasNext ?? this.#stage.wires(name).length > 0;
      if (!isCalled) continue;
      throw new Deviation({ ...place, came: `a connection to the ${name}` });
    }
    const hasEnd = steps.some((step) =>
      "wire" in step && !isSaid(step) && step.kind !== "tls" &&
      step.wire === "client"
    );
    if (hasEnd || !this.#client.isConnected) return;
    if (!this.#client.connection.isClosed) return;
    const amendment = closeAmendment(steps, [], "client");
    throw new Deviation({
      ...{ ...place, came: "a close" },
      ...(amendment === undefined ? {} : { amendment }),
    });
  }
}
