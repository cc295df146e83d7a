/** TLS servers for tests, with the certificates of `certs/`. */
import { assert } from "@std/assert";
import type { Connection } from "../../lib/transport/connection.ts";
import type { TlsIdentity } from "../../lib/transport/certificates.ts";
import { dial } from "../../lib/transport/dial.ts";
import {
  startTls,
  type StartTlsOptions,
  type TlsConnection,
} from "../../lib/transport/tls.ts";

export const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** A file of `certs/`. */
export function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`certs/${name}`, import.meta.url));
}

/** The certificate `name` of `certs/` and its key. */
export function identity(name: string): TlsIdentity {
  const file = `${name}.pem`;
  return { certificate: pem(file), key: pem(`${name}.key`), name: file };
}

/** Who signed the servers' certificates. */
export const CA: string = pem("ca.pem");

/** A TLS server with the certificate `name`; handshakes that fail are its clients' affair. */
export function tlsServer(name: string): Deno.TlsListener {
  const cert = pem(`${name}.pem`);
  return Deno.listenTls({ ...LOOPBACK, cert, key: pem(`${name}.key`) });
}

/** A connection to `listener`, in clear. */
export async function dialTo(listener: Deno.Listener): Promise<Connection> {
  const { port } = listener.addr as Deno.NetAddr;
  return await dial({ hostname: "127.0.0.1", port });
}

/** Both ends of one TLS connection, the peer's being the runtime's own. */
export async function connectTls(
  options: Partial<StartTlsOptions> = {},
  name = "localhost",
): Promise<
  { clear: Connection; connection: TlsConnection; peer: Deno.TlsConn }
> {
  using listener = tlsServer(name);
  const accepting = listener.accept().then(async (peer) => {
    await peer.handshake().catch(() => peer.close());
    return peer;
  });
  const clear = await dialTo(listener);
  const starting = startTls(clear, {
    hostname: "localhost",
    verify: true,
    caCerts: [CA],
    timeoutMs: 10_000,
    ...options,
  });
  const [started, accepted] = await Promise.allSettled([starting, accepting]);
  assert(accepted.status === "fulfilled");
  const peer = accepted.value;
  if (started.status === "rejected") {
    try {
      peer.close();
    } catch {
      // Closed with its handshake.
    }
    throw started.reason;
  }
  return { clear, connection: started.value, peer };
}
