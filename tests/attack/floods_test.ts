import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConfigInput, ListenAddress } from "../../mod.ts";
import { until } from "../real/support/wait.ts";
import { RawClient, verdictOf } from "../support/raw_client.ts";
import { ScriptedRelay } from "../support/scripted_relay.ts";
import { type Serving, servingBefore } from "../support/serving.ts";
import { Attacker } from "./attacker.ts";
import { Bystander, Program } from "./program.ts";

/** A listener behind a proxy, and one that is not. */
function proxied(limits: ConfigInput["limits"] = {}): ConfigInput {
  return {
    server: { listen: ["127.0.0.1:0"] },
    listener: [{ url: "127.0.0.2:0", proxy_protocol: ["127.0.0.1"] }],
    limits: { error_delay: "0s", ...limits },
  };
}

/** A client that the proxy says has that address. */
async function from(serving: Serving, source: string): Promise<RawClient> {
  const client = await RawClient.connect(serving.server.addresses[1]);
  const family = source.includes(":") ? "TCP6" : "TCP4";
  const target = source.includes(":") ? "2001:db8::1" : "198.51.100.1";
  await client.send(`PROXY ${family} ${source} ${target} 4321 25\r\n`);
  return client;
}

/** The reply that comes first, to each of some clients; all of them stay. */
async function greetings(clients: readonly RawClient[]): Promise<string[]> {
  const replies = await Promise.all(clients.map((client) => client.reply()));
  return replies.map((reply) => reply.slice(0, 9).trim());
}

function close(clients: readonly RawClient[]): void {
  for (const client of clients) client.close();
}

function count(texts: readonly string[], start: string): number {
  return texts.filter((text) => text.startsWith(start)).length;
}

Deno.test("behind a proxy the limits count each client by its own address, IPv6 by its /64", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(
    relay,
    proxied({ sessions_per_client: 3 }),
  );
  const sources = [
    ...Array.from({ length: 5 }, () => "203.0.113.1"),
    ...Array.from({ length: 5 }, () => "203.0.113.2"),
    ...Array.from({ length: 5 }, (_, i) => `2001:db8:1:1::${i + 1}`),
    ...Array.from({ length: 5 }, (_, i) => `2001:db8:1:${i + 2}::1`),
  ];
  const clients = await Promise.all(
    sources.map((source) => from(serving, source)),
  );
  const replies = await greetings(clients);
  const each = [0, 5, 10, 15].map((at) =>
    count(replies.slice(at, at + 5), "220")
  );
  assertEquals(each, [3, 3, 3, 5]);
  assertEquals(count(replies, "421 4.7.0"), 6);
  close(clients);
  await until("no session", () => serving.server.sessions().length === 0);
  using again = await from(serving, "203.0.113.1");
  assertMatch(await again.reply(), /^220 /);
});

Deno.test("connection_rate holds the one back who comes too often, not its proxy", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(
    relay,
    proxied({ connection_rate: 10, rate_period: "1h" }),
  );
  const replies: string[] = [];
  for (let i = 0; i < 20; i++) {
    using client = await from(serving, "203.0.113.1");
    replies.push(await client.reply());
    using other = await from(serving, `198.51.100.${i + 1}`);
    assertMatch(await other.reply(), /^220 /);
  }
  assertEquals(count(replies, "220"), 10);
  assertEquals(count(replies.slice(10), "421 4.7.0"), 10);
});

Deno.test("message_rate counts messages of a client, over all its sessions and after each RSET", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(
    relay,
    proxied({ message_rate: 5, rate_period: "1h" }),
  );
  const replies: string[] = [];
  for (let i = 0; i < 10; i++) {
    using client = await from(serving, "203.0.113.1");
    await client.reply();
    await client.ask(i % 2 === 0 ? "EHLO x.test" : "HELO x.test");
    replies.push(await client.ask("MAIL FROM:<a@b.test>"));
    await client.ask("RSET");
  }
  assertEquals(count(replies, "250"), 5);
  assertEquals(count(replies, "4"), 5);
  using other = await from(serving, "203.0.113.2");
  await other.reply();
  assertMatch(verdictOf(await other.mail()), /^250 /);
});

/** Distinct clients; more than are remembered. */
const CLIENTS = 10_000;

/** As many of them at once. */
const AT_ONCE = 100;

Deno.test(`${CLIENTS} clients, each with an address of its own: nothing grows, others are served`, async () => {
  await using relay = new ScriptedRelay();
  await using program = await Program.start({
    relay: relay.url,
    collects: true,
    limits: "connection_rate = 5",
    toml: `[[listener]]
url = "127.0.0.2:0"
proxy_protocol = ["127.0.0.1"]`,
  });
  const proxy = await program.third();
  const alive: number[] = [];
  await using bystander = await Bystander.begin(program.clear);
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < CLIENTS / 2; at += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => {
        const n = round * CLIENTS / 2 + at + i;
        const source = `10.${n >> 16}.${n >> 8 & 255}.${n & 255}`;
        using attacker = await Attacker.connect(proxy);
        attacker.send(
          `PROXY TCP4 ${source} 198.51.100.1 4321 25\r\n` +
            "EHLO x.test\r\nMAIL FROM:<a@b.test>\r\nQUIT\r\n",
        );
        await attacker.hears("221 ");
      }));
    }
    alive.push(await program.alive());
  }
  await bystander.stop();
  assertEquals(bystander.failures, []);
  assert(bystander.slowestMs < 1_000, `${bystander.slowestMs} ms`);
  // Both tables are full after the second round.
  assert(alive[2]! - alive[1]! < 1_024 * 1_024, `${alive}`);
});

/** Who talk too early at once; fewer than one client may have sessions. */
const TALKERS = 90;

Deno.test("many early talkers are refused, and who waits is served", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(relay, {
    ...proxied({ greeting_delay: "300ms" }),
    local: { networks: [] },
  });
  const address = serving.server.addresses[0]!;
  const flood = Promise.all(Array.from({ length: TALKERS }, async (_, i) => {
    using attacker = await Attacker.connect(address);
    attacker.send("EHLO x.test\r\n".repeat(1 + i % 3));
    await attacker.over();
    return attacker.heard;
  }));
  using client = await RawClient.greeted(address);
  assertMatch(verdictOf(await client.mail()), /^250 /);
  const heard = await flood;
  assertEquals(count(heard, "554 "), TALKERS);
  await client.ask("QUIT");
  await until("no session", () => serving.server.sessions().length === 0);
});

/** Session places, all of which strangers take. */
const PLACES = 20;

Deno.test("strangers who leave during a delay give their places back when it is over", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(relay, {
    ...proxied({ sessions: PLACES, error_delay: "1s" }),
    local: { networks: [] },
  });
  const address: ListenAddress = serving.server.addresses[0]!;
  for (let i = 0; i < PLACES; i++) {
    using attacker = await Attacker.connect(address);
    await attacker.hearsAnything();
    attacker.send("NONSENSE\r\n".repeat(5));
  }
  const start = performance.now();
  await until("a place", async () => {
    using client = await RawClient.connect(address);
    return (await client.reply()).startsWith("220 ");
  });
  // Five bad commands at once are one delay.
  assert(performance.now() - start < 3_000);
  await until("no session", () => serving.server.sessions().length === 0);
});

Deno.test("a client one too many hears 421 though it has sent a lot already", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(relay, proxied({ sessions: 1 }));
  using only = await serving.client();
  await only.ask("NOOP");
  const heard = await Promise.all(Array.from({ length: 50 }, async () => {
    using attacker = await Attacker.connect(serving.address);
    attacker.send("EHLO x.test\r\n".repeat(2_000));
    await attacker.over();
    return attacker.heard;
  }));
  assertEquals(count(heard, "421 "), heard.length);
});
