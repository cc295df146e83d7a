/**
 * Compares what Postern says on a wire with what the file claims of it.
 *
 * The rule: a whole reply is heard before it is judged, and a line is asked for
 * only where the file has one. What comes instead makes the amendment.
 *
 * @module
 */

import { matchOctets, matchWhole } from "../transcript/pattern.ts";
import {
  type AbsentStep,
  type BytesStep,
  type Expectation,
  posternEnd,
  type SaidStep,
  type Step,
} from "../transcript/steps.ts";
import {
  type Bindings,
  formatQuoted,
  octetsOf,
  type Template,
  textOf,
} from "../transcript/template.ts";
import {
  type Claim,
  closeAmendment,
  insertion,
  replyAmendment,
} from "./amendment.ts";
import {
  absence,
  type Amendment,
  deviation,
  type DeviationDetails,
} from "./mismatch.ts";
import type { PlayedWire } from "./played_wire.ts";
import { isOptional, matchReply } from "./reply_pattern.ts";
import type { SecretSource } from "./secret_source.ts";
import { mailData } from "./sending.ts";
import type { Stage } from "./stage.ts";

/** Most lines heard at a place that expects none: more say nothing more. */
const MAX_SURPLUS_LINES = 1_000;

/** What is known where something is heard. */
export interface HearingOptions {
  /** The conversation. */
  readonly steps: readonly Step[];
  /** Where it is played. */
  readonly stage: Pick<Stage, "settle" | "deadlineMs">;
  /** The variables so far; takes the new ones. */
  readonly bindings: Bindings;
  /** Hears what is said. */
  readonly secrets: SecretSource | undefined;
  /** Reads a message that the file names. */
  readonly readMessage: (path: string) => Uint8Array;
}

/** Hears what Postern says, and compares it. */
export class Hearing {
  readonly #options: HearingOptions;

  /** @param options What is known. */
  constructor(options: HearingOptions) {
    this.#options = options;
  }

  /**
   * Compares what Postern says with claims that follow each other on a wire.
   *
   * @param claims What the file says; at least one.
   * @param wire Where it is said.
   * @returns How many were heard: all, or those before a reply which Postern may
   * keep until it has answered what came with it.
   * @throws {Deviation} The first difference.
   */
  async compare(claims: readonly Claim[], wire: PlayedWire): Promise<number> {
    for (let at = 0; at < claims.length;) {
      const claim = claims[at]!;
      if (await this.#isBatched(wire)) return at;
      if (!isExpectation(claim)) {
        await this.#hearOctets(claim, wire);
        at++;
        continue;
      }
      if (claim.step.kind === "absent" && wire.saidInBytes.length > 0) {
        this.#checkAbsent(claim.step, wire.saidInBytes);
        at++;
        continue;
      }
      const end = claims.findIndex((other, i) =>
        i > at && !isExpectation(other)
      );
      const rest = claims.slice(at, end < 0 ? undefined : end);
      if (at > 0 && isOptional(expectationsOf(rest)) && !wire.hasLine()) {
        at += rest.length;
        continue;
      }
      at += await this.#hearReply(rest, wire);
    }
    return claims.length;
  }

  /** Whether the reply may come later than it stands there. */
  async #isBatched(wire: PlayedWire): Promise<boolean> {
    if (wire.name !== "client" || !wire.isAhead) return false;
    const { stage } = this.#options;
    // Where time is real, what is not there is asked for when it is needed.
    if (!wire.hasLine() && stage.deadlineMs === undefined) await stage.settle();
    return !wire.hasLine();
  }

  /** Compares one reply, or one line; gives how many of the claims it was. */
  async #hearReply(
    claims: readonly Claim[],
    wire: PlayedWire,
  ): Promise<number> {
    const { bindings } = this.#options;
    const lines = await this.#reply(claims, wire);
    const expected = expectationsOf(claims);
    const match = matchReply(expected, lines.map(textOf), bindings);
    if (!match.ok) {
      const amendment = replyAmendment(claims, lines, bindings);
      const step = match.step ?? claims[0]!.step;
      throw deviation(step, match.came, { amendment });
    }
    wire.unanswered.hear(lines[0]!);
    wire.saidInBytes = [];
    return match.used;
  }

  /** A line that must not come in a reply, where that was heard as bytes. */
  #checkAbsent(step: AbsentStep, lines: readonly string[]): void {
    const { bindings } = this.#options;
    const came = lines.find((line) =>
      matchWhole(step.regex, "regex", line, bindings) !== undefined
    );
    if (came !== undefined) throw deviation(step, came);
  }

  /** The lines of one reply, an octet a character. */
  async #reply(
    claims: readonly Claim[],
    wire: PlayedWire,
  ): Promise<string[]> {
    const { step } = claims[0]!;
    const lines: string[] = [];
    for (;;) {
      const line = await wire.line();
      if (typeof line !== "string") {
        const { steps } = this.#options;
        const amendment = line === null && lines.length === 0
          ? closeAmendment(steps, claims, wire.name)
          : undefined;
        throw this.silence(step, line, lines, wire, { amendment });
      }
      lines.push(line);
      this.#options.secrets?.hear(textOf(line));
      if (step.from === "client" || line[3] !== "-") return lines;
    }
  }

  /**
   * That it stays silent, or has closed.
   *
   * @param step What was expected.
   * @param end `null` where it has closed.
   * @param lines What came before.
   * @param wire Where it is silent.
   * @param details What else is to say.
   */
  silence(
    step: Step,
    end: undefined | null,
    lines: readonly string[],
    wire: PlayedWire,
    details: DeviationDetails = {},
  ): Error {
    const { deadlineMs } = this.#options.stage;
    const what = end === null
      ? "a close"
      : deadlineMs === undefined
      ? "silence"
      : `no answer within ${deadlineMs / 1_000} s`;
    const { unfinished } = wire;
    const said = lines.map(textOf);
    if (unfinished !== "") said.push(formatQuoted([unfinished]));
    if (said.length === 0) return absence(step, what, details);
    return deviation(step, `${said.join("\n")} and then ${what}`, details);
  }

  async #hearOctets(claim: Claim, wire: PlayedWire): Promise<void> {
    const { bindings, secrets } = this.#options;
    const { step } = claim;
    const expected = this.#octetsOf(step);
    const least = expected.reduce(
      (sum, part) => sum + (typeof part === "string" ? part.length : 0),
      0,
    );
    for (let count = least;;) {
      const came = await wire.octets(count);
      const length = matchOctets(expected, came, bindings);
      if (typeof length === "number") {
        wire.take(length);
        const said = textOf(came.slice(0, length)).split("\r\n");
        for (const line of said.slice(0, -1)) {
          secrets?.hear(line);
          if (wire.saidInBytes.at(-1)?.[3] !== "-") wire.saidInBytes = [];
          wire.saidInBytes.push(line);
          if (line[3] !== "-") wire.unanswered.hear(line);
        }
        return;
      }
      // It may go on, if anything goes on.
      if (length === "more" && came.length >= count) {
        count = came.length + 1;
        continue;
      }
      throw this.#otherOctets(claim, came, wire, least);
    }
  }

  #otherOctets(
    { step, index }: Claim,
    came: string,
    wire: PlayedWire,
    count: number,
  ): Error {
    const shown = came.slice(0, Math.max(count, came.indexOf("\r\n") + 2));
    if (shown === "") {
      const end = wire.connection.isClosed ? null : undefined;
      return this.silence(step, end, [], wire);
    }
    const { wire: name, from, line, above } = step;
    const written = { line, above, source: undefined, wire: name, from };
    const bytes: BytesStep = { ...written, kind: "bytes", octets: [shown] };
    const amendment = { from: index, count: 1, steps: [bytes] };
    return deviation(step, formatQuoted([shown]), { amendment });
  }

  #octetsOf(step: SaidStep): Template {
    if (step.kind === "bytes") return step.octets;
    if (step.kind !== "message") return [];
    const data = mailData(this.#options.readMessage(step.path));
    return [octetsOf(data)];
  }

  /**
   * What has come where nothing is expected; empty where nothing has.
   *
   * @param index Where in the file that is.
   * @param wire Where it was said.
   * @param said What was heard of it already, lines without CRLF.
   * @returns The first line as text, and what would make the file right.
   */
  async surplus(
    index: number,
    wire: PlayedWire,
    ...said: readonly string[]
  ): Promise<{ came: string; amendment: Amendment }> {
    const from = posternEnd(wire.name);
    const lines = [...said];
    while (wire.hasLine() && lines.length < MAX_SURPLUS_LINES) {
      lines.push(await wire.line() ?? "");
    }
    const voice = { wire: wire.name, from } as const;
    const { bindings } = this.#options;
    const amendment = insertion(index, lines, voice, bindings);
    const { unfinished } = wire;
    const half = unfinished === "" ? "" : formatQuoted([unfinished]);
    return {
      came: lines[0] === undefined ? half : textOf(lines[0]),
      amendment,
    };
  }
}

function isExpectation(claim: Claim): claim is Claim<Expectation> {
  const { kind } = claim.step;
  return kind !== "bytes" && kind !== "message";
}

function expectationsOf(claims: readonly Claim[]): Expectation[] {
  return claims.filter(isExpectation).map(({ step }) => step);
}
