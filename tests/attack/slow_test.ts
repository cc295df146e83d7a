import { assert, assertEquals } from "@std/assert";
import type { ConfigInput } from "../../mod.ts";
import { MESSAGE_READ_TIMEOUTS } from "../../lib/wire.ts";
import { until } from "../real/support/wait.ts";
import { tlsOf } from "../support/certificates.ts";
import { ScriptedRelay } from "../support/scripted_relay.ts";
import { servingBefore } from "../support/serving.ts";
import { Attacker, clientHello } from "./attacker.ts";
import { Trickle } from "./trickle.ts";

/** `read_timeout`, in ms: short, since a message may take sixty of them. */
const READ_MS = 100;

/** What a loaded machine and the sweep may add, in ms. */
const GRACE_MS = 2_000;

/** One listener for each way in; loopback is local, so that logins may begin. */
const CONFIG: ConfigInput = {
  server: { listen: [] },
  listener: [
    { url: "127.0.0.1:0" },
    { url: "smtps://127.0.0.1:0" },
    { url: "lmtp://127.0.0.1:0" },
    { url: "127.0.0.2:0", proxy_protocol: ["127.0.0.0/8"] },
  ],
  tls: tlsOf("localhost"),
  hooks: { timeout: "1s" },
  limits: {
    read_timeout: `${READ_MS}ms`,
    write_timeout: `${READ_MS}ms`,
    error_delay: "0s",
  },
};

const ENVELOPE =
  "EHLO x.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@localhost>\r\n";

/** Where somebody begins, what is sent at once, and what then comes bit by bit. */
interface Drip {
  readonly listener?: number;
  readonly first?: string;
  /** What has to have been heard before it begins. */
  readonly heard?: string;
  readonly bit: string;
  /** The longest it may last, in read timeouts. */
  readonly timeouts?: number;
}

const DRIPS: [what: string, drip: Drip][] = [
  ["a command line", { bit: "N" }],
  ["a command line in TLS's place", { listener: 1, bit: "\x16" }],
  ["LHLO", { listener: 2, bit: "L" }],
  ["an AUTH command", { first: "EHLO x.test\r\nAUTH PLAIN ", bit: "A" }],
  ["an AUTH response", {
    first: "EHLO x.test\r\nAUTH PLAIN\r\n",
    heard: "334 ",
    bit: "A",
  }],
  ["BDAT's own line", { first: `${ENVELOPE}BDAT `, heard: "2.1.5", bit: "1" }],
  ["message data", {
    first: `${ENVELOPE}DATA\r\n`,
    heard: "354 ",
    bit: "x\r\n",
    timeouts: MESSAGE_READ_TIMEOUTS,
  }],
  ["a chunk", {
    first: `${ENVELOPE}BDAT 100000 LAST\r\n`,
    heard: "2.1.5",
    bit: "x",
    timeouts: MESSAGE_READ_TIMEOUTS,
  }],
  ["a refused chunk", {
    first: "EHLO x.test\r\nBDAT 100000 LAST\r\n",
    heard: "250",
    bit: "x",
    timeouts: MESSAGE_READ_TIMEOUTS,
  }],
  ["chunks of a byte, each with its command", {
    first: ENVELOPE,
    heard: "2.1.5",
    bit: "BDAT 1\r\nx",
    timeouts: MESSAGE_READ_TIMEOUTS,
  }],
  ["chunks of nothing", {
    first: ENVELOPE,
    heard: "2.1.5",
    bit: "BDAT 0\r\n",
    timeouts: MESSAGE_READ_TIMEOUTS,
  }],
  ["the line after a chunk", {
    first: `${ENVELOPE}BDAT 1\r\nx`,
    heard: "2.0.0 1 octets",
    bit: "B",
  }],
  ["a PROXY header, version 1", {
    listener: 3,
    first: "PROXY TCP4 1",
    bit: "1",
  }],
  ["a PROXY header, version 2", {
    listener: 3,
    first: "\r\n\r\n\0\r\nQUIT\n\x21\x11\x3f\x00",
    bit: "\0",
  }],
  ["a record of TLS", {
    first: "EHLO x.test\r\nSTARTTLS\r\n",
    heard: "220 2.0.0",
    bit: "\x16",
  }],
];

Deno.test("who sends a byte now and then is given up in time, in every state", async () => {
  await using relay = new ScriptedRelay([{ offers: ["CHUNKING"] }]);
  await using serving = await servingBefore(relay, CONFIG, {
    hooks: { auth: () => false },
  });
  const { server } = serving;
  const faults = await Promise.all(DRIPS.map(async ([what, drip]) => {
    const { listener = 0, first = "", heard, bit, timeouts = 1 } = drip;
    using attacker = await Attacker.connect(server.addresses[listener]!);
    attacker.send(first);
    if (heard !== undefined) await attacker.hears(heard);
    if (attacker.ended) return [`${what}: never began: ${attacker.heard}`];
    const longest = timeouts * READ_MS + GRACE_MS;
    using trickle = new Trickle(attacker, bit, READ_MS / 5);
    await trickle.ended(longest);
    return attacker.ended ? [] : [`${what}: goes on after ${longest} ms`];
  }));
  assertEquals(faults.flat(), []);
  await until("every session to end", () => server.sessions().length === 0);
  assertEquals(relay.taken, []);
});

Deno.test("a ClientHello that comes a byte at a time has one deadline", async () => {
  await using relay = new ScriptedRelay();
  await using serving = await servingBefore(relay, CONFIG);
  const hello = String.fromCharCode(...await clientHello());
  const { addresses } = serving.server;
  await Promise.all([addresses[0]!, addresses[1]!].map(async (address) => {
    using attacker = await Attacker.beforeTls(address);
    const start = performance.now();
    using trickle = new Trickle(attacker, hello, READ_MS / 5, 1);
    await trickle.ended(GRACE_MS);
    assert(attacker.ended);
    assert(performance.now() - start < GRACE_MS);
  }));
});
