import { assertEquals } from "@std/assert";
import {
  beginServerExchange,
  parseResponse,
  type SaslMechanism,
  type ServerVerdict,
} from "../../lib/sasl/server.ts";
import { serveScram } from "../../lib/sasl/server_scram.ts";
import { GOES_ON, KnownUsers } from "./known_users.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const joe = () => new KnownUsers("joe", "sesame");

/** Says these one after another; the verdict. */
async function say(
  mechanism: SaslMechanism,
  responses: readonly (string | undefined)[],
  users = joe(),
) {
  const server = beginServerExchange(mechanism, users, "mx.test");
  let step;
  for (const text of responses) {
    const bytes = text === undefined ? undefined : encode(text);
    step = await server.respond(bytes, GOES_ON);
    if (step.type !== "challenge") break;
  }
  return step;
}

const TAG = "\x01auth=Bearer abc\x01\x01";
const OK = { type: "accepted", user: "joe" };
const MALFORMED: ServerVerdict = { type: "refused", problem: "malformed" };
const WRONG = { type: "refused", user: "joe", problem: "credentials" };

const CASES: [
  what: string,
  mechanism: SaslMechanism,
  responses: (string | undefined)[],
  verdict: unknown,
  secret?: string,
][] = [
  ["takes the name as who to act for", "PLAIN", ["joe\0joe\0sesame"], OK],
  ["refuses to act for another", "PLAIN", ["jane\0joe\0sesame"], WRONG],
  ["refuses an empty response", "PLAIN", [""], MALFORMED],
  ["refuses two fields", "PLAIN", ["joe\0sesame"], MALFORMED],
  ["refuses four fields", "PLAIN", ["\0joe\0ses\0ame"], MALFORMED],
  ["refuses an empty name", "PLAIN", ["\0\0sesame"], MALFORMED],
  ["refuses an empty password", "PLAIN", ["\0joe\0"], MALFORMED],
  ["refuses a line end in a name", "PLAIN", ["\0jo\ne\0sesame"], MALFORMED],
  ["refuses a long name", "PLAIN", [`\0${"x".repeat(256)}\0y`], MALFORMED],
  [
    "takes a name of 255 bytes",
    "PLAIN",
    [`\0${"é".repeat(127)}x\0y`],
    { ...WRONG, user: `${"é".repeat(127)}x` },
  ],
  ["counts bytes", "PLAIN", [`\0${"é".repeat(128)}\0y`], MALFORMED],
  [
    "refuses a long password",
    "PLAIN",
    [`\0joe\0${"x".repeat(1025)}`],
    MALFORMED,
  ],
  [
    "takes 1,024 bytes of password",
    "PLAIN",
    [`\0joe\0${"x".repeat(1024)}`],
    WRONG,
  ],
  ["refuses an empty name", "LOGIN", ["", "sesame"], MALFORMED],
  ["refuses an empty password", "LOGIN", ["joe", ""], MALFORMED],
  ["refuses a NUL", "LOGIN", ["jo\0e", "sesame"], MALFORMED],
  ["refuses an initial response", "CRAM-MD5", ["joe 00"], MALFORMED],
  ["refuses what has no digest", "CRAM-MD5", [undefined, "joe"], MALFORMED],
  ["refuses an empty line", "CRAM-MD5", [undefined, ""], MALFORMED],
  ["refuses a short digest", "CRAM-MD5", [undefined, "joe 00"], MALFORMED],
  [
    "refuses a digest that is none",
    "CRAM-MD5",
    [undefined, `joe ${"g".repeat(32)}`],
    MALFORMED,
  ],
  [
    "refuses a wrong digest",
    "CRAM-MD5",
    [undefined, `joe ${"0".repeat(32)}`],
    WRONG,
  ],
  [
    "refuses a name's absence",
    "CRAM-MD5",
    [undefined, ` ${"0".repeat(32)}`],
    MALFORMED,
  ],
  ["takes a token", "XOAUTH2", [`user=joe${TAG}`], OK, "abc"],
  [
    "takes the scheme in any case",
    "XOAUTH2",
    ["user=joe\x01auth=bearer abc\x01\x01"],
    OK,
    "abc",
  ],
  [
    "refuses another scheme",
    "XOAUTH2",
    ["user=joe\x01auth=Basic abc\x01\x01"],
    MALFORMED,
  ],
  [
    "refuses no token",
    "XOAUTH2",
    ["user=joe\x01auth=Bearer \x01\x01"],
    MALFORMED,
  ],
  [
    "refuses what has no end",
    "XOAUTH2",
    ["user=joe\x01auth=Bearer abc\x01"],
    MALFORMED,
  ],
  [
    "refuses two tokens",
    "XOAUTH2",
    [`user=joe\x01auth=Bearer a${TAG}`],
    MALFORMED,
  ],
  ["refuses no name", "XOAUTH2", [`user=${TAG}`], MALFORMED],
  ["refuses another form", "XOAUTH2", [`n,a=joe,${TAG}`], MALFORMED],
  [
    "takes as long a token as there may be",
    "XOAUTH2",
    [`user=joe\x01auth=Bearer ${"x".repeat(9_216 - 23)}\x01\x01`],
    OK,
    "x".repeat(9_216 - 23),
  ],
  [
    "refuses a longer one",
    "XOAUTH2",
    [`user=joe\x01auth=Bearer ${"x".repeat(9_216 - 22)}\x01\x01`],
    MALFORMED,
    "x".repeat(9_216 - 22),
  ],
  [
    "takes host and port", // RFC 7628 section 4.1
    "OAUTHBEARER",
    [`n,a=joe,\x01host=server.example.com\x01port=143${TAG}`],
    OK,
    "abc",
  ],
  ["takes y", "OAUTHBEARER", [`y,a=joe,${TAG}`], OK, "abc"],
  ["refuses channel binding", "OAUTHBEARER", [`p=x,a=joe,${TAG}`], MALFORMED],
  ["refuses no name", "OAUTHBEARER", [`n,,${TAG}`], MALFORMED],
  ["refuses a bad escape", "OAUTHBEARER", [`n,a=j=oe,${TAG}`], MALFORMED],
  ["refuses another form", "OAUTHBEARER", [`user=joe${TAG}`], MALFORMED],
  [
    "refuses channel binding",
    "SCRAM-SHA-256",
    ["p=tls-unique,,n=joe,r=abc"],
    MALFORMED,
  ],
  [
    "refuses to act for another",
    "SCRAM-SHA-256",
    ["n,a=jane,n=joe,r=abc"],
    WRONG,
  ],
  ["refuses no nonce", "SCRAM-SHA-256", ["n,,n=joe"], MALFORMED],
  ["refuses an empty nonce", "SCRAM-SHA-256", ["n,,n=joe,r="], MALFORMED],
  [
    "refuses a long nonce",
    "SCRAM-SHA-256",
    [`n,,n=joe,r=${"x".repeat(513)}`],
    MALFORMED,
  ],
  [
    "refuses a space in a nonce",
    "SCRAM-SHA-256",
    ["n,,n=joe,r=a b"],
    MALFORMED,
  ],
  ["refuses an empty name", "SCRAM-SHA-256", ["n,,n=,r=abc"], MALFORMED],
  ["refuses a bad escape", "SCRAM-SHA-256", ["n,,n=j=oe,r=abc"], MALFORMED],
  [
    "refuses a mandatory extension",
    "SCRAM-SHA-256",
    ["n,,m=x,n=joe,r=abc"],
    MALFORMED,
  ],
  ["refuses an empty response", "SCRAM-SHA-256", [""], MALFORMED],
  [
    "refuses a long message",
    "SCRAM-SHA-256",
    [`n,,n=joe,r=abc,x=${"x".repeat(2_048)}`],
    MALFORMED,
  ],
];

for (const [what, mechanism, responses, verdict, secret] of CASES) {
  Deno.test(`${mechanism}: the server ${what}`, async () => {
    const users = secret === undefined ? joe() : new KnownUsers("joe", secret);
    assertEquals(await say(mechanism, responses, users), verdict);
  });
}

Deno.test("no server takes bytes that are no UTF-8", async () => {
  for (
    const mechanism of ["PLAIN", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"]
  ) {
    const server = beginServerExchange(
      mechanism as SaslMechanism,
      joe(),
      "mx.test",
    );
    const bytes = Uint8Array.of(0, 0xff, 0, 0x78);
    assertEquals(await server.respond(bytes, GOES_ON), MALFORMED);
  }
});

Deno.test("LOGIN: the server asks in the words that old clients know", async () => {
  const server = beginServerExchange("LOGIN", joe(), "mx.test");
  const prompts = [];
  for (const text of [undefined, "joe"]) {
    const bytes = text === undefined ? undefined : encode(text);
    const step = await server.respond(bytes, GOES_ON);
    prompts.push(step.type === "challenge" && decode(step.bytes));
  }
  assertEquals(prompts, ["Username:", "Password:"]);
});

Deno.test("CRAM-MD5: the server's challenge is a new one each time", async () => {
  const challenges = new Set<string>();
  for (let i = 0; i < 2; i++) {
    const server = beginServerExchange("CRAM-MD5", joe(), "mx.test");
    const step = await server.respond(undefined, GOES_ON);
    const text = step.type === "challenge" ? decode(step.bytes) : "";
    assertEquals(/^<[0-9a-f]{32}@mx\.test>$/.test(text), true);
    challenges.add(text);
  }
  assertEquals(challenges.size, 2);
});

/** RFC 7677 section 3. */
const CLIENT_FIRST = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SERVER_FIRST = `r=rOprNGfwEbeRWgbNEkqO${SERVER_NONCE}` +
  ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL = `c=biws,r=rOprNGfwEbeRWgbNEkqO${SERVER_NONCE}` +
  ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/** The course of that conversation, up to the client's last message but one. */
async function repeat(clientFinal: string) {
  const course = serveScram(
    { response: encode(CLIENT_FIRST), signal: GOES_ON },
    new KnownUsers("user", "pencil"),
    SERVER_NONCE,
  );
  const first = await course.next();
  assertEquals(decode(first.value as Uint8Array), SERVER_FIRST);
  const second = await course.next({
    response: encode(clientFinal),
    signal: GOES_ON,
  });
  return { course, second };
}

Deno.test("SCRAM-SHA-256: the server has the conversation of RFC 7677 section 3", async () => {
  const { course, second } = await repeat(CLIENT_FINAL);
  assertEquals(decode(second.value as Uint8Array), SERVER_FINAL);
  const response = new Uint8Array(0);
  assertEquals(await course.next({ response, signal: GOES_ON }), {
    value: { type: "accepted", user: "user" },
    done: true,
  });
});

Deno.test("SCRAM-SHA-256: the server wants its signature acknowledged by an empty line", async () => {
  const { course } = await repeat(CLIENT_FINAL);
  const { value } = await course.next({
    response: encode("x"),
    signal: GOES_ON,
  });
  assertEquals(value, { ...MALFORMED, user: "user" });
});

const NOT_FINAL: [what: string, message: string, problem: string][] = [
  [
    "a proof with one bit changed",
    CLIENT_FINAL.replace("dHzb", "dHzc"),
    "credentials",
  ],
  ["another nonce", CLIENT_FINAL.replace("k0,", "k1,"), "malformed"],
  [
    "the client's nonce alone",
    CLIENT_FINAL.replace(SERVER_NONCE, ""),
    "malformed",
  ],
  ["another header", CLIENT_FINAL.replace("biws", "eSws"), "malformed"],
  ["no proof", CLIENT_FINAL.split(",p=")[0]!, "malformed"],
  ["a short proof", CLIENT_FINAL.replace(/p=.*$/, "p=dHzb"), "malformed"],
  ["an unpadded proof", CLIENT_FINAL.slice(0, -1), "malformed"],
  [
    "an extension that the proof does not cover",
    CLIENT_FINAL.replace(",p=", ",x=1,p="),
    "credentials",
  ],
  ["an empty message", "", "malformed"],
];

for (const [what, message, problem] of NOT_FINAL) {
  Deno.test(`SCRAM-SHA-256: the server refuses ${what}`, async () => {
    const { second } = await repeat(message);
    const { value, done } = second as IteratorReturnResult<
      { problem: string }
    >;
    assertEquals([done, value.problem], [true, problem]);
  });
}

const LINES: [line: string, bytes: number[] | undefined][] = [
  ["", []],
  ["QQ==", [65]],
  ["QUJD", [65, 66, 67]],
  ["QQ", undefined],
  ["QQ=", undefined],
  ["QR==", undefined],
  [" QQ==", undefined],
  ["QQ== ", undefined],
  ["Q-_=", undefined],
  ["=", undefined],
  ["*", undefined],
  ["QQ==QQ==", undefined],
];

for (const [line, bytes] of LINES) {
  Deno.test(`parseResponse() ${bytes ? "takes" : "refuses"} ${JSON.stringify(line)}`, () => {
    const parsed = parseResponse(line);
    assertEquals(parsed && [...parsed], bytes);
  });
}
