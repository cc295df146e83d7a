import { assert, assertEquals, assertMatch } from "@std/assert";
import { MAX_OAUTH_ANSWER_BYTES } from "../../lib/relay/oauth.ts";
import type { ConfigInput } from "../../mod.ts";
import { CA_FILE, type LoginServing } from "../support/login_serving.ts";
import { verdictOf } from "../support/raw_client.ts";
import { Serving } from "../support/serving.ts";
import {
  type Answer,
  assertHidden,
  CLIENT_SECRET,
  Issuer,
  REFRESH_TOKEN,
  relayOf,
  USER,
} from "./support/issuer.ts";

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
    "gives a token behind a megabyte of blanks",
    () =>
      new Response(
        `${" ".repeat(2 ** 20)}{"access_token": "a", "token_type": "Bearer"}`,
      ),
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
