import { assert, assertEquals, assertRejects } from "@std/assert";
import { pass } from "../../lib/record/passage.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { Sweep } from "../../lib/transport/sweep.ts";
import { memoryPair } from "../support/memory_pair.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A passage between two ends in memory. */
class Between implements AsyncDisposable {
  readonly client: Connection;
  readonly server: Connection;
  readonly sweep = new Sweep({ now: () => 0 });
  readonly ended: Promise<void>;
  encrypted = 0;

  constructor() {
    const [client, near] = memoryPair();
    const [server, far] = memoryPair();
    this.client = client;
    this.server = server;
    const onEncrypted = () => void this.encrypted++;
    this.ended = pass(near, far, { sweep: this.sweep, onEncrypted });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    this.server.close();
    await this.ended;
    assertEquals(this.sweep.size, 0);
    this.sweep[Symbol.dispose]();
  }
}

/** All that comes, up to `length` characters or the end. */
async function heard(from: Connection, length = Infinity): Promise<string> {
  const into = new Uint8Array(64 * 1_024);
  let text = "";
  while (text.length < length) {
    const count = await from.read(into);
    if (count === null) break;
    text += new TextDecoder().decode(into.subarray(0, count));
  }
  return text;
}

Deno.test("pass() passes both ways, and ends when both have", async () => {
  await using between = new Between();
  const { client, server } = between;
  await server.write(encode("220 hello\r\n"));
  assertEquals(await heard(client, 11), "220 hello\r\n");
  await client.write(encode("QUIT\r\n"));
  assertEquals(await heard(server, 6), "QUIT\r\n");
  await server.write(encode("221 bye\r\n"));
  server.close();
  assertEquals(await heard(client), "221 bye\r\n");
  client.close();
  await between.ended;
});

Deno.test("pass() lets an end hear the rest that has said its last", async () => {
  await using between = new Between();
  const { client, server } = between;
  await client.write(encode("QUIT\r\n"));
  await client.closeWrite();
  assertEquals(await heard(server), "QUIT\r\n");
  await server.write(encode("221 bye\r\n"));
  await server.closeWrite();
  assertEquals(await heard(client), "221 bye\r\n");
  await between.ended;
});

Deno.test("pass() takes no more than the other end takes", async () => {
  await using between = new Between();
  const { client, server } = between;
  let written = 0;
  const piece = new Uint8Array(16 * 1_024).fill(120);
  const pieces = 64;
  const writing = (async () => {
    for (let i = 0; i < pieces; i++) {
      await client.write(piece);
      written += piece.length;
    }
    await client.closeWrite();
  })();
  for (let turn = 0; turn < 1_000; turn++) await undefined;
  // Two pipes of 64 KiB, and a buffer.
  assert(written <= 3 * 64 * 1_024, `${written}`);
  assertEquals((await heard(server)).length, pieces * piece.length);
  await writing;
});

Deno.test("pass() holds a reply back no longer than its server lives", async () => {
  await using between = new Between();
  const { client, server } = between;
  await client.write(encode("EHLO me\r\n"));
  await heard(server, 9);
  await server.write(encode("250-mx\r\n250-SI"));
  server.close();
  assertEquals(await heard(client), "250-mx\r\n250-SI");
});

Deno.test("pass() brings the server's last word though the client's can't be brought", async () => {
  await using between = new Between();
  const { client, server } = between;
  await server.write(encode("421 bye\r\n"));
  server.close();
  await client.write(encode("MAIL\r\n"));
  assertEquals(await heard(client), "421 bye\r\n");
});

Deno.test("pass() ends the server's side when the client breaks", async () => {
  const [client, near] = memoryPair();
  const [server, far] = memoryPair();
  near.read = () => Promise.reject(new Deno.errors.ConnectionReset());
  using sweep = new Sweep({ now: () => 0 });
  await pass(near, far, { sweep, onEncrypted: () => {} });
  assertEquals(await heard(server), "");
  client.close();
  server.close();
});

Deno.test("pass() does not wait for ever for ends that are silent", async () => {
  await using between = new Between();
  const { client, sweep } = between;
  sweep.pass(10 * 60 * 1_000);
  await client.write(encode("x"));
  sweep.pass(12 * 60 * 1_000);
  await between.ended;
  await assertRejects(() => client.write(encode("y")));
});

Deno.test("pass() waits longer for a server than for a client whose server has gone", async () => {
  await using between = new Between();
  const { client, server, sweep } = between;
  server.close();
  assertEquals(await heard(client), "");
  sweep.pass(60 * 1_000);
  await between.ended;
});

Deno.test("pass() tells when TLS begins, before it does", async () => {
  await using between = new Between();
  const { client, server } = between;
  await client.write(encode("STARTTLS\r\n"));
  await heard(server, 10);
  assertEquals(between.encrypted, 0);
  await server.write(encode("220 go\r\n"));
  await heard(client, 8);
  assertEquals(between.encrypted, 1);
  await client.write(new Uint8Array([0x16, 3, 1, 0xff]));
  const into = new Uint8Array(10);
  assertEquals(await server.read(into), 4);
  assertEquals(into[3], 0xff);
});
