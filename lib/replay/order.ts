/**
 * Decides whether Postern spoke too early: before what stands above its words in
 * the file, on whichever wire.
 *
 * The rule: where a relay or a checker is to speak, Postern must not have
 * answered its client yet; where a client is to speak that is owed nothing,
 * Postern must have said nothing at all. Where it can't be told which words are
 * meant, since several commands wait or the client was let run ahead of the
 * file, nothing is found.
 *
 * @module
 */

import type { Hearing } from "./hearing.ts";
import { deviation } from "./mismatch.ts";
import type { PlayedWire } from "./played_wire.ts";
import type { Stage } from "./stage.ts";
import {
  isSaid,
  type SaidStep,
  type Step,
  type Wire,
} from "../transcript/steps.ts";

/** Looks at the order across the wires of one conversation. */
export class Order {
  readonly #wires: ReadonlyMap<Wire, PlayedWire>;
  readonly #client: PlayedWire;
  readonly #stage: Pick<Stage, "settle">;
  readonly #hearing: Hearing;

  /**
   * The order of a conversation that begins.
   *
   * @param wires All its wires; the client's is among them.
   * @param stage Where it is played.
   * @param hearing Hears what was said too early.
   */
  constructor(
    wires: ReadonlyMap<Wire, PlayedWire>,
    stage: Pick<Stage, "settle">,
    hearing: Hearing,
  ) {
    this.#wires = wires;
    this.#client = wires.get("client")!;
    this.#stage = stage;
    this.#hearing = hearing;
  }

  /**
   * Looks before a relay or a checker says a step.
   *
   * @param step What it is to say.
   * @param index Where that is in the file.
   * @param wire Its wire.
   * @throws {Deviation} Postern said already what stands behind that.
   */
  async checkBefore(
    step: SaidStep,
    index: number,
    wire: PlayedWire,
  ): Promise<void> {
    const client = this.#client;
    const when = `before the ${step.wire} spoke`;
    // Only where one command waits is it plain which reply would be too early,
    if (
      client.isConnected && client.unanswered.count === 1 && client.hasLine()
    ) {
      const { came } = await this.#hearing.surplus(index, client);
      throw deviation(step, came, { when });
    }
    // and only where the client is not ahead, what was asked too early.
    if (client.isAhead || !wire.hasLine()) return;
    const { came, amendment } = await this.#hearing.surplus(index, wire);
    throw deviation(step, came, { when, amendment });
  }

  /**
   * Looks before the client says a step.
   *
   * @param step What it is to say.
   * @param index Where that is in the file.
   * @throws {Deviation} Postern said already what stands behind that.
   */
  async checkBeforeClient(step: SaidStep, index: number): Promise<void> {
    const client = this.#client;
    if (client.hasBegun || !client.unanswered.isIdle) return;
    const when = "before the client spoke";
    for (const wire of this.#wires.values()) {
      if (!wire.isConnected) continue;
      if (wire !== client) await this.#stage.settle();
      if (!wire.saysMore) continue;
      const { came, amendment } = await this.#hearing.surplus(index, wire);
      throw deviation(step, came, { when, amendment });
    }
  }
}

/** Whether a step goes on with what the one before it says. */
export function isSameVoice(before: Step | undefined, step: SaidStep): boolean {
  return before !== undefined && isSaid(before) &&
    before.wire === step.wire && before.from === step.from;
}

/** Whether a step is a line amid a reply. */
export function isContinued(step: Step | undefined): boolean {
  if (step?.kind !== "line") return false;
  const [start] = step.text;
  return typeof start === "string" && start[3] === "-";
}
