import { assert, assertEquals } from "@std/assert";
import { Rates } from "../../lib/policy/rates.ts";

const PERIOD_MS = 60_000;

/** How many of `tries` events at `nowMs` may be. */
function taken(
  rates: Rates,
  tries: number,
  limit: number,
  nowMs: number,
  client = "192.0.2.1",
): number {
  let count = 0;
  for (let i = 0; i < tries; i++) {
    if (rates.take(client, limit, nowMs)) count++;
  }
  return count;
}

for (const limit of [1, 3, 7, 1_000]) {
  Deno.test(`take() lets exactly ${limit} pass at once where that is the limit`, () => {
    const rates = new Rates({ periodMs: PERIOD_MS });
    assertEquals(taken(rates, limit + 5, limit, 17), limit);
  });
}

const LATER: [afterMs: number, want: number][] = [
  [0, 0],
  [PERIOD_MS / 4 - 1, 0],
  [PERIOD_MS / 4, 1],
  [PERIOD_MS / 2, 2],
  [PERIOD_MS - 1, 3],
  [PERIOD_MS, 4],
  [100 * PERIOD_MS, 4],
];

for (const [afterMs, want] of LATER) {
  Deno.test(`take() lets ${want} of 4 a minute pass ${afterMs} ms after all four`, () => {
    const rates = new Rates({ periodMs: PERIOD_MS });
    assertEquals(taken(rates, 9, 4, 1_000), 4);
    assertEquals(taken(rates, 9, 4, 1_000 + afterMs), want);
  });
}

Deno.test("take() lets no period have twice the limit, and a long time the limit for each", () => {
  const rates = new Rates({ periodMs: PERIOD_MS });
  const limit = 10;
  const times: number[] = [];
  for (let nowMs = 0; nowMs < 100 * PERIOD_MS; nowMs += 97) {
    if (rates.take("192.0.2.1", limit, nowMs)) times.push(nowMs);
  }
  for (const [i, time] of times.entries()) {
    const within = times.slice(i).filter((at) => at < time + PERIOD_MS);
    assert(within.length < 2 * limit, `${within.length} from ${time} ms on`);
  }
  assert(times.length <= limit * 101, `${times.length} in all`);
  assert(times.length > limit * 99, `${times.length} in all`);
});

Deno.test("take() does not count what it refuses", () => {
  const rates = new Rates({ periodMs: PERIOD_MS });
  assertEquals(taken(rates, 1_000, 2, 0), 2);
  assertEquals(taken(rates, 1, 2, PERIOD_MS / 2), 1);
});

const SAME: [one: string, other: string, same: boolean][] = [
  ["192.0.2.1", "::ffff:192.0.2.1", true],
  ["192.0.2.1", "192.0.2.2", false],
  ["2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true],
  ["2001:db8::1", "2001:db8:0:1::1", false],
];

for (const [one, other, same] of SAME) {
  const verb = same ? "counts" : "does not count";
  Deno.test(`take() ${verb} ${one} and ${other} as one client`, () => {
    const rates = new Rates({ periodMs: PERIOD_MS });
    assertEquals(rates.take(one, 1, 0), true);
    assertEquals(rates.take(other, 1, 0), !same);
  });
}

for (
  const [name, address, limit] of [
    ["a limit of 0 for none", "192.0.2.1", 0],
    ["no bound for peers on a Unix socket", "", 1],
  ] as const
) {
  Deno.test(`take() knows ${name}, and remembers nobody for it`, () => {
    const rates = new Rates({ periodMs: PERIOD_MS });
    assertEquals(taken(rates, 50, limit, 0, address), 50);
    assertEquals(rates.clients, 0);
  });
}

Deno.test("take() remembers a bounded number of clients, whoever comes", () => {
  const rates = new Rates({ periodMs: PERIOD_MS, maxClients: 100 });
  for (let i = 0; i < 5_000; i++) {
    rates.take(`2001:db8:${i.toString(16)}::1`, 1, i);
    assert(rates.clients <= 100);
  }
  assertEquals(rates.clients, 100);
});

Deno.test("take() forgets who has not been seen for longest", () => {
  const rates = new Rates({ periodMs: PERIOD_MS, maxClients: 2 });
  rates.take("192.0.2.1", 1, 0);
  rates.take("192.0.2.2", 1, 1);
  // Refused, but seen.
  assertEquals(rates.take("192.0.2.1", 1, 2), false);
  rates.take("192.0.2.3", 1, 3);
  assertEquals(rates.take("192.0.2.1", 1, 4), false);
  assertEquals(rates.take("192.0.2.2", 1, 5), true);
});

Deno.test("take() remembers each client once", () => {
  const rates = new Rates({ periodMs: PERIOD_MS, maxClients: 4 });
  for (const host of [1, 2, 3, 1]) rates.take(`192.0.2.${host}`, 9, 0);
  assertEquals(rates.clients, 3);
});

Deno.test("take() goes by the limit of the moment", () => {
  const rates = new Rates({ periodMs: PERIOD_MS });
  assertEquals(taken(rates, 9, 8, 0), 8);
  assertEquals(taken(rates, 9, 2, 0), 0);
  assertEquals(taken(rates, 9, 10, 0), 2);
});

Deno.test("change() makes what was counted leak at the new pace", () => {
  const rates = new Rates({ periodMs: PERIOD_MS });
  assertEquals(taken(rates, 9, 4, 0), 4);
  rates.change(PERIOD_MS / 2);
  assertEquals(taken(rates, 9, 4, PERIOD_MS / 2), 4);
});

Deno.test("take() holds nobody up for longer where the clock is set back", () => {
  const rates = new Rates({ periodMs: PERIOD_MS });
  assertEquals(taken(rates, 9, 4, 100 * PERIOD_MS), 4);
  assertEquals(taken(rates, 9, 4, PERIOD_MS), 0);
  assertEquals(taken(rates, 9, 4, 2 * PERIOD_MS), 4);
});

Deno.test("giveBack() takes the last event off, and no more than there were", () => {
  const rates = new Rates({ periodMs: 60_000 });
  rates.giveBack("192.0.2.1");
  assertEquals(rates.take("192.0.2.1", 1, 0), true);
  rates.giveBack("192.0.2.1");
  rates.giveBack("192.0.2.1");
  assertEquals(rates.take("192.0.2.1", 1, 0), true);
  assertEquals(rates.take("192.0.2.1", 1, 0), false);
});
