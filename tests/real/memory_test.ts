/**
 * Memory does not grow with the message: 200 MB go through in pieces.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { type Counted, CountingRelay } from "./support/counting_relay.ts";
import { DIRECT, Postern } from "./support/postern.ts";
import { peakRssBytes } from "./support/proc.ts";
import { Session } from "./support/session.ts";

const MIB = 1_024 * 1_024;

/** The two messages that are compared. */
const SMALL_BYTES = 1_024;
const LARGE_BYTES = 200 * 1_000_000;

/** Most that the large one may need beyond the small one. */
const MAX_GROWTH_BYTES = 40 * 1_000_000;

const TOML = `
[relay]
domains = ["example.org"]

[limits]
data = "256MiB"
`;

/** Where the content begins, after the server's trace fields. */
const HEADER = "Subject: Memory\r\n\r\n";

/** For each reply: 200 MB on a loaded machine take a while. */
const WAIT_MS = 120_000;

/** Lines of 64 bytes without a dot at their start, cut to a piece of 64 KiB. */
const PIECE = new TextEncoder().encode(
  "This line has exactly sixty-four bytes, its line end included.\r\n"
    .repeat(1_024),
);

/** Sends a message of about `bytes`; gives what the relay must have counted. */
async function send(port: number, bytes: number): Promise<Counted> {
  using session = await Session.open(port, WAIT_MS);
  assertEquals((await session.reply()).code, 220);
  for (
    const [line, code] of [
      ["EHLO client.example.org", 250],
      ["MAIL FROM:<a@example.org>", 250],
      ["RCPT TO:<b@example.org>", 250],
      ["DATA", 354],
    ] as const
  ) assertEquals((await session.command(line)).code, code);
  const hash = createHash("sha256");
  let sent = 0;
  const write = async (piece: Uint8Array) => {
    await session.write(piece);
    hash.update(piece);
    sent += piece.length;
  };
  await write(new TextEncoder().encode(HEADER));
  while (sent < bytes) {
    await write(PIECE.subarray(0, Math.min(PIECE.length, bytes - sent + 64)));
  }
  await write(new TextEncoder().encode("\r\n"));
  assertEquals((await session.command(".")).text, "250 2.0.0 Ok: counted");
  return { bytes: sent, sha256: hash.digest("hex") };
}

/** Peak memory of a fresh Postern after one message of about `bytes`. */
async function peakAfter(bytes: number): Promise<number> {
  await using relay = new CountingRelay({ from: HEADER });
  await using postern = await Postern.start({ relay: relay.port, toml: TOML });
  const sent = await send(postern.port, bytes);
  assertEquals(relay.counted, [sent]);
  return DIRECT ? 0 : await peakRssBytes(postern.pid);
}

Deno.test({
  name: "Postern relays 200 MB with less than 40 MB more memory than 1 KB",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const small = await peakAfter(SMALL_BYTES);
    const large = await peakAfter(LARGE_BYTES);
    const growth = large - small;
    console.log(
      `peak after 1 KB ${Math.round(small / MIB)} MiB,` +
        ` after 200 MB ${Math.round(large / MIB)} MiB`,
    );
    assert(growth < MAX_GROWTH_BYTES, `${growth} bytes more`);
  },
});
