import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  beginClientExchange,
  type ClientExchange,
  SaslError,
} from "../../lib/sasl/client.ts";
import { isTokenMechanism, SASL_MECHANISMS } from "../../lib/sasl/mechanism.ts";
import {
  beginServerExchange,
  type SaslMechanism,
  type ServerStep,
} from "../../lib/sasl/server.ts";
import { Secret } from "../../lib/secret.ts";
import { GOES_ON, KnownUsers } from "./known_users.ts";

function begin(
  mechanism: SaslMechanism,
  user: string,
  secret: string,
): ClientExchange {
  return beginClientExchange(mechanism, {
    user,
    secret: new Secret(secret),
    host: "mx.example.org",
    port: 587,
  });
}

/** Has the two talk to each other; the server's verdict, and how often it challenged. */
async function converse(
  client: ClientExchange,
  users: KnownUsers,
  withInitial = true,
): Promise<{ step: ServerStep; challenges: number }> {
  const server = beginServerExchange(client.mechanism, users, "mx.test");
  const { initial } = client;
  let step = await server.respond(withInitial ? initial : undefined, GOES_ON);
  let challenges = 0;
  for (; step.type === "challenge"; challenges++) {
    // RFC 4954 section 4: the initial response may answer an empty challenge.
    const isAskedFor = challenges === 0 && !withInitial;
    const answer = isAskedFor && initial !== undefined
      ? initial
      : await client.respond(step.bytes);
    step = await server.respond(answer, GOES_ON);
  }
  return { step, challenges };
}

/** Challenges until the verdict, with an initial response and without. */
const CHALLENGES: Record<SaslMechanism, [number, number]> = {
  "PLAIN": [0, 1],
  "LOGIN": [2, 2],
  "CRAM-MD5": [1, 1],
  "SCRAM-SHA-256": [2, 3],
  "XOAUTH2": [0, 1],
  "OAUTHBEARER": [0, 1],
};

for (const mechanism of SASL_MECHANISMS) {
  const secret = isTokenMechanism(mechanism)
    ? "ya29.vF9dft4qmT"
    : "open sesame";

  for (const [i, withInitial] of [true, false].entries()) {
    Deno.test(`${mechanism}: our client logs in to our server ${withInitial ? "with" : "without"} an initial response`, async () => {
      const users = new KnownUsers("joe@example.org", secret);
      const client = begin(mechanism, "joe@example.org", secret);
      const { step, challenges } = await converse(client, users, withInitial);
      assertEquals(step, { type: "accepted", user: "joe@example.org" });
      assertEquals(challenges, CHALLENGES[mechanism][i]);
      assertEquals(users.asked.map(({ user }) => user), ["joe@example.org"]);
      client.accepted();
    });
  }

  for (
    const [what, user, shown] of [
      ["a wrong secret", "joe@example.org", "wrong"],
      ["an unknown user", "jane", secret],
    ] as const
  ) {
    Deno.test(`${mechanism}: our server refuses ${what}`, async () => {
      const users = new KnownUsers("joe@example.org", secret);
      const client = begin(mechanism, user, shown);
      const { step } = await converse(client, users);
      assertEquals(step, { type: "refused", user, problem: "credentials" });
    });
  }

  for (
    const refusal of [
      { type: "refused", problem: "unavailable" },
      {
        type: "refused",
        problem: "credentials",
        reply: { code: 421, text: "Later" },
      },
    ] as const
  ) {
    const what = "reply" in refusal
      ? "a hook's own reply"
      : "that nobody can say now";
    Deno.test(`${mechanism}: our server passes on ${what}, without a further challenge`, async () => {
      const users = new KnownUsers("joe", secret);
      users.refusal = refusal;
      const client = begin(mechanism, "joe", secret);
      const { step, challenges } = await converse(client, users);
      assertEquals(step, { ...refusal, user: "joe" });
      const expected = { "LOGIN": 2, "CRAM-MD5": 1 }[mechanism as string] ?? 0;
      assertEquals(challenges, expected);
    });
  }

  Deno.test(`${mechanism}: a client asked for more than it has gives up`, async () => {
    const client = begin(mechanism, "joe", secret);
    await assertRejects(async () => {
      for (let i = 0; i < 4; i++) {
        await client.respond(new TextEncoder().encode("Again:"));
      }
    }, SaslError);
  });

  Deno.test(`${mechanism}: a server that has given its verdict takes no more`, async () => {
    const server = beginServerExchange(
      mechanism,
      new KnownUsers("joe", secret),
      "mx.test",
    );
    let step = await server.respond(undefined, GOES_ON);
    for (let i = 0; step.type === "challenge" && i < 4; i++) {
      step = await server.respond(new Uint8Array(0), GOES_ON);
    }
    assertEquals(step, { type: "refused", problem: "malformed" });
    await assertRejects(
      () => server.respond(new Uint8Array(0), GOES_ON),
      TypeError,
      "The exchange is over",
    );
  });

  Deno.test(`${mechanism}: users that reject have the exchange reject`, async () => {
    const users = new KnownUsers("joe", secret);
    const reject = () => Promise.reject(new Error("gone"));
    users.check = reject;
    users.password = reject;
    users.verifier = reject;
    await assertRejects(
      () => converse(begin(mechanism, "joe", secret), users),
      Error,
      "gone",
    );
  });
}

Deno.test("names with the characters that SCRAM and OAUTHBEARER escape arrive whole", async () => {
  for (const mechanism of SASL_MECHANISMS) {
    const name = "=2C,=3D, jöe";
    const users = new KnownUsers(name, "sesame");
    const { step } = await converse(begin(mechanism, name, "sesame"), users);
    assertEquals(step, { type: "accepted", user: name });
  }
});

Deno.test("passwords are prepared on both sides: RFC 4013 section 3", async () => {
  for (const mechanism of ["PLAIN", "LOGIN", "SCRAM-SHA-256"] as const) {
    // Roman numeral nine, a soft hyphen, and a wide space.
    const client = begin(mechanism, "joe", "\u2168\u00adI\u00a0X");
    const users = new KnownUsers("joe", "IXI X");
    const { step } = await converse(client, users);
    assertEquals(step, { type: "accepted", user: "joe" });
  }
});

Deno.test("a refused token is explained before the refusal: RFC 7628 section 3.2.3", async () => {
  const users = new KnownUsers("joe", "token");
  for (
    const [mechanism, json] of [
      ["XOAUTH2", '{"status":"401","schemes":"bearer","scope":""}'],
      ["OAUTHBEARER", '{"status":"invalid_token"}'],
    ] as const
  ) {
    const client = begin(mechanism, "joe", "other");
    const server = beginServerExchange(mechanism, users, "mx.test");
    const step = await server.respond(client.initial, GOES_ON);
    if (step.type !== "challenge") throw new TypeError("no challenge");
    assertEquals(new TextDecoder().decode(step.bytes), json);
    const answer = await client.respond(step.bytes);
    assertEquals(
      new TextDecoder().decode(answer),
      mechanism === "XOAUTH2" ? "" : "\x01",
    );
  }
});

Deno.test("a client under SCRAM does not believe a server that accepts without its signature", async () => {
  const client = begin("SCRAM-SHA-256", "joe", "sesame");
  assertThrows(
    () => client.accepted(),
    SaslError,
    "Server accepted without proof that it knows the password: expected its signature",
  );
  const server = beginServerExchange(
    "SCRAM-SHA-256",
    new KnownUsers("joe", "sesame"),
    "mx.test",
  );
  const step = await server.respond(client.initial, GOES_ON);
  if (step.type === "challenge") await client.respond(step.bytes);
  assertThrows(() => client.accepted(), SaslError);
});
