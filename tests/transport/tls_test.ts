import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Connection,
  TcpConnection,
} from "../../lib/transport/connection.ts";
import { memoryPair } from "../support/memory_pair.ts";
import { Sweep } from "../../lib/transport/sweep.ts";
import {
  startTls,
  TlsError,
  type TlsProblem,
} from "../../lib/transport/tls.ts";
import {
  CA,
  connectTls,
  dialTo,
  LOOPBACK,
  pem,
  tlsServer,
} from "./tls_peer.ts";

async function readAll(connection: Connection): Promise<number> {
  const into = new Uint8Array(64 * 1024);
  let total = 0;
  for (let count; (count = await connection.read(into)) !== null;) {
    total += count;
  }
  return total;
}

/** Carries bytes from one connection to another until either ends. */
async function pump(from: Connection, to: Connection): Promise<void> {
  const into = new Uint8Array(1_000);
  try {
    for (let count; (count = await from.read(into)) !== null;) {
      await to.write(into.subarray(0, count));
    }
  } catch {
    // Closed by the test.
  }
  from.close();
  to.close();
}

for (const verify of [true, false]) {
  const mode = verify ? "verified" : "unverified";

  Deno.test(`startTls() ${mode} carries bytes both ways and the peer's end`, async () => {
    const { clear, connection, peer } = await connectTls({ verify });
    using _connection = connection;
    assert(verify ? clear.closed : connection.tlsProtocol === "TLSv1.3");
    assert(verify || connection.tlsCipher?.startsWith("TLS_"));
    assertEquals(connection.remote, "127.0.0.1");
    await connection.write(new TextEncoder().encode("EHLO"));
    const into = new Uint8Array(100);
    assertEquals(await peer.read(into), 4);
    await peer.write(new TextEncoder().encode("250 OK"));
    assertEquals(await connection.read(into.subarray(0, 3)), 3);
    assertEquals(await connection.read(into), 3);
    peer.close();
    assertEquals(await connection.read(into), null);
    assertEquals(await connection.read(into), null);
  });

  Deno.test(`startTls() ${mode} carries 5 MB both ways at once`, async () => {
    const { connection, peer } = await connectTls({ verify });
    const theirs = new TcpConnection(peer);
    const bytes = new Uint8Array(5_000_000).fill(7);
    const [there, back] = await Promise.all([
      readAll(theirs),
      readAll(connection),
      connection.write(bytes).then(() => connection.closeWrite()),
      theirs.write(bytes).then(() => theirs.closeWrite()),
    ]);
    assertEquals([there, back], [5_000_000, 5_000_000]);
    connection.close();
    theirs.close();
  });

  Deno.test(`startTls() ${mode} leaves bytes in the network while nobody reads`, async () => {
    const { connection, peer } = await connectTls({ verify });
    const piece = new Uint8Array(64 * 1024);
    let taken = 0;
    let writing: Promise<number> | undefined;
    let stalled = false;
    for (let i = 0; i < 2_000 && !stalled; i++) {
      writing = peer.write(piece).then((count) => taken += count);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const quiet = new Promise((r) => timer = setTimeout(r, 100, "stalled"));
      stalled = await Promise.race([writing, quiet]) === "stalled";
      clearTimeout(timer);
    }
    assert(stalled, `took ${taken} bytes`);
    assert(taken < 20_000_000, `took ${taken} bytes`);
    const reading = readAll(connection);
    await writing;
    await peer.closeWrite();
    assertEquals(await reading, taken);
    connection.close();
    peer.close();
  });

  Deno.test(`close() ends a pending read and write of TLS, ${mode}`, async () => {
    const { connection, peer } = await connectTls({ verify });
    const reading = assertRejects(() => connection.read(new Uint8Array(1)));
    const writing = assertRejects(async () => {
      while (true) await connection.write(new Uint8Array(1_000_000));
    });
    connection.close();
    connection.close();
    await Promise.all([reading, writing]);
    await assertRejects(() => connection.read(new Uint8Array(1)));
    await assertRejects(() => connection.write(new Uint8Array(1)));
    peer.close();
  });

  Deno.test(`a sweep says farewell inside TLS, ${mode}`, async () => {
    const { connection, peer } = await connectTls({ verify });
    using sweep = new Sweep();
    sweep.add(connection);
    connection.farewell = new TextEncoder().encode("421 4.4.2 Bye\r\n");
    connection.readBy = 1_000;
    const reading = connection.read(new Uint8Array(1)).catch(() => null);
    sweep.pass(1_001);
    const into = new Uint8Array(100);
    assertEquals(await peer.read(into), 15);
    await reading;
    assert(connection.timedOut);
    sweep.pass(1_002);
    assert(connection.closed);
    peer.close();
  });

  Deno.test(`end() of TLS waits for the peer's end, ${mode}`, async () => {
    const { connection, peer } = await connectTls({ verify });
    const ending = connection.end(10_000);
    assertEquals(await peer.read(new Uint8Array(1)), null);
    await peer.write(new Uint8Array(10));
    peer.close();
    await ending;
    assert(connection.closed);
  });

  Deno.test(`startTls() ${mode} names what the peer did instead of a handshake`, async () => {
    const cases: [TlsProblem, (peer: Deno.Conn) => unknown][] = [
      [
        "plaintext",
        (peer) => peer.write(new TextEncoder().encode("220 hello there\r\n")),
      ],
      ["closed", (peer) => peer.close()],
      ["closed", async (peer) => {
        await peer.read(new Uint8Array(1_000));
        peer.close();
      }],
      ["timeout", () => {}],
    ];
    for (const [problem, act] of cases) {
      using listener = Deno.listen(LOOPBACK);
      const [clear, peer] = await Promise.all([
        dialTo(listener),
        listener.accept(),
      ]);
      const acting = Promise.resolve(act(peer));
      const timeoutMs = problem === "timeout" ? 50 : 10_000;
      const error = await assertRejects(
        () => startTls(clear, { hostname: "localhost", verify, timeoutMs }),
        TlsError,
      );
      assertEquals(error.problem, problem, error.message);
      assert(clear.closed);
      await acting;
      try {
        peer.close();
      } catch {
        // It has closed itself.
      }
    }
  });

  Deno.test(`startTls() ${mode} throws the signal's reason`, async () => {
    for (const early of [true, false]) {
      using listener = Deno.listen(LOOPBACK);
      const clear = await dialTo(listener);
      using peer = await listener.accept();
      const stop = new AbortController();
      if (early) stop.abort(new Error("enough"));
      const { signal } = stop;
      const starting = startTls(clear, {
        hostname: "localhost",
        verify,
        signal,
      });
      const checked = assertRejects(() => starting, Error, "enough");
      if (!early) await peer.read(new Uint8Array(1));
      stop.abort(new Error("enough"));
      await checked;
      assert(clear.closed);
    }
  });
}

const BAD: [name: string, hostname: string, TlsProblem, sentence: string][] = [
  ["self_signed", "localhost", "untrusted", "nobody we trust"],
  ["authority", "localhost", "untrusted", "an authority's own (CA:TRUE)"],
  ["other", "localhost", "name", "another name"],
  ["localhost", "127.0.0.2", "name", "another name"],
  ["expired", "localhost", "expired", "has expired"],
  ["future", "localhost", "not yet valid", "not valid yet"],
];
for (const [name, hostname, problem, sentence] of BAD) {
  // An authority is not a server even if it is trusted.
  const trusted = name === "authority" ? [pem("authority.pem")] : [CA];
  Deno.test(`startTls() refuses the certificate "${name}" of "${hostname}" if it must hold`, async () => {
    const error = await assertRejects(
      () => connectTls({ hostname, caCerts: trusted }, name),
      TlsError,
      sentence,
    );
    assertEquals(error.problem, problem);
  });

  Deno.test(`startTls() takes the certificate "${name}" of "${hostname}" if it need not hold`, async () => {
    const { connection, peer } = await connectTls(
      { hostname, verify: false },
      name,
    );
    connection.close();
    peer.close();
  });
}

Deno.test("startTls() refuses an authority nobody named", async () => {
  const error = await assertRejects(
    () => connectTls({ caCerts: [] }),
    TlsError,
  );
  assertEquals(error.problem, "untrusted");
});

Deno.test("startTls() knows an address by the certificate", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    const { connection, peer } = await connectTls({ hostname });
    connection.close();
    peer.close();
  }
});

Deno.test("startTls() trusts a certificate that was named, signed by itself though it be", async () => {
  const caCerts = [pem("self_signed.pem")];
  const { connection, peer } = await connectTls({ caCerts }, "self_signed");
  connection.close();
  peer.close();
});

Deno.test("startTls() verifies nothing that is not TCP", async () => {
  const [ours, theirs] = memoryPair();
  await assertRejects(
    () => startTls(ours, { hostname: "localhost", verify: true }),
    TlsError,
    "on a TCP socket only",
  );
  assert(ours.closed);
  theirs.close();
});

Deno.test("startTls() goes over anything if the certificate need not hold", async () => {
  using listener = tlsServer("localhost");
  const [ours, theirs] = memoryPair();
  const [socket, peer] = await Promise.all([
    dialTo(listener),
    listener.accept(),
  ]);
  const pumping = [pump(theirs, socket), pump(socket, theirs)];
  const connection = await startTls(ours, {
    hostname: "localhost",
    verify: false,
  });
  await connection.write(new TextEncoder().encode("EHLO"));
  assertEquals(await peer.read(new Uint8Array(9)), 4);
  connection.close();
  peer.close();
  await Promise.all(pumping);
});

Deno.test("startTls() says that a name cannot be verified, and closes", async () => {
  using listener = tlsServer("localhost");
  const clear = await dialTo(listener);
  using _peer = await listener.accept();
  const error = await assertRejects(
    () => startTls(clear, { hostname: "a..b", verify: true }),
    TlsError,
    'Cannot start TLS with "a..b": ',
  );
  assertEquals(error.problem, "handshake", error.message);
  assert(clear.closed);
});
