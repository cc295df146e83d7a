import { assertEquals, assertRejects } from "@std/assert";
import {
  beginClientExchange,
  bestMechanism,
  type SaslMechanism,
} from "../../lib/sasl/client.ts";
import { SaslError } from "../../lib/sasl/client_exchange.ts";
import { ClientScram } from "../../lib/sasl/client_scram.ts";
import { fixedSecret } from "../../lib/sasl/secret_source.ts";
import { Secret } from "../../lib/secret.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined) =>
  bytes && new TextDecoder().decode(bytes);

const LOGIN = {
  user: "tim",
  secret: new Secret("tanstaaftanstaaf"),
  host: "server.example.com",
  port: 587,
};

const INITIAL: [mechanism: SaslMechanism, initial: string | undefined][] = [
  ["PLAIN", "\0tim\0tanstaaftanstaaf"],
  ["LOGIN", undefined],
  ["CRAM-MD5", undefined],
  ["XOAUTH2", "user=tim\x01auth=Bearer tanstaaftanstaaf\x01\x01"],
  [
    "OAUTHBEARER",
    "n,a=tim,\x01host=server.example.com\x01port=587\x01auth=Bearer tanstaaftanstaaf\x01\x01",
  ],
];

for (const [mechanism, initial] of INITIAL) {
  Deno.test(`${mechanism}: the client begins with ${JSON.stringify(initial)}`, () => {
    const client = beginClientExchange(mechanism, LOGIN);
    assertEquals(decode(client.initial), initial);
    client.accepted();
  });
}

Deno.test("CRAM-MD5: the client answers as in RFC 2195 section 2", async () => {
  const client = beginClientExchange("CRAM-MD5", LOGIN);
  const answer = await client.respond(
    encode("<1896.697170952@postoffice.reston.mci.net>"),
  );
  assertEquals(decode(answer), "tim b913a602c7eda7a495b4e6e7334d3890");
});

Deno.test("LOGIN: the client answers by order, whatever it is asked", async () => {
  const client = beginClientExchange("LOGIN", LOGIN);
  assertEquals(decode(await client.respond(encode("User Name\0"))), "tim");
  assertEquals(
    decode(await client.respond(encode("Geheimnis?"))),
    "tanstaaftanstaaf",
  );
});

Deno.test("CRAM-MD5: the client refuses a long challenge", async () => {
  const client = beginClientExchange("CRAM-MD5", LOGIN);
  await assertRejects(
    () => client.respond(new Uint8Array(4_097)),
    SaslError,
    "Server asks for more than CRAM-MD5 has: expected its verdict",
  );
});

const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST =
  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

const pencil = () =>
  new ClientScram(
    { ...LOGIN, user: "user", secret: new Secret("pencil") },
    CLIENT_NONCE,
  );

Deno.test("SCRAM-SHA-256: the client has the conversation of RFC 7677 section 3", async () => {
  const client = pencil();
  assertEquals(decode(client.initial), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  assertEquals(
    decode(await client.respond(encode(SERVER_FIRST))),
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  );
  const last = await client.respond(
    encode("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
  );
  assertEquals(last.length, 0);
  client.accepted();
});

const NOT_FIRST: [what: string, message: string, problem: string][] = [
  ["nothing", "", "Cannot read the server's first message"],
  ["no salt", "r=abc,i=4096", "Cannot read the server's first message"],
  [
    "a salt that is no base64",
    SERVER_FIRST.replace("==", ""),
    "Cannot read the server's first message",
  ],
  [
    "a long salt",
    SERVER_FIRST.replace(/s=[^,]+/, `s=${"QUJD".repeat(22)}`),
    "Cannot read the server's first message",
  ],
  [
    "iterations that are no number",
    SERVER_FIRST.replace("4096", "4096x"),
    "Cannot read the server's first message",
  ],
  [
    "a mandatory extension",
    `m=x,${SERVER_FIRST}`,
    "Cannot read the server's first message",
  ],
  [
    "another nonce",
    SERVER_FIRST.replace("rOpr", "sOpr"),
    "Server's nonce is not made from ours",
  ],
  [
    "our nonce alone",
    `r=${CLIENT_NONCE},s=QQ==,i=4096`,
    "Server's nonce is not made from ours",
  ],
  [
    "too few iterations",
    SERVER_FIRST.replace("4096", "4095"),
    "Server wants 4095 iterations: expected 4096 to 2000000",
  ],
  [
    "too many iterations",
    SERVER_FIRST.replace("4096", "2000001"),
    "Server wants 2000001 iterations: expected 4096 to 2000000",
  ],
  [
    "an error",
    "e=no-resources",
    "Server refuses SCRAM-SHA-256: no-resources",
  ],
  [
    "a long message",
    `${SERVER_FIRST},x=${"x".repeat(2_048)}`,
    "Cannot read the server's first message",
  ],
];

for (const [what, message, problem] of NOT_FIRST) {
  Deno.test(`SCRAM-SHA-256: the client refuses ${what}`, async () => {
    await assertRejects(
      () => pencil().respond(encode(message)),
      SaslError,
      problem,
    );
  });
}

const NOT_FINAL: [what: string, message: string, problem: string][] = [
  [
    "another signature",
    "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    "Server's signature is not made from the password",
  ],
  ["a short one", "v=6rri", "Server's signature is not made"],
  ["none", "", "Server's signature is not made"],
  [
    "an error",
    "e=invalid-proof",
    "Server refuses SCRAM-SHA-256: invalid-proof",
  ],
];

for (const [what, message, problem] of NOT_FINAL) {
  Deno.test(`SCRAM-SHA-256: the client refuses ${what} for a signature`, async () => {
    const client = pencil();
    await client.respond(encode(SERVER_FIRST));
    await assertRejects(
      () => client.respond(encode(message)),
      SaslError,
      problem,
    );
  });
}

const BEST: [
  offered: string,
  kind: "password" | "token",
  best: SaslMechanism | undefined,
][] = [
  ["PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "password", "SCRAM-SHA-256"],
  ["LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1", "password", "PLAIN"],
  ["LOGIN CRAM-MD5", "password", "LOGIN"],
  ["CRAM-MD5", "password", "CRAM-MD5"],
  ["XOAUTH2 GSSAPI", "password", undefined],
  ["", "password", undefined],
  ["PLAIN XOAUTH2 OAUTHBEARER", "token", "OAUTHBEARER"],
  ["PLAIN XOAUTH2", "token", "XOAUTH2"],
  ["PLAIN", "token", undefined],
];

for (const [offered, kind, best] of BEST) {
  Deno.test(`bestMechanism() of "${offered}" for a ${kind} is ${best ?? "none"}`, () => {
    const mechanisms = new Set(offered.split(" "));
    assertEquals(bestMechanism(mechanisms, kind), best);
  });
}

Deno.test("fixedSecret() gives the same again, and has no other", async () => {
  const source = fixedSecret(LOGIN.secret, "token");
  const secret = await source.get(new AbortController().signal);
  assertEquals([source.kind, source.refused(secret)], ["token", false]);
  assertEquals(secret.reveal(), "tanstaaftanstaaf");
});
