/**
 * Plays a changed conversation against Postern in memory: the client does what
 * its script says, the relay answers by itself, and all that goes over the
 * wires is written down in its order.
 *
 * The rule: where the client waits, everything happens that can happen without
 * time; once it has nothing more to do, time passes until Postern has ended the
 * session.
 *
 * It decides nothing: that is `judge.ts`.
 *
 * @module
 */

import {
  AnsweringRelay,
  type RelayEvent,
  type RelayMemory,
} from "./answering_relay.ts";
import type { Evidence, Heard } from "./evidence.ts";
import type { Taken } from "./judge_mail.ts";
import type { RelayPlan } from "./relay_faults.ts";
import type { Action } from "./script.ts";
import { MemoryWire } from "../replay/memory.ts";
import type { Delivered, Stage, StageWire } from "../replay/stage.ts";
import type { Wire } from "../transcript/steps.ts";
import { fromOctets, octetsOf, toOctets } from "../transcript/template.ts";

/** Something that happened, for the record. */
export type RunEvent =
  | { readonly kind: "sent"; readonly octets: string }
  | { readonly kind: "heard"; readonly line: string }
  | { readonly kind: "waited"; readonly ms: number }
  | { readonly kind: "ended"; readonly how: "eof" | "reset" }
  | { readonly kind: "secured" }
  | { readonly kind: "closed" }
  | {
    readonly kind: "relay";
    readonly wire: Wire;
    readonly event: RelayEvent;
  };

/** What came of a changed conversation. */
export interface Run {
  /** Everything that went over the wires, in order. */
  readonly events: readonly RunEvent[];
  /** What the judge needs, but for what is configured. */
  readonly evidence: Omit<Evidence, "limits" | "listener">;
  /** What was delivered to the store. */
  readonly delivered: readonly Delivered[];
  /** How many replies were due to the relay's side. */
  readonly relayReplies: number;
  /** What is wrong already: Postern did not come to rest, or to an end. */
  readonly broken: string | undefined;
}

/**
 * Rounds of letting everything happen before it is said that Postern does not
 * come to rest: more than there are lines in any conversation of mutations.
 */
const MAX_ROUNDS = 20_000;

/** The wires that answer by themselves. */
const RELAYS: readonly Wire[] = ["relay", "relay2"];

/** Rounds without anything that count as rest. */
const QUIET_ROUNDS = 2;

/**
 * How much time passes at once, in ms: no deadline's fraction, so that none is
 * missed or met by a tick.
 */
const STEP_MS = 21_000;

/** In that time a session must have ended that hears nothing more, in ms. */
const MAX_IDLE_MS = 2 * 60 * 60 * 1_000;

/** Most room that Postern may offer to one read, in bytes: its largest buffer. */
const MAX_ROOM_BYTES = 128 * 1_024;

/** Rounds in which a session must end once its connection is broken. */
const MAX_END_ROUNDS = 200;

/**
 * Plays a script.
 *
 * @param stage Postern, ready; it is disposed of.
 * @param actions What the client does.
 * @param plan How the relay speaks.
 * @param isLmtp Whether each recipient has a reply of its own.
 */
export async function runMutated(
  stage: Stage,
  actions: readonly Action[],
  plan: RelayPlan,
  isLmtp = false,
): Promise<Run> {
  const [client] = stage.wires("client");
  if (client === undefined) throw new TypeError("Cannot run without a client");
  const running = new Running(stage, client, plan, isLmtp);
  let broken: string | undefined;
  try {
    await running.run(actions);
  } catch (error) {
    if (!(error instanceof Restless)) throw error;
    broken = error.message;
  }
  const fault = await running.dispose();
  broken ??= fault;
  return { ...running.result(), broken };
}

/** What was broken before the judge has a look. */
class Restless extends Error {}

class Running {
  readonly #stage: Stage;
  readonly #client: StageWire;
  readonly #isLmtp: boolean;
  readonly #events: RunEvent[] = [];
  readonly #heard: Heard[] = [];
  readonly #taken: Taken[] = [];
  readonly #sent: string[] = [];
  readonly #secured: number[] = [];
  #sentBytes = 0;
  #delivered = 0;
  #isClosed = false;
  #wasReset = false;
  /** Most room that was offered to one read, in bytes. */
  #room = 0;
  readonly #relays = new Map<StageWire, AnsweringRelay>();
  readonly #memory: RelayMemory;

  constructor(
    stage: Stage,
    client: StageWire,
    plan: RelayPlan,
    isLmtp: boolean,
  ) {
    this.#isLmtp = isLmtp;
    this.#stage = stage;
    this.#client = client;
    this.#watchRoom(client);
    this.#memory = {
      plan,
      replies: 0,
      taken: this.#taken,
      strange: [],
      note: (wire, event) => this.#events.push({ kind: "relay", wire, event }),
    };
  }

  async run(actions: readonly Action[]): Promise<void> {
    await this.#rest();
    for (const action of actions) {
      if (action.kind === "write") {
        this.#send(action.octets);
        if (action.waits) await this.#rest();
        continue;
      }
      await this.#rest();
      if (action.kind === "wait") await this.#pass(action.ms);
      else if (action.kind === "tls") await this.#secure();
      else {
        if (!this.#isClosed) {
          this.#events.push({ kind: "ended", how: action.how });
        }
        this.#wasReset = action.how === "reset" && !this.#isClosed;
        this.#client.end(action.how);
        await this.#rest();
        break;
      }
    }
    await this.#rest();
    for (let ms = 0; !this.#isClosed; ms += STEP_MS) {
      if (ms >= MAX_IDLE_MS) {
        throw new Restless("the session is still open after two idle hours");
      }
      await this.#pass(STEP_MS);
    }
    for (const relay of this.#relays.values()) {
      if (await relay.isHalfway()) {
        throw new Restless("a relay is left in the middle of a transaction");
      }
    }
    if (this.#room > MAX_ROOM_BYTES) {
      throw new Restless(`it would have read ${this.#room} bytes at once`);
    }
    const [strange] = this.#memory.strange;
    if (strange !== undefined) {
      throw new Restless(`the relay was told ${JSON.stringify(strange)}`);
    }
  }

  /** Goes over to TLS, if Postern waits for it. */
  async #secure(): Promise<void> {
    try {
      await this.#client.startTls();
    } catch {
      return;
    }
    this.#secured.push(this.#sentBytes);
    this.#events.push({ kind: "secured" });
    await this.#rest();
  }

  /** Ends the session; what was broken by that. */
  async dispose(): Promise<string | undefined> {
    let end: string | true | undefined;
    this.#stage[Symbol.asyncDispose]().then(
      () => end = true,
      (error) => end = `the session fails: ${error}`,
    );
    for (let round = 0; round < MAX_END_ROUNDS; round++) {
      if (end !== undefined) return end === true ? undefined : end;
      await this.#stage.settle();
    }
    return "the session does not end";
  }

  result(): Omit<Run, "broken"> {
    return {
      events: this.#events,
      evidence: {
        sent: this.#sent.join(""),
        heard: this.#heard,
        unfinished: this.#client.unfinished,
        taken: this.#taken,
        wasReset: this.#wasReset,
        secured: this.#secured,
      },
      delivered: this.#stage.delivered ?? [],
      relayReplies: this.#memory.replies,
    };
  }

  #send(octets: string): void {
    this.#sent.push(octets);
    this.#sentBytes += octets.length;
    this.#events.push({ kind: "sent", octets });
    this.#client.send(fromOctets(octets));
  }

  async #pass(ms: number): Promise<void> {
    // Relays hear of it, even where the client does not.
    this.#events.push({ kind: "waited", ms });
    await this.#stage.wait(ms);
    await this.#rest();
  }

  /** Lets everything happen that can happen without time. */
  async #rest(): Promise<void> {
    for (let round = 0, quiet = 0; quiet < QUIET_ROUNDS; round++) {
      if (round === MAX_ROUNDS) throw new Restless("it does not come to rest");
      const hasHeard = await this.#hear();
      const hasAnswered = await this.#answer();
      quiet = hasHeard || hasAnswered ? 0 : quiet + 1;
    }
  }

  /** Hears what was said to the client; whether there was anything. */
  async #hear(): Promise<boolean> {
    for (let lines = 0;; lines++) {
      // Where there is no line it lets everything happen that is due.
      const line = await this.#client.line();
      this.#countDelivered();
      if (typeof line === "string") {
        const [sent, taken] = [this.#sentBytes, this.#taken.length];
        this.#heard.push({ line, sent, taken });
        this.#events.push({ kind: "heard", line });
        continue;
      }
      if (line === null && !this.#isClosed) {
        this.#isClosed = true;
        this.#events.push({ kind: "closed" });
      }
      return lines > 0;
    }
  }

  /** Lets the relays answer; whether there was anything. */
  async #answer(): Promise<boolean> {
    for (const name of RELAYS) {
      for (const wire of this.#stage.wires(name)) {
        if (this.#relays.has(wire)) continue;
        this.#watchRoom(wire);
        this.#relays.set(wire, new AnsweringRelay(name, wire, this.#memory));
      }
    }
    let hasActed = false;
    for (const relay of this.#relays.values()) {
      if (await relay.pump()) hasActed = true;
    }
    return hasActed;
  }

  /** Looks at how much Postern would hold of what its peer sends. */
  #watchRoom(wire: StageWire): void {
    if (!(wire instanceof MemoryWire)) return;
    const { connection } = wire;
    const read = connection.read.bind(connection);
    connection.read = (into) => {
      this.#room = Math.max(this.#room, into.length);
      return read(into);
    };
  }

  #countDelivered(): void {
    const { delivered = [] } = this.#stage;
    for (; this.#delivered < delivered.length; this.#delivered++) {
      const { sender, recipients, message } = delivered[this.#delivered]!;
      const all = recipients.map(toOctets);
      const groups = this.#isLmtp ? all.map((each) => [each]) : [all];
      for (const recipients of groups) {
        this.#taken.push({
          ...{ sender: toOctets(sender), recipients },
          octets: octetsOf(message),
          hasTrace: false,
          isTaken: true,
        });
      }
    }
  }
}
