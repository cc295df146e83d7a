import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../lib/transport/connection.ts";
import { memoryPair } from "../support/memory_pair.ts";
import { Sweep } from "../../lib/transport/sweep.ts";

const FAREWELL = new TextEncoder().encode("421 4.4.2 Bye\r\n");

/** What arrives from `connection`, as soon as any does. */
async function heard(connection: Connection): Promise<string | null> {
  const into = new Uint8Array(1_000);
  const count = await connection.read(into);
  return count === null
    ? null
    : new TextDecoder().decode(into.subarray(0, count));
}

Deno.test("Sweep ends a read whose deadline has passed, after the farewell", async () => {
  using sweep = new Sweep();
  const [ours, theirs] = memoryPair();
  ours.farewell = FAREWELL;
  sweep.add(ours);
  ours.readBy = 1_000;
  const reading = assertRejects(() => ours.read(new Uint8Array(1)));
  sweep.pass(999);
  assert(!ours.timedOut);
  sweep.pass(1_000);
  await reading;
  assertEquals(ours.expired, "read");
  assertEquals(await heard(theirs), "421 4.4.2 Bye\r\n");
  assertEquals(await heard(theirs), null);
  assertEquals(sweep.size, 0);
  theirs.close();
});

Deno.test("Sweep waits for a farewell no longer than until its next look", () => {
  using sweep = new Sweep();
  const [ours, theirs] = memoryPair();
  ours.farewell = new Uint8Array(1_000_000);
  sweep.add(ours);
  ours.readBy = 1_000;
  sweep.pass(1_000);
  assert(ours.timedOut && !ours.closed);
  sweep.pass(2_000);
  assert(ours.closed);
  theirs.close();
});

Deno.test("Sweep closes at once, and in silence, when a write is overdue or there is no farewell", async () => {
  const cases: [Partial<Connection>, string][] = [
    [{ writeBy: 1_000, farewell: FAREWELL }, "write"],
    [{ writeBy: 1_000, readBy: 1_000, farewell: FAREWELL }, "write"],
    [{ writeBy: 9_000, readBy: 1_000, farewell: FAREWELL }, "read"],
    [{ readBy: 1_000 }, "read"],
  ];
  for (const [stamps, expired] of cases) {
    using sweep = new Sweep();
    const [ours, theirs] = memoryPair();
    Object.assign(ours, stamps);
    sweep.add(ours);
    sweep.pass(1_000);
    assertEquals([ours.expired, ours.closed], [expired, true]);
    assertEquals(await heard(theirs), null);
    theirs.close();
  }
});

Deno.test("Sweep leaves alone what has no deadline or was deleted", () => {
  using sweep = new Sweep();
  const [ours, theirs] = memoryPair();
  sweep.add(ours);
  sweep.add(theirs);
  sweep.pass(Number.MAX_SAFE_INTEGER);
  theirs.readBy = 1;
  sweep.delete(theirs);
  sweep.pass(2);
  assert(!ours.closed && !theirs.closed);
  ours.close();
  theirs.close();
});

Deno.test("Sweep looks by itself while it has something to watch", async () => {
  using sweep = new Sweep({ intervalMs: 5 });
  const [ours, theirs] = memoryPair();
  sweep.add(ours);
  ours.readBy = Date.now();
  await assertRejects(() => ours.read(new Uint8Array(1)));
  assert(ours.timedOut);
  theirs.close();
});
