/**
 * npm's smtp-server, in this process: takes all mail and throws it away, and
 * asks one user for his password without TLS.
 *
 * @module
 */

import { SMTPServer } from "npm:smtp-server@3.21.6";
import type { AddressInfo } from "node:net";

/** A running smtp-server. */
export class SmtpServer implements AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly #server: SMTPServer;

  private constructor(server: SMTPServer) {
    this.#server = server;
    this.port = (server.server.address() as AddressInfo).port;
  }

  /** Starts it; the one user is `USER:PASSWORD`. */
  static async start(pair: string): Promise<SmtpServer> {
    const colon = pair.indexOf(":");
    const [user, secret] = [pair.slice(0, colon), pair.slice(colon + 1)];
    const server = new SMTPServer({
      allowInsecureAuth: true,
      authMethods: ["PLAIN", "LOGIN", "CRAM-MD5"],
      disabledCommands: ["STARTTLS"],
      disableReverseLookup: true,
      onAuth({ username, password, validatePassword }, _session, done) {
        // CRAM-MD5 has no password, but can tell of one whether it is his.
        const isRight = password === undefined
          ? validatePassword(secret)
          : password === secret;
        if (username === user && isRight) return done(null, { user });
        done(new Error("Wrong user or password"));
      },
    });
    await new Promise<void>((listens) =>
      server.listen(0, "127.0.0.1", () => listens())
    );
    return new SmtpServer(server);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((ended) => this.#server.close(() => ended()));
  }
}
