/**
 * Python's aiosmtpd as a server: takes all mail and throws it away, offers
 * STARTTLS with a certificate that nobody signed, and in TLS AUTH for one user;
 * or AUTH without any TLS.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import { freePort, isListening } from "./port.ts";
import { until } from "./wait.ts";

/** Debian's, which has Debian's packages; another in PATH may not. */
const PYTHON = "/usr/bin/python3";

/** The one user, as `USER:PASSWORD`. */
export const USER = "joe:open sesame";

const PROGRAM = `
import signal, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult

port, user, cert = sys.argv[1:]

def authenticate(server, session, envelope, mechanism, data):
    given = b"%s:%s" % (data.login, data.password)
    # Not "handled": aiosmtpd is to say the 535 itself.
    return AuthResult(success=given == user.encode(), handled=False)

tls = None
if cert:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert + ".pem", cert + ".key")
Controller(
    Sink(), "127.0.0.1", int(port), tls_context=tls, authenticator=authenticate,
    auth_require_tls=tls is not None,
).start()
signal.pause()
`;

/** Whether it is installed here. */
export function hasAiosmtpd(): boolean {
  try {
    const { code } = new Deno.Command(PYTHON, {
      args: ["-c", "import aiosmtpd"],
      stderr: "null",
    }).outputSync();
    return code === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** How a test wants its server. */
export interface AiosmtpdOptions {
  /** The one user; {@linkcode USER} by default. */
  readonly user?: string;
  /** Whether there is TLS; there is by default. */
  readonly tls?: boolean;
}

/** A running aiosmtpd. */
export class Aiosmtpd implements AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly #child: Child;

  private constructor(port: number, child: Child) {
    this.port = port;
    this.#child = child;
  }

  /** Starts it, and waits until it accepts. */
  static async start(
    { user = USER, tls = true }: AiosmtpdOptions = {},
  ): Promise<Aiosmtpd> {
    const port = freePort();
    const cert = new URL("../../transport/certs/self_signed", import.meta.url);
    const child = new Child(PYTHON, [
      ...["-c", PROGRAM, `${port}`, user, tls ? fileURLToPath(cert) : ""],
    ]);
    try {
      await until("aiosmtpd to listen", async () => {
        if (child.status !== undefined) throw new Error(child.output);
        return await isListening(port);
      });
    } catch (error) {
      await child.stop();
      throw error;
    }
    return new Aiosmtpd(port, child);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}
