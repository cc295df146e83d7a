import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "./real/support/wait.ts";
import { RawClient, verdictOf } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import { IMPATIENT, servingBefore, SHORT_MS } from "./support/serving.ts";

Deno.test("a client that vanishes anywhere leaves nothing at the relay, and no session", async () => {
  const steps: [string, RegExp][] = [
    ["MAIL FROM:<a@example.org>", /^250/],
    ["RCPT TO:<b@localhost>", /^250/],
    ["DATA", /^354/],
    [`Subject: x\r\n\r\n${"x".repeat(100_000)}`, /./],
  ];
  for (let count = 0; count <= steps.length; count++) {
    await using relay = new ScriptedRelay();
    await using before = await servingBefore(relay);
    const client = await before.client();
    for (const [line, wanted] of steps.slice(0, count)) {
      if (line.includes("\r\n")) await client.send(line);
      else assertMatch(await client.ask(line), wanted);
    }
    client.close();
    await until("no session", () => before.server.sessions().length === 0);
    if (count >= 3) await relay.emptied();
    assertEquals(relay.peers.flatMap(({ messages }) => messages), []);
    using other = await before.client();
    assertMatch(verdictOf(await other.mail()), /^250 /);
  }
});

Deno.test("a client that ends its side behind QUIT or a message is answered", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay);
  using client = await before.client();
  await client.send(
    "MAIL FROM:<a@b.test>\r\nRCPT TO:<b@localhost>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
  );
  assertMatch(await client.rest(), /354 .*\r\n250 .*\r\n221 .*\r\n$/);
  assertEquals(relay.taken.length, 1);
});

Deno.test("a silent client gets 421 4.4.2, and so does one that sends a byte now and then", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, { limits: IMPATIENT });
  using silent = await before.client();
  using trickling = await before.client();
  let isOver = false;
  const trickle = async () => {
    while (!isOver) {
      await trickling.send("N").catch(() => {});
      await new Promise((done) => setTimeout(done, SHORT_MS / 6));
    }
  };
  const trickled = trickle();
  const start = Date.now();
  const [one, other] = await Promise.all([
    silent.rest(),
    trickling.rest().finally(() => isOver = true),
  ]);
  await trickled;
  assertMatch(one, /^421 4\.4\.2 /);
  assertMatch(other, /^421 4\.4\.2 /);
  assert(Date.now() - start < 10 * SHORT_MS);
  await until("no session", () => before.server.sessions().length === 0);
  assertMatch(before.log, /disconnect .*end="read timeout"/);
});

Deno.test("a client that is silent in data gets 421 4.4.2, and nothing is delivered", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, { limits: IMPATIENT });
  using client = await before.client();
  await client.ask("MAIL FROM:<a@example.org>");
  await client.ask("RCPT TO:<b@localhost>");
  await client.ask("DATA");
  await client.send("Subject: x\r\n\r\n");
  assertMatch(await client.rest(), /^421 4\.4\.2 /);
  await relay.emptied();
  assertEquals(relay.peers[0]!.messages, []);
});

Deno.test("a message has a deadline of its own, which a byte now and then does not renew", async () => {
  await using relay = new ScriptedRelay();
  // Sixty read timeouts: MESSAGE_READ_TIMEOUTS.
  const limits = { read_timeout: "25ms", write_timeout: "1s" };
  await using before = await servingBefore(relay, { limits });
  const client = await RawClient.connect(before.address);
  await client.send(
    "MAIL FROM:<a@b.test>\r\nRCPT TO:<b@localhost>\r\nDATA\r\nx: y\r\n\r\n",
  );
  let isOver = false;
  const rest = client.rest().finally(() => isOver = true);
  const start = Date.now();
  while (!isOver) {
    await client.send("x").catch(() => {});
    await new Promise((done) => setTimeout(done, 1));
  }
  assertMatch(await rest, /421 4\.4\.2 .*\r\n$/);
  assert(Date.now() - start < 60 * 25 * 10);
  await relay.emptied();
  assertEquals(relay.peers.flatMap(({ messages }) => messages), []);
  client.close();
});
