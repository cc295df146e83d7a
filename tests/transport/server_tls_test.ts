import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { once } from "node:events";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { TcpConnection } from "../../lib/transport/connection.ts";
import {
  CertificateError,
  ServerTls,
  type ServerTlsConnection,
  type ServerTlsSettings,
} from "../../lib/transport/server_tls.ts";
import { startTls, TlsError } from "../../lib/transport/tls.ts";
import { memoryPair } from "../support/memory_pair.ts";
import { dialTo, identity, LOOPBACK, pem } from "./tls_peer.ts";

const CA = pem("ca.pem");

const LIMITS = { timeoutMs: 10_000 };

function serverTls(settings: Partial<ServerTlsSettings> = {}): ServerTls {
  return new ServerTls({
    identities: [identity("localhost"), identity("chain"), identity("other")],
    clientCertificates: "off",
    caCerts: [],
    ...settings,
  });
}

/** A client that `server` has accepted, by Node's own TLS; or the reason why not. */
async function meet(
  server: ServerTls,
  options: ConnectionOptions = {},
  act: (
    connection: ServerTlsConnection,
    client: TLSSocket,
  ) => unknown = () => {},
): Promise<void> {
  using listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr as Deno.NetAddr;
  const client = connect({
    host: "127.0.0.1",
    port,
    rejectUnauthorized: false,
    ...options,
  });
  const closed = once(client, "close").catch(() => {});
  const socket = new TcpConnection(await listener.accept());
  try {
    using connection = await server.accept(socket, LIMITS);
    await act(connection, client);
  } catch (error) {
    assert(socket.closed, String(error));
    throw error;
  } finally {
    client.destroy();
    await closed;
  }
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`accept() speaks ${version}, and says so`, async () => {
    const only = { minVersion: version, maxVersion: version };
    await meet(serverTls(), only, (connection) => {
      assertEquals(connection.tlsProtocol, version);
      assert(connection.tlsCipher?.startsWith("TLS_"), connection.tlsCipher);
      assertEquals(connection.remote, "127.0.0.1");
    });
    await meet(serverTls(only), {}, (connection) => {
      assertEquals(connection.tlsProtocol, version);
    });
  });
}

Deno.test("accept() refuses a version below the lowest", async () => {
  const error = await assertRejects(
    () => meet(serverTls({ minVersion: "TLSv1.3" }), { maxVersion: "TLSv1.2" }),
    TlsError,
    'Cannot start TLS with "127.0.0.1": it has no version or cipher in common',
  );
  assertEquals(error.problem, "handshake");
});

const SNI: [asked: string, common: string][] = [
  ["localhost", "localhost.test"],
  ["other.test", "other.test"],
  ["OTHER.TEST", "other.test"],
  ["chain.test", "chain.test"],
  ["a.wild.test", "chain.test"],
  ["wild.test", "localhost.test"],
  ["b.a.wild.test", "localhost.test"],
  ["unknown.test", "localhost.test"],
  ["", "localhost.test"],
];
for (const [asked, common] of SNI) {
  Deno.test(`accept() shows "${common}" to who asks for "${asked}"`, async () => {
    await meet(serverTls(), { servername: asked }, (connection, client) => {
      assertEquals(client.getPeerCertificate().subject.CN, common);
      assertEquals(
        connection.serverName?.toLowerCase(),
        asked === "" ? undefined : asked.toLowerCase(),
      );
    });
  });
}

Deno.test("accept() shows the whole chain", async () => {
  await meet(serverTls(), { servername: "chain.test" }, (_, client) => {
    const issuer = client.getPeerCertificate(true).issuerCertificate;
    assertEquals(issuer.subject.CN, "Postern test middle CA");
  });
});

const UNHELD = "its certificate does not hold (";
const CLIENTS: [name: string | undefined, problem: string | undefined][] = [
  ["client", undefined],
  [undefined, "it has no certificate"],
  ["forged", UNHELD],
  ["ended", UNHELD],
  ["other_use", UNHELD],
  ["self_signed", UNHELD],
];
for (const [name, problem] of CLIENTS) {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const client: ConnectionOptions = {
      maxVersion: version,
      ...(name === undefined
        ? {}
        : { cert: pem(`${name}.pem`), key: pem(`${name}.key`) }),
    };
    const caCerts = [pem("client_ca.pem")];
    const mode = `the client certificate "${name}", ${version}`;

    Deno.test(`accept() required: ${problem === undefined ? "takes" : "refuses"} ${mode}`, async () => {
      const server = serverTls({ clientCertificates: "required", caCerts });
      const meeting = meet(server, client, ({ clientCertificate }) => {
        assertEquals(
          clientCertificate?.subject,
          "O=Postern, CN=client.test",
        );
        assertEquals(clientCertificate?.fingerprint256.length, 32 * 3 - 1);
      });
      if (problem === undefined) return await meeting;
      const error = await assertRejects(() => meeting, TlsError, problem);
      assertEquals(error.problem, "certificate");
    });

    Deno.test(`accept() optional: goes on with ${mode}`, async () => {
      const server = serverTls({ clientCertificates: "optional", caCerts });
      await meet(server, client, ({ clientCertificate }) => {
        assertEquals(clientCertificate === undefined, problem !== undefined);
      });
    });
  }
}

Deno.test("accept() does not ask for certificates that are off", async () => {
  const client = { cert: pem("client.pem"), key: pem("client.key") };
  const server = serverTls({ caCerts: [pem("client_ca.pem")] });
  await meet(server, client, ({ clientCertificate }) => {
    assertEquals(clientCertificate, undefined);
  });
});

for (const clientCertificates of ["optional", "required"] as const) {
  Deno.test(`ServerTls wants authorities where client certificates are ${clientCertificates}`, () => {
    assertThrows(
      () => serverTls({ clientCertificates }),
      CertificateError,
      "Cannot verify clients' certificates: expected the authorities",
    );
  });
}

Deno.test("ServerTls says everything that is wrong, and starts with nothing wrong", () => {
  const mixed = { ...identity("localhost"), key: pem("other.key") };
  const identities = [identity("expired"), identity("other"), mixed];
  const error = assertThrows(() => serverTls({ identities }), CertificateError);
  assertEquals(error.problems.length, 2);
  assertThrows(
    () => serverTls({ identities: [] }),
    CertificateError,
    "expected a certificate",
  );
  assertEquals(serverTls().warnings, []);
});

Deno.test("accept() and startTls() carry 5 MB both ways at once", async () => {
  using listener = Deno.listen(LOOPBACK);
  const clear = await dialTo(listener);
  const conn = await listener.accept();
  const [server, client] = await Promise.all([
    serverTls().accept(new TcpConnection(conn), LIMITS),
    startTls(clear, { hostname: "localhost", verify: true, caCerts: [CA] }),
  ]);
  const bytes = new Uint8Array(5_000_000).map((_, i) => i % 251);
  const ends = [server, client];
  await Promise.all([
    ...ends.map(async (end) => {
      await end.write(bytes);
      await end.closeWrite();
    }),
    ...ends.map(async (end) => {
      const into = new Uint8Array(100_000);
      let at = 0;
      for (let count; (count = await end.read(into)) !== null; at += count) {
        // Positions tell that nothing is missing, doubled or out of turn.
        assertEquals(into[0], at % 251);
        assertEquals(into[count - 1], (at + count - 1) % 251);
      }
      assertEquals(at, 5_000_000);
    }),
  ]);
  for (const end of ends) end.close();
});

Deno.test("accept() goes over anything that is a connection", async () => {
  const [ours, theirs] = memoryPair();
  const [server, client] = await Promise.all([
    serverTls().accept(ours, LIMITS),
    startTls(theirs, { hostname: "localhost", verify: false }),
  ]);
  await client.write(new TextEncoder().encode("EHLO"));
  assertEquals(await server.read(new Uint8Array(9)), 4);
  client.close();
  server.close();
});

Deno.test("end() of accepted TLS says goodbye, and the last reply arrives", async () => {
  await meet(serverTls(), {}, async (connection, client) => {
    const heard: string[] = [];
    client.on("data", (data) => heard.push(String(data)));
    const ended = once(client, "end");
    await connection.write(new TextEncoder().encode("221 Bye"));
    const ending = connection.end(10_000);
    await ended; // `end` comes of close_notify; without it, there is an error
    client.end();
    await ending;
    assertEquals(heard.join(""), "221 Bye");
    assert(connection.closed);
  });
});

Deno.test("a client that has ended its side at once still gets its reply", async () => {
  await meet(serverTls(), { allowHalfOpen: true } as ConnectionOptions, async (
    connection,
    client,
  ) => {
    client.end("QUIT\r\n");
    const into = new Uint8Array(100);
    assertEquals(await connection.read(into), 6);
    assertEquals(await connection.read(into), null);
    const reply = once(client, "data");
    await connection.write(new TextEncoder().encode("221 Bye"));
    assertEquals(String((await reply)[0]), "221 Bye");
    await connection.end(10_000);
  });
});

for (const isAtOnce of [true, false]) {
  const when = isAtOnce ? "with its handshake" : "later";
  Deno.test(`a client that ends TCP without a goodbye ${when} still gets its reply`, async () => {
    using listener = Deno.listen(LOOPBACK);
    const clear = await dialTo(listener);
    const socket = new TcpConnection(await listener.accept());
    const options = { hostname: "localhost", verify: false };
    const starting = startTls(clear, options).then(async (client) => {
      if (isAtOnce) await clear.closeWrite();
      return client;
    });
    using connection = await serverTls().accept(socket, LIMITS);
    using client = await starting;
    if (!isAtOnce) await clear.closeWrite();
    const into = new Uint8Array(100);
    assertEquals(await connection.read(into), null);
    // A reply takes its time.
    await new Promise((done) => setTimeout(done, 1));
    await connection.write(new TextEncoder().encode("221 Bye"));
    assertEquals(await client.read(into), 7);
  });
}

Deno.test("a client that ends with its handshake is still heard", async () => {
  using listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr as Deno.NetAddr;
  const client = connect(
    { host: "127.0.0.1", port, rejectUnauthorized: false },
    () => client.end("QUIT\r\n"),
  );
  const closed = once(client, "close");
  const conn = await listener.accept();
  using connection = await serverTls().accept(
    new TcpConnection(conn),
    LIMITS,
  );
  const into = new Uint8Array(100);
  assertEquals(await connection.read(into), 6);
  assertEquals(await connection.read(into), null);
  client.destroy();
  await closed;
});

Deno.test("close() ends a pending read and write of accepted TLS", async () => {
  await meet(serverTls(), {}, async (connection, client) => {
    client.pause();
    const reading = assertRejects(() => connection.read(new Uint8Array(1)));
    const writing = assertRejects(async () => {
      while (true) await connection.write(new Uint8Array(1_000_000));
    });
    connection.close();
    await Promise.all([reading, writing]);
  });
});
