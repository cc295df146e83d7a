/**
 * An issuer of OAuth 2 tokens, and a relay that asks it about them.
 *
 * @module
 */

import { assert } from "@std/assert";
import { Buffer } from "node:buffer";
import { LoginServing } from "../../support/login_serving.ts";

/** The client's own. */
export const CLIENT_SECRET = "hush-hush";
/** What the refresh grant begins with. */
export const REFRESH_TOKEN = "1//refresh-me";
/** Whose mailbox the tokens are for. */
export const USER = "ann@example.org";

/** What the token endpoint was asked. */
export interface Asked {
  readonly authorization: string | null;
  readonly form: Record<string, string>;
}

/** How the endpoint answers, where it gives no token. */
export type Answer = (request: Request) => Response | Promise<Response>;

/** Issues tokens, and knows which of them are good. */
export class Issuer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly good = new Set<string>();
  /** All that must stand in no log. */
  readonly secrets = [CLIENT_SECRET, REFRESH_TOKEN];
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** @param more What its answers hold beside the token; or other answers. */
  constructor(more: object | Answer = {}) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        this.asked.push({
          authorization: request.headers.get("authorization"),
          form: Object.fromEntries(new URLSearchParams(await request.text())),
        });
        if (typeof more === "function") return await (more as Answer)(request);
        return Response.json({ ...this.#token(), ...more });
      },
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}/token`;
  }

  /** Whether the relay is to let that user in with that token. */
  judge(user: string, token: string): boolean | Promise<boolean> {
    return user === USER && this.good.has(token);
  }

  #token(): object {
    const token = `ya29.${crypto.randomUUID()}`;
    this.good.add(token);
    this.secrets.push(token);
    return { access_token: token, token_type: "Bearer" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A relay that asks the issuer about tokens, and takes mail from users alone. */
export function relayOf(
  issuer: Issuer,
  mechanisms: readonly ("XOAUTH2" | "OAUTHBEARER")[] = [
    "XOAUTH2",
    "OAUTHBEARER",
  ],
): Promise<LoginServing> {
  return LoginServing.start({
    config: {
      auth: { mechanisms, users_file: "" },
      server: { listen: [] },
      listener: [
        { url: "127.0.0.1:0", auth: "required" },
        { url: "smtps://127.0.0.1:0", auth: "required" },
      ],
    },
    hooks: {
      auth: (_session, { user, token }) => issuer.judge(user, token ?? ""),
    },
  });
}

/** Sees that none of the secrets stands in a log, nor in base64. */
export function assertHidden(
  secrets: readonly string[],
  ...logs: string[]
): void {
  for (const secret of secrets) {
    for (const form of [secret, Buffer.from(secret).toString("base64")]) {
      assert(!logs.some((log) => log.includes(form)), logs.join("\n"));
    }
  }
}
