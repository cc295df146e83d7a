import { assert } from "@std/assert";
import { RawClient } from "../support/raw_client.ts";
import { ScriptedRelay } from "../support/scripted_relay.ts";
import { Bystander, Program } from "./program.ts";

/** Connections that are held up at once. */
const PAUSED = 20;

/** What one may take in beyond the kernel's buffers, in bytes. */
const MOST_BYTES = 2 * 1_024 * 1_024;

/** What each has to send; no buffer between here and the relay holds as much. */
const SENT_BYTES = 64 * 1_024 * 1_024;

/** Nothing was taken for so long: all is full, in ms. */
const STILL_MS = 1_000;

const PIECE = `${"x".repeat(998)}\r\n`.repeat(64);

for (const way of ["DATA", "BDAT"] as const) {
  Deno.test(`${PAUSED} messages in TLS by ${way} to a relay that does not read: less than 2 MB each is taken in`, async () => {
    await using relay = new ScriptedRelay([
      {}, // asked at the start what it offers
      ...Array.from({ length: PAUSED }, () => ({
        DATA: (peer: { say(text: string): Promise<void>; over: Promise<void> }) =>
          peer.say("354 Send it").then(() => peer.over),
      })),
      {},
    ]);
    await using program = await Program.start({
      relay: relay.url,
      limits: 'data = "1GiB"\ndrain = "100ms"',
    });
    const clients: RawClient[] = [];
    try {
      for (let i = 0; i < PAUSED; i++) {
        const client = await RawClient.connect(program.places[i % 2]);
        clients.push(client);
        await client.reply();
        await client.ask("EHLO x.test");
        if (i % 2 === 0) await client.startTls();
        await client.ask("EHLO x.test");
        await client.ask("MAIL FROM:<a@b.test>");
        await client.ask("RCPT TO:<c@localhost>");
        if (way === "DATA") await client.ask("DATA");
        else await client.send(`BDAT ${SENT_BYTES} LAST\r\n`);
      }
      const before = await program.rss();
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
      const taken = (await program.rss() - before) / PAUSED;
      assert(sent / PAUSED < SENT_BYTES / 2, `${sent / PAUSED} bytes sent`);
      assert(taken < MOST_BYTES, `${taken} bytes each`);
      console.log(way, "sent each", sent / PAUSED, "rss each", taken);
      {
        await using bystander = await Bystander.begin(program.clear);
        await bystander.stop();
        assert(bystander.failures.length === 0);
      }
      isOver = true;
      for (const client of clients) client.close();
      await Promise.all(sending);
    } finally {
      for (const client of clients) client.close();
    }
  });
}
