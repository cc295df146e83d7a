/**
 * The program as a whole: starts, relays one message, ends at SIGTERM. What CI
 * asks of the bundle as well.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { missing } from "./support/child.ts";
import { DIRECT, Postern } from "./support/postern.ts";
import { deliver } from "./support/session.ts";
import { SmtpSink } from "./support/smtp_sink.ts";

Deno.test({
  name: "postern serve relays a message to smtp-sink and exits 0 at SIGTERM",
  ignore: DIRECT || missing("smtp-sink").length > 0,
  async fn() {
    await using sink = await SmtpSink.start([]);
    await using postern = await Postern.start({ relay: sink.port });
    const { text } = await deliver(postern.port, "localhost", "Smoke");
    assertEquals(text, "250 2.0.0 Ok");
    assertStringIncludes(await sink.taken(), "Subject: Smoke\n");
    assertEquals(await postern.stop(), 0, postern.output);
  },
});
