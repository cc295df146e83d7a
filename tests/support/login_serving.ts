/**
 * A server that one logs in to, for tests: two users in a file, tokens by a hook,
 * all mechanisms, STARTTLS, TLS from the start and clear text.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { makeHash } from "../../lib/auth/make_hash.ts";
import { formatUserLine } from "../../lib/auth/user_line.ts";
import type { LogFormat } from "../../lib/log/line.ts";
import { memorySink } from "../../lib/log/sink.ts";
import { beginClientExchange } from "../../lib/sasl/client.ts";
import {
  SASL_MECHANISMS,
  type SaslMechanism,
} from "../../lib/sasl/mechanism.ts";
import { Secret } from "../../lib/secret.ts";
import {
  type ConfigInput,
  type Hooks,
  type ListenAddress,
  Log,
  type RunningServer,
  serve,
} from "../../mod.ts";
import { RawClient } from "./raw_client.ts";

const CERTS = new URL("../transport/certs/", import.meta.url).pathname;

/** The authority that vouches for the server as `localhost`. */
export const CA_FILE = `${CERTS}ca.pem`;

/** Whose password is hashed. */
export const ANN = { user: "ann@example.org", password: "pàss %:/@, wörd=1" };

/** Whose password is kept as it is, for CRAM-MD5. */
export const JOE = { user: "joe", password: "another+password=2" };

/** The token that the hook takes, from anybody. */
export const TOKEN = "ya29.good-_~+/==";

/** Lets tokens in; passwords are the file's. */
const TOKEN_HOOKS: Hooks = {
  auth: (_session, { token }) =>
    token === undefined ? undefined : token === TOKEN,
};

/** Where a {@linkcode LoginServing} is different. */
export interface LoginServingOptions {
  readonly config?: ConfigInput;
  readonly hooks?: Hooks;
  readonly format?: LogFormat;
}

let usersText: Promise<string> | undefined;

async function makeUsers(): Promise<string> {
  const hash = await makeHash(new Secret(ANN.password), "scram");
  const plain = await makeHash(new Secret(JOE.password), "plain");
  return `${formatUserLine(ANN.user, hash)}\n${
    formatUserLine(JOE.user, plain)
  }\n`;
}

/** A running server and what one looks at. */
export class LoginServing implements AsyncDisposable {
  readonly server: RunningServer;
  /** Where its files are. */
  readonly folder: string;
  readonly #log: Log;
  readonly #lines: readonly string[];

  private constructor(
    server: RunningServer,
    folder: string,
    log: Log,
    lines: readonly string[],
  ) {
    this.server = server;
    this.folder = folder;
    this.#log = log;
    this.#lines = lines;
  }

  /** Starts one. Failed logins are answered at once, unless it is told otherwise. */
  static async start(options: LoginServingOptions = {}): Promise<LoginServing> {
    const { config = {}, hooks = TOKEN_HOOKS, format = "text" } = options;
    const folder = await Deno.makeTempDir();
    const users_file = `${folder}/users`;
    const sink = memorySink();
    const log = new Log({ level: "debug", sink, format });
    try {
      await Deno.writeTextFile(users_file, await (usersText ??= makeUsers()), {
        mode: 0o600,
      });
      const server = await serve({
        delivery: { maildir: `${folder}/mail` },
        ...config,
        server: {
          hostname: "mx.test",
          listen: ["127.0.0.1:0", "smtps://127.0.0.1:0"],
          ...config.server,
        },
        tls: {
          certificate: `${CERTS}localhost.pem`,
          key: `${CERTS}localhost.key`,
          ...config.tls,
        },
        auth: {
          mechanisms: SASL_MECHANISMS,
          users_file,
          failure_delay: "0s",
          ...config.auth,
        },
      }, { log, hooks });
      return new LoginServing(server, folder, log, sink.lines);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** Where it listens in clear. */
  get address(): ListenAddress {
    return this.server.addresses[0]!;
  }

  /** The port for STARTTLS and clear text, or for TLS from the start. */
  port(isImplicit = false): number {
    const address = this.server.addresses[isImplicit ? 1 : 0]!;
    if (address.transport === "unix") throw new TypeError("Expected a port");
    return address.port;
  }

  /** What it has logged. */
  get log(): string {
    this.#log.flush();
    return this.#lines.join("\n");
  }

  /** The last lines of the log, where it has a word. */
  logged(event: string): string[] {
    return this.log.split("\n").filter((line) => line.includes(` ${event} `));
  }

  /** A client that has said EHLO, in clear. */
  client(): Promise<RawClient> {
    return RawClient.greeted(this.address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.#log.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** In base64; "=" for nothing, as in an initial response. */
export function base64(text: string): string {
  return Buffer.from(text).toString("base64") || "=";
}

/** The AUTH command that logs a user in by PLAIN. */
export function authPlain(user: string, password: string, actAs = ""): string {
  return `AUTH PLAIN ${base64(`${actAs}\0${user}\0${password}`)}`;
}

/** Who logs in how. */
export interface Attempt {
  readonly mechanism: SaslMechanism;
  readonly user: string;
  readonly secret: string;
}

/**
 * Goes through an exchange as a client that knows the mechanism does.
 *
 * @returns The last reply, all that was said, in base64, and how long the server
 * has taken over its replies, in ms
 */
export async function logIn(
  client: RawClient,
  { mechanism, user, secret }: Attempt,
): Promise<{ reply: string; said: readonly string[]; waitedMs: number }> {
  const exchange = beginClientExchange(mechanism, {
    ...{ user, secret: new Secret(secret), host: "mx.test", port: 25 },
  });
  const said: string[] = [];
  let waitedMs = 0;
  const ask = async (line: string) => {
    const start = performance.now();
    const reply = await client.ask(line);
    waitedMs += performance.now() - start;
    return reply;
  };
  const say = (bytes: Uint8Array, command: string) => {
    const text = Buffer.from(bytes).toString("base64");
    said.push(text);
    return ask(command + text);
  };
  let reply = exchange.initial === undefined
    ? await ask(`AUTH ${mechanism}`)
    : await say(exchange.initial, `AUTH ${mechanism} `);
  while (reply.startsWith("334")) {
    const challenge = Buffer.from(reply.slice(4).trim(), "base64");
    reply = await say(await exchange.respond(challenge), "");
  }
  return { reply, said, waitedMs };
}
