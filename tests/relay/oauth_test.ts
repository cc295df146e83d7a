import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  MAX_OAUTH_ANSWER_BYTES,
  type OAuthSettings,
  oauthToken,
  parseTokenUrl,
} from "../../lib/relay/oauth.ts";
import { MIN_REFUSED_MS } from "../../lib/relay/kept_secret.ts";
import { SecretError } from "../../lib/sasl/secret_source.ts";
import { Secret } from "../../lib/secret.ts";

const GOES_ON = new AbortController().signal;

/** What the endpoint was asked. */
interface Asked {
  readonly method: string;
  readonly authorization: string | null;
  readonly form: Record<string, string>;
}

/** A token endpoint with these answers, one after another. */
class Endpoint implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answers: (Response | unknown)[]) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        this.asked.push({
          method: request.method,
          authorization: request.headers.get("authorization"),
          form: Object.fromEntries(new URLSearchParams(await request.text())),
        });
        const answer = answers.shift();
        return answer instanceof Response ? answer : Response.json(answer);
      },
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}/token`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

const CLIENT = { clientId: "postern", clientSecret: new Secret("hush") };
const TOKEN = { access_token: "2YotnFZFEjr1zCsicMWpAA", token_type: "Bearer" };

async function get(
  endpoint: Endpoint,
  settings: Partial<OAuthSettings> = {},
): Promise<string> {
  const source = oauthToken({
    tokenUrl: endpoint.url,
    ...CLIENT,
    ...settings,
  });
  assertEquals(source.kind, "token");
  return (await source.get(GOES_ON)).reveal();
}

const GRANTS: [
  what: string,
  settings: Partial<OAuthSettings>,
  authorization: string | null,
  form: Record<string, string>,
][] = [
  [
    "asks for client_credentials: RFC 6749 section 4.4.2",
    {},
    `Basic ${btoa("postern:hush")}`,
    { grant_type: "client_credentials" },
  ],
  [
    "asks with a scope",
    { scope: "mail smtp" },
    `Basic ${btoa("postern:hush")}`,
    { grant_type: "client_credentials", scope: "mail smtp" },
  ],
  [
    "asks with a refresh token: RFC 6749 section 6",
    { refreshToken: new Secret("tGzv3JOkF0XG5Qx2TlKWIA"), scope: "" },
    `Basic ${btoa("postern:hush")}`,
    { grant_type: "refresh_token", refresh_token: "tGzv3JOkF0XG5Qx2TlKWIA" },
  ],
  [
    "asks as a public client: RFC 6749 section 3.2.1",
    { clientSecret: undefined, refreshToken: new Secret("x") },
    null,
    { grant_type: "refresh_token", refresh_token: "x", client_id: "postern" },
  ],
  [
    "encodes name and secret as RFC 6749 section 2.3.1 has it",
    { clientId: "a b:c", clientSecret: new Secret("ü%&") },
    `Basic ${btoa("a+b%3Ac:%C3%BC%25%26")}`,
    { grant_type: "client_credentials" },
  ],
];

for (const [what, settings, authorization, form] of GRANTS) {
  Deno.test(`oauthToken() ${what}`, async () => {
    await using endpoint = new Endpoint([TOKEN]);
    assertEquals(await get(endpoint, settings), TOKEN.access_token);
    assertEquals(endpoint.asked, [{ method: "POST", authorization, form }]);
  });
}

const text = (body: string, init: ResponseInit = {}) =>
  new Response(body, init);

const FAULTS: [what: string, answer: () => unknown, problem: string][] = [
  [
    "a refusal in RFC 6749's words",
    () =>
      Response.json({ error: "invalid_grant", error_description: "hush" }, {
        status: 400,
      }),
    "No token from the token endpoint at HOST: status 400, invalid_grant",
  ],
  [
    "a refusal in others, which may be anything",
    () => Response.json({ error: "hush" }, { status: 401 }),
    "No token from the token endpoint at HOST: status 401",
  ],
  [
    "a page of a web server",
    () => text("<h1>hush</h1>", { status: 502 }),
    "No token from the token endpoint at HOST: status 502",
  ],
  [
    "a redirection, which is not followed",
    () => text("", { status: 307, headers: { location: "/other" } }),
    "No token from the token endpoint at HOST: status 307",
  ],
  [
    "no token",
    () => ({ token_type: "Bearer" }),
    'Cannot use the answer of the token endpoint at HOST: expected JSON with an "access_token"',
  ],
  [
    "a token that would break the line",
    () => ({ ...TOKEN, access_token: "hush\x01" }),
    'Cannot use the answer of the token endpoint at HOST: expected JSON with an "access_token"',
  ],
  [
    "no JSON",
    () => text("hush"),
    'Cannot use the answer of the token endpoint at HOST: expected JSON with an "access_token"',
  ],
  [
    "JSON null",
    () => null,
    'Cannot use the answer of the token endpoint at HOST: expected JSON with an "access_token"',
  ],
  [
    "a token of another type",
    () => ({ ...TOKEN, token_type: "mac" }),
    'Cannot use the token of the token endpoint at HOST: expected the "token_type" Bearer',
  ],
  [
    "too long an answer",
    () => ({ ...TOKEN, more: "x".repeat(MAX_OAUTH_ANSWER_BYTES) }),
    "Answer of the token endpoint at HOST is too long: expected at most 65536 bytes",
  ],
];

for (const [what, answer, problem] of FAULTS) {
  Deno.test(`oauthToken() refuses ${what}, and tells no secret`, async () => {
    await using endpoint = new Endpoint([answer(), TOKEN]);
    const error = await assertRejects(() => get(endpoint), SecretError);
    const { host } = new URL(endpoint.url);
    assertEquals(error.message, problem.replace("HOST", host));
    assertEquals(Deno.inspect(error).includes("hush"), false);
    assertEquals(endpoint.asked.length, 1);
  });
}

Deno.test("oauthToken() says where nobody answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const source = oauthToken({
    tokenUrl: `http://localhost:${port}/`,
    ...CLIENT,
  });
  await assertRejects(
    () => source.get(GOES_ON),
    SecretError,
    `Cannot reach the token endpoint at localhost:${port}`,
  );
});

Deno.test("oauthToken() waits no longer than it may, nor than the one who asks", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const tokenUrl = `http://127.0.0.1:${listener.addr.port}/`;
  const source = oauthToken({ tokenUrl, ...CLIENT, timeoutMs: 50 });
  await assertRejects(
    () => source.get(GOES_ON),
    SecretError,
    "Cannot get the token in time: expected it within 50 ms",
  );
  const stop = new AbortController();
  const other = oauthToken({ tokenUrl, ...CLIENT });
  const asked = other.get(stop.signal);
  stop.abort(new Error("gone"));
  await assertRejects(() => asked, Error, "gone");
});

/** How long, in seconds, a token is kept that says this of its life. */
const LIVES: [expiresIn: unknown, keptSeconds: number][] = [
  [3_600, 3_540],
  ["3600", 3_540],
  [120, 60],
  [100, 50],
  [0, 0],
  [undefined, 300],
  [-1, 300],
  ["soon", 300],
  [null, 300],
];

for (const [expiresIn, keptSeconds] of LIVES) {
  Deno.test(`oauthToken() keeps a token that expires in ${expiresIn} for ${keptSeconds} s`, async () => {
    const answer = (n: number) => ({
      ...TOKEN,
      access_token: `t${n}`,
      expires_in: expiresIn,
    });
    await using endpoint = new Endpoint([answer(1), answer(2)]);
    let now = 0;
    const source = oauthToken({
      tokenUrl: endpoint.url,
      ...CLIENT,
      now: () => now,
    });
    const token = async () => (await source.get(GOES_ON)).reveal();
    assertEquals(await token(), "t1");
    if (keptSeconds > 0) {
      now = keptSeconds * 1_000 - 1;
      assertEquals(await token(), "t1");
    }
    now = keptSeconds * 1_000;
    assertEquals(await token(), "t2");
  });
}

Deno.test("oauthToken() fetches another token after a refusal", async () => {
  await using endpoint = new Endpoint([
    { ...TOKEN, expires_in: 3_600 },
    { ...TOKEN, access_token: "other" },
  ]);
  let now = 0;
  const source = oauthToken({
    tokenUrl: endpoint.url,
    ...CLIENT,
    now: () => now,
  });
  const first = await source.get(GOES_ON);
  assertEquals(source.refused(first), false);
  now = MIN_REFUSED_MS;
  assertEquals(source.refused(first), true);
  assertEquals((await source.get(GOES_ON)).reveal(), "other");
});

Deno.test("oauthToken() goes on with a new refresh token, and says so once", async () => {
  const answer = (refresh_token?: string) => ({
    ...TOKEN,
    expires_in: 0,
    refresh_token,
  });
  await using endpoint = new Endpoint([
    answer("one"),
    answer("two"),
    answer("two"),
    answer(),
    answer(),
  ]);
  let news = 0;
  const source = oauthToken({
    tokenUrl: endpoint.url,
    ...CLIENT,
    refreshToken: new Secret("one"),
    onNewRefreshToken: () => news++,
  });
  for (let i = 0; i < 5; i++) await source.get(GOES_ON);
  assertEquals(
    endpoint.asked.map(({ form }) => form["refresh_token"]),
    ["one", "one", "two", "two", "two"],
  );
  assertEquals(news, 1);
});

Deno.test("oauthToken() with client credentials keeps to them, whatever refresh token comes: RFC 6749 section 4.4.3", async () => {
  const answer = { ...TOKEN, expires_in: 0, refresh_token: "x" };
  await using endpoint = new Endpoint([answer, answer]);
  const source = oauthToken({ tokenUrl: endpoint.url, ...CLIENT });
  for (let i = 0; i < 2; i++) await source.get(GOES_ON);
  assertEquals(
    endpoint.asked.map(({ form }) => form),
    [{ grant_type: "client_credentials" }, {
      grant_type: "client_credentials",
    }],
  );
});

const URLS: [url: string, isGood: boolean][] = [
  ["https://login.example.org/token?x=1", true],
  ["http://localhost:8080/token", true],
  ["http://127.0.0.2/token", true],
  ["http://[::1]:80/token", true],
  ["http://login.example.org/token", false],
  ["http://127.0.0.1.example.org/", false],
  ["http://localhost.example.org/", false],
  ["https://user:hush@login.example.org/", false],
  ["ftp://login.example.org/", false],
  ["login.example.org", false],
  ["", false],
];

for (const [url, isGood] of URLS) {
  Deno.test(`parseTokenUrl() ${isGood ? "takes" : "refuses"} ${JSON.stringify(url)}`, () => {
    if (isGood) {
      return assertEquals(parseTokenUrl(url).href, url.replace(":80/", "/"));
    }
    const error = assertThrows(() => parseTokenUrl(url), TypeError);
    assertEquals(error.message.includes("hush"), false);
  });
}
