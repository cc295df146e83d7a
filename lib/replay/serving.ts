/**
 * Plays a server to Postern's own client: hears what the file's client says,
 * and answers as the file's server does.
 *
 * The rule: commands count by what they mean (the verb in any case, MAIL and
 * RCPT by their paths, EHLO under any name), messages byte for byte. RSET is
 * Postern's own business, and so is what is left of a transaction that was
 * refused. A client that had no verdict may close where the file says QUIT.
 *
 * @module
 */

import { isPositive, type Reply } from "../engine/reply.ts";
import { fromOctets, textOf } from "../transcript/template.ts";
import { absence, Deviation, deviation } from "./mismatch.ts";
import { reckoned, settle } from "./memory.ts";
import { PlayedWire } from "./played_wire.ts";
import { mustWaitBehind } from "./pace.ts";
import { isSameAnswer, saidOctets } from "./said_challenge.ts";
import { bareCommand, isSameCommand } from "./same_command.ts";
import type { SecretSource } from "./secret_source.ts";
import { ServedTransaction } from "./served_transaction.ts";
import type { StageWire } from "./stage.ts";
import { type Way, writesOf } from "./splits.ts";
import type { HappenTurn, HearTurn, SayTurn, Turn } from "./turns.ts";

/** Times that everything due is let happen before the client is missed. */
const MAX_SETTLINGS = 8;

/** To an RSET that the file does not have. */
const RSET_OK = new TextEncoder().encode("250 2.0.0 OK\r\n");

/** The code that asks for an answer. RFC 4954 section 4. */
const CHALLENGE = 334;

/** What became of a turn. */
type Outcome = "heard" | "skipped" | "closed";

/** A client that is served. */
export interface ServedClient {
  /** Its connection, once it has called. */
  readonly wires: readonly StageWire[];
  /** What it made of each message that it sent whole. */
  readonly verdicts: readonly Reply[];
  /** Resolves once it has nothing more to do. */
  readonly done: Promise<void>;
  /** Lets that much time pass, in ms. */
  wait(ms: number): Promise<void>;
}

/** One server, for one conversation. */
export class Serving {
  readonly #turns: readonly Turn[];
  readonly #client: ServedClient;
  readonly #way: Way;
  readonly #wire: PlayedWire;
  /** A line that was heard, and is not what the turn before was about. */
  #kept: string | undefined;
  readonly #transaction = new ServedTransaction();
  #isGreeted = false;
  /** Whether the client is to answer a challenge. */
  #isAsked = false;
  readonly #secrets: SecretSource | undefined;
  /** The messages' replies: whether each was taken. */
  readonly #taken: { readonly isTaken: boolean; readonly turn: SayTurn }[] = [];

  /**
   * A server that nobody has called yet.
   *
   * @param turns The conversation.
   * @param client Who calls.
   * @param way How the replies are cut.
   * @param secrets Gives what is asked in AUTH exchanges.
   */
  constructor(
    turns: readonly Turn[],
    client: ServedClient,
    way: Way,
    secrets?: SecretSource,
  ) {
    this.#secrets = secrets;
    this.#turns = turns;
    this.#client = client;
    this.#way = way;
    this.#wire = new PlayedWire("relay", () => client.wires);
  }

  /**
   * Serves the whole conversation.
   *
   * @throws {Deviation} The first place where it went another way.
   */
  async run(): Promise<void> {
    await this.#connect();
    let heard: HearTurn | undefined;
    for (let i = 0; i < this.#turns.length; i++) {
      const turn = this.#turns[i]!;
      if (turn.kind === "say") {
        await this.#checkWaiting(heard, turn);
        await this.#say(turn, i);
        this.#note(heard, turn);
        heard = undefined;
      } else if (turn.kind !== "hear") await this.#happen(turn);
      else {
        const outcome = await this.#hear(turn);
        if (outcome === "closed") break;
        heard = turn;
        if (outcome === "heard") continue;
        while (this.#turns[i + 1]?.kind === "say") i++;
      }
    }
    await this.#end();
  }

  async #connect(): Promise<void> {
    for (let i = 0; i < MAX_SETTLINGS && !this.#wire.isConnected; i++) {
      await settle();
    }
  }

  async #hear(turn: HearTurn): Promise<Outcome> {
    if (turn.isMessage) return await this.#hearMessage(turn);
    const verb = verbOf(turn);
    for (;;) {
      const line = this.#kept ?? await this.#wire.line();
      this.#kept = undefined;
      if (typeof line === "string" && this.#isExpected(turn, line)) {
        this.#secrets?.hear(line);
        return "heard";
      }
      if (typeof line === "string" && /^RSET *$/i.test(line)) {
        this.#wire.connection.send(RSET_OK);
        continue;
      }
      this.#kept = line ?? undefined;
      if (this.#isSkippable(verb)) return "skipped";
      if (line === null && (verb === "QUIT" || this.#transaction.isRefused)) {
        return "closed";
      }
      const step = turn.stepAt(0);
      if (typeof line === "string") throw deviation(step, textOf(line));
      throw absence(step, line === null ? "a close" : "silence");
    }
  }

  #isExpected(turn: HearTurn, line: string): boolean {
    const octets = turn.octets.slice(0, -2);
    return this.#isAsked
      ? isSameAnswer(turn.stepAt(0), octets, line)
      : isSame(line, octets);
  }

  /** Whether Postern may leave a command out. */
  #isSkippable(verb: string): boolean {
    return verb === "RSET" || this.#transaction.isVain(verb);
  }

  async #hearMessage(turn: HearTurn): Promise<Outcome> {
    const { octets } = turn;
    const came = await this.#wire.octets(octets.length);
    if (came.startsWith(octets)) {
      this.#wire.take(octets.length);
      return "heard";
    }
    let at = 0;
    while (at < came.length && came[at] === octets[at]) at++;
    const before = came.slice(0, at).lastIndexOf("\r\n");
    const line = came.slice(before < 0 ? 0 : before + 2).split("\r\n", 1)[0]!;
    const isShort = at === came.length;
    const end = this.#wire.connection.isClosed ? "a close" : "silence";
    throw deviation(
      turn.stepAt(at),
      isShort ? `${textOf(line)} and then ${end}` : textOf(line),
    );
  }

  /** What a reply means for what may come next. */
  #note(heard: HearTurn | undefined, turn: SayTurn): void {
    if (heard?.isMessage) {
      this.#taken.push({ isTaken: turn.code < 400, turn });
      return;
    }
    const verb = verbOf(heard);
    this.#transaction.note({ verb, code: turn.code, isAhead: false });
  }

  /** Postern must not have gone on where no client may. */
  async #checkWaiting(
    heard: HearTurn | undefined,
    { step }: SayTurn,
  ): Promise<void> {
    const waits = !this.#isGreeted || heard?.isMessage ||
      mustWaitBehind(verbOf(heard));
    this.#isGreeted = true;
    if (!waits || !this.#wire.hasLine()) return;
    const came = await this.#wire.line() ?? "";
    throw deviation(step, textOf(came), { when: "before the server spoke" });
  }

  async #say(turn: SayTurn, index: number): Promise<void> {
    // Each reply is cut at other places than the one before.
    const way = this.#way.startsWith("random:")
      ? `random:${Number(this.#way.slice(7)) + index}` as const
      : this.#way;
    const bytes = fromOctets(saidOctets(turn, this.#secrets));
    this.#isAsked = turn.code === CHALLENGE;
    const { connection } = this.#wire;
    for (const write of writesOf([{ bytes, isBarrier: true }], way)) {
      connection.send(write.bytes);
    }
    await settle();
    if (this.#isAsked && this.#secrets?.hasToReckon) await reckoned(connection);
  }

  async #happen(turn: HappenTurn): Promise<void> {
    const { connection } = this.#wire;
    switch (turn.kind) {
      case "wait":
        return await this.#client.wait(turn.ms);
      case "tls":
        try {
          return await connection.startTls();
        } catch (error) {
          throw absence(turn, error instanceof Error ? error.message : "");
        }
      case "close":
      case "reset":
        connection.end(turn.kind === "close" ? "eof" : "reset");
        return await settle();
    }
  }

  /** Nothing is left to say, and each message is where the server said it is. */
  async #end(): Promise<void> {
    await settle();
    for (let line = this.#kept;; line = undefined) {
      line ??= this.#wire.hasLine() ? await this.#wire.line() ?? "" : undefined;
      if (line === undefined) break;
      if (/^RSET *$/i.test(line)) this.#wire.connection.send(RSET_OK);
      else if (!/^QUIT *$/i.test(line)) {
        const came = textOf(line);
        throw new Deviation({ line: 0, expected: "nothing more", came });
      }
      await settle();
    }
    this.#wire.connection.end("eof");
    await this.#client.done;
    this.#taken.forEach(({ isTaken, turn }, i) => {
      const verdict = this.#client.verdicts[i];
      const isBelieved = verdict !== undefined && isPositive(verdict);
      if (isTaken === isBelieved) return;
      const came = isBelieved ? "taken for delivered" : "taken for refused";
      throw absence(turn.step, came);
    });
  }
}

function verbOf(heard: HearTurn | undefined): string {
  return /^[A-Z]*/i.exec(heard?.octets ?? "")![0].toUpperCase();
}

/** Whether two commands mean the same, but for what is up to each client. */
function isSame(came: string, expected: string): boolean {
  return isSameCommand([bareCommand(expected)], bareCommand(came), new Map());
}
