/**
 * A transcript's server against Postern's own client in memory, in all the ways
 * in which its replies can be cut.
 *
 * What Postern's client does not do is no failure: such a file is skipped, and
 * the reason told.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { isSaid, type Transcript } from "../transcript/steps.ts";
import { fromOctets } from "../transcript/template.ts";
import { secretsOf, STAND_IN } from "./accounts.ts";
import { clientTaskOf } from "./client_task.ts";
import { Deviation, type Mismatch } from "./mismatch.ts";
import type { Played, PlaySettings } from "./played.ts";
import { type Credentials, PosternClient } from "./postern_client.ts";
import { Secrets } from "./secrets.ts";
import { Serving } from "./serving.ts";
import { waysOf } from "./splits.ts";
import { CLOCK_MS } from "./transcript_config.ts";
import { turnsOf, UnfitError } from "./turns.ts";
import { Veil } from "./veil.ts";

/**
 * Plays the server's side of `transcript` against Postern's client in memory,
 * in every way of its splits.
 *
 * @param transcript The conversation; of its wires only the client's counts.
 * @param settings How it is played.
 * @returns How many times it was played, and the first failure.
 */
export async function playAsRelay(
  transcript: Transcript,
  { splits, readMessage, secrets }: PlaySettings,
): Promise<Played> {
  const { steps, unsplit, clock = CLOCK_MS } = transcript;
  try {
    const first = steps.filter(isSaid).find(({ wire }) => wire === "client");
    if (first?.from === "client") {
      throw new UnfitError("Postern's client waits for the greeting", first);
    }
    const turns = turnsOf(steps, readMessage);
    const task = clientTaskOf(turns);
    const values = secretsOf(steps, secrets);
    const secret = values.get("auth") ?? STAND_IN;
    const replies = turns.filter((turn) => turn.kind === "say").map((turn) => ({
      bytes: fromOctets(turn.lines.join("")),
      isBarrier: true,
    }));
    let plays = 0;
    for (const split of splits) {
      for (const way of waysOf(split, replies, unsplit)) {
        plays++;
        await using client = new PosternClient(task, pairOf(secret), clock);
        const served = new Secrets(values, steps);
        const serving = new Serving(turns, client, way, served);
        const mismatch = await serve(serving, secret);
        if (mismatch !== undefined) {
          return { plays, failure: { ...mismatch, way } };
        }
      }
    }
    return { plays };
  } catch (error) {
    if (!(error instanceof UnfitError)) throw error;
    return { plays: 0, skipped: error.message };
  }
}

async function serve(
  serving: Serving,
  secret: string,
): Promise<Mismatch | undefined> {
  try {
    await serving.run();
    return undefined;
  } catch (error) {
    if (!(error instanceof Deviation)) throw error;
    const veil = new Veil();
    const { user, password } = pairOf(secret);
    veil.add(secret);
    veil.add(encodeBase64(`\0${user}\0${password}`));
    return veil.overMismatch(error);
  }
}

function pairOf(secret: string): Credentials {
  const colon = secret.indexOf(":");
  const end = colon < 0 ? secret.length : colon;
  return { user: secret.slice(0, end), password: secret.slice(end + 1) };
}
