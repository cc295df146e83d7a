/**
 * A client has to hold the key of the certificate that it shows. The runtime's
 * own client would not pretend otherwise; openssl can be made to.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { TcpConnection } from "../../lib/transport/connection.ts";
import { ServerTls } from "../../lib/transport/server_tls.ts";
import { identity, LOOPBACK, pem } from "../transport/tls_peer.ts";

const CERTS = new URL("../transport/certs/", import.meta.url).pathname;

/** The subject that `accept()` takes for openssl, which shows the certificate "client" with `key`. */
async function subjectWith(
  key: string,
  version: string,
): Promise<string | undefined> {
  const server = new ServerTls({
    identities: [identity("localhost")],
    clientCertificates: "optional",
    caCerts: [pem("client_ca.pem")],
  });
  using listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr as Deno.NetAddr;
  const client = new Deno.Command("openssl", {
    args: [
      ...["s_client", "-quiet", version, "-connect", `127.0.0.1:${port}`],
      ...["-cert", `${CERTS}client.pem`, "-key", `${CERTS}${key}`],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const socket = new TcpConnection(await listener.accept());
    const limits = { timeoutMs: 10_000 };
    using connection = await server.accept(socket, limits);
    return connection.clientCertificate?.subject;
  } finally {
    await client.status;
  }
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  Deno.test(`accept() believes only who holds the certificate's key, ${version}`, async () => {
    assertEquals(
      await subjectWith("client.key", version),
      "O=Postern, CN=client.test",
    );
    const refused = await subjectWith("liar.key", version)
      .then(String, ({ message }) => message);
    assertEquals(
      refused.startsWith('Cannot start TLS with "127.0.0.1": '),
      true,
      refused,
    );
  });
}
