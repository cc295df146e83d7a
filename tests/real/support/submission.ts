/**
 * Postern as submission server before a Postfix: STARTTLS on one port, TLS from
 * the start on another, mail for others taken from who has logged in and from
 * nobody else. With `POSTERN_PROGRAM=none`, a Postfix that is the same.
 *
 * @module
 */

import { SASL_MECHANISMS } from "../../../lib/sasl/mechanism.ts";
import type { Certificates } from "./certificates.ts";
import { freePort, isListening } from "./port.ts";
import { Postfix } from "./postfix.ts";
import { SecurePostfix } from "./postfix_secure.ts";
import { DIRECT, Postern, postern } from "./postern.ts";
import { SASL_MECHANISMS as CYRUS_MECHANISMS } from "./sasl_users.ts";
import type { Login, TlsMode } from "./tls_clients.ts";
import { until } from "./wait.ts";

/** The user whose password is kept itself, for CRAM-MD5; others' are hashed. */
const PLAIN_USER = "joe";
const HASHED_USER = "ann@example.org";
/** No further than ASCII: smtplib can't. */
const PASSWORD = "pass w@rd%:/";
const TOKEN = "ya29.token-_~+/==";

/** The operator's code: whose tokens are good. */
const HOOKS = `export function auth(_session, { token }) {
  return token === undefined ? undefined : token === ${JSON.stringify(TOKEN)};
}
`;

/** A running submission server and what is behind it. */
export class Submission implements AsyncDisposable {
  /** Mechanisms that it offers. */
  readonly mechanisms: readonly string[] = DIRECT
    ? CYRUS_MECHANISMS
    : SASL_MECHANISMS;
  /** Where mail arrives. */
  readonly postfix: Postfix;
  /** File of the authority that its certificate is from. */
  readonly ca: string;
  readonly #ports: Readonly<Record<TlsMode, number>>;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    postfix: Postfix,
    ca: string,
    ports: Readonly<Record<TlsMode, number>>,
    owned: AsyncDisposableStack,
  ) {
    this.postfix = postfix;
    this.ca = ca;
    this.#ports = ports;
    this.#owned = owned;
  }

  /** Starts all of it. */
  static async start(certificates: Certificates): Promise<Submission> {
    await using owned = new AsyncDisposableStack();
    const ca = certificates.authority();
    if (DIRECT) {
      const passwords = { [PLAIN_USER]: PASSWORD, [HASHED_USER]: PASSWORD };
      const relay = owned.use(
        await SecurePostfix.start({ certificates, passwords }),
      );
      const ports = {
        "STARTTLS": relay.port,
        "TLS from the start": relay.implicitPort,
      };
      return new Submission(relay.postfix, ca, ports, owned.move());
    }
    const postfix = owned.use(await Postfix.start());
    const folder = await Deno.makeTempDir({ prefix: "postern-submission-" });
    owned.defer(() => Deno.remove(folder, { recursive: true }));
    const implicitPort = freePort();
    const server = owned.use(
      await Postern.start({
        relay: postfix.port,
        toml: await configuration(folder, certificates, implicitPort),
      }),
    );
    await until("Postern to accept", () => isListening(implicitPort));
    const ports = {
      "STARTTLS": server.port,
      "TLS from the start": implicitPort,
    };
    return new Submission(postfix, ca, ports, owned.move());
  }

  /** Where it accepts connections that are secured so. */
  port(mode: TlsMode): number {
    return this.#ports[mode];
  }

  /** A login that holds. */
  login(mechanism: string): Login {
    const isToken = mechanism === "XOAUTH2" || mechanism === "OAUTHBEARER";
    return {
      mechanism,
      user: mechanism === "CRAM-MD5" ? PLAIN_USER : HASHED_USER,
      secret: isToken ? TOKEN : PASSWORD,
    };
  }

  /** Ends all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}

async function configuration(
  folder: string,
  certificates: Certificates,
  implicitPort: number,
): Promise<string> {
  const users = `${folder}/users`;
  const stdin = new TextEncoder().encode(`${PASSWORD}\n`);
  for (
    const [mechanism, user] of [["plain", PLAIN_USER], ["scram", HASHED_USER]]
  ) {
    const args = ["passwd", "--mechanism", mechanism!, user!, users];
    const { code, output } = await postern(args, { stdin });
    if (code !== 0) throw new Error(output);
  }
  await Deno.writeTextFile(`${folder}/hooks.js`, HOOKS);
  return `
[[listener]]
url = "smtps://127.0.0.1:${implicitPort}"

[tls]
certificate = "${certificates.certificate("server")}"
key = "${certificates.key("server")}"

[auth]
users_file = "${users}"
mechanisms = ${JSON.stringify(SASL_MECHANISMS)}

[hooks]
module = "${folder}/hooks.js"

# Nobody may send anywhere for where he is.
[local]
networks = ["192.0.2.0/24"]

[relay]
domains = ["nobody.example"]

[limits]
data = "64MiB"
`;
}
