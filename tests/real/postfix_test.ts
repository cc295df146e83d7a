/**
 * A mail goes through: every client, every kind of message, Postern in the
 * middle and a real Postfix behind it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { missing } from "./support/child.ts";
import { type Client, CLIENTS, curl } from "./support/clients.ts";
import { difference } from "./support/delivery.ts";
import { type Message, MESSAGES, withLf } from "./support/messages.ts";
import { Postfix } from "./support/postfix.ts";
import { DIRECT, Postern } from "./support/postern.ts";

/** Room for the attachment after base64; all else as it comes. */
const TOML = `
[relay]
domains = ["localhost", "example.org"]

[limits]
data = "64MiB"
`;

const ignore = missing("postfix").length > 0 || Deno.uid() !== 0;

/** Sends through `client` and looks at each recipient's copy. */
async function passes(
  postfix: Postfix,
  port: number,
  client: Client,
  message: Message,
): Promise<void> {
  const heard = await client.send(port, message);
  const deliveries = await postfix.takeDeliveries(message.to.length);
  assertEquals(
    deliveries.map((delivery) => delivery.recipient).sort(),
    [...message.to].sort(),
    "each recipient must have one copy",
  );
  const want = withLf(message.content);
  for (const { content, queueId, trace } of deliveries) {
    assertEquals(difference(content, want), undefined);
    assert(
      heard.includes(`2.0.0 Ok: queued as ${queueId}`),
      `The client heard ${JSON.stringify(heard)}, Postfix queued ${queueId}`,
    );
    if (DIRECT) continue;
    const received = trace.filter((field) => field.startsWith("Received:"));
    assertEquals(received.length, 2, "Postfix's field and Postern's");
  }
}

for (const client of CLIENTS) {
  const absent = missing(...client.needs).length > 0;
  Deno.test({
    name: `Postern relays to Postfix what ${client.name} sends`,
    ignore: ignore || absent || (DIRECT && client.name === "postern send"),
    async fn(t) {
      await using postfix = await Postfix.start();
      await using postern = await Postern.start({
        relay: postfix.port,
        toml: TOML,
      });
      for (const message of MESSAGES) {
        await t.step({
          name: `${message.name}: once, byte for byte`,
          ignore: message.utf8 && !client.utf8,
          fn: () => passes(postfix, postern.port, client, message),
        });
      }
      assertEquals(await postern.stop(), 0, postern.output);
    },
  });
}

/** Content with bare LF, and what must arrive of it (LF for CRLF). */
const BARE: readonly [name: string, sent: string, want: string][] = [
  [
    "a Unix file",
    "Subject: Bare LF\n\nHello.\n\nBye.\n",
    "Subject: Bare LF\n\nHello.\n\nBye.\n\n",
  ],
  [
    "a bare LF before a dot and CRLF, which does not end the message",
    "Subject: Smuggling\n\n1\n.\r\nMAIL FROM:<x@example.org>\r\n",
    "Subject: Smuggling\n\n1\n.\nMAIL FROM:<x@example.org>\n",
  ],
  [
    "a dot between bare LFs",
    "Subject: Dots\n\n1\n.\n..\n.x\r\n",
    "Subject: Dots\n\n1\n.\n..\n.x\n",
  ],
  [
    "bare CR",
    "Subject: Bare CR\r\n\r\n1\r2\r\r\n.\r3\r\n",
    "Subject: Bare CR\n\n1\n2\n\n.\n3\n",
  ],
];

Deno.test({
  name: "Postern makes CRLF of bare line ends before Postfix sees them",
  ignore: ignore || DIRECT || missing("curl").length > 0,
  async fn(t) {
    await using postfix = await Postfix.start();
    await using postern = await Postern.start({
      relay: postfix.port,
      toml: TOML,
    });
    for (const [name, sent, want] of BARE) {
      await t.step(`curl sends ${name}`, async () => {
        await curl(postern.port, {
          name,
          from: "sender@example.org",
          to: ["recipient@example.org"],
          content: new TextEncoder().encode(sent),
          utf8: false,
        });
        const deliveries = await postfix.takeDeliveries(1);
        const text = deliveries.map(({ content }) =>
          new TextDecoder().decode(content)
        );
        assertEquals(text, [want]);
      });
    }
  },
});
