/**
 * A transcript against Postern in memory, in all the ways it can be cut.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { checkConfig } from "../config/load.ts";
import { formatProblem as formatConfigProblem } from "../config/problem.ts";
import { clientPieces, type Mismatch, play } from "./play.ts";
import { openPostern } from "./postern.ts";
import { type Split, type Way, waysOf } from "./splits.ts";
import type { Transcript } from "./steps.ts";

/** Postern's name in conversations that don't say another. */
const HOSTNAME = "mx.postern.test";

/** The session's id, which `${id}` stands for. */
const KNOWN = { host: HOSTNAME, id: "00000000" };

/** When conversations begin that don't say so: 2026-01-01, noon. */
const CLOCK_MS = Date.UTC(2026, 0, 1, 12);

/** What went wrong, and in which way of cutting. */
export interface Failure extends Mismatch {
  /** How the client's bytes were cut. */
  readonly way: Way;
}

/**
 * Plays `transcript` against Postern in memory in every way of `splits`.
 *
 * @returns The first failure and how many times it was played.
 * @throws {TypeError} Its settings are no configuration, or it can't be played.
 */
export async function playInMemory(
  transcript: Transcript,
  splits: readonly Split[],
  readMessage: (path: string) => Uint8Array,
): Promise<{ readonly plays: number; readonly failure?: Failure }> {
  const fault = playableFault(transcript);
  if (fault !== undefined) throw new TypeError(`${transcript.file}: ${fault}`);
  const config = configOf(transcript);
  const options = { readMessage, known: KNOWN };
  const pieces = clientPieces(transcript, options) ?? [];
  let plays = 0;
  for (const split of splits) {
    for (const way of waysOf(split, pieces, transcript.unsplit)) {
      plays++;
      await using stage = await openPostern({
        config,
        client: transcript.client ?? "127.0.0.1",
        clock: transcript.clock ?? CLOCK_MS,
      });
      const mismatch = await play(transcript, stage, { ...options, way });
      if (mismatch !== undefined) {
        return { plays, failure: { ...mismatch, way } };
      }
    }
  }
  return { plays };
}

/** Why a conversation can't be played here; `undefined`: it can. */
function playableFault(transcript: Transcript): string | undefined {
  for (const step of transcript.steps) {
    if (step.kind === "tls") return "TLS is not played yet";
    if (!("wire" in step)) continue;
    if (step.wire !== "client" && step.wire !== "relay") {
      return `the wire to ${step.wire} is not played yet`;
    }
  }
  return undefined;
}

/** The configuration that a transcript's settings make of the defaults. */
function configOf(transcript: Transcript): Config {
  const input: Record<string, Record<string, unknown>> = {
    server: { hostname: HOSTNAME },
  };
  const hasRelay = transcript.steps.some((step) =>
    "wire" in step && step.wire === "relay"
  );
  if (hasRelay) input["relay"] = { url: "relay.test:25", tls: "off" };
  for (const [key, value] of transcript.config) {
    const [section = "", name = ""] = key.split(".");
    input[section] = { ...input[section], [name]: value };
  }
  const { config, problems } = checkConfig(input, {
    hostname: HOSTNAME,
    env: () => undefined,
    readTextFile: () => {
      throw new Error("A transcript reads no files");
    },
  });
  if (config !== undefined) return config;
  throw new TypeError(
    `${transcript.file}: ${problems.map(formatConfigProblem).join("; ")}`,
  );
}

/** A failure with the lines around it, for a person. */
export function formatFailure(
  transcript: Transcript,
  text: string,
  failure: Failure,
): string {
  const { line, expected, came, way } = failure;
  const lines = text.split("\n");
  const around = 3;
  const shown = line === 0
    ? []
    : lines.slice(Math.max(0, line - 1 - around), line + around).map(
      (each, i) => {
        const number = Math.max(0, line - 1 - around) + i + 1;
        return `${number === line ? ">" : " "} ${
          String(number).padStart(4)
        }  ${each}`;
      },
    );
  return [
    `${transcript.file}:${line}: ${transcript.name} (${way})`,
    ...shown,
    `- ${expected}`,
    `+ ${came}`,
  ].join("\n");
}
