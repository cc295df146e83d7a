import { assertEquals, assertRejects } from "@std/assert";
import { TappedConnection } from "../../lib/record/tap.ts";
import { Sweep } from "../../lib/transport/sweep.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import type { End } from "../../lib/transcript/steps.ts";
import { memoryPair } from "../support/memory_pair.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A tapped connection, the other end, and what was told. */
function tapped(
  own: End,
  wrap: (connection: Connection) => Connection = (connection) => connection,
): { ours: TappedConnection; theirs: Connection; told: string[] } {
  const told: string[] = [];
  const [inner, theirs] = memoryPair();
  const ours = new TappedConnection(wrap(inner), own, {
    said: (from, bytes) => told.push(`${from}: ${decode(bytes)}`),
    ended: (how) => told.push(how),
  });
  return { ours, theirs, told };
}

Deno.test("TappedConnection tells what is read and written, and passes it on", async () => {
  const { ours, theirs, told } = tapped("server");
  await theirs.write(encode("EHLO a\r\n"));
  const into = new Uint8Array(100);
  assertEquals(await ours.read(into), 8);
  assertEquals(decode(into.subarray(0, 8)), "EHLO a\r\n");
  await ours.write(encode("250 b\r\n"));
  assertEquals(await theirs.read(into), 7);
  assertEquals(told, ["client: EHLO a\r\n", "server: 250 b\r\n"]);
  ours.close();
  theirs.close();
});

Deno.test("TappedConnection tells a write before the answer to it, though that is read first", async () => {
  const release = Promise.withResolvers<void>();
  const { ours, theirs, told } = tapped("client", (inner) => {
    const write = inner.write.bind(inner);
    inner.write = async (bytes) => {
      await write(bytes);
      await release.promise;
    };
    return inner;
  });
  const writing = ours.write(encode("QUIT"));
  await theirs.write(encode("221"));
  await ours.read(new Uint8Array(3));
  release.resolve();
  await writing;
  assertEquals(told, ["client: QUIT", "server: 221"]);
  ours.close();
  theirs.close();
});

Deno.test("TappedConnection tells what was read before the reader goes on, at no turn's cost", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const { ours, theirs, told } = tapped("server", (inner) => {
    inner.read = () => promise;
    return inner;
  });
  const into = encode("QUIT");
  const reading = ours.read(into);
  assertEquals(reading, promise);
  const heard = reading.then(() => [...told]);
  resolve(4);
  assertEquals(await heard, ["client: QUIT"]);
  ours.close();
  theirs.close();
});

const ENDS: [
  name: string,
  own: End,
  want: string,
  end: (ours: Connection, theirs: Connection) => Promise<unknown> | void,
][] = [
  ["our close as the server", "server", "close", (ours) => ours.close()],
  ["our close as the client", "client", "eof", (ours) => ours.close()],
  ["our last word", "server", "close", async (ours, theirs) => {
    await theirs.write(encode("behind QUIT"));
    theirs.close();
    await ours.end(1_000);
  }],
  ["the client's end", "server", "eof", async (ours, theirs) => {
    await theirs.closeWrite();
    await ours.read(new Uint8Array(1));
    ours.close();
  }],
  ["the server's end", "client", "close", async (ours, theirs) => {
    await theirs.closeWrite();
    await ours.read(new Uint8Array(1));
    ours.close();
  }],
  ["a read that our close ended", "server", "close", async (ours) => {
    const reading = assertRejects(() => ours.read(new Uint8Array(1)));
    ours.close();
    await reading;
  }],
];

for (const [name, own, want, end] of ENDS) {
  Deno.test(`TappedConnection tells ${name} once, as "${want}", and nothing behind it`, async () => {
    const { ours, theirs, told } = tapped(own);
    await end(ours, theirs);
    ours.close();
    theirs.close();
    assertEquals(told, [want]);
  });
}

Deno.test("TappedConnection tells that nobody was there to write to", async () => {
  const { ours, theirs, told } = tapped("server");
  theirs.close();
  await assertRejects(() => ours.write(encode("x")));
  ours.close();
  assertEquals(told, ["server: x", "reset"]);
});

Deno.test("TappedConnection tells that the wire broke", async () => {
  const { ours, theirs, told } = tapped("server", (inner) => {
    inner.read = () => Promise.reject(new Deno.errors.ConnectionReset());
    return inner;
  });
  await assertRejects(() => ours.read(new Uint8Array(1)));
  ours.close();
  theirs.close();
  assertEquals(told, ["reset"]);
});

Deno.test("TappedConnection tells the farewell that a sweep says", async () => {
  using sweep = new Sweep();
  const { ours, theirs, told } = tapped("server");
  sweep.add(ours);
  ours.farewell = encode("421 Bye\r\n");
  ours.readBy = 0;
  const reading = assertRejects(() => ours.read(new Uint8Array(1)));
  sweep.pass(1);
  await reading;
  assertEquals(ours.expired, "read");
  theirs.close();
  assertEquals(told, ["server: 421 Bye\r\n", "close"]);
});

Deno.test("TappedConnection gives its connection away without a word", () => {
  const { ours, theirs, told } = tapped("client");
  const inner = ours.takeInner();
  ours.close();
  assertEquals(inner.closed, false);
  assertEquals(told, []);
  inner.close();
  theirs.close();
});
