import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import type { ConfigInput } from "../../mod.ts";
import { verdictOf } from "../support/raw_client.ts";
import {
  type Behaviour,
  close,
  OFFERS,
  raw,
  ScriptedRelay,
  silence,
} from "../support/scripted_relay.ts";
import { IMPATIENT, Serving } from "../support/serving.ts";

const CA = new URL("../transport/certs/ca.pem", import.meta.url).pathname;

/** A message through a relay: what the client hears, and what was seen. */
async function through(
  behaviours: Behaviour[],
  tls: NonNullable<ConfigInput["relay"]>["tls"],
  { user = "", host = "127.0.0.1" } = {},
): Promise<
  { verdict: string; secure: boolean[]; log: string; commands: string[] }
> {
  await using relay = new ScriptedRelay(behaviours);
  const url = user === ""
    ? `${host}:${relay.port}`
    : `plain://${user}@${host}:${relay.port}`;
  await using serving = await Serving.start({
    relay: { url, ca_file: CA, ...tls === undefined ? {} : { tls } },
    limits: IMPATIENT,
  });
  using client = await serving.client();
  const verdict = verdictOf(await client.mail());
  return {
    verdict,
    log: serving.log,
    secure: relay.peers
      .filter(({ messages }) => messages.length > 0)
      .map(({ secure }) => secure),
    commands: relay.peers.flatMap(({ commands }) => commands),
  };
}

type Tls = "off" | "opportunistic" | "required" | "verified";

/** For each mode: in TLS, in clear, or not at all. */
const TLS: [
  relay: string,
  behaviours: Behaviour[],
  Record<Tls, boolean | null>,
][] = [
  [
    "with a good certificate",
    [{ certificate: "localhost" }],
    { off: false, opportunistic: true, required: true, verified: true },
  ],
  [
    "with a self-signed certificate",
    [{ certificate: "self_signed" }],
    { off: false, opportunistic: true, required: true, verified: null },
  ],
  [
    "with another's certificate",
    [{ certificate: "other" }],
    { off: false, opportunistic: true, required: true, verified: null },
  ],
  [
    "with an expired certificate",
    [{ certificate: "expired" }],
    { off: false, opportunistic: true, required: true, verified: null },
  ],
  [
    "without TLS",
    [{}],
    { off: false, opportunistic: false, required: null, verified: null },
  ],
  [
    "that offers STARTTLS and refuses it",
    [{ offers: [...OFFERS, "STARTTLS"], STARTTLS: "454 4.7.0 Not now" }],
    { off: false, opportunistic: false, required: null, verified: null },
  ],
  [
    "that offers STARTTLS and answers in clear",
    [{
      offers: [...OFFERS, "STARTTLS"],
      STARTTLS: raw("220 2.0.0 Go\r\n250 2.0.0 In clear, and much of it\r\n"),
    }],
    { off: false, opportunistic: false, required: null, verified: null },
  ],
  [
    "that offers STARTTLS and closes",
    [{ offers: [...OFFERS, "STARTTLS"], STARTTLS: close }],
    { off: false, opportunistic: false, required: null, verified: null },
  ],
  [
    "that offers STARTTLS and is silent",
    [{ offers: [...OFFERS, "STARTTLS"], STARTTLS: silence }],
    { off: false, opportunistic: false, required: null, verified: null },
  ],
  [
    "that offers STARTTLS, agrees and is silent",
    [{ offers: [...OFFERS, "STARTTLS"], STARTTLS: raw("220 2.0.0 Go\r\n") }],
    { off: false, opportunistic: false, required: null, verified: null },
  ],
];

for (const [name, behaviours, modes] of TLS) {
  for (const [tls, secure] of Object.entries(modes)) {
    const how = secure === null ? "not at all" : secure ? "in TLS" : "in clear";
    Deno.test(`relay.tls = "${tls}" and a relay ${name}: the message goes ${how}`, async () => {
      const outcome = await through(behaviours, tls as Tls);
      assertEquals(outcome.secure, secure === null ? [] : [secure]);
      if (secure !== null) return assertMatch(outcome.verdict, /^250 /);
      assertMatch(outcome.verdict, /^451 4\.(7\.5|4\.2) /);
      assertMatch(outcome.log, /relay-failed .*at STARTTLS/);
      assert(!outcome.commands.some((line) => line.startsWith("MAIL")));
    });
  }
}

Deno.test("what the relay offered before TLS does not count in it", async () => {
  const certificate = "localhost";
  const EHLO: Behaviour["EHLO"] = (peer) =>
    peer.secure
      ? "250 relay.test"
      : "250-relay.test\r\n250-SIZE\r\n250 STARTTLS";
  const { commands, verdict } = await through(
    [{ certificate, EHLO }],
    "required",
  );
  assertMatch(verdict, /^250 /);
  assertEquals(commands.slice(0, 4), [
    "EHLO mx.test",
    "STARTTLS",
    "EHLO mx.test",
    "MAIL FROM:<a@example.org>",
  ]);
});

Deno.test("a certificate is checked against the relay's name", async () => {
  const behaviours: Behaviour[] = [{ certificate: "localhost" }];
  const { verdict, secure } = await through(behaviours, "verified", {
    host: "localhost",
  });
  assertMatch(verdict, /^250 /);
  assertEquals(secure, [true]);
});

const SAFE: Behaviour = {
  certificate: "localhost",
  offers: [...OFFERS, "AUTH PLAIN LOGIN"],
};

/** What AUTH PLAIN said. */
function plainOf(commands: readonly string[]): string[] {
  return commands.filter((line) => line.startsWith("AUTH"))
    .map((line) => Buffer.from(line.slice(11), "base64").toString());
}

Deno.test("credentials are percent-decoded, and sent in TLS after the second EHLO", async () => {
  const outcome = await through([SAFE], undefined, {
    user: "me%40example.org:p%3Ass%25w%C3%B6rd",
  });
  assertMatch(outcome.verdict, /^250 /);
  assertEquals(outcome.secure, [true]);
  assertEquals(plainOf(outcome.commands), ["\0me@example.org\0p:ss%wörd"]);
  assertEquals(outcome.commands.slice(0, 3), [
    "EHLO mx.test",
    "STARTTLS",
    "EHLO mx.test",
  ]);
});

Deno.test("with credentials the certificate has to hold unless relay.tls says otherwise", async () => {
  const behaviour = { ...SAFE, certificate: "self_signed" };
  const user = "me:sesame";
  const refused = await through([behaviour], undefined, { user });
  assertMatch(refused.verdict, /^451 4\.7\.5 /);
  assertEquals(plainOf(refused.commands), []);
  const sent = await through([behaviour], "required", { user });
  assertMatch(sent.verdict, /^250 /);
});

Deno.test("a relay of its own goes without TLS beside a default relay with credentials", async () => {
  await using byDefault = new ScriptedRelay([SAFE]);
  await using own = new ScriptedRelay();
  await using serving = await Serving.start({
    relay: {
      url: `plain://me:sesame@${byDefault.url}`,
      domains: ["localhost", `own.test:${own.url}`],
      ca_file: CA,
    },
    limits: IMPATIENT,
  });
  using client = await serving.client();
  for (const to of ["b@own.test", "b@localhost"]) {
    assertMatch(verdictOf(await client.mail({ to: [to] })), /^250 /);
  }
  const [plain, safe] = [own.peers[0]!, byDefault.peers[0]!];
  assertEquals([plain.secure, safe.secure], [false, true]);
  assertEquals([plain, safe].map(({ commands }) => plainOf(commands)), [
    [],
    ["\0me\0sesame"],
  ]);
});

Deno.test("a wrong password is 451, and neither client nor log sees it", async () => {
  const AUTH = "535 5.7.8 Wrong";
  const outcome = await through([{ ...SAFE, AUTH }], undefined, {
    user: "me:open%20sesame",
  });
  assertMatch(outcome.verdict, /^451 4\.7\.0 /);
  assertMatch(outcome.log, /at AUTH: 535 5\.7\.8 Wrong/);
  const secrets = ["open sesame", "open%20sesame", btoa("\0me\0open sesame")];
  for (const secret of secrets) {
    assert(!(outcome.log + outcome.verdict).includes(secret));
  }
});

Deno.test("a relay on this machine gets credentials in clear where relay.tls lets it", async () => {
  const offers = [...OFFERS, "AUTH PLAIN"];
  for (const tls of ["off", "opportunistic"] as const) {
    const outcome = await through([{ offers }], tls, { user: "me:sesame" });
    assertMatch(outcome.verdict, /^250 /);
    assertEquals(plainOf(outcome.commands), ["\0me\0sesame"]);
  }
});

const NO_LOGIN: [name: string, behaviour: Behaviour, tls?: Tls][] = [
  ["does not offer AUTH", { certificate: "localhost" }],
  ["offers only other mechanisms", { ...SAFE, offers: ["AUTH CRAM-MD5"] }],
  ["asks on with 334", { ...SAFE, AUTH: "334 VXNlcm5hbWU6" }],
  ["is silent at AUTH", { ...SAFE, AUTH: silence }],
  ["closes at AUTH", { ...SAFE, AUTH: close }],
];

for (const [name, behaviour] of NO_LOGIN) {
  Deno.test(`a relay that ${name} gets no message that needs credentials`, async () => {
    const outcome = await through([behaviour], undefined, {
      user: "me:sesame",
    });
    assertMatch(outcome.verdict, /^451 4\.(7\.0|4\.2) /);
    assertEquals(outcome.secure, []);
    assertMatch(outcome.log, /relay-failed .*at AUTH/);
  });
}

/** An address of this machine that others reach it by, where there is one. */
const OUTSIDE = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv4" && !address.startsWith("127.")
)?.address;

Deno.test({
  name:
    "a relay elsewhere gets no credentials in clear, whatever relay.tls says",
  ignore: OUTSIDE === undefined,
  async fn() {
    const offers = [...OFFERS, "AUTH PLAIN"];
    await using relay = new ScriptedRelay([{ offers }], { hostname: OUTSIDE! });
    for (const tls of ["off", "opportunistic"] as const) {
      await using serving = await Serving.start({
        relay: { url: `plain://me:sesame@${relay.url}`, tls },
      });
      using client = await serving.client();
      assertMatch(verdictOf(await client.mail()), /^451 4\.7\.5 /);
      assertMatch(serving.log, /credentials are not sent without TLS/);
    }
    const commands = relay.peers.flatMap(({ commands }) => commands);
    assertEquals(plainOf(commands), []);
  },
});
