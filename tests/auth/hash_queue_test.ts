import { assertEquals, assertRejects } from "@std/assert";
import { HashQueue } from "../../lib/auth/hash_queue.ts";

const GOES_ON = new AbortController().signal;

/** A computation that ends when it is told to. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let hasBegun = false;
  const compute = () => {
    hasBegun = true;
    return promise;
  };
  return {
    compute,
    end: resolve,
    fail: reject,
    get hasBegun() {
      return hasBegun;
    },
  };
}

/** Lets all go on that can. */
async function settle() {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("HashQueue.run() computes so many at once, and the others in their order", async () => {
  const queue = new HashQueue(2, 2);
  const works = [work(), work(), work(), work()];
  const runs = works.map(({ compute }) => queue.run(compute, GOES_ON));
  await settle();
  const begun = () => works.map(({ hasBegun }) => hasBegun);
  assertEquals(begun(), [true, true, false, false]);
  works[1]!.end("b");
  await settle();
  assertEquals(begun(), [true, true, true, false]);
  works[2]!.fail(new Error("broken"));
  await assertRejects(() => runs[2]!, Error, "broken");
  await settle();
  assertEquals(begun(), [true, true, true, true]);
  works[0]!.end("a");
  works[3]!.end("d");
  assertEquals([await runs[0], await runs[1], await runs[3]], ["a", "b", "d"]);
  assertEquals(await queue.run(() => Promise.resolve("e"), GOES_ON), "e");
});

Deno.test("HashQueue.run() refuses what finds the line full, and takes again when it is not", async () => {
  const queue = new HashQueue(1, 1);
  const [first, second] = [work(), work()];
  const runs = [
    queue.run(first.compute, GOES_ON),
    queue.run(second.compute, GOES_ON),
  ];
  assertEquals(await queue.run(() => Promise.resolve("x"), GOES_ON), undefined);
  first.end("a");
  await runs[0];
  const third = queue.run(() => Promise.resolve("c"), GOES_ON);
  second.end("b");
  assertEquals([await runs[1], await third], ["b", "c"]);
});

Deno.test("HashQueue.run() rejects one that gives up while it waits, and gives its place to the next", async () => {
  const queue = new HashQueue(1, 2);
  const stop = new AbortController();
  const [first, second, third] = [work(), work(), work()];
  const running = queue.run(first.compute, GOES_ON);
  const waiting = queue.run(second.compute, stop.signal);
  const next = queue.run(third.compute, GOES_ON);
  stop.abort(new Error("gone"));
  await assertRejects(() => waiting, Error, "gone");
  first.end("a");
  third.end("c");
  assertEquals([await running, await next], ["a", "c"]);
  assertEquals(second.hasBegun, false);
  await assertRejects(() => queue.run(second.compute, stop.signal), Error);
  assertEquals(second.hasBegun, false);
});
