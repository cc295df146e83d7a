/**
 * Starts TLS as the server, on a connection that is in clear so far: after
 * STARTTLS or, as its first bytes, where TLS comes from the start.
 *
 * The rule it keeps: a client's certificate counts only when the runtime has
 * verified it against the authorities that the operator named; one that does
 * not hold is refused where certificates are required, and is as none where
 * they are optional.
 *
 * Bytes read before the handshake are plaintext, and the caller's to throw away
 * (RFC 3207 section 4.2). Not here: the client's side; choosing ciphers, which
 * the runtime does not let anyone do.
 *
 * @module
 */
import type { Socket } from "node:net";
import {
  createServer,
  type Server,
  type TlsOptions,
  type TLSSocket,
} from "node:tls";
import {
  CertificateError,
  checkIdentity,
  type TlsIdentity,
} from "./certificates.ts";
import { MAX_HELLO_BYTES, parseClientHello } from "./client_hello.ts";
import type { Connection } from "./connection.ts";
import { Gate } from "./gate.ts";
import type { TlsConnection } from "./tls.ts";
import { NodeTlsConnection } from "./tls_connection.ts";
import { shakeHands, TlsError, type TlsProblemTable } from "./tls_handshake.ts";

export { CertificateError, type TlsIdentity } from "./certificates.ts";

/** A version of TLS that the runtime has. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How a {@linkcode ServerTls} works. */
export interface ServerTlsSettings {
  /** Certificates; a client that asks for none of their names gets the first. */
  readonly identities: readonly TlsIdentity[];
  /** Whether clients are asked for a certificate, and go without one. */
  readonly clientCertificates: "off" | "optional" | "required";
  /** Authorities of the clients' certificates, as PEM texts. */
  readonly caCerts: readonly string[];
  /**
   * The lowest version.
   *
   * @default {"TLSv1.2"}
   */
  readonly minVersion?: TlsVersion | undefined;
  /**
   * The highest version.
   *
   * @default {"TLSv1.3"}
   */
  readonly maxVersion?: TlsVersion | undefined;
}

/** A client's certificate that was verified. */
export interface ClientCertificate {
  /** Its subject on one line, such as `O=Example, CN=mail.example.com`. */
  readonly subject: string;
  /** Its SHA-256 fingerprint: pairs of hexadecimal capitals, colons between. */
  readonly fingerprint256: string;
}

/** A connection in TLS that a client opened. */
export interface ServerTlsConnection extends TlsConnection {
  /** The name that the client asked for (SNI); `undefined` for none. */
  readonly serverName: string | undefined;
  /** The client's certificate; only one that was verified. */
  readonly clientCertificate: ClientCertificate | undefined;
}

/** How {@linkcode ServerTls.accept} works. */
export interface AcceptTlsOptions {
  /** How long the handshake may take, in ms. */
  readonly timeoutMs: number;
  /** Breaks the handshake off; `accept` then throws its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** As `handshakeTimeout`; 0 would be the runtime's own two minutes. */
const NO_TIMEOUT = -1;

/** What the runtime's texts mean where we are the server. */
const PROBLEMS: TlsProblemTable = [
  [/fatal alert/, "certificate", "it broke off"],
  [
    /incompatible|UNSUPPORTED_PROTOCOL/,
    "handshake",
    "it has no version or cipher in common with us",
  ],
];

/** The server's side of TLS, as configured at one moment; a reload makes another. */
export class ServerTls {
  /** What the operator should know, a sentence each, such as of a certificate that ends soon. */
  readonly warnings: readonly string[];
  readonly #clientCertificates: ServerTlsSettings["clientCertificates"];
  readonly #default: Acceptors;
  readonly #byName = new Map<string, Acceptors>();

  /**
   * Checks everything and gets ready.
   *
   * @param settings How it works.
   * @throws {CertificateError} If something in them can't be used.
   */
  constructor(settings: ServerTlsSettings) {
    const { identities, clientCertificates, minVersion, maxVersion } = settings;
    const now = Date.now();
    const checked = identities.map((each) => checkIdentity(each, now));
    const problems = checked.flatMap((each) => each.problems);
    if (identities.length === 0) {
      problems.push("Cannot start TLS: expected a certificate");
    }
    // The runtime would go by its built-in authorities, and let in who can get
    // a certificate from any of them.
    if (clientCertificates !== "off" && settings.caCerts.length === 0) {
      problems.push(
        "Cannot verify clients' certificates: expected the authorities that sign them",
      );
    }
    if (problems.length > 0) throw new CertificateError(problems);
    this.warnings = checked.flatMap((each) => each.warnings);
    this.#clientCertificates = clientCertificates;
    const acceptors = identities.map(({ certificate: cert, key }) =>
      new Acceptors({
        ...{ cert, key, ca: [...settings.caCerts] },
        minVersion: minVersion ?? "TLSv1.2",
        maxVersion: maxVersion ?? "TLSv1.3",
        requestCert: clientCertificates !== "off",
        rejectUnauthorized: false,
        // Its timer outlives a handshake that failed, and all that belongs to it.
        handshakeTimeout: NO_TIMEOUT,
      })
    );
    this.#default = acceptors[0]!;
    for (const [index, { names }] of checked.entries()) {
      for (const name of names) {
        this.#byName.getOrInsert(name, acceptors[index]!);
      }
    }
  }

  /**
   * Starts TLS on `connection`, which is used up: if it fails, everything is
   * closed, and if not, only the connection returned may be used. That one
   * starts with no deadlines and no farewell, and is the one to add to a sweep.
   *
   * @param connection In clear so far, with no read pending.
   * @param options How it works.
   * @returns The connection in TLS, its handshake done; the caller's to close.
   * @throws {TlsError} If it cannot be done in time.
   * @throws The reason of `options.signal`, if that was aborted.
   */
  async accept(
    connection: Connection,
    options: AcceptTlsOptions,
  ): Promise<ServerTlsConnection> {
    const peer = connection.remote || "unix";
    const secured = await shakeHands(
      connection,
      { peer, ...options },
      PROBLEMS,
      (signal) => this.#start(connection, signal),
    );
    const problem = this.#clientCertificates === "required"
      ? secured.clientProblem
      : undefined;
    if (problem === undefined) return secured;
    secured.close();
    throw new TlsError("certificate", peer, problem);
  }

  async #start(
    connection: Connection,
    signal: AbortSignal,
  ): Promise<AcceptedConnection> {
    const { bytes, serverName } = await readHello(connection, signal);
    const { promise, resolve, reject } = Promise.withResolvers<
      AcceptedConnection
    >();
    const gate = new Gate(connection, bytes);
    const acceptors = this.#acceptorsFor(serverName?.toLowerCase() ?? "");
    const server = acceptors.take();
    let isSecure = false;
    const fail = (error: Error) => {
      if (isSecure) return;
      reject(error);
      gate.destroy();
    };
    server.once("secureConnection", (socket: TLSSocket) => {
      isSecure = true;
      acceptors.give(server);
      // At once: without the gate's watch, what the client sends is unbounded.
      resolve(new AcceptedConnection(connection, gate, socket, serverName));
    });
    server.on("tlsClientError", fail);
    // For a client that has ended its side, the runtime waits on.
    gate.once("end", () => fail(new Deno.errors.UnexpectedEof()));
    gate.once("close", () => fail(new Deno.errors.UnexpectedEof()));
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
    // `emit` takes any Duplex; the types know it of sockets only.
    server.emit("connection", gate as unknown as Socket);
    return await promise;
  }

  /** The certificate for a name in lower case: one that has it, or a wildcard for it (RFC 6125 section 6.4.3), or the first. */
  #acceptorsFor(name: string): Acceptors {
    const wildcard = name.replace(/^[^.]*/, "*");
    return this.#byName.get(name) ?? this.#byName.get(wildcard) ??
      this.#default;
  }
}

/** Most servers kept for handshakes to come, for each certificate. */
const MAX_IDLE_ACCEPTORS = 16;

/**
 * The runtime's servers for one certificate, one for each handshake under way,
 * since a server does not say which stream a socket of its is over.
 *
 * Only a server's sockets verify: a `TLSSocket` made by hand says of every
 * certificate that it was not, and takes it. To make one takes a third of a
 * handshake's time, as it reads the key.
 */
class Acceptors {
  readonly #options: TlsOptions;
  readonly #idle: Server[] = [];

  constructor(options: TlsOptions) {
    this.#options = options;
  }

  /** One with no handshake under way. */
  take(): Server {
    return this.#idle.pop() ?? createServer(this.#options);
  }

  /** Takes one back whose handshake came off: of another, more may be heard. */
  give(server: Server): void {
    server.removeAllListeners("secureConnection");
    server.removeAllListeners("tlsClientError");
    if (this.#idle.length < MAX_IDLE_ACCEPTORS) this.#idle.push(server);
  }
}

/**
 * Reads the client's first message.
 *
 * @throws {TlsError} It is none.
 */
async function readHello(
  connection: Connection,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; serverName: string | undefined }> {
  const close = () => connection.close();
  signal.addEventListener("abort", close, { once: true });
  const buffer = new Uint8Array(MAX_HELLO_BYTES);
  try {
    for (let length = 0;;) {
      const count = await connection.read(buffer.subarray(length));
      if (count === null) throw new Deno.errors.UnexpectedEof();
      length += count;
      const bytes = buffer.subarray(0, length);
      const hello = parseClientHello(bytes);
      if (hello.type === "hello") return { bytes, ...hello };
      if (hello.type === "more" && length < buffer.length) continue;
      const isText = hello.type === "plaintext";
      throw new TlsError(
        isText ? "plaintext" : "handshake",
        connection.remote || "unix",
        isText ? "it does not speak TLS" : "it does not begin as a client does",
      );
    }
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** What a handshake made. */
class AcceptedConnection extends NodeTlsConnection
  implements ServerTlsConnection {
  readonly serverName: string | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
  /** Why there is no certificate of the client's; `undefined` where there is. */
  readonly clientProblem: string | undefined;

  constructor(
    inner: Connection,
    gate: Gate,
    socket: TLSSocket,
    serverName: string | undefined,
  ) {
    super(inner, gate, socket);
    this.serverName = serverName;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) {
      this.clientProblem = "it has no certificate";
    } else if (!socket.authorized) {
      const { authorizationError: reason } = socket;
      this.clientProblem = `its certificate does not hold (${reason})`;
    } else {
      const { subject, fingerprint256 } = certificate;
      this.clientCertificate = {
        subject: subject.replaceAll("\n", ", "),
        fingerprint256,
      };
    }
  }
}
