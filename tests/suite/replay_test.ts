import { assertEquals, assertRejects } from "@std/assert";
import { ListeningServer, replay } from "../../lib/suite/mod.ts";
import { RawClient } from "../support/raw_client.ts";
import { transcript } from "../transcript/support.ts";

const MESSAGE = "Subject: x\r\n\r\nHello.\r\n";

const TAKEN = transcript(`# A message is taken
S: 220 mx.test
C: DATA
S: 354 Go on
C< message.eml
S: 250 Taken
C: QUIT
S: 221 Bye
== close
`);

const readMessage = () => new TextEncoder().encode(MESSAGE);

async function listen(): Promise<ListeningServer> {
  const listen = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  return await ListeningServer.listen({ listen, timeoutMs: 20_000 });
}

Deno.test("replay() plays the server's part to a client that connects", async () => {
  await using listening = await listen();
  const playing = replay(TAKEN, { as: "relay", listening, readMessage });
  using client = await RawClient.connect(listening.address);
  assertEquals(await client.reply(), "220 mx.test\r\n");
  await client.ask("DATA");
  await client.send(MESSAGE);
  assertEquals(await client.ask("."), "250 Taken\r\n");
  await client.ask("QUIT");
  client.close();
  assertEquals(await playing, { plays: 1 });
});

Deno.test("replay() plays it in each way that is wished for, to a client each", async () => {
  await using listening = await listen();
  const splits = ["whole", "bytes"] as const;
  const options = { as: "relay", listening, readMessage, splits } as const;
  const playing = replay(TAKEN, options);
  for (const _ of splits) {
    using client = await RawClient.connect(listening.address);
    await client.reply();
    await client.ask("DATA");
    await client.send(MESSAGE);
    await client.ask(".");
    await client.ask("QUIT");
  }
  assertEquals(await playing, { plays: 2 });
});

const WRONG = [
  [{}, 'Cannot listen for clients as "client": expected as "relay"'],
  [{ as: "relay", server: "a.test:25" }, 'Cannot play as "relay" against'],
] as const;

for (const [options, problem] of WRONG) {
  Deno.test(`replay() refuses to listen with ${JSON.stringify(options)}`, async () => {
    await using listening = await listen();
    await assertRejects(
      () => replay(TAKEN, { ...options, listening }),
      TypeError,
      problem,
    );
  });
}
