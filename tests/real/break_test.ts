/**
 * Clients that vanish leave nothing behind: 500 at once, each at another byte,
 * again and again.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BREAKS, BrokenSession } from "./support/broken_session.ts";
import { CountingRelay } from "./support/counting_relay.ts";
import { DIRECT, Postern } from "./support/postern.ts";
import { descriptors } from "./support/proc.ts";
import { deliver } from "./support/session.ts";
import { until } from "./support/wait.ts";

const SESSIONS = 500;

/** The first half fills buffers, pools and code; what the second adds is a leak. */
const ROUNDS = 12;

/**
 * Most that may stay alive of the second half: 1 KiB a session. What is alive is
 * asked, since resident memory moves by tens of MiB as the allocator likes.
 */
const MAX_GROWTH_BYTES = ROUNDS / 2 * SESSIONS * 1_024;

/** Idle connections that Postern may keep to the relay. */
const POOL = 1;

const SEED = 20_261_124;

const DOMAIN = "example.org";

const TAKEN = "250 2.0.0 Ok: counted";

const TOML = `
[relay]
domains = ["${DOMAIN}"]
pool = ${POOL}

[limits]
sessions = ${2 * SESSIONS}
sessions_per_client = ${2 * SESSIONS}
`;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed;;) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    yield ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** Opens all sessions, brings each to its byte, and then breaks all off. */
async function breakAll(port: number, random: Iterator<number>): Promise<void> {
  const sessions = Array.from(
    { length: SESSIONS },
    () => new BrokenSession(port),
  );
  const bytes = sessions.map(() =>
    Math.floor(random.next().value * (BREAKS + 1))
  );
  await Promise.all(sessions.map((session, i) => session.speak(bytes[i]!)));
  await Promise.all(
    sessions.map((session, i) => session.breakOff(i % 2 === 0 ? "FIN" : "RST")),
  );
}

Deno.test({
  name: "Postern keeps nothing of 500 sessions at once broken off at any byte",
  ignore: DIRECT || Deno.build.os !== "linux",
  async fn() {
    await using relay = new CountingRelay();
    await using postern = await Postern.start({
      relay: relay.port,
      toml: TOML,
      collects: true,
    });
    const random = numbers(SEED);
    assertEquals((await deliver(postern.port, DOMAIN, "Next")).text, TAKEN);
    const before = (await descriptors(postern.pid)).length;
    const memory: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await breakAll(postern.port, random);
      await until(
        "the relay to have idle connections at most",
        () => relay.open <= POOL,
      );
      await until(
        `${before} descriptors`,
        async () => (await descriptors(postern.pid)).length <= before + POOL,
      );
      memory.push(await postern.alive());
    }
    assertEquals(relay.counted.length, 1, "nothing was ended, none delivered");
    const growth = memory.at(-1)! - memory[ROUNDS / 2 - 1]!;
    assert(growth < MAX_GROWTH_BYTES, `Alive after each round: ${memory}`);
    assertEquals((await deliver(postern.port, DOMAIN, "Next")).text, TAKEN);
    assertEquals(relay.counted.length, 2);
    assertEquals(await postern.stop(), 0, postern.output);
  },
});
