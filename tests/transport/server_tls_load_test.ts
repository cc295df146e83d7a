/** What a server in TLS does under load, and with clients that mean no good. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { acceptLoop } from "../../lib/transport/listen.ts";
import {
  type Connection,
  TcpConnection,
} from "../../lib/transport/connection.ts";
import { ServerTls } from "../../lib/transport/server_tls.ts";
import {
  startTls,
  TlsError,
  type TlsProblem,
} from "../../lib/transport/tls.ts";
import { CA, dialTo, identity, LOOPBACK } from "./tls_peer.ts";

const SERVER = new ServerTls({
  identities: [identity("localhost")],
  clientCertificates: "off",
  caCerts: [],
});

const HELLO = new TextEncoder().encode("220 hello\r\n");

/** The first bytes of a ClientHello: a handshake record, and that is not all of it. */
const HALF_HELLO = Uint8Array.of(0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3, 1, 2);

/** How many descriptors this process has open. */
function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Fails if more than `before` stay open; the runtime closes its own TLS a moment late. */
async function assertNothingOpen(before: number): Promise<void> {
  for (let look = 0; look < 500 && openDescriptors() > before; look++) {
    await new Promise((looked) => setTimeout(looked, 10));
  }
  assert(openDescriptors() <= before, `${openDescriptors()} of ${before}`);
}

/** Greets everyone whose handshake comes off, and counts what becomes of the others. */
function serve(listener: Deno.Listener, timeoutMs: number) {
  const failed = new Map<TlsProblem, number>();
  const sessions: Promise<void>[] = [];
  const session = async (connection: Connection) => {
    try {
      await connection.write(HELLO);
      using secured = await SERVER.accept(connection, { timeoutMs });
      await secured.write(HELLO);
      await secured.end(10_000);
    } catch (error) {
      const problem = error instanceof TlsError ? error.problem : "closed";
      failed.set(problem, (failed.get(problem) ?? 0) + 1);
      assert(connection.closed);
    }
  };
  const accepting = acceptLoop(
    listener,
    (connection) => void sessions.push(session(connection)),
  );
  const ended = async () => {
    listener.close();
    await accepting;
    await Promise.all(sessions);
    return failed;
  };
  return { ended };
}

/** A client that goes all the way. */
async function greetedBy(listener: Deno.Listener): Promise<void> {
  const clear = await dialTo(listener);
  assertEquals(await clear.read(new Uint8Array(100)), HELLO.length);
  using connection = await startTls(clear, {
    hostname: "localhost",
    verify: true,
    caCerts: [CA],
  });
  assertEquals(await connection.read(new Uint8Array(100)), HELLO.length);
  assertEquals(await connection.read(new Uint8Array(100)), null);
}

/** Something done `count` times at once. */
async function times(
  count: number,
  act: (turn: number) => Promise<unknown>,
): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, turn) => act(turn)));
}

Deno.test("200 handshakes at once all come off, and nothing stays open", async () => {
  const before = openDescriptors();
  const listener = Deno.listen(LOOPBACK);
  const server = serve(listener, 30_000);
  await times(200, () => greetedBy(listener));
  assertEquals(await server.ended(), new Map());
  await assertNothingOpen(before);
});

/** How a client breaks off; what the server makes of it. */
const BROKEN: [name: string, TlsProblem, (client: Deno.TcpConn) => unknown][] =
  [
    ["garbage", "plaintext", (client) => client.write(HELLO)],
    [
      "an HTTP request",
      "plaintext",
      (client) =>
        client.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")),
    ],
    ["the end at once", "closed", (client) => client.closeWrite()],
    ["the end amid its hello", "closed", async (client) => {
      await client.write(HALF_HELLO);
      await client.closeWrite();
    }],
    ["nothing", "timeout", () => {}],
    ["half a hello", "timeout", (client) => client.write(HALF_HELLO)],
  ];
for (const [name, problem, act] of BROKEN) {
  Deno.test(`accept() ends, with ${problem}, for a client that sends ${name}`, async () => {
    using listener = Deno.listen(LOOPBACK);
    const { port } = listener.addr as Deno.NetAddr;
    using client = await Deno.connect({ port });
    const connection = new TcpConnection(await listener.accept());
    await act(client);
    const timeoutMs = problem === "timeout" ? 50 : 10_000;
    const error = await assertRejects(
      () => SERVER.accept(connection, { timeoutMs }),
      TlsError,
    );
    assertEquals(error.problem, problem, error.message);
    assert(connection.closed);
  });
}

Deno.test("200 broken handshakes at once leave nothing behind, and others are served", async () => {
  const before = openDescriptors();
  const listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr as Deno.NetAddr;
  const server = serve(listener, 1_000);
  const broken = times(200, async (turn) => {
    const [, , act] = BROKEN[turn % BROKEN.length]!;
    using client = await Deno.connect({ port });
    await act(client);
    // One half closes with our 220 unread, which makes a reset of it.
    const waits = turn % (2 * BROKEN.length) < BROKEN.length;
    while (waits && await client.read(new Uint8Array(1_000)) !== null);
  });
  await Promise.all([broken, times(20, () => greetedBy(listener))]);
  const failed = await server.ended();
  assertEquals([...failed.values()].reduce((a, b) => a + b, 0), 200);
  const kinds = ["closed", "plaintext", "timeout"];
  assertEquals([...failed.keys()].sort(), kinds);
  await assertNothingOpen(before);
});

Deno.test("accept() throws the signal's reason, early and late", async () => {
  for (const isEarly of [true, false]) {
    using listener = Deno.listen(LOOPBACK);
    using client = await dialTo(listener);
    const connection = new TcpConnection(await listener.accept());
    const stop = new AbortController();
    if (isEarly) stop.abort(new Error("enough"));
    const { signal } = stop;
    const accepting = assertRejects(
      () => SERVER.accept(connection, { timeoutMs: 10_000, signal }),
      Error,
      "enough",
    );
    await client.write(HALF_HELLO);
    stop.abort(new Error("enough"));
    await accepting;
    assert(connection.closed);
  }
});

/** A socket that counts what is read from it. */
class CountedConnection extends TcpConnection {
  taken = 0;

  override async read(into: Uint8Array): Promise<number | null> {
    const count = await super.read(into);
    this.taken += count ?? 0;
    return count;
  }
}

/** Writes until nobody takes anything any more. */
async function writeUntilStalled(
  client: Connection,
): Promise<{ pending: Promise<void> }> {
  const piece = new Uint8Array(64 * 1024);
  for (let i = 0; i < 2_000; i++) {
    const writing = client.write(piece);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = new Promise((r) => timer = setTimeout(r, 200, "stalled"));
    const stalled = await Promise.race([writing, quiet]) === "stalled";
    clearTimeout(timer);
    if (stalled) return { pending: writing };
  }
  throw new Error("took it all");
}

Deno.test("a paused server takes in less than 2 MB", async () => {
  using listener = Deno.listen(LOOPBACK);
  const clear = await dialTo(listener);
  const counted = new CountedConnection(await listener.accept());
  const [server, client] = await Promise.all([
    SERVER.accept(counted, { timeoutMs: 10_000 }),
    startTls(clear, { hostname: "localhost", verify: true, caCerts: [CA] }),
  ]);
  const { pending } = await writeUntilStalled(client);
  assert(counted.taken < 500_000, `took ${counted.taken} bytes`);
  // A reader who takes a little now and then changes nothing about it.
  for (let i = 0; i < 100; i++) await server.read(new Uint8Array(100));
  assert(counted.taken < 500_000, `took ${counted.taken} bytes`);
  const ending = assertRejects(() => pending);
  client.close();
  server.close();
  await ending;
});
