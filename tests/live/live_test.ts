import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { ListenAddress } from "../../mod.ts";
import { LiveServer } from "../../lib/live/live.ts";
import { MAX_WAIT_MS } from "../../lib/live/real_time.ts";
import type { Played } from "../../lib/replay/played.ts";
import type { Split } from "../../lib/replay/splits.ts";
import { transcript } from "../transcript/support.ts";
import {
  type Behaviour,
  close,
  endless,
  last,
  raw,
  ScriptedRelay,
  silence,
  slow,
} from "../support/scripted_relay.ts";
import { Serving } from "../support/serving.ts";

/** A deadline that is meant to pass, in ms. */
const SHORT_MS = 300;

/** One that is not. */
const LONG_MS = 20_000;

/** Every way but the many of `every`. */
const SPLITS: readonly Split[] = [
  "whole",
  "bytes",
  "pipelined",
  "every:3",
  "random:1",
];

const SENT = `# A message.
S: 220 relay.test ESMTP
C: EHLO a.test
S: 250-relay.test
S* 250-
S: 250 SMTPUTF8
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender fine
C: RCPT TO:<c@d.test>
S: 250 2.1.5 Recipient fine
C: DATA
S: 354 Send it
C< hello.eml
S: 250 2.0.0 Queued as \${id}
C: QUIT
S: 221 2.0.0 Bye
== close
`;

function readMessage(path: string): Uint8Array {
  // More than sockets hold.
  if (path === "huge.eml") return new Uint8Array(32 * 1_024 * 1_024);
  return new TextEncoder().encode(`Subject: ${path}\r\n\r\n.dot\r\n`);
}

function addressOf(server: ScriptedRelay): ListenAddress {
  return { transport: "tcp", hostname: "127.0.0.1", port: server.port };
}

interface Options {
  readonly splits?: readonly Split[];
  readonly timeoutMs?: number;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** What comes of a text, played with a server of those behaviours. */
async function playText(
  text: string,
  server: ScriptedRelay,
  { splits = ["whole"], timeoutMs = LONG_MS, secrets = {} }: Options = {},
): Promise<Played> {
  const live = new LiveServer({ server: addressOf(server), timeoutMs });
  return await live.play(transcript(text), {
    splits,
    readMessage,
    secrets: new Map(Object.entries(secrets)),
  });
}

/** The same, with a server of its own. */
async function playWith(
  behaviour: Behaviour,
  text: string,
  options: Options = {},
): Promise<Played> {
  await using server = new ScriptedRelay([behaviour]);
  return await playText(text, server, options);
}

Deno.test("LiveServer.play() plays each way on a connection of its own", async () => {
  await using server = new ScriptedRelay();
  const played = await playText(SENT, server, { splits: SPLITS });
  assertEquals(played, { plays: SPLITS.length });
  assertEquals(server.peers.length, SPLITS.length);
  assertEquals(
    server.taken.map(({ data }) => data),
    SPLITS.map(() => "Subject: hello.eml\r\n\r\n..dot\r\n"),
  );
});

Deno.test("LiveServer.play() plays over a Unix socket", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/smtp`;
    await using _server = new ScriptedRelay([{}], { path });
    const live = new LiveServer({
      server: { transport: "unix", path },
      timeoutMs: LONG_MS,
    });
    const settings = { splits: ["whole"] as const, readMessage };
    assertEquals(await live.play(transcript(SENT), settings), { plays: 1 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("LiveServer.play() plays a conversation without splits whole, once", async () => {
  const text = SENT.replace("\n", "\n@split none\n");
  assertEquals(await playWith({}, text, { splits: SPLITS }), { plays: 1 });
});

Deno.test("LiveServer.play() stops at the first way that fails, and says which", async () => {
  const behaviours = [{}, { RCPT: "550 5.1.1 No such user" }, {}];
  await using server = new ScriptedRelay(behaviours);
  const { plays, failure } = await playText(SENT, server, { splits: SPLITS });
  assertEquals(plays, 2);
  assertEquals(failure?.way, "bytes");
  assertEquals(failure?.line, 10);
  assertEquals(failure?.expected, "S: 250 2.1.5 Recipient fine");
  assertMatch(failure?.came ?? "", /550 5\.1\.1 No such user/);
});

Deno.test("LiveServer.play() says that it can't connect at the first step", async () => {
  const server = new ScriptedRelay();
  const { port } = server;
  await server[Symbol.asyncDispose]();
  const { failure } = await playText(SENT, server);
  assertEquals(failure?.line, 2);
  assertEquals(
    failure?.came,
    `cannot connect to "127.0.0.1" port ${port}: Connection refused`,
  );
});

/** What a server may do instead of playing along, where that shows, and what is said of it. */
const UNKIND: readonly [
  name: string,
  behaviour: Behaviour,
  line: number,
  came: RegExp,
  timeoutMs?: number,
][] = [
  [
    "says nothing",
    { GREETING: silence },
    2,
    /no answer within 0\.3 s/,
    SHORT_MS,
  ],
  ["closes at once", { GREETING: close }, 2, /close/],
  ["closes in between", { MAIL: close }, 8, /close/],
  [
    "says another thing and closes",
    { EHLO: last("421 4.3.2 Not now") },
    4,
    /421 4\.3\.2/,
  ],
  [
    "says half a line",
    { RCPT: raw("250 2.1.5 Recip") },
    10,
    /250 2\.1\.5 Recip/,
    SHORT_MS,
  ],
  [
    "sends a byte now and then",
    { DATA: slow("354 Send it to me now", 50) },
    12,
    /no answer within 0\.3 s/,
    SHORT_MS,
  ],
  [
    "never ends its line",
    { GREETING: endless("220") },
    2,
    /a line of more than 65536 B/,
  ],
  [
    "never ends its reply",
    { EHLO: endless("250-relay.test\r\n") },
    4,
    /more than 1048576 B at once/,
  ],
  [
    "says a line of its reply now and then",
    { EHLO: slow("250-x\r\n".repeat(50), SHORT_MS / 20) },
    4,
    /250-x\n250-x.*the server took more than 1200 ms for a reply/s,
    SHORT_MS,
  ],
  [
    "takes no message",
    { DATA: (peer) => peer.say("354 Send it").then(() => peer.over) },
    14,
    /no answer within 0\.3 s/,
    SHORT_MS,
  ],
];

for (const [name, behaviour, line, came, timeoutMs = LONG_MS] of UNKIND) {
  Deno.test(`LiveServer.play() ends with a server that ${name}`, async () => {
    const { failure } = await playWith(behaviour, SENT, { timeoutMs });
    assertEquals(failure?.line, line);
    assertMatch(failure?.came ?? "", came);
    assert(failure!.came.length < 1_000, `${failure!.came.length} characters`);
  });
}

Deno.test("LiveServer.play() ends a reply that never does, by the time that one may take", async () => {
  const behaviour: Behaviour = {
    EHLO: async (peer) => {
      while (!peer.ended) {
        await peer.say("250-relay.test");
        await new Promise((done) => setTimeout(done, 10));
      }
    },
  };
  const text = "S: 220 relay.test ESMTP\nC: EHLO a\nS* 250-\nS: 250 X\n";
  const { failure } = await playWith(behaviour, text, { timeoutMs: SHORT_MS });
  assertMatch(
    failure?.came ?? "",
    /the server took more than 1200 ms for a reply/,
  );
});

Deno.test("LiveServer.play() says that a server takes nothing, and amends nothing", async () => {
  const behaviour: Behaviour = {
    DATA: (peer) => peer.say("354 Send it").then(() => peer.over),
  };
  // Where nothing follows, a close would be an amendment.
  const text = SENT.replace("hello.eml", "huge.eml").split("C: QUIT")[0]!;
  const { failure } = await playWith(behaviour, text, { timeoutMs: SHORT_MS });
  assertEquals(failure?.line, 14);
  assertMatch(failure?.came ?? "", /the server took nothing for 300 ms/);
  assertEquals(failure?.amendment, undefined);
});

const SKIPPED: readonly [name: string, steps: string, why: string][] = [
  [
    "has a wire to a relay",
    "S: 220 a\nP: EHLO a\n",
    "has a wire to the relay, where another server can't be watched",
  ],
  [
    "has a wire to a checker",
    "S: 220 a\nspamd> PING\n",
    "has a wire to the spamd, where another server can't be watched",
  ],
  [
    "waits for too long in all",
    `S: 220 a\n== wait ${MAX_WAIT_MS}ms\nC: NOOP\n== wait 1ms\n`,
    "waits for more than 5 s",
  ],
  [
    "requires what is not offered",
    "@requires pipelining\n@requires CHUNKING\n@requires X\nS: 220 a\n",
    "the server does not offer CHUNKING, X",
  ],
];

for (const [name, steps, skipped] of SKIPPED) {
  Deno.test(`LiveServer.play() skips a conversation that ${name}`, async () => {
    assertEquals(await playWith({}, `# It.\n${steps}`), { plays: 0, skipped });
  });
}

Deno.test("LiveServer.play() asks once what the server offers, in TLS too", async () => {
  let asked = 0;
  await using server = new ScriptedRelay([{
    certificate: "self_signed",
    EHLO: (peer) => {
      if (peer.commands.includes("EHLO [127.0.0.1]")) asked++;
      return peer.secure
        ? "250-relay.test\r\n250 AUTH PLAIN LOGIN"
        : "250-relay.test\r\n250-STARTTLS\r\n250 SIZE 1000";
    },
  }]);
  const live = new LiveServer({
    server: addressOf(server),
    timeoutMs: LONG_MS,
  });
  const settings = { splits: ["whole"] as const, readMessage };
  const text = "@requires AUTH\n@requires SIZE\nS: 220 relay.test ESMTP\n";
  assertEquals(await live.play(transcript(text), settings), { plays: 1 });
  assertEquals(await live.play(transcript(text), settings), { plays: 1 });
  assertEquals(server.peers.length, 3);
  assertEquals(asked, 2, "in clear and in TLS");
});

for (
  const [name, behaviour, skipped] of [
    ["refuses EHLO", { EHLO: "502 No" }, true],
    ["does not greet", { GREETING: silence }, false],
  ] as const
) {
  Deno.test(`LiveServer.play() ${skipped ? "skips" : "plays"} what requires an extension of a server that ${name}`, async () => {
    const text = "@requires SIZE\nS: 220 relay.test ESMTP\n";
    const played = await playWith(behaviour, text, { timeoutMs: SHORT_MS });
    assertEquals(played.skipped !== undefined, skipped);
    assertEquals(played.failure === undefined, skipped);
  });
}

Deno.test("LiveServer.play() really waits", async () => {
  const began = performance.now();
  const text = "S: 220 relay.test ESMTP\n== wait 100ms\nC: QUIT\n" +
    "S: 221 2.0.0 Bye\n== close\n";
  assertEquals(await playWith({}, text), { plays: 1 });
  assert(performance.now() - began >= 99);
});

Deno.test("LiveServer.play() goes over to TLS, and logs in with what it was given", async () => {
  const text = `S: 220 relay.test ESMTP
C: EHLO a.test
S: 250-relay.test
S* 250
C: STARTTLS
S: 220 2.0.0 Go ahead
== tls
C: EHLO a.test
S: 250-relay.test
S* 250
C: AUTH PLAIN \${secret:auth}
S: 235 2.7.0 Welcome
C: QUIT
S: 221 2.0.0 Bye
== close
`;
  await using server = new ScriptedRelay([{ certificate: "self_signed" }]);
  const secrets = { auth: "joe:open sesame" };
  const options = { secrets, splits: ["whole", "bytes"] as const };
  assertEquals(await playText(text, server, options), { plays: 2 });
  assertEquals(
    server.peers.map(({ commands }) => commands[3]),
    [
      "AUTH PLAIN AGpvZQBvcGVuIHNlc2FtZQ==",
      "AUTH PLAIN AGpvZQBvcGVuIHNlc2FtZQ==",
    ],
  );
});

Deno.test("LiveServer.play() says which secret it has no value for, and why", async () => {
  const text = "S: 220 relay.test ESMTP\nC: AUTH X-NEW ${secret:auth}\n" +
    "S~ .*\n";
  const secrets = { auth: "joe:open sesame" };
  const { failure } = await playWith({}, text, { secrets });
  assertEquals(failure?.line, 2);
  assertMatch(failure?.came ?? "", /X-NEW can't be computed anew/);
  assert(!JSON.stringify(failure).includes("sesame"));
});

for (const when of ["before it connects", "while it plays"] as const) {
  Deno.test(`LiveServer.play() throws its signal's reason ${when}`, async () => {
    const stop = new AbortController();
    const abort = () => stop.abort(new Error("enough"));
    await using server = new ScriptedRelay([{ GREETING: abort }]);
    const live = new LiveServer({
      server: addressOf(server),
      timeoutMs: LONG_MS,
      signal: stop.signal,
    });
    if (when === "before it connects") abort();
    const settings = { splits: ["whole"] as const, readMessage };
    await assertRejects(
      () => live.play(transcript(SENT), settings),
      Error,
      "enough",
    );
    assertEquals(server.peers.length, when === "while it plays" ? 1 : 0);
  });
}

/** Postern's own conversations that need no configuration, clock or relay. */
function* ownFixtures(): Generator<[file: string, text: string]> {
  const folder = new URL("../../fixtures/server/", import.meta.url);
  for (const { name } of Deno.readDirSync(folder)) {
    const text = Deno.readTextFileSync(new URL(name, folder));
    if (/^(?:@|== wait|P|R)/m.test(text)) continue;
    yield [name, text];
  }
}

Deno.test("LiveServer.play() finds Postern to be over a socket as it is in memory", async () => {
  await using serving = await Serving.start({
    server: { hostname: "mx.postern.test" },
  });
  const live = new LiveServer({
    server: serving.address,
    timeoutMs: LONG_MS,
  });
  let plays = 0;
  for (const [name, text] of ownFixtures()) {
    const played = await live.play(transcript(text), {
      splits: ["whole", "bytes", "pipelined"],
      readMessage,
    });
    assertEquals(played.failure, undefined, name);
    assertEquals(played.skipped, undefined, name);
    plays += played.plays;
  }
  assert(plays > 100, `${plays} plays`);
});
