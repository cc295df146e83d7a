import { assert, assertEquals, assertRejects } from "@std/assert";
import { memoryPair } from "./memory_pair.ts";

Deno.test("memoryPair() carries bytes in order through a bounded buffer, at any sizes", async () => {
  for (const [writeSize, readSize] of [[1, 7], [70_001, 333], [999, 100_000]]) {
    const [ours, theirs] = memoryPair();
    const total = writeSize! * 200;
    const writing = (async () => {
      for (let sent = 0; sent < total; sent += writeSize!) {
        await ours.write(
          Uint8Array.from({ length: writeSize! }, (_, i) => (sent + i) % 251),
        );
      }
      ours.close();
    })();
    const into = new Uint8Array(readSize!);
    let received = 0;
    for (let count; (count = await theirs.read(into)) !== null;) {
      for (let i = 0; i < count; i++, received++) {
        if (into[i] !== received % 251) throw new Error(`at ${received}`);
      }
    }
    await writing;
    assertEquals(received, total);
    theirs.close();
  }
});

Deno.test("memoryPair() makes a writer wait while its peer does not read", async () => {
  const [ours, theirs] = memoryPair();
  await ours.write(new Uint8Array(64 * 1024));
  let written = false;
  const writing = ours.write(new Uint8Array(1)).then(() => written = true);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  assert(!written);
  await theirs.read(new Uint8Array(1));
  await writing;
  ours.close();
  theirs.close();
});

Deno.test("memoryPair() gives what was written before the peer's end, then null", async () => {
  const [ours, theirs] = memoryPair();
  await ours.write(new Uint8Array(3));
  ours.close();
  const into = new Uint8Array(2);
  assertEquals(await theirs.read(into), 2);
  assertEquals(await theirs.read(into), 1);
  assertEquals(await theirs.read(into), null);
  await assertRejects(
    () => theirs.write(new Uint8Array(1)),
    Deno.errors.BrokenPipe,
  );
  theirs.close();
});

Deno.test("memoryPair() breaks a write that waits when the peer closes", async () => {
  const [ours, theirs] = memoryPair();
  const writing = assertRejects(
    () => ours.write(new Uint8Array(1_000_000)),
    Deno.errors.BrokenPipe,
  );
  theirs.close();
  await writing;
  ours.close();
});

Deno.test("memoryPair() ends what is pending when its own side closes", async () => {
  const [ours, theirs] = memoryPair();
  const pending = [
    assertRejects(
      () => ours.read(new Uint8Array(1)),
      Deno.errors.Interrupted,
    ),
    assertRejects(
      () => ours.write(new Uint8Array(1_000_000)),
      Deno.errors.Interrupted,
    ),
  ];
  ours.close();
  await Promise.all(pending);
  theirs.close();
});

Deno.test("memoryPair() can be ended on one side and read on", async () => {
  const [ours, theirs] = memoryPair();
  await ours.closeWrite();
  const into = new Uint8Array(9);
  assertEquals(await theirs.read(into), null);
  await theirs.write(new Uint8Array(4));
  assertEquals(await ours.read(into), 4);
  const reading = ours.read(into).catch(() => null);
  const ending = ours.end(10_000);
  theirs.close();
  await ending;
  assertEquals(await reading, null);
  assert(ours.closed);
});
