import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseCapabilities } from "../lib/engine/capabilities.ts";
import type { Offer } from "../lib/engine/extensions.ts";
import { type OfferGrounds, offerOf } from "../lib/offer.ts";
import { until } from "./real/support/wait.ts";
import type { RawClient } from "./support/raw_client.ts";
import { last, ScriptedRelay } from "./support/scripted_relay.ts";
import { servingBefore } from "./support/serving.ts";

/** A relay that offers those lines. */
function relayOf(lines: string[], isVerified = false): OfferGrounds["relay"] {
  return {
    capabilities: parseCapabilities(["relay.test", ...lines]),
    isVerified,
  };
}

const UNKNOWN: OfferGrounds = {
  size: 1_000,
  recipients: 100,
  startTls: false,
  auth: [],
  isProxy: false,
  isSecure: false,
  relay: undefined,
};

const CASES: [
  what: string,
  grounds: Partial<OfferGrounds>,
  offer: Partial<Offer>,
][] = [
  ["what it can do itself, while nothing is known", {}, {
    size: 1_000,
    eightBitMime: true,
    smtputf8: true,
    chunking: true,
    binaryMime: false,
    dsn: false,
    requireTls: false,
    limits: { recipients: 100 },
    xclient: false,
    xforward: false,
  }],
  ["chunking alone before a relay that has nothing", { relay: relayOf([]) }, {
    eightBitMime: false,
    smtputf8: false,
    chunking: true,
    size: 1_000,
  }],
  ["what the relay has", {
    relay: relayOf(["8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN"]),
  }, { eightBitMime: true, smtputf8: true, binaryMime: true, dsn: true }],
  ["no binary bodies where the relay has no chunks", {
    relay: relayOf(["BINARYMIME"]),
  }, { binaryMime: false }],
  ["the relay's size where it is smaller", { relay: relayOf(["SIZE 500"]) }, {
    size: 500,
  }],
  ["its own size where that is smaller", { relay: relayOf(["SIZE 5000"]) }, {
    size: 1_000,
  }],
  ["its own size where the relay's has no bound", {
    relay: relayOf(["SIZE 0"]),
  }, { size: 1_000 }],
  ["the relay's recipients where those are fewer", {
    relay: relayOf(["LIMITS RCPTMAX=10"]),
  }, { limits: { recipients: 10 } }],
  ["no more recipients than can be said", { recipients: 5_000_000 }, {
    limits: { recipients: 999_999 },
  }],
  ["REQUIRETLS in TLS before a relay beyond doubt", {
    isSecure: true,
    relay: relayOf(["REQUIRETLS"], true),
  }, { requireTls: true }],
  ["no REQUIRETLS in clear", { relay: relayOf(["REQUIRETLS"], true) }, {
    requireTls: false,
  }],
  ["no REQUIRETLS before a relay that was not verified", {
    isSecure: true,
    relay: relayOf(["REQUIRETLS"]),
  }, { requireTls: false }],
  ["XCLIENT and XFORWARD to a proxy", { isProxy: true }, {
    xclient: true,
    xforward: true,
  }],
];

for (const [what, grounds, offer] of CASES) {
  Deno.test(`offerOf() offers ${what}`, () => {
    const got: Offer = offerOf({ ...UNKNOWN, ...grounds });
    assertEquals({ ...got, ...offer }, got);
  });
}

async function ehlo(client: RawClient): Promise<string[]> {
  const reply = await client.ask("EHLO client.test");
  return reply.split("\r\n").map((line) => line.slice(4)).slice(1, -1);
}

const RELAY = ["PIPELINING", "8BITMIME", "DSN", "SIZE 5000"];

Deno.test("EHLO offers more, and less, once the relay is known: after a message", async () => {
  await using relay = new ScriptedRelay([{ offers: RELAY }]);
  await using before = await servingBefore(relay);
  using client = await before.client();
  const first = await ehlo(client);
  assertEquals(first, [
    "PIPELINING",
    "SIZE 10485760",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "SMTPUTF8",
    "CHUNKING",
    "LIMITS RCPTMAX=100",
    "HELP",
  ]);
  await client.mail();
  assertEquals(await ehlo(client), [
    "PIPELINING",
    "SIZE 5000",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "CHUNKING",
    "DSN",
    "LIMITS RCPTMAX=100",
    "HELP",
  ]);
  const { mail } = await client.mail({ parameters: " SIZE=5001" });
  assertMatch(mail, /^552 /);
});

Deno.test("the relay is asked at the start, and again after a reload", async () => {
  await using relay = new ScriptedRelay([{ offers: RELAY }, { offers: [] }]);
  const probing = { probesRelay: true };
  await using before = await servingBefore(relay, {}, probing);
  using client = await before.client();
  await until("DSN", async () => (await ehlo(client)).includes("DSN"));
  assertEquals(relay.peers.length, 1);
  // The connection by which it was asked serves the first message.
  await client.mail();
  assertEquals(relay.peers.length, 1);
  await before.reload({
    server: { listen: ["127.0.0.1:0"] },
    relay: { url: relay.url },
  });
  using next = await before.client();
  await until("no DSN", async () => !(await ehlo(next)).includes("8BITMIME"));
  assert((await ehlo(client)).includes("DSN"));
});

Deno.test("a relay that can't be asked holds up neither start nor clients", async () => {
  await using relay = new ScriptedRelay([{ GREETING: last("554 5.3.2 No") }]);
  const probing = { probesRelay: true };
  await using before = await servingBefore(relay, {}, probing);
  using client = await before.client();
  assert((await ehlo(client)).includes("SMTPUTF8"));
  assert(!before.log.includes(" error "), before.log);
});
