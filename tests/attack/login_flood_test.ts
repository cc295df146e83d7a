import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  ANN,
  type Attempt,
  authPlain,
  logIn,
  LoginServing,
} from "../support/login_serving.ts";
import { verdictOf } from "../support/raw_client.ts";

/** Many at once, but no more than file descriptors for both ends. */
const FLOOD = 500;

/** Longest that somebody else may wait for a reply meanwhile, in ms. */
const PATIENCE_MS = 1_000;

/** Room for the flood; nothing but the bound of hashing holds it up. */
const ROOM = {
  limits: {
    sessions: 2 * FLOOD,
    sessions_per_client: 2 * FLOOD,
    connection_rate: 0,
  },
};

/** What each of a flood of clients does. */
const FLOODS: [what: string, attempt: Attempt][] = [
  ["PLAIN with wrong passwords", {
    mechanism: "PLAIN",
    user: ANN.user,
    secret: "wrong-password",
  }],
  ["tokens that are not good", {
    mechanism: "XOAUTH2",
    user: ANN.user,
    secret: "bad",
  }],
];

for (const [what, attempt] of FLOODS) {
  Deno.test(`${FLOOD} clients at once, ${what}: others are served meanwhile`, async () => {
    await using serving = await LoginServing.start({ config: ROOM });
    using other = await serving.client();
    const clients = await Promise.all(
      Array.from({ length: FLOOD }, () => serving.client()),
    );
    try {
      let isOver = false;
      const flood = Promise.all(
        clients.map(async (client) => (await logIn(client, attempt)).reply),
      ).finally(() => isOver = true);
      let slowest = 0;
      do {
        const start = performance.now();
        assertMatch(await other.ask("NOOP"), /^250 /);
        slowest = Math.max(slowest, performance.now() - start);
      } while (!isOver);
      const codes = (await flood).map((reply) => reply.slice(0, 9));
      assert(codes.every((code) => /^(?:535|454) /.test(code)), `${codes}`);
      assert(codes.some((code) => code === "535 5.7.8"));
      assert(slowest < PATIENCE_MS, `${slowest} ms`);
      // The flood has gone by, and nothing of it is left in the line.
      assertMatch(await other.ask(authPlain(ANN.user, ANN.password)), /^235 /);
      assertMatch(verdictOf(await other.mail()), /^250 /);
      assertEquals(serving.logged("login-failed").length, FLOOD);
    } finally {
      for (const client of clients) client.close();
    }
  });
}

Deno.test("clients that log in and leave before the answer hold up nobody's mail", async () => {
  await using serving = await LoginServing.start({ config: ROOM });
  const wrong = authPlain(ANN.user, "wrong-password");
  const clients = await Promise.all(
    Array.from({ length: FLOOD }, () => serving.client()),
  );
  await Promise.all(clients.map((client) => client.send(`${wrong}\r\n`)));
  for (const client of clients) client.close();
  using other = await serving.client();
  assertMatch(await other.ask("NOOP"), /^250 /);
  assertMatch(verdictOf(await other.mail()), /^250 /);
});

Deno.test("a client whose failed login is held back does not hold up the end of the server", async () => {
  await using serving = await LoginServing.start({
    config: {
      auth: { failure_delay: "30s" },
      limits: { ...ROOM.limits, drain: "10ms" },
    },
  });
  using client = await serving.client();
  const asking = client.ask(authPlain(ANN.user, "wrong-password"));
  while (serving.logged("login-failed").length === 0) {
    using other = await serving.client();
    await other.ask("NOOP");
  }
  const start = performance.now();
  await serving.server.close();
  assert(performance.now() - start < 10_000);
  await asking;
});
