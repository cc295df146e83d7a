import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import type { ListenAddress } from "../mod.ts";
import { RawClient } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import { Serving, servingBefore } from "./support/serving.ts";
import { traceIn } from "./support/trace.ts";

const LMTP = { listen: ["lmtp://127.0.0.1:0"] };

/** What LMTP relays offer. */
const OFFERS = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"];

async function lmtpClient(address: ListenAddress): Promise<RawClient> {
  const client = await RawClient.connect(address);
  await client.reply();
  assertMatch(await client.ask("LHLO client.test"), /^250-/);
  return client;
}

/** The replies to the end of a message, one for each recipient. */
async function verdicts(
  client: RawClient,
  to: readonly string[],
): Promise<string[]> {
  const { end } = await client.mail({ to });
  const replies = [end];
  for (const _ of to.slice(1)) replies.push(await client.reply());
  return replies;
}

Deno.test("LMTP: each recipient hears its own relay's verdict, in the order of RCPT", async () => {
  await using relay = new ScriptedRelay();
  await using own = new ScriptedRelay([{ END: "452 4.2.2 Full" }]);
  await using before = await servingBefore(relay, {
    server: LMTP,
    relay: { domains: [`own.example:127.0.0.1:${own.port}`] },
  });
  using client = await lmtpClient(before.address);
  const to = ["a@own.example", "b@b.test", "c@own.example", "d@b.test"];
  const replies = await verdicts(client, to);
  assertEquals(replies.map((reply) => reply.slice(0, 9)), [
    "452 4.2.2",
    "250 2.0.0",
    "452 4.2.2",
    "250 2.0.0",
  ]);
  assertEquals(relay.taken.map(({ to }) => to), [["b@b.test", "d@b.test"]]);
  assertMatch(await client.ask("NOOP"), /^250 /);
  assertMatch(traceIn(relay.taken[0]!.data), / with LMTP id /);
  const refused = before.logged("refused");
  assertEquals(refused.length, 2);
  assertMatch(refused[1]!, /to=c@own\.example code=452 status=4\.2\.2/);
  assertMatch(before.logged("message")[0]!, /code=250 /);
  assert(!before.log.includes("partly-delivered"));
});

Deno.test("LMTP: what is refused as a whole is refused to each, RCPT's refusals take no part", async () => {
  await using relay = new ScriptedRelay([{
    RCPT: (_, line) => line.includes("bad") ? "550 5.1.1 No" : "250 2.1.5 Ok",
    END: "250 2.0.0 Queued",
  }]);
  await using before = await servingBefore(relay, {
    server: LMTP,
    limits: { data: "1KiB" },
  });
  using client = await lmtpClient(before.address);
  await client.ask("MAIL FROM:<a@example.org>");
  for (const name of ["b", "bad", "c"]) {
    const reply = await client.ask(`RCPT TO:<${name}@b.test>`);
    assertMatch(reply, name === "bad" ? /^550 / : /^250 /);
  }
  await client.ask("DATA");
  await client.send(`${"x".repeat(900)}\r\n${"x".repeat(900)}\r\n`);
  assertMatch(await client.ask("."), /^552 /);
  assertMatch(await client.reply(), /^552 /);
  assertMatch(await client.ask("NOOP"), /^250 2\.0\.0 OK/);
  await relay.emptied();
  assertEquals(relay.taken, []);
});

Deno.test("LMTP over a Unix socket, into the local store", async () => {
  const folder = await Deno.makeTempDir();
  {
    const path = join(folder, "lmtp");
    await using serving = await Serving.start({
      server: { listen: [`lmtp:unix:${path}`] },
    });
    assertEquals(serving.address, { transport: "unix", path, scheme: "lmtp" });
    using client = await lmtpClient(serving.address);
    const replies = await verdicts(client, ["b@localhost", "c@localhost"]);
    for (const reply of replies) assertMatch(reply, /^250 2\.0\.0 /);
    assertMatch(await client.ask("RCPT TO:<x@y.test>"), /^503 /);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("LMTP in, LMTP out: the relay's verdicts are handed through", async () => {
  let said = 0;
  await using relay = new ScriptedRelay([{
    offers: OFFERS,
    END: async (peer) => {
      await peer.say("250 2.0.0 Into one");
      await peer.say("550 5.2.1 Closed");
      said++;
      return "250 2.0.0 Into three";
    },
  }]);
  await using before = await servingBefore(relay, {
    server: LMTP,
    relay: { url: `lmtp://127.0.0.1:${relay.port}` },
  });
  using client = await lmtpClient(before.address);
  const to = ["one@b.test", "two@b.test", "three@b.test"];
  assertEquals(await verdicts(client, to), [
    "250 2.0.0 Into one\r\n",
    "550 5.2.1 Closed\r\n",
    "250 2.0.0 Into three\r\n",
  ]);
  assertEquals(said, 1);
  assertMatch(relay.peers[0]!.commands[0]!, /^LHLO mx\.test$/);
  assertMatch(before.logged("refused")[0]!, /to=two@b\.test code=550/);
});

Deno.test("SMTP in, LMTP out: one verdict, and it is the refusal, with a word in the log", async () => {
  await using relay = new ScriptedRelay([{
    offers: OFFERS,
    END: async (peer) => {
      await peer.say("250 2.0.0 Into one");
      return "452 4.2.2 Full";
    },
  }]);
  await using before = await servingBefore(relay, {
    relay: { url: `lmtp://127.0.0.1:${relay.port}` },
  });
  using client = await before.client();
  const { end } = await client.mail({ to: ["one@b.test", "two@b.test"] });
  assertEquals(end, "452 4.2.2 Full\r\n");
  assertMatch(await client.ask("NOOP"), /^250 2\.0\.0 OK/);
  assertMatch(before.log, /warn .*partly-delivered .*by=127\.0\.0\.1:/);
});
