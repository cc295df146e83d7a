/**
 * A party under test that says what the test tells it.
 *
 * @module
 */

import type { Stage, StageWire } from "../../lib/replay/stage.ts";
import { octetsOf } from "../../lib/transcript/template.ts";

/** What it says to what it has heard so far, since it spoke last. */
export type Answering = (heard: string) => string | undefined;

/** One wire of it. */
export class FakeWire implements StageWire {
  readonly #answering: Answering;
  #heard = "";
  #said: string;
  /** All that was sent, as it was cut. */
  readonly writes: string[] = [];
  /** How often a line was asked for that was not there. */
  missed = 0;
  isSecure = false;
  isClosed = false;

  constructor(greeting: string, answering: Answering) {
    this.#said = greeting;
    this.#answering = answering;
  }

  send(bytes: Uint8Array): void {
    this.writes.push(octetsOf(bytes));
    this.#heard += octetsOf(bytes);
    const answer = this.#answering(this.#heard);
    if (answer === undefined) return;
    this.#said += answer;
    this.#heard = "";
  }

  line(): Promise<string | undefined | null> {
    const end = this.#said.indexOf("\r\n");
    if (end < 0) {
      this.missed++;
      return Promise.resolve(this.isClosed ? null : undefined);
    }
    const line = this.#said.slice(0, end);
    this.#said = this.#said.slice(end + 2);
    return Promise.resolve(line);
  }

  hasLine(): boolean {
    return this.#said.includes("\r\n");
  }

  get unfinished(): string {
    return this.#said.slice(this.#said.lastIndexOf("\n") + 1);
  }

  startTls(): Promise<void> {
    this.isSecure = true;
    return Promise.resolve();
  }

  end(): void {
    this.isClosed = true;
  }
}

/** A stage of such wires; of several of a name each is another connection. */
export function fakeStage(
  wires: Readonly<Record<string, FakeWire | readonly FakeWire[]>>,
  deadlineMs?: number,
): Stage {
  return {
    wires: (name) => [wires[name] ?? []].flat(),
    settle: () => Promise.resolve(),
    wait: () => Promise.resolve(),
    delivered: undefined,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
