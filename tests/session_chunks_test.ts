import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "./real/support/wait.ts";
import type { RawClient } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import {
  IMPATIENT,
  type Serving,
  servingBefore,
  SHORT_MS,
} from "./support/serving.ts";
import { traceIn } from "./support/trace.ts";

const OFFERS = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"];

const BINARY = [...OFFERS, "CHUNKING", "BINARYMIME"];

/** A client of a server that has heard what its relay offers. */
async function informed(before: Serving): Promise<RawClient> {
  const client = await before.client();
  await client.mail();
  await client.ask("EHLO client.test");
  return client;
}

async function begin(client: RawClient, parameters = ""): Promise<void> {
  const mail = await client.ask(`MAIL FROM:<a@example.org>${parameters}`);
  assertMatch(mail, /^250 /);
  assertMatch(await client.ask("RCPT TO:<b@localhost>"), /^250 /);
}

/** Sends a chunk and takes its reply. */
async function chunk(
  client: RawClient,
  octets: string,
  isLast = false,
): Promise<string> {
  await client.send(`BDAT ${octets.length}${isLast ? " LAST" : ""}\r\n`);
  await client.send(octets);
  return await client.reply();
}

/** The last message that came, without our trace. */
function lastOf(relay: ScriptedRelay): string {
  const { data } = relay.taken.at(-1)!;
  return data.replace(/^Received:.*\r\n(?:[ \t].*\r\n)*/, "");
}

Deno.test("BDAT in, DATA out: one message, its line ends and dots as DATA has them", async () => {
  await using relay = new ScriptedRelay([{ offers: OFFERS }]);
  await using before = await servingBefore(relay);
  using client = await before.client();
  await begin(client);
  assertMatch(
    await chunk(client, "Subject: x\r\n\r\n.\r\n"),
    /^250 2\.0\.0 17 octets received/,
  );
  assertMatch(await chunk(client, "..a\r"), /^250 /);
  assertMatch(await chunk(client, "\nb\n.c", true), /^250 2\.0\.0 Queued/);
  // Still stuffed: the relay un-stuffs what was put in.
  assertEquals(lastOf(relay), "Subject: x\r\n\r\n..\r\n...a\r\nb\r\n..c\r\n");
  assertMatch(traceIn(relay.taken[0]!.data), / with ESMTP id /);
  assert(relay.peers[0]!.commands.includes("DATA"));
  assertMatch(before.log, / message .*size=\d+ .*code=250/);
});

Deno.test("BDAT: an empty last chunk ends a message, RSET between chunks gives it up", async () => {
  await using relay = new ScriptedRelay([{ offers: OFFERS }]);
  await using before = await servingBefore(relay);
  using client = await before.client();
  await begin(client);
  assertMatch(await chunk(client, "Subject: gone\r\n\r\n"), /^250 /);
  assertMatch(await client.ask("RSET"), /^250 /);
  await relay.emptied();
  await begin(client);
  assertMatch(await chunk(client, "Subject: x\r\n\r\ny\r\n"), /^250 /);
  assertMatch(await chunk(client, "", true), /^250 2\.0\.0 Queued/);
  assertEquals(relay.taken.length, 1);
  assertEquals(lastOf(relay), "Subject: x\r\n\r\ny\r\n");
});

Deno.test("BDAT: a refused chunk is consumed, however slowly it comes, and is no command", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    limits: { ...IMPATIENT, data: "1KiB", error_delay: "0s" },
  });
  using client = await before.client();
  const octets = "RSET\r\nQUIT\r\n";
  await client.send(`BDAT ${octets.length}\r\n`);
  // Longer than it takes to look at the deadlines, which is an eighth of a second.
  for (const octet of octets) {
    await new Promise((done) => setTimeout(done, SHORT_MS / octets.length / 2));
    await client.send(octet);
  }
  assertMatch(await client.reply(), /^503 /);
  assertMatch(await client.ask("NOOP"), /^250 /);
  await begin(client);
  assertMatch(await chunk(client, "x".repeat(2_000)), /^552 /);
  assertMatch(await chunk(client, octets, true), /^503 /);
  assertMatch(await client.ask("NOOP"), /^250 /);
  await begin(client);
  assertMatch(await chunk(client, "Subject: x\r\n", true), /^250 /);
  assertEquals(relay.taken.length, 1);
});

Deno.test("BDAT: the relay's refusal at DATA is the answer to the first chunk", async () => {
  await using relay = new ScriptedRelay([{ DATA: "451 4.3.0 Not today" }]);
  await using before = await servingBefore(relay);
  using client = await before.client();
  await begin(client);
  assertEquals(
    await chunk(client, "QUIT\r\n", true),
    "451 4.3.0 Not today\r\n",
  );
  assertMatch(await client.ask("NOOP"), /^250 /);
});

Deno.test("BINARYMIME goes through a relay that has it, octet for octet", async () => {
  await using relay = new ScriptedRelay([{ offers: BINARY }]);
  await using before = await servingBefore(relay);
  using client = await informed(before);
  await begin(client, " BODY=BINARYMIME");
  assertMatch(await client.ask("DATA"), /^503 /);
  const octets = "Subject: x\r\n\r\n.\r\n\0\n.\r\xff\r\n.\r\n";
  assertMatch(await chunk(client, octets.slice(0, 15)), /^250 /);
  assertMatch(await chunk(client, octets.slice(15), true), /^250 /);
  assertEquals(lastOf(relay), octets);
  const { commands } = relay.peers[0]!;
  assert(commands.includes("MAIL FROM:<a@example.org> BODY=BINARYMIME"));
  assertMatch(commands.at(-1)!, /^BDAT \d+ LAST$/);
});

Deno.test("BINARYMIME is neither offered nor taken where the relay lacks it, or another's does", async () => {
  await using plain = new ScriptedRelay([{ offers: OFFERS }]);
  await using before = await servingBefore(plain);
  using client = await informed(before);
  assert(!(await client.ask("EHLO x.test")).includes("BINARYMIME"));
  const { mail } = await client.mail({ parameters: " BODY=BINARYMIME" });
  assertMatch(mail, /^50[14] /);
  await using binary = new ScriptedRelay([{ offers: BINARY }]);
  await using two = await servingBefore(binary, {
    relay: { domains: [`own.example:127.0.0.1:${plain.port}`] },
  });
  using other = await informed(two);
  await begin(other, " BODY=BINARYMIME");
  assertMatch(await other.ask("RCPT TO:<b@own.example>"), /^554 5\.6\.1 /);
  assertMatch(await chunk(other, "Subject: x\r\n\r\n\0", true), /^250 /);
});

const DSN = [...OFFERS, "DSN"];

Deno.test("DSN: what the sender asks for goes to a relay that has it as it was written", async () => {
  await using relay = new ScriptedRelay([{ offers: DSN }]);
  await using before = await servingBefore(relay);
  using client = await informed(before);
  await client.ask("MAIL FROM:<a@example.org> RET=HDRS ENVID=a+2Bb");
  const rcpt = "RCPT TO:<b@localhost> NOTIFY=SUCCESS,FAILURE " +
    "ORCPT=rfc822;Bob+40x@y.test";
  assertMatch(await client.ask(rcpt), /^250 /);
  await client.ask("RSET");
  const { commands } = relay.peers[0]!;
  assertEquals(commands.slice(-3), [
    "MAIL FROM:<a@example.org> RET=HDRS ENVID=a+2Bb",
    rcpt,
    "RSET",
  ]);
});

Deno.test("DSN is neither offered nor taken where the relay lacks it", async () => {
  await using relay = new ScriptedRelay([{ offers: OFFERS }]);
  await using dsn = new ScriptedRelay([{ offers: DSN }]);
  await using before = await servingBefore(relay);
  using client = await informed(before);
  assert(!(await client.ask("EHLO x.test")).includes("DSN"));
  assertMatch(await client.ask("MAIL FROM:<a@b.test> RET=FULL"), /^555 /);
  await using two = await servingBefore(dsn, {
    relay: { domains: [`own.example:127.0.0.1:${relay.port}`] },
  });
  using other = await informed(two);
  await other.ask("MAIL FROM:<a@example.org>");
  const notify = await other.ask("RCPT TO:<b@own.example> NOTIFY=NEVER");
  assertMatch(notify, /^550 5\.3\.3 /);
  assertMatch(await other.ask("RCPT TO:<b@b.test> NOTIFY=NEVER"), /^250 /);
  assertMatch(await other.ask("RCPT TO:<b@own.example>"), /^250 /);
});

Deno.test("a client that vanishes within a chunk leaves nothing", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay);
  const client = await before.client();
  await begin(client);
  await client.send("BDAT 1000 LAST\r\nSubject: x\r\n");
  await until("DATA", () => relay.peers[0]!.commands.includes("DATA"));
  client.close();
  await relay.emptied();
  assertEquals(relay.peers[0]!.messages, []);
});
