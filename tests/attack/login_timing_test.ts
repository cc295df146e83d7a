import { assert, assertEquals } from "@std/assert";
import { makeHash } from "../../lib/auth/make_hash.ts";
import { formatUserLine } from "../../lib/auth/user_line.ts";
import type { SaslMechanism } from "../../lib/sasl/mechanism.ts";
import { Secret } from "../../lib/secret.ts";
import { logIn, LoginServing } from "../support/login_serving.ts";

/** Attempts of each kind; the median of so many is steady. */
const ROUNDS = 25;

/**
 * How far the medians may be apart. A hash that is made for one of them alone
 * makes a factor of thirty, and a loaded machine none, as both take turns.
 */
const MAX_FACTOR = 2;

const USER = "known";

type Kept = "scram" | "plain";

/** What the file keeps of the known user and of the others, whom decoys look like. */
const KINDS: [mechanism: SaslMechanism, kept: Kept, others: Kept][] = [
  ["PLAIN", "scram", "scram"],
  ["PLAIN", "scram", "plain"],
  ["PLAIN", "plain", "scram"],
  ["LOGIN", "plain", "plain"],
  ["CRAM-MD5", "plain", "plain"],
  ["SCRAM-SHA-256", "scram", "scram"],
  ["SCRAM-SHA-256", "plain", "plain"],
];

async function makeUsers(kept: Kept, others: Kept): Promise<string> {
  const line = async (user: string, kind: Kept) =>
    formatUserLine(user, await makeHash(new Secret("right-password"), kind));
  const lines = [line(USER, kept)];
  for (let i = 0; i < 4; i++) lines.push(line(`other${i}`, others));
  return (await Promise.all(lines)).join("\n");
}

for (const [mechanism, kept, others] of KINDS) {
  Deno.test(`${mechanism} where the file keeps "${kept}" among "${others}": an unknown user takes as long as a wrong password, and hears the same`, async () => {
    const users_file = await Deno.makeTempFile();
    await Deno.writeTextFile(users_file, await makeUsers(kept, others));
    await using serving = await LoginServing.start({
      config: { auth: { users_file, failures: 1_000 } },
    });
    await Deno.remove(users_file);
    using client = await serving.client();
    const times: Record<string, number[]> = { known: [], unknown: [] };
    const replies = new Set<string>();
    for (let i = 0; i < 2 * ROUNDS; i++) {
      const isKnown = i % 2 === 0;
      const user = isKnown ? USER : `nobody${i}`;
      const attempt = { mechanism, user, secret: "wrong-password" };
      const { reply, waitedMs } = await logIn(client, attempt);
      times[isKnown ? "known" : "unknown"]!.push(waitedMs);
      replies.add(reply);
    }
    const [known, unknown] = [
      median(times["known"]!),
      median(times["unknown"]!),
    ];
    assertEquals(replies.size, 1);
    const factor = Math.max(known, unknown) / Math.min(known, unknown);
    assert(factor < MAX_FACTOR, `${known} ms, unknown ${unknown} ms`);
  });
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

Deno.test("SCRAM-SHA-256 tells the same salt and rounds of an unknown user each time, as of a known one", async () => {
  await using serving = await LoginServing.start();
  const seen = [];
  for (const user of ["nobody", "nobody", "somebody"]) {
    using client = await serving.client();
    const first = btoa(`n,,n=${user},r=abc`);
    const reply = await client.ask(`AUTH SCRAM-SHA-256 ${first}`);
    const [, salt, rounds] = /,s=(\S+),i=(\d+)$/.exec(atob(reply.slice(4)))!;
    assertEquals(rounds, "100000");
    assertEquals(atob(salt!).length, 16);
    seen.push(salt);
  }
  assertEquals(seen[0], seen[1]);
  assert(seen[0] !== seen[2]);
});
