import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Connection,
  DeadlineError,
  deadlineErrorOf,
  TcpConnection,
} from "../../lib/transport/connection.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** Both ends of a connection over the loopback. */
async function tcpPair(): Promise<[TcpConnection, TcpConnection]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [ours, theirs] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  return [new TcpConnection(ours), new TcpConnection(theirs)];
}

/** Keeps writing to a peer that does not read, until that fails. */
async function writeUntilItFails(connection: Connection): Promise<never> {
  while (true) await connection.write(new Uint8Array(1_000_000));
}

Deno.test("TcpConnection knows both addresses, and carries bytes and the end", async () => {
  const [ours, theirs] = await tcpPair();
  assertEquals(ours.remote, "127.0.0.1");
  assertEquals(ours.remotePort, theirs.localPort);
  assertEquals(ours.local, theirs.remote);
  await ours.write(text("NOOP\r\n"));
  const into = new Uint8Array(100);
  assertEquals(await theirs.read(into), 6);
  ours.close();
  assertEquals(await theirs.read(into), null);
  theirs.close();
});

Deno.test("TcpConnection shows an IPv4 peer of an IPv6 listener as IPv4", async () => {
  using listener = Deno.listen({ hostname: "::", port: 0 });
  const { port } = listener.addr;
  using _ours = await Deno.connect({ hostname: "127.0.0.1", port });
  using theirs = new TcpConnection(await listener.accept());
  assertEquals([theirs.remote, theirs.local], ["127.0.0.1", "127.0.0.1"]);
});

Deno.test("TcpConnection over a Unix socket has empty addresses", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  using listener = Deno.listen({ transport: "unix", path });
  using ours = new TcpConnection(
    await Deno.connect({ transport: "unix", path }),
  );
  using theirs = new TcpConnection(await listener.accept());
  assertEquals([ours.remote, ours.remotePort], ["", 0]);
  assertEquals([theirs.local, theirs.localPort], ["", 0]);
  await ours.write(text("x"));
  assertEquals(await theirs.read(new Uint8Array(9)), 1);
  listener.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("write() writes all, however little the peer takes at a time", async () => {
  const [ours, theirs] = await tcpPair();
  const writing = ours.write(new Uint8Array(20_000_000)).then(() =>
    ours.close()
  );
  const into = new Uint8Array(1_000_000);
  let total = 0;
  for (let count; (count = await theirs.read(into)) !== null;) total += count;
  assertEquals(total, 20_000_000);
  await writing;
  theirs.close();
});

Deno.test("close() ends a pending read and a pending write, and may be repeated", async () => {
  const [ours, theirs] = await tcpPair();
  const reading = assertRejects(
    () => ours.read(new Uint8Array(1)),
    Deno.errors.Interrupted,
  );
  const writing = assertRejects(() => writeUntilItFails(ours));
  ours.close();
  ours.close();
  assert(ours.closed);
  await Promise.all([reading, writing]);
  await assertRejects(() => ours.read(new Uint8Array(1)));
  await assertRejects(() => ours.write(new Uint8Array(1)));
  theirs.close();
});

Deno.test("deadlineErrorOf() tells a passed deadline from a broken connection", async () => {
  const [ours, theirs] = await tcpPair();
  const broken = new Error("broken");
  assertEquals(deadlineErrorOf(ours, broken), broken);
  assert(!ours.timedOut);
  ours.expire("write");
  ours.expire("read");
  assert(ours.timedOut);
  const error = deadlineErrorOf(ours, broken);
  assert(error instanceof DeadlineError);
  assertEquals(error.direction, "write");
  assertEquals(error.cause, broken);
  ours.close();
  theirs.close();
});

Deno.test("end() lets the last reply arrive though input was left unread", async () => {
  const [ours, theirs] = await tcpPair();
  await theirs.write(text("DATA ".repeat(20_000)));
  await ours.write(text("421 Bye\r\n"));
  const ending = ours.end(10_000);
  const into = new Uint8Array(100);
  assertEquals(await theirs.read(into), 9);
  assertEquals(await theirs.read(into), null);
  assert(!ours.closed);
  theirs.close();
  await ending;
  assert(ours.closed);
});

Deno.test("end() waits no longer than its grace for a peer that stays", async () => {
  const [ours, theirs] = await tcpPair();
  await ours.end(10);
  assert(ours.closed);
  theirs.close();
});

Deno.test("end() reads no more than its bound of a peer that never stops", async () => {
  const [ours, theirs] = await tcpPair();
  const writing = assertRejects(() => writeUntilItFails(theirs));
  await ours.end(60_000);
  await writing;
  theirs.close();
});

Deno.test("end() does not mind a read that is pending, nor a connection that is closed", async () => {
  const [ours, theirs] = await tcpPair();
  const reading = ours.read(new Uint8Array(1)).catch(() => null);
  const ending = ours.end(10_000);
  theirs.close();
  await ending;
  assertEquals(await reading, null);
  await ours.end(10_000);
});
