import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { readCaCerts, relaySettings } from "../../lib/relays.ts";
import { parseRelayUrl } from "../../lib/config/address.ts";
import { defaultConfig } from "../../lib/config/load.ts";
import { isPositive } from "../../lib/engine/reply.ts";
import { Log, memorySink } from "../../lib/log/log.ts";
import { RelayHop } from "../../lib/relay/hop.ts";
import { MIN_REFUSED_MS } from "../../lib/relay/kept_secret.ts";
import { MAX_OAUTH_ANSWER_BYTES, oauthToken } from "../../lib/relay/oauth.ts";
import { RelayPool } from "../../lib/relay/pool.ts";
import { Secret } from "../../lib/secret.ts";
import { Sweep } from "../../lib/transport/sweep.ts";
import type { ConfigInput } from "../../mod.ts";
import { CA_FILE, LoginServing } from "../support/login_serving.ts";
import { verdictOf } from "../support/raw_client.ts";
import { finished, mailbox, upToDot } from "../support/relaying.ts";
import { Serving } from "../support/serving.ts";

const CLIENT_SECRET = "hush-hush";
const REFRESH_TOKEN = "1//refresh-me";
const USER = "ann@example.org";

/** What the token endpoint was asked. */
interface Asked {
  readonly authorization: string | null;
  readonly form: Record<string, string>;
}

/** How the endpoint answers, where it gives no token. */
type Answer = (request: Request) => Response | Promise<Response>;

/** Issues tokens, and knows which of them are good. */
class Issuer implements AsyncDisposable {
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
function relayOf(
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
      auth: (_session, { user, token }) =>
        user === USER && issuer.good.has(token ?? ""),
    },
  });
}

/** A Postern before `back` that gets its tokens from `issuer`. */
async function frontOf(
  back: LoginServing,
  issuer: { readonly url: string },
  scheme: string,
  grant: "client" | "refresh" = "client",
): Promise<{ front: Serving } & AsyncDisposable> {
  await using owned = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  owned.defer(() => Deno.remove(folder, { recursive: true }));
  const files = [
    [`${folder}/client`, CLIENT_SECRET],
    [`${folder}/refresh`, REFRESH_TOKEN],
  ] as const;
  for (const [path, text] of files) {
    await Deno.writeTextFile(path, `${text}\n`, { mode: 0o600 });
  }
  const port = back.port(scheme === "smtps");
  const relay: ConfigInput["relay"] = {
    url: `${scheme}://${encodeURIComponent(USER)}@localhost:${port}`,
    ca_file: CA_FILE,
    pool: 0,
    oauth_token_url: issuer.url,
    oauth_client_id: "postern",
    oauth_client_secret_file: files[0][0],
    oauth_scope: "https://mail.example.org/send",
    ...(grant === "client" ? {} : { oauth_refresh_token_file: files[1][0] }),
  };
  const front = owned.use(await Serving.start({ relay }));
  const rest = owned.move();
  return { front, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

async function send(front: Serving): Promise<string> {
  using client = await front.client();
  return verdictOf(await client.mail({ to: ["b@elsewhere.test"] }));
}

function assertHidden(secrets: readonly string[], ...logs: string[]): void {
  for (const secret of secrets) {
    for (const form of [secret, Buffer.from(secret).toString("base64")]) {
      assert(!logs.some((log) => log.includes(form)), logs.join("\n"));
    }
  }
}

const WAYS: [scheme: string, offered: ("XOAUTH2" | "OAUTHBEARER")[]][] = [
  ["oauthbearer", ["XOAUTH2", "OAUTHBEARER"]],
  ["xoauth2", ["XOAUTH2", "OAUTHBEARER"]],
  ["smtp", ["XOAUTH2"]],
  ["smtps", ["XOAUTH2", "OAUTHBEARER"]],
];

for (const [scheme, offered] of WAYS) {
  for (const grant of ["client", "refresh"] as const) {
    Deno.test(`${scheme}:// before ${offered.join(", ")}: one token, had by a ${grant} grant, carries several messages`, async () => {
      await using issuer = new Issuer({ expires_in: 3_600 });
      await using back = await relayOf(issuer, offered);
      await using made = await frontOf(back, issuer, scheme, grant);
      const { front } = made;
      for (let i = 0; i < 3; i++) assertMatch(await send(front), /^250 /);
      const scope = "https://mail.example.org/send";
      assertEquals(issuer.asked, [{
        authorization: `Basic ${btoa(`postern:${CLIENT_SECRET}`)}`,
        form: grant === "client"
          ? { grant_type: "client_credentials", scope }
          : {
            grant_type: "refresh_token",
            refresh_token: REFRESH_TOKEN,
            scope,
          },
      }]);
      assertEquals(back.logged("login-failed"), []);
      assertHidden(issuer.secrets, front.log, back.log);
    });
  }
}

Deno.test("a new refresh token is used from then on, and the operator is told", async () => {
  const next = "1//the-next-one";
  await using issuer = new Issuer({ expires_in: 0, refresh_token: next });
  await using back = await relayOf(issuer);
  await using made = await frontOf(back, issuer, "smtp", "refresh");
  const { front } = made;
  for (let i = 0; i < 2; i++) assertMatch(await send(front), /^250 /);
  const used = issuer.asked.map(({ form }) => form["refresh_token"]);
  assertEquals(used[0], REFRESH_TOKEN);
  assertEquals(new Set(used.slice(1)), new Set([next]));
  assertMatch(front.log, /warn +refresh-token-changed file=\S+refresh/);
  assertHidden([...issuer.secrets, next], front.log, back.log);
});

/** Bytes without end, until the other side has enough. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(16_384).fill(32)),
  });
}

const BAD: [what: string, answer: Answer, problem: RegExp][] = [
  [
    "refuses the client",
    () => Response.json({ error: "invalid_client" }, { status: 401 }),
    /status 401, invalid_client/,
  ],
  [
    "repeats what it was sent",
    () =>
      Response.json(
        { error: CLIENT_SECRET, error_description: REFRESH_TOKEN },
        {
          status: 400,
        },
      ),
    /status 400"/,
  ],
  ["is down", () => new Response("<html>", { status: 503 }), /status 503"/],
  ["gives garbage", () => new Response("\0\xff{"), /expected JSON with an/],
  ["gives a list", () => Response.json([1, 2]), /expected JSON with an/],
  [
    "smuggles a field into the token",
    () => Response.json({ access_token: "a\x01auth=b", token_type: "Bearer" }),
    /expected JSON with an/,
  ],
  [
    "smuggles a line into the token",
    () => Response.json({ access_token: "a\r\nRSET", token_type: "Bearer" }),
    /expected JSON with an/,
  ],
  [
    "gives a token of another kind",
    () => Response.json({ access_token: "a", token_type: "mac" }),
    /expected the "?\\?"?token_type/,
  ],
  [
    "has no end",
    () => new Response(endless()),
    new RegExp(`expected at most ${MAX_OAUTH_ANSWER_BYTES} bytes`),
  ],
  [
    "sends elsewhere",
    () =>
      new Response(null, {
        status: 307,
        headers: { location: "http://127.0.0.1:9/" },
      }),
    /status 307"/,
  ],
];

for (const [what, answer, problem] of BAD) {
  Deno.test(`a token endpoint that ${what}: 451, the relay is told nothing, and nobody asks again at once`, async () => {
    await using issuer = new Issuer(answer);
    await using back = await relayOf(issuer);
    await using made = await frontOf(back, issuer, "smtp");
    const { front } = made;
    for (let i = 0; i < 3; i++) assertMatch(await send(front), /^451 4\.3\.0 /);
    assertMatch(front.log, problem);
    assertEquals(issuer.asked.length, 1);
    assert(!back.log.includes("login"), back.log);
    assertHidden(issuer.secrets, front.log, back.log);
  });
}

Deno.test("a token endpoint that does not answer holds up no shutdown", async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<Response>();
  await using issuer = new Issuer(() => {
    asked.resolve();
    return release.promise;
  });
  await using back = await relayOf(issuer);
  await using made = await frontOf(back, issuer, "smtp");
  const sending = send(made.front);
  await asked.promise;
  made.front.server.abort();
  await sending;
  await made.front.server.close();
  release.resolve(new Response());
});

/** A relay's client whose token source has a clock that is moved by hand. */
class Sending implements AsyncDisposable {
  now = 0;
  readonly #pool: RelayPool;
  readonly #sweep = new Sweep({ intervalMs: 20 });
  readonly #log: Log;
  readonly #lines: readonly string[];

  constructor(back: LoginServing, issuer: Issuer) {
    const defaults = defaultConfig({ hostname: "front.test" });
    const config = {
      ...defaults,
      relay: { ...defaults.relay, ca_file: CA_FILE },
    };
    const address = parseRelayUrl(`smtp://localhost:${back.port()}`);
    if (!address.ok) throw new TypeError(address.expected);
    const secret = oauthToken({
      tokenUrl: issuer.url,
      clientId: "postern",
      clientSecret: new Secret(CLIENT_SECRET),
      now: () => this.now,
    });
    const settings = {
      ...relaySettings(config, address.value, readCaCerts(config)),
      tls: "verified" as const,
      pool: 0,
      credentials: { user: USER, secret },
    };
    const { signal } = new AbortController();
    this.#pool = new RelayPool(settings, { sweep: this.#sweep, signal });
    const sink = memorySink();
    this.#log = new Log({ level: "debug", sink });
    this.#lines = sink.lines;
  }

  get log(): string {
    this.#log.flush();
    return this.#lines.join("\n");
  }

  /** Sends one message, on a connection of its own; whether it was taken. */
  async send(): Promise<boolean> {
    const mail = {
      sender: mailbox("a@example.org"),
      parameters: { smtputf8: false },
    };
    const hop = new RelayHop(this.#pool, mail, this.#log);
    try {
      await upToDot(hop);
      return isPositive(await finished(hop));
    } catch {
      await hop.abort();
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
    this.#sweep[Symbol.dispose]();
  }
}

Deno.test("a token that the relay refuses is fetched anew, once for all who wait, and every message goes", async () => {
  await using issuer = new Issuer({ expires_in: 3_600 });
  await using back = await relayOf(issuer);
  await using sending = new Sending(back, issuer);
  assertEquals(await sending.send(), true);
  issuer.good.clear();
  sending.now = MIN_REFUSED_MS;
  const taken = await Promise.all(
    Array.from({ length: 12 }, () => sending.send()),
  );
  assertEquals(taken, taken.map(() => true));
  assertEquals(issuer.asked.length, 2);
  assertHidden(issuer.secrets, sending.log, back.log);
});

Deno.test("where the relay refuses each token, a message costs one more of them at most", async () => {
  await using issuer = new Issuer({ expires_in: 3_600 });
  await using back = await relayOf(issuer);
  await using sending = new Sending(back, issuer);
  issuer.good.add = () => issuer.good;
  for (let i = 0; i < 3; i++) assertEquals(await sending.send(), false);
  // All at one moment: the first token stays the only one.
  assertEquals(issuer.asked.length, 1);
  sending.now = MIN_REFUSED_MS;
  assertEquals(await sending.send(), false);
  assertEquals(issuer.asked.length, 2);
  assertMatch(sending.log, /AUTH: 535 5\.7\.8/);
  assertHidden(issuer.secrets, sending.log, back.log);
});

Deno.test("a token that runs out is fetched anew before the relay could refuse it", async () => {
  await using issuer = new Issuer({ expires_in: 120 });
  await using back = await relayOf(issuer);
  await using sending = new Sending(back, issuer);
  assertEquals(await sending.send(), true);
  sending.now = 59_999;
  assertEquals(await sending.send(), true);
  assertEquals(issuer.asked.length, 1);
  sending.now = 60_000;
  assertEquals(await sending.send(), true);
  assertEquals(issuer.asked.length, 2);
  assertEquals(back.logged("login-failed"), []);
});
