import { assert, assertMatch } from "@std/assert";
import { RawClient, verdictOf } from "../support/raw_client.ts";
import { type Behaviour, ScriptedRelay } from "../support/scripted_relay.ts";
import { Program } from "./program.ts";

/** Connections that are held up at once. */
const PAUSED = 20;

/** What one may take in beyond the kernel's buffers, in bytes. */
const MOST_BYTES = 2 * 1_024 * 1_024;

/** What each has to send; no buffer between here and the relay holds as much. */
const SENT_BYTES = 64 * 1_024 * 1_024;

/** Nothing was taken for so long: all is full, in ms. */
const STILL_MS = 1_000;

const PIECE = `${"x".repeat(998)}\r\n`.repeat(64);

/** Before anything is measured: a heap grows once, whoever sends. */
const WARMING = "x\r\n.\r\n".padStart(4 * 1_024 * 1_024, PIECE);

/** Takes what comes from anybody but `paused@b.test`. */
const MOODY: Behaviour = {
  DATA: async (peer) => {
    await peer.say("354 Send it");
    const sender = peer.commands.findLast((line) => line.startsWith("MAIL"));
    if (sender?.includes("<paused@b.test>")) await peer.over;
    else peer.expectData();
  },
};

async function begun(
  program: Program,
  i: number,
  sender: string,
): Promise<RawClient> {
  const place = program.places[i % 2]!;
  const client = await RawClient.connect(place);
  await client.reply();
  await client.ask("EHLO x.test");
  if (place.scheme === undefined) {
    await client.startTls();
    await client.ask("EHLO x.test");
  }
  await client.ask(`MAIL FROM:<${sender}>`);
  assertMatch(await client.ask("RCPT TO:<c@localhost>"), /^250 /);
  return client;
}

for (const way of ["DATA", "BDAT"] as const) {
  Deno.test(`${PAUSED} messages in TLS by ${way} to a relay that does not read: less than 2 MB each is taken in`, async () => {
    await using relay = new ScriptedRelay([MOODY]);
    await using program = await Program.start({
      relay: relay.url,
      collects: true,
      limits: 'data = "1GiB"\ndrain = "100ms"',
    });
    const clients: RawClient[] = [];
    try {
      await Promise.all(Array.from({ length: PAUSED }, async (_, i) => {
        using client = await begun(program, i, "a@b.test");
        await client.ask("DATA");
        await client.send(WARMING);
        assertMatch(await client.reply(), /^250 /);
      }));
      for (let i = 0; i < PAUSED; i++) {
        const client = await begun(program, i, "paused@b.test");
        clients.push(client);
        if (way === "DATA") await client.ask("DATA");
        else await client.send(`BDAT ${SENT_BYTES} LAST\r\n`);
      }
      const before = {
        alive: await program.alive(),
        rss: await program.rss(),
      };
      let last = performance.now();
      let sent = 0;
      let isOver = false;
      const sending = clients.map(async (client) => {
        for (let at = 0; at < SENT_BYTES && !isOver; at += PIECE.length) {
          await client.send(PIECE).catch(() => isOver = true);
          sent += PIECE.length;
          last = performance.now();
        }
      });
      while (performance.now() - last < STILL_MS) {
        await new Promise((done) => setTimeout(done, 50));
      }
      const alive = (await program.alive() - before.alive) / PAUSED;
      const rss = (await program.rss() - before.rss) / PAUSED;
      assert(sent / PAUSED < SENT_BYTES / 2, `${sent / PAUSED} bytes sent`);
      assert(alive < MOST_BYTES, `${alive} bytes each alive`);
      assert(rss < MOST_BYTES, `${rss} bytes each resident`);
      using other = await RawClient.greeted(program.clear);
      assertMatch(verdictOf(await other.mail()), /^250 /);
      isOver = true;
      for (const client of clients) client.close();
      await Promise.all(sending);
    } finally {
      for (const client of clients) client.close();
    }
  });
}
