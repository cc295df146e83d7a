/**
 * A transcript against Postern in memory, in all the ways it can be cut.
 *
 * @module
 */

import { isSaid, type Step, type Transcript } from "../transcript/steps.ts";
import { accountsIn, secretsOf } from "./accounts.ts";
import { play, playedPieces } from "./play.ts";
import type { Played, PlaySettings } from "./played.ts";
import { openPostern } from "./postern.ts";
import { Secrets } from "./secrets.ts";
import { waysOf } from "./splits.ts";
import { CLOCK_MS, configOf, KNOWN } from "./transcript_config.ts";

/**
 * Plays `transcript` against Postern in memory in every way of its splits.
 *
 * @returns The first failure and how many times it was played.
 * @throws {TypeError} Its settings are no configuration.
 */
export async function playInMemory(
  transcript: Transcript,
  { splits, readMessage, secrets }: PlaySettings,
): Promise<Played> {
  const { steps, unsplit, client = "127.0.0.1", clock = CLOCK_MS } = transcript;
  const config = configOf(transcript);
  const values = secretsOf(steps, secrets);
  const accounts = accountsIn(values);
  const probesRelay = isRelayFirst(steps);
  const messages = new Map<string, Uint8Array>();
  const options = {
    // A recording has the name of the server that was recorded.
    known: { ...KNOWN, host: config.server.hostname },
    readMessage: (path: string) =>
      messages.getOrInsertComputed(path, readMessage),
  };
  const pieces = playedPieces(transcript, options);
  const all = [...pieces.values()].flat();
  let plays = 0;
  for (const split of splits) {
    for (const way of waysOf(split, all, unsplit)) {
      plays++;
      await using stage = await openPostern({
        ...{ config, client, clock, accounts, probesRelay },
      });
      const mismatch = await play(transcript, stage, {
        ...options,
        ...{ pieces, way },
        secrets: new Secrets(values, steps),
      });
      if (mismatch !== undefined) {
        return { plays, failure: { ...mismatch, way } };
      }
    }
  }
  return { plays };
}

/**
 * Whether the relay speaks before the client is greeted: then it is asked at the
 * start what it offers, as a server does.
 */
function isRelayFirst(steps: readonly Step[]): boolean {
  return steps.find(isSaid)?.wire === "relay";
}
