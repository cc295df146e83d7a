/**
 * A relay that goes away between two messages, serves one client at a time, or
 * talks nonsense: what it did not take is deferred, the next message finds its
 * way.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { missing } from "./support/child.ts";
import { CountingRelay } from "./support/counting_relay.ts";
import { freePort } from "./support/port.ts";
import { DIRECT, Postern } from "./support/postern.ts";
import { DEFERRED } from "./support/refusals.ts";
import { deliver } from "./support/session.ts";
import { SmtpSink } from "./support/smtp_sink.ts";

const DOMAIN = "row.example";

const TOML = `
[relay]
domains = ["${DOMAIN}"]

[limits]
read_timeout = "3s"
write_timeout = "3s"
`;

const ignore = DIRECT || missing("smtp-sink").length > 0;

Deno.test({
  name:
    "Postern defers while the relay is gone, and finds the one that follows",
  ignore,
  async fn() {
    const relay = freePort();
    await using postern = await Postern.start({ relay, toml: TOML });
    {
      // -M 1: it takes one message, and ends without a word about it.
      await using sink = await SmtpSink.start(["-M", "1"], relay);
      const fate = await deliver(postern.port, DOMAIN, "without an answer");
      assertMatch(fate.text, DEFERRED.reply);
      await sink.ended();
    }
    for (const marker of ["before", "after"]) {
      const nobody = await deliver(postern.port, DOMAIN, "to nobody");
      assertMatch(nobody.text, DEFERRED.reply);
      await using _sink = await SmtpSink.start([], relay);
      const { text } = await deliver(postern.port, DOMAIN, marker);
      assertEquals(text, "250 2.0.0 Ok");
    }
  },
});

Deno.test({
  name: "Postern takes a fresh connection when smtp-sink -t 1 dropped the kept",
  ignore,
  async fn() {
    await using sink = await SmtpSink.start(["-t", "1"]);
    await using postern = await Postern.start({
      relay: sink.port,
      toml: TOML,
    });
    for (const marker of ["first", "second"]) {
      const fate = await deliver(postern.port, DOMAIN, marker);
      assertEquals(fate.text, "250 2.0.0 Ok");
      await sink.isIdle();
    }
  },
});

Deno.test({
  name: "Postern answers two clients at once when smtp-sink -m 1 serves one",
  ignore,
  async fn() {
    await using sink = await SmtpSink.start(["-m", "1"]);
    await using postern = await Postern.start({
      relay: sink.port,
      toml: TOML,
    });
    const markers = ["first", "second"];
    const fates = await Promise.all(
      markers.map((marker) => deliver(postern.port, DOMAIN, marker)),
    );
    const dump = await sink.taken();
    for (const [i, marker] of markers.entries()) {
      const { code, text } = fates[i]!;
      if (code === 250) assert(dump.includes(`Subject: ${marker}\n`), text);
      else assertMatch(text, DEFERRED.reply);
    }
  },
});

/** What smtp-sink can't be made to say: no reply at all, or not one that fits. */
const NONSENSE: readonly [command: string, reply: string][] = [
  ["CONNECT", "HTTP/1.1 400 Bad Request"],
  ["CONNECT", "354 Go on"],
  ["MAIL", "What?"],
  ["MAIL", "354 Go on"],
  ["RCPT", ""],
  ["RCPT", "354 Go on"],
  ["DATA", "999 9.9.9 Out of range"],
  ["DATA", "250 2.0.0 Ok"],
  [".", "What?"],
  [".", "354 Go on"],
  [".", "25 0 Ok"],
];

for (const [command, reply] of NONSENSE) {
  Deno.test({
    name: `Postern defers when a relay answers ${command} with "${reply}"`,
    ignore: DIRECT,
    async fn() {
      await using relay = new CountingRelay({ replies: { [command]: reply } });
      await using postern = await Postern.start({
        relay: relay.port,
        toml: TOML,
      });
      const fate = await deliver(postern.port, DOMAIN, "nonsense");
      assertMatch(fate.text, DEFERRED.reply);
    },
  });
}
