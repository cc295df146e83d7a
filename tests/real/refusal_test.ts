/**
 * `smtp-sink` as a hostile relay: the client never hears 250 for what the relay
 * did not take, each message has an end in bounded time, and the server lives
 * on.
 *
 * Every row has a relay of its own, chosen by the recipient's domain, so that no
 * row's kept connections or delays are another's.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { missing } from "./support/child.ts";
import { freePort } from "./support/port.ts";
import { DIRECT, Postern } from "./support/postern.ts";
import { type Row, ROWS } from "./support/refusals.ts";
import { deliver, type Fate } from "./support/session.ts";
import { SmtpSink } from "./support/smtp_sink.ts";

/** Every domain has its relay; a slow one is given up after three seconds. */
function toml(domains: readonly string[]): string {
  return `
[relay]
domains = ${JSON.stringify(domains)}

[limits]
read_timeout = "3s"
write_timeout = "3s"
`;
}

/** Holds what the client heard against the table and against the relay's dump. */
async function judge(sink: SmtpSink, row: Row, marker: string, fate: Fate) {
  const heard = `${fate.step}: ${fate.text}`;
  const accepted = fate.step === "." && fate.code === 250;
  if (accepted) {
    const dump = await sink.taken();
    assert(dump.includes(`Subject: ${marker}\n`), `Lost, after ${heard}`);
  }
  // Straight from smtp-sink comes what it says, not what Postern makes of it.
  if (DIRECT) return;
  const { taken, reply, step } = row.expected;
  if (taken !== undefined) assertEquals(accepted, taken, heard);
  if (accepted) return;
  assertMatch(fate.text, reply, heard);
  if (step !== undefined) assertEquals(fate.step, step, heard);
}

Deno.test({
  name: "Postern never says 250 for what smtp-sink did not take",
  ignore: missing("smtp-sink").length > 0,
  async fn(t) {
    const ports = ROWS.map(freePort);
    const domains = ROWS.map((_, i) => `row${i}.example`);
    await using postern = await Postern.start({
      relay: ports[0]!,
      toml: toml(domains.map((domain, i) => `${domain}:127.0.0.1:${ports[i]}`)),
    });
    for (const [i, row] of ROWS.entries()) {
      const { options, parameters = "" } = row;
      await t.step({
        name: ["smtp-sink", ...options, "with", parameters || "plain MAIL"]
          .join(" "),
        // Nobody but Postern bounds the wait for a relay.
        ignore: DIRECT && options.some((option) => option.endsWith("60")),
        async fn() {
          await using sink = await SmtpSink.start(options, ports[i]);
          const port = DIRECT ? sink.port : postern.port;
          // Twice: the second message may find a kept connection.
          for (const marker of ["first", "second"]) {
            const fate = await deliver(port, domains[i]!, marker, parameters);
            await judge(sink, row, marker, fate);
          }
        },
      });
    }
    assertEquals(await postern.stop(), 0, postern.output);
  },
});
