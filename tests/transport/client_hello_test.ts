import { assert, assertEquals } from "@std/assert";
import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import {
  MAX_HELLO_BYTES,
  parseClientHello,
} from "../../lib/transport/client_hello.ts";

/** The first bytes of the runtime's own client. */
function helloFor(servername: string): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const wire = new Duplex({
    read() {},
    write(chunk: Uint8Array, _encoding, done) {
      resolve(new Uint8Array(chunk));
      done();
    },
  });
  const client = connect({
    socket: wire as unknown as Socket,
    ...(servername === "" ? {} : { servername }),
    rejectUnauthorized: false,
  });
  client.on("error", () => {});
  return promise.finally(() => {
    client.destroy();
    wire.destroy();
  });
}

/** The same message in records of `size` bytes. */
function inRecords(hello: Uint8Array, size: number): Uint8Array {
  const message = hello.subarray(5);
  const out: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    out.push(22, 3, 1, part.length >> 8, part.length & 0xff, ...part);
  }
  return new Uint8Array(out);
}

for (const name of ["mx.example.org", "x", ""]) {
  Deno.test(`parseClientHello() reads the name "${name}", in every cut and in records of every size`, async () => {
    const hello = await helloFor(name);
    const want = { type: "hello", serverName: name || undefined } as const;
    assertEquals(parseClientHello(hello), want);
    for (let cut = 0; cut < hello.length; cut++) {
      assertEquals(parseClientHello(hello.subarray(0, cut)).type, "more");
    }
    for (const size of [1, 2, 3, 4, 5, 50, hello.length]) {
      const records = inRecords(hello, size);
      assertEquals(parseClientHello(records), want);
      assertEquals(parseClientHello(records.subarray(0, -1)).type, "more");
    }
  });
}

const ODD: [name: string, bytes: readonly number[], type: string][] = [
  ["text", [0x45, 0x48, 0x4c, 0x4f], "plaintext"],
  ["SSL 2", [0x80, 0x2e, 1, 3, 1], "plaintext"],
  ["another record", [23, 3, 3, 0, 1, 0], "plaintext"],
  ["another version", [22, 2], "plaintext"],
  ["a record of nothing", [22, 3, 1, 0, 0], "malformed"],
  ["a record that is too long", [22, 3, 1, 0x40, 1], "malformed"],
  ["another message", [22, 3, 1, 0, 4, 2, 0, 0, 0], "malformed"],
  ["16 MiB", [22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff], "malformed"],
  ["text behind a record", [22, 3, 1, 0, 1, 1, 0x45], "malformed"],
  ["nothing yet", [], "more"],
  ["a hello of nothing", [22, 3, 1, 0, 4, 1, 0, 0, 0], "hello"],
];

for (const [name, bytes, type] of ODD) {
  Deno.test(`parseClientHello() says "${type}" of ${name}`, () => {
    assertEquals(parseClientHello(new Uint8Array(bytes)).type, type as "more");
  });
}

Deno.test("parseClientHello() takes any bytes, and none asks for more than the bound", async () => {
  const hello = await helloFor("mx.example.org");
  let seed = 7;
  const random = (below: number) =>
    (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  for (let i = 0; i < 5_000; i++) {
    const bytes = hello.slice();
    for (let n = random(4); n >= 0; n--) {
      bytes[random(bytes.length)] = random(256);
    }
    parseClientHello(bytes.subarray(0, random(bytes.length + 1)));
  }
  const endless = new Uint8Array(MAX_HELLO_BYTES + 5).fill(0);
  endless.set([22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc]);
  assert(parseClientHello(endless).type !== "more");
});
