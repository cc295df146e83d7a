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

import { isPositive } from "../engine/reply.ts";
import { fromOctets, textOf } from "../transcript/template.ts";
import { commandOf } from "./client_task.ts";
import { absence, Deviation, deviation } from "./mismatch.ts";
import { settle } from "./memory.ts";
import { PlayedWire } from "./played_wire.ts";
import type { PosternClient } from "./postern_client.ts";
import { type Way, writesOf } from "./splits.ts";
import type { HappenTurn, HearTurn, SayTurn, Turn } from "./turns.ts";

/** Times that everything due is let happen before the client is missed. */
const MAX_SETTLINGS = 8;

/** To an RSET that the file does not have. */
const RSET_OK = new TextEncoder().encode("250 2.0.0 OK\r\n");

/** What became of a turn. */
type Outcome = "heard" | "skipped" | "closed";

/** One server, for one conversation. */
export class Serving {
  readonly #turns: readonly Turn[];
  readonly #client: PosternClient;
  readonly #way: Way;
  readonly #wire = new PlayedWire("relay", [], "whole");
  /** A line that was heard, and is not what the turn before was about. */
  #kept: string | undefined;
  /** The transaction's sender was refused, or its DATA. */
  #isRefused = false;
  #hasRecipient = false;
  /** The messages' replies: whether each was taken. */
  readonly #taken: { readonly isTaken: boolean; readonly turn: SayTurn }[] = [];

  /**
   * A server that nobody has called yet.
   *
   * @param turns The conversation.
   * @param client Who calls.
   * @param way How the replies are cut.
   */
  constructor(turns: readonly Turn[], client: PosternClient, way: Way) {
    this.#turns = turns;
    this.#client = client;
    this.#way = way;
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
    for (let i = 0; i < MAX_SETTLINGS && !this.#client.wire; i++) {
      await settle();
    }
    this.#wire.use(this.#client.wire!);
  }

  async #hear(turn: HearTurn): Promise<Outcome> {
    if (turn.isMessage) return await this.#hearMessage(turn);
    const verb = turn.octets.slice(0, 4).toUpperCase();
    for (;;) {
      const line = this.#kept ?? await this.#wire.line();
      this.#kept = undefined;
      if (typeof line === "string" && isSame(line, turn.octets.slice(0, -2))) {
        return "heard";
      }
      if (typeof line === "string" && /^RSET *$/i.test(line)) {
        this.#wire.connection.send(RSET_OK);
        continue;
      }
      this.#kept = line ?? undefined;
      if (this.#isSkippable(verb)) return "skipped";
      if (line === null && (verb === "QUIT" || this.#isRefused)) {
        return "closed";
      }
      const step = turn.stepAt(0);
      if (typeof line === "string") throw deviation(step, textOf(line));
      throw absence(step, line === null ? "a close" : "silence");
    }
  }

  /** Whether Postern may leave a command out. */
  #isSkippable(verb: string): boolean {
    if (verb === "RSET") return true;
    if (verb === "RCPT") return this.#isRefused;
    return verb === "DATA" && (this.#isRefused || !this.#hasRecipient);
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
    const end = this.#client.wire!.isClosed ? "a close" : "silence";
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
    // What is no reply at all refuses nothing.
    const isRefusal = turn.code >= 400;
    const verb = heard?.octets.slice(0, 4).toUpperCase();
    if (verb === "MAIL") {
      this.#isRefused = isRefusal;
      this.#hasRecipient = false;
    } else if (verb === "RCPT") this.#hasRecipient ||= !isRefusal;
    else if (isRefusal) this.#isRefused = true;
  }

  async #say({ lines }: SayTurn, index: number): Promise<void> {
    // Each reply is cut at other places than the one before.
    const way = this.#way.startsWith("random:")
      ? `random:${Number(this.#way.slice(7)) + index}` as const
      : this.#way;
    const bytes = fromOctets(lines.join(""));
    const { connection } = this.#wire;
    for (const write of writesOf([{ bytes, isBarrier: true }], way)) {
      connection.send(write.bytes);
    }
    await settle();
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

/** Whether two commands mean the same. */
function isSame(came: string, expected: string): boolean {
  const [a, b] = [commandOf(came), commandOf(expected)];
  if (a?.verb === "MAIL" && b?.verb === "MAIL") {
    return a.sender?.address === b.sender?.address;
  }
  if (a?.verb === "RCPT" && b?.verb === "RCPT") {
    return a.recipient.address === b.recipient.address;
  }
  if (a?.verb === "EHLO" || a?.verb === "HELO") return a.verb === b?.verb;
  const words = /^AUTH/i.test(came) ? 2 : Infinity;
  const significant = (line: string) =>
    line.trimEnd().toUpperCase().split(/ +/).slice(0, words).join(" ");
  return significant(came) === significant(expected);
}
