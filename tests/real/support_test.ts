/**
 * The real software that other tests put before and behind Postern does what
 * they count on: each piece alone, without Postern.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { missing } from "./support/child.ts";
import { DovecotLmtp } from "./support/dovecot_lmtp.ts";
import { Haproxy } from "./support/haproxy.ts";
import { FilteredPostfix } from "./support/postfix_filter.ts";
import { Postfix } from "./support/postfix.ts";

import { deliver, Session } from "./support/session.ts";

/** Longest wait for one reply. */
const REPLY_WAIT_MS = 20_000;

const withoutPostfix = Deno.uid() !== 0 || missing("postfix").length > 0;

/** The first bytes that haproxy sends for a client, and the client's port. */
async function proxyHeader(
  version: "v1" | "v2",
): Promise<{ header: Uint8Array; port: number; listener: number }> {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using haproxy = await Haproxy.start(version, server.addr.port);
  // Those that asked whether it listens, and the one that counts: all alike.
  using client = await Deno.connect({
    hostname: "127.0.0.1",
    port: haproxy.port,
  });
  const { port } = client.localAddr as Deno.NetAddr;
  const marks = version === "v1"
    ? new TextEncoder().encode(` ${port} `)
    : Uint8Array.of(port >> 8, port & 0xff);
  for (;;) {
    using accepted = await server.accept().catch(gone);
    if (accepted === undefined) continue;
    const buffer = new Uint8Array(256);
    const length = await accepted.read(buffer) ?? 0;
    const header = buffer.slice(0, length);
    if (String(header).includes(String(marks))) {
      return { header, port, listener: haproxy.port };
    }
  }
}

/** Who asked whether haproxy listens may be gone before haproxy has said so. */
function gone(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotConnected)) throw error;
}

const withoutHaproxy = missing("haproxy").length > 0;

Deno.test({
  name: "haproxy says who its client is in a line, PROXY v1",
  ignore: withoutHaproxy,
  async fn() {
    const { header, port, listener } = await proxyHeader("v1");
    assertEquals(
      new TextDecoder().decode(header),
      `PROXY TCP4 127.0.0.1 127.0.0.1 ${port} ${listener}\r\n`,
    );
  },
});

Deno.test({
  name: "haproxy says who its client is in bytes, PROXY v2",
  ignore: withoutHaproxy,
  async fn() {
    const { header, port, listener } = await proxyHeader("v2");
    assertEquals([...header], [
      ...new TextEncoder().encode("\r\n\r\n\0\r\nQUIT\n"),
      ...[0x21, 0x11, 0, 12, 127, 0, 0, 1, 127, 0, 0, 1],
      ...[port >> 8, port & 0xff, listener >> 8, listener & 0xff],
    ]);
  },
});

Deno.test({
  name: "Dovecot answers for each recipient over LMTP, and knows its users",
  ignore: Deno.uid() !== 0 || missing("dovecot").length > 0,
  async fn() {
    await using dovecot = await DovecotLmtp.start(["a@example.org"]);
    using session = await Session.open(dovecot.port, REPLY_WAIT_MS);
    assertMatch((await session.reply()).text, /^220 /);
    assertMatch(
      (await session.command("LHLO client.example.org")).text,
      /^250/,
    );
    assertMatch(
      (await session.command("MAIL FROM:<c@d.example>")).text,
      /^250/,
    );
    assertMatch(
      (await session.command("RCPT TO:<a@example.org>")).text,
      /^250/,
    );
    assertMatch(
      (await session.command("RCPT TO:<b@example.org>")).text,
      /^550/,
    );
    assertMatch((await session.command("DATA")).text, /^354/);
    const end = await session.command("Subject: One\r\n\r\nHello.\r\n.");
    assertMatch(end.text, /^250 2\.0\.0 <a@example\.org> /);
    const [mail, ...more] = await dovecot.mail("a@example.org");
    assertEquals(more, []);
    assertMatch(mail!, /\nSubject: One\r?\n\r?\nHello\.\r?\n$/);
  },
});

Deno.test({
  name: "Postfix delivers over LMTP where it is told to",
  ignore: withoutPostfix || missing("dovecot").length > 0,
  async fn() {
    await using dovecot = await DovecotLmtp.start(["b@example.org"]);
    await using postfix = await Postfix.start({
      settings: { virtual_transport: `lmtp:inet:127.0.0.1:${dovecot.port}` },
    });
    assertEquals((await deliver(postfix.port, "example.org", "One")).code, 250);
    assertEquals(await postfix.takeDeliveries(0), []);
    assertEquals((await dovecot.mail("b@example.org")).length, 1);
  },
});

Deno.test({
  name:
    "Postfix tells its before-queue filter who the client is, by XFORWARD, and takes the mail back from it",
  ignore: withoutPostfix,
  async fn() {
    await using filtered = await FilteredPostfix.start(undefined);
    const { postfix } = filtered;
    assertEquals((await deliver(postfix.port, "example.org", "One")).code, 250);
    const [delivery] = await postfix.takeDeliveries(1);
    const received = delivery!.trace.filter((field) =>
      field.startsWith("Received:")
    );
    assertMatch(received.join("\n"), /from client\.example\.org \(localhost /);
    assertMatch(
      await postfix.log(),
      /client=localhost\[127\.0\.0\.1\], orig_client=localhost\[127\.0\.0\.1\]/,
    );
  },
});
