import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../lib/transport/connection.ts";
import {
  ProxyHeaderError,
  readProxyHeader,
} from "../../lib/transport/proxy_header.ts";
import { ServerTls } from "../../lib/transport/server_tls.ts";
import { startTls } from "../../lib/transport/tls.ts";
import { memoryPair } from "../support/memory_pair.ts";
import { CA, dialTo, identity, LOOPBACK } from "./tls_peer.ts";
import { TcpConnection } from "../../lib/transport/connection.ts";

const LIMITS = { timeoutMs: 10_000 };
const HEADER = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n";
/** LOCAL of version 2, with 600 bytes of what else a proxy may tell: longer than the first read. */
const LONG_HEADER = "\r\n\r\n\0\r\nQUIT\n\x20\x00\x02\x58" + "x".repeat(600);

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function readAll(connection: Connection): Promise<string> {
  const into = new Uint8Array(7);
  let text = "";
  for (let count; (count = await connection.read(into)) !== null;) {
    text += new TextDecoder().decode(into.subarray(0, count));
  }
  return text;
}

for (const [name, header] of [["short", HEADER], ["long", LONG_HEADER]]) {
  Deno.test(`readProxyHeader() leaves what is behind a ${name} header to the next reader, cut anywhere`, async () => {
    const bytes = encode(`${header}EHLO client.test\r\nMAIL`);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const [ours, theirs] = memoryPair();
      const reading = readProxyHeader(ours, LIMITS);
      await theirs.write(bytes.subarray(0, cut));
      // Gives the reader the turn, so that it sees the cut.
      await new Promise((done) => setImmediate(done));
      await theirs.write(bytes.subarray(cut));
      await theirs.closeWrite();
      using connection = await reading;
      assertEquals(await readAll(connection), "EHLO client.test\r\nMAIL");
      theirs.close();
    }
  });
}

Deno.test("readProxyHeader() takes a header byte by byte", async () => {
  const [ours, theirs] = memoryPair();
  const reading = readProxyHeader(ours, LIMITS);
  for (const byte of encode(HEADER)) await theirs.write(Uint8Array.of(byte));
  using connection = await reading;
  assertEquals(connection.remote, "192.0.2.1");
  theirs.close();
});

Deno.test("readProxyHeader() gives the connection the client's addresses", async () => {
  using listener = Deno.listen(LOOPBACK);
  using client = await dialTo(listener);
  const socket = new TcpConnection(await listener.accept());
  await client.write(encode(HEADER));
  using connection = await readProxyHeader(socket, LIMITS);
  const { remote, remotePort, local, localPort } = connection;
  assertEquals([remote, remotePort], ["192.0.2.1", 56324]);
  assertEquals([local, localPort], ["198.51.100.2", 25]);
  await connection.write(encode("220 hello"));
  await connection.closeWrite();
  assertEquals(await readAll(client), "220 hello");
  connection.close();
  assert(socket.closed);
});

Deno.test("readProxyHeader() leaves a proxy's own connection its addresses", async () => {
  using listener = Deno.listen(LOOPBACK);
  using client = await dialTo(listener);
  const socket = new TcpConnection(await listener.accept());
  await client.write(encode("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"));
  using connection = await readProxyHeader(socket, LIMITS);
  assertEquals(connection.remote, "127.0.0.1");
  assertEquals(connection.remotePort, client.localPort);
  assertEquals(connection.localPort, client.remotePort);
});

Deno.test("readProxyHeader() leaves TLS from the start to TLS", async () => {
  using listener = Deno.listen(LOOPBACK);
  const clear = await dialTo(listener);
  const socket = new TcpConnection(await listener.accept());
  const server = new ServerTls({
    identities: [identity("localhost")],
    clientCertificates: "off",
    caCerts: [],
  });
  await clear.write(encode(HEADER));
  const starting = startTls(clear, {
    hostname: "localhost",
    verify: true,
    caCerts: [CA],
  });
  const plain = await readProxyHeader(socket, LIMITS);
  using connection = await server.accept(plain, LIMITS);
  using client = await starting;
  assertEquals(connection.remote, "192.0.2.1");
  await client.write(encode("EHLO"));
  assertEquals(await connection.read(new Uint8Array(9)), 4);
});

const FAILING: [name: string, act: (peer: Connection) => unknown, string][] = [
  [
    "a command",
    (peer) => peer.write(encode("EHLO a\r\n")),
    'expected "PROXY "',
  ],
  [
    "the end",
    (peer) => peer.closeWrite(),
    "it closed the connection before that",
  ],
  [
    "half a header and the end",
    async (peer) => {
      await peer.write(encode(HEADER.slice(0, 20)));
      await peer.closeWrite();
    },
    "it closed the connection before that",
  ],
  ["nothing", () => {}, "it did not come within 50 ms"],
  [
    "half a header",
    (peer) => peer.write(encode(HEADER.slice(0, 20))),
    "it did not come within 50 ms",
  ],
];
for (const [name, act, sentence] of FAILING) {
  Deno.test(`readProxyHeader() closes on ${name}, and says why`, async () => {
    using listener = Deno.listen(LOOPBACK);
    using client = await dialTo(listener);
    const socket = new TcpConnection(await listener.accept());
    await act(client);
    const timeoutMs = sentence.endsWith(" 50 ms") ? 50 : 10_000;
    await assertRejects(
      () => readProxyHeader(socket, { timeoutMs }),
      ProxyHeaderError,
      `Cannot read the PROXY header of "127.0.0.1": ${sentence}`,
    );
    assert(socket.closed);
  });
}

Deno.test("readProxyHeader() throws the signal's reason, early and late", async () => {
  for (const isEarly of [true, false]) {
    const [ours, theirs] = memoryPair();
    const stop = new AbortController();
    if (isEarly) stop.abort(new Error("enough"));
    const reading = assertRejects(
      () => readProxyHeader(ours, { ...LIMITS, signal: stop.signal }),
      Error,
      "enough",
    );
    stop.abort(new Error("enough"));
    await reading;
    assert(ours.closed);
    theirs.close();
  }
});
