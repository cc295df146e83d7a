/**
 * Postern among other servers: behind a balancer, within Postfix as its
 * before-queue filter, and on either side of LMTP. Everywhere the client's own
 * address is what counts, and each message arrives once and whole.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { missing, run } from "./support/child.ts";
import { CLIENTS } from "./support/clients.ts";
import { difference } from "./support/delivery.ts";
import { DovecotLmtp } from "./support/dovecot_lmtp.ts";
import { Haproxy } from "./support/haproxy.ts";
import { MESSAGES, withLf } from "./support/messages.ts";
import { freePort } from "./support/port.ts";
import { Postfix } from "./support/postfix.ts";
import { FilteredPostfix } from "./support/postfix_filter.ts";
import { DIRECT, Postern } from "./support/postern.ts";
import { deliver, Session } from "./support/session.ts";

/** An address of this machine from which nothing else here connects. */
const CLIENT = "127.0.0.5";

const withoutPostfix = DIRECT || Deno.uid() !== 0 ||
  missing("postfix").length > 0;
const withoutDovecot = DIRECT || Deno.uid() !== 0 ||
  missing("dovecot").length > 0;

/** Sends one message from {@linkcode CLIENT}. */
async function sendFromClient(port: number): Promise<void> {
  const { code, output } = await run("swaks", [
    ...["--server", "127.0.0.1", "--port", `${port}`],
    ...["--local-interface", CLIENT, "--ehlo", "client.example.net"],
    ...["--from", "a@example.org", "--to", "b@example.org"],
  ]);
  assertEquals(code, 0, output);
}

for (const version of ["v1", "v2"] as const) {
  Deno.test({
    name:
      `Postern behind haproxy knows the client's own address, by PROXY ${version}`,
    ignore: withoutPostfix || missing("haproxy", "swaks").length > 0,
    async fn() {
      await using postfix = await Postfix.start();
      const port = freePort();
      await using postern = await Postern.start({
        relay: postfix.port,
        toml: `
[[listener]]
url = "127.0.0.1:${port}"
proxy_protocol = ["127.0.0.1"]

[local]
networks = ["${CLIENT}"]
`,
      });
      await using haproxy = await Haproxy.start(version, port);
      await sendFromClient(haproxy.port);
      const [delivery] = await postfix.takeDeliveries(1);
      const trace = delivery!.trace.join("\n");
      assertMatch(trace, /from client\.example\.net \(\[127\.0\.0\.5\]\)/);
      // 127.0.0.1 is nobody here: who is not behind the balancer may not relay.
      const direct = await deliver(postern.port, "elsewhere.example", "No");
      assertMatch(direct.text, /^550 5\.7\.1 /);
      assertEquals(await postern.stop(), 0, postern.output);
    },
  });
}

Deno.test({
  name:
    "Postern as Postfix's before-queue filter passes all on, and who the client is",
  ignore: withoutPostfix || missing("swaks", "python3").length > 0,
  async fn(t) {
    const [port, back] = [freePort(), freePort()];
    await using postern = await Postern.start({
      relay: back,
      toml: `
[[listener]]
url = "127.0.0.1:${port}"
xclient = ["127.0.0.1"]

[limits]
data = "64MiB"
`,
    });
    await using filtered = await FilteredPostfix.start(port, back);
    const { postfix } = filtered;
    await t.step("the client's address", async () => {
      await sendFromClient(postfix.port);
      const [delivery] = await postfix.takeDeliveries(1);
      const received = delivery!.trace.filter((field) =>
        field.startsWith("Received:")
      );
      // Behind the filter, in it, and before it.
      assertEquals(received.length, 3, received.join("\n"));
      for (const field of received.slice(1)) {
        assertMatch(field, /from client\.example\.net \(.*\[127\.0\.0\.5\]\)/);
      }
      assertMatch(await postfix.log(), /orig_client=[^ ]*\[127\.0\.0\.5\]/);
    });
    const smtplib = CLIENTS.find(({ name }) => name === "smtplib")!;
    for (const message of MESSAGES) {
      await t.step(`${message.name}: once, byte for byte`, async () => {
        await smtplib.send(postfix.port, message);
        const deliveries = await postfix.takeDeliveries(message.to.length);
        assertEquals(
          deliveries.map(({ recipient }) => recipient).sort(),
          [...message.to].sort(),
        );
        for (const { content } of deliveries) {
          assertEquals(difference(content, withLf(message.content)), undefined);
        }
      });
    }
    assertEquals(await postern.stop(), 0, postern.output);
  },
});

/** Longest wait for one reply. */
const REPLY_WAIT_MS = 20_000;

Deno.test({
  name: "Postern hands mail on by LMTP, and says what each recipient got",
  ignore: withoutDovecot,
  async fn() {
    await using dovecot = await DovecotLmtp.start([
      "a@example.org",
      "b@example.org",
    ]);
    await using postern = await Postern.start({
      relay: 9,
      args: ["--relay", `lmtp://127.0.0.1:${dovecot.port}`],
    });
    using session = await Session.open(postern.port, REPLY_WAIT_MS);
    await session.reply();
    await session.command("EHLO client.example.org");
    await session.command("MAIL FROM:<c@example.org>");
    for (const [user, code] of [["a", 250], ["x", 550], ["b", 250]] as const) {
      const rcpt = await session.command(`RCPT TO:<${user}@example.org>`);
      assertEquals(rcpt.code, code, rcpt.text);
    }
    assertEquals((await session.command("DATA")).code, 354);
    const end = await session.command("Subject: One\r\n\r\nHello.\r\n.");
    assertEquals(end.code, 250, end.text);
    for (const user of ["a", "b"]) {
      const mail = await dovecot.mail(`${user}@example.org`);
      assertEquals(mail.length, 1);
      assertMatch(mail[0]!, /\nSubject: One\r?\n\r?\nHello\.\r?\n$/);
    }
    assertEquals(await postern.stop(), 0, postern.output);
  },
});

Deno.test({
  name: "Postern takes mail by LMTP from Postfix, and hands it on by LMTP",
  ignore: withoutPostfix || withoutDovecot,
  async fn() {
    const port = freePort();
    await using dovecot = await DovecotLmtp.start([
      "b@example.org",
      "c@example.org",
    ]);
    await using postern = await Postern.start({
      relay: 9,
      toml: `
[[listener]]
url = "lmtp://127.0.0.1:${port}"
`,
      args: ["--relay", `lmtp://127.0.0.1:${dovecot.port}`],
    });
    await using postfix = await Postfix.start({
      settings: { virtual_transport: `lmtp:inet:127.0.0.1:${port}` },
    });
    using session = await Session.open(postfix.port, REPLY_WAIT_MS);
    await session.reply();
    for (
      const command of [
        ...["EHLO client.example.org", "MAIL FROM:<a@example.org>"],
        ...["RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>"],
      ]
    ) assertEquals((await session.command(command)).code, 250);
    assertEquals((await session.command("DATA")).code, 354);
    const end = await session.command("Subject: One\r\n\r\nHello.\r\n.");
    assertEquals(end.code, 250, end.text);
    assertEquals(await postfix.takeDeliveries(0), []);
    for (const user of ["b", "c"]) {
      const mail = await dovecot.mail(`${user}@example.org`);
      assertEquals(mail.length, 1, await postfix.log());
    }
    assertMatch(await postfix.log(), /status=sent \(250 2\.\d\.\d /);
    assertEquals(await postern.stop(), 0, postern.output);
  },
});
