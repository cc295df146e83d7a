import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { playInMemory } from "../../lib/replay/in_memory.ts";
import { parseTranscript } from "../../lib/transcript/parse.ts";
import type { ConfigInput, ServeOptions } from "../../mod.ts";
import { until } from "../real/support/wait.ts";
import { RawClient } from "../support/raw_client.ts";
import {
  type Behaviour,
  close,
  last,
  OFFERS,
  ScriptedRelay,
} from "../support/scripted_relay.ts";
import { IMPATIENT, Serving } from "../support/serving.ts";

/** A server that records, and what it has written. */
class Recorded implements AsyncDisposable {
  readonly folder: string;
  readonly serving: Serving;
  readonly #seen = new Set<string>();

  private constructor(folder: string, serving: Serving) {
    this.folder = folder;
    this.serving = serving;
  }

  static async start(
    config: ConfigInput = {},
    options: ServeOptions = {},
  ): Promise<Recorded> {
    const folder = await Deno.makeTempDir();
    const record = { dir: `${folder}/records` };
    const serving = await Serving.start({ ...config, record }, options);
    return new Recorded(folder, serving);
  }

  /** A server before `relay`. */
  static before(
    relay: ScriptedRelay,
    config: ConfigInput = {},
  ): Promise<Recorded> {
    return Recorded.start({
      ...config,
      relay: { url: relay.url, ...config.relay },
    });
  }

  get files(): string[] {
    return [...Deno.readDirSync(`${this.folder}/records`)]
      .map(({ name }) => name);
  }

  /** A transcript that was not looked at yet, and which plays back. */
  async next(): Promise<string> {
    const text = await this.nextAsItIs();
    await playsBack(text);
    return text;
  }

  /** The same, whether it plays back or not. */
  async nextAsItIs(): Promise<string> {
    const file = await until(
      "a transcript",
      () =>
        this.files.find((name) =>
          name.endsWith(".txt") && !this.#seen.has(name)
        ),
    );
    this.#seen.add(file);
    return await Deno.readTextFile(`${this.folder}/records/${file}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.serving[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Asserts that Postern says the same again, in memory. */
async function playsBack(text: string): Promise<void> {
  const parsed = parseTranscript(text, "recorded");
  if (!parsed.ok) {
    throw new Error(`${JSON.stringify(parsed.problems)}\n${text}`);
  }
  const { failure, skipped } = await playInMemory(parsed.value, {
    splits: ["whole", "bytes"],
    readMessage: () => {
      throw new Error("There are no messages beside it");
    },
  });
  if (failure === undefined && skipped === undefined) return;
  throw new Error(`${JSON.stringify(failure ?? skipped)}\n${text}`);
}

/** How often `part` is in `text`. */
function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** One session of so many messages. */
async function send(
  { serving }: Recorded,
  messages: number,
  to = ["b@localhost"],
): Promise<void> {
  using client = await serving.client();
  for (let i = 0; i < messages; i++) await client.mail({ to });
  await client.ask("QUIT");
}

Deno.test("a session is recorded on all its wires, under the settings it had", async () => {
  await using relay = new ScriptedRelay();
  await using recorded = await Recorded.before(relay, {
    limits: { data: "1MiB", errors: 3 },
    flags: { session: ["needhelo"] },
    server: { hostname: "mx.test", greeting: "hello there" },
  });
  await send(recorded, 1);
  const text = await recorded.next();
  assertMatch(
    text,
    /^# Session [0-9a-f]{8}\n@client 127\.0\.0\.1\n@clock 20\S+Z\n/,
  );
  for (
    const line of [
      ...['@limits.data "1MiB"', "@limits.errors 3"],
      ...['@flags.session ["needhelo"]', '@server.greeting "hello there"'],
      ...['@relay.domains ["localhost", "mx.test"]'],
      ...["S: 220 ${host} hello there", "C: MAIL FROM:<a@example.org>"],
      ...["P: EHLO ${host}", "R: 250 2.0.0 Queued as 42", "== close"],
    ]
  ) assertEquals(count(text, `\n${line}\n`), 1, line);
  assertMatch(text, /\nP: Received: .* id \$\{id\}\.1\n/);
  assertEquals(/127\.0\.0\.1:|@limits\.line|\n@local/.test(text), false);
});

Deno.test("a transcript's name tells when the session began and its id, and nobody else may read it", async () => {
  await using recorded = await Recorded.start();
  await send(recorded, 1);
  await recorded.next();
  const [file] = recorded.files;
  assertMatch(file!, /^\d{4}-\d\d-\d\dT\d{6}Z-[0-9a-f]{8}\.txt$/);
  const path = `${recorded.folder}/records`;
  assertEquals((await Deno.stat(`${path}/${file}`)).mode! & 0o777, 0o600);
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o700);
  assertMatch(recorded.serving.log, new RegExp(file!.slice(-12, -4)));
});

Deno.test("a session that takes up a kept relay connection has its greeting all the same", async () => {
  await using relay = new ScriptedRelay();
  await using recorded = await Recorded.before(relay);
  await send(recorded, 1);
  const first = await recorded.next();
  await send(recorded, 3);
  const second = await recorded.next();
  assertEquals(relay.peers.length, 1);
  for (const text of [first, second]) {
    assertEquals(count(text, "\nR: 220 "), 1);
    assertEquals(count(text, "\nP: EHLO "), 1);
    assertEquals(count(text, "QUIT"), 1);
  }
  assertEquals(count(second, "\nP: MAIL "), 3);
});

Deno.test("a session begins with how it was known what the relay offers", async () => {
  await using relay = new ScriptedRelay([{ offers: [...OFFERS, "DSN"] }]);
  const config = { relay: { url: relay.url } };
  await using recorded = await Recorded.start(config, { probesRelay: true });
  const session = async (parameters?: string) => {
    {
      using client = await recorded.serving.client();
      await client.ask("EHLO x.test");
      if (parameters !== undefined) {
        assertMatch((await client.mail({ parameters })).end, /^250 /);
      }
      await client.ask("QUIT");
    }
    return await recorded.next();
  };
  // Those that come before it is known play back too.
  await until("DSN", async () => (await session()).includes("S: 250-DSN"));
  for (const parameters of ["", " RET=HDRS"]) {
    const text = await session(parameters);
    assertMatch(text, /\n\nR: 220 [^]*\nR: 250 DSN\n[^]*S: 220 /);
    assertEquals(count(text, "\nR: 220 "), 1);
    assertEquals(count(text, "\nS: 250-DSN\n") > 0, true);
  }
  assertEquals(relay.peers.length, 1);
});

Deno.test("a session has nothing of the connection that its relay had let go of", async () => {
  await using relay = new ScriptedRelay([{ MAIL: once("421 4.3.2 Gone") }, {}]);
  await using recorded = await Recorded.before(relay);
  await send(recorded, 1);
  await recorded.next();
  await send(recorded, 1);
  const text = await recorded.next();
  assertEquals(relay.peers.length, 2);
  assertEquals(count(text, "421"), 0);
  assertEquals(count(text, "\nP: MAIL "), 1);
});

/** Answers as usual, and from the second time on with `text`. */
function once(text: string): NonNullable<Behaviour["MAIL"]> {
  const usual = new WeakSet();
  return (peer) => {
    if (usual.has(peer)) return text;
    usual.add(peer);
    return "250 2.1.0 Sender fine";
  };
}

Deno.test("a session that has to open a second connection tells of both", async () => {
  await using relay = new ScriptedRelay([
    { END: last("250 2.0.0 Queued as 1") },
    {},
  ]);
  await using recorded = await Recorded.before(relay);
  await send(recorded, 2);
  const text = await recorded.next();
  assertEquals(relay.peers.length, 2);
  assertEquals(count(text, "\nR: 220 "), 2);
});

const RELAYS: [name: string, behaviour: Behaviour, want: RegExp][] = [
  [
    "refuses the greeting",
    { GREETING: "554 No" },
    /R: 554 No\n(P: QUIT\n)?== eof\nS: 451/,
  ],
  ["knows no EHLO", { EHLO: "502 What?" }, /P: HELO /],
  ["refuses the sender", { MAIL: "550 5.7.1 No" }, /P: RSET\n/],
  ["hangs up", { RCPT: close }, /\n== close\nS: 451/],
  [
    "resets nothing",
    { MAIL: "550 5.7.1 No", RSET: "500 5.5.2 No" },
    /P: RSET\nR: 500 .*\n== eof\n/,
  ],
  [
    "says more than it was asked",
    { END: "250 2.0.0 Queued as 42\r\n250 2.0.0 And again" },
    /And again.*\nP: QUIT\n== eof\n/,
  ],
  ["refuses the message", { END: "554 5.6.0 No" }, /S: 554 5\.6\.0 No/],
  ["pipelines nothing", { offers: [] }, /P: MAIL .*\nR: 250 .*\nP: RCPT /],
];

for (const [name, behaviour, want] of RELAYS) {
  Deno.test(`a session with a relay that ${name} plays back`, async () => {
    await using relay = new ScriptedRelay([behaviour]);
    await using recorded = await Recorded.before(relay);
    await send(recorded, 1);
    assertMatch(await recorded.next(), want);
  });
}

Deno.test("what is said under TLS is recorded in clear", async () => {
  await using relay = new ScriptedRelay([{ certificate: "localhost" }]);
  await using recorded = await Recorded.before(relay);
  await send(recorded, 1);
  const text = await recorded.next();
  assert(relay.peers[0]!.secure);
  assertMatch(text, /P: STARTTLS\nR: 220 .*\n== tls\nP: EHLO [^]*P: Received/);
});

Deno.test("a handshake that fails is recorded, and the connection in clear behind it", async () => {
  const garbage = last("220 Go ahead\r\nno TLS here");
  await using relay = new ScriptedRelay([
    { offers: [...OFFERS, "STARTTLS"], STARTTLS: garbage },
    {},
  ]);
  await using recorded = await Recorded.before(relay);
  await send(recorded, 1);
  const text = await recorded.next();
  assertEquals(relay.peers.length, 2);
  assertEquals(count(text, "\nR: 220 relay.test"), 2);
});

Deno.test("the relay's password is in no transcript", async () => {
  const offers = [...OFFERS, "AUTH PLAIN"];
  await using relay = new ScriptedRelay([{ offers, certificate: "localhost" }]);
  await using recorded = await Recorded.before(relay, {
    relay: { url: `plain://ann:open%20sesame@${relay.url}`, tls: "required" },
  });
  await send(recorded, 1, ["b@localhost"]);
  const text = await recorded.next();
  assertMatch(text, /\nP: AUTH PLAIN \$\{secret:auth\}\n/);
  assertMatch(text, /\n@relay\.url "plain:\/\/user:secret@127\.0\.0\.1:25"\n/);
  const [auth] = relay.peers[0]!.commands.filter((line) => /^AUTH/.test(line));
  for (const secret of ["sesame", auth!.slice("AUTH PLAIN ".length)]) {
    assertEquals(text.includes(secret), false);
  }
});

Deno.test("the relay's password is in no transcript, whoever says it", async () => {
  await using recorded = await Recorded.start({
    relay: { url: "plain://ann:open%20sesame@submit.test" },
  });
  {
    using client = await recorded.serving.client();
    await client.ask("NOOP open sesame");
    await client.ask("QUIT");
  }
  const text = await recorded.nextAsItIs();
  assertMatch(text, /\nC: NOOP /);
  assertEquals(text.includes("sesame"), false);
});

Deno.test("credentials that went in clear on this machine play back", async () => {
  const offers = [...OFFERS, "AUTH PLAIN"];
  await using relay = new ScriptedRelay([{ offers }]);
  await using recorded = await Recorded.before(relay, {
    relay: { url: `plain://ann:open%20sesame@${relay.url}`, tls: "off" },
  });
  await send(recorded, 1);
  assertMatch(await recorded.next(), /\nP: AUTH PLAIN \$\{secret:auth\}\n/);
});

Deno.test("a client that pipelines plays back", async () => {
  await using relay = new ScriptedRelay();
  await using recorded = await Recorded.before(relay);
  {
    using client = await recorded.serving.client();
    await client.send(
      "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@localhost>\r\n" +
        "RCPT TO:<d@localhost>\r\nDATA\r\n",
    );
    for (let i = 0; i < 4; i++) await client.reply();
    await client.send("x\r\n.\r\nQUIT\r\n");
    await client.rest();
  }
  assertMatch(await recorded.next(), /\nP: RCPT .*\nP: RCPT .*\nR: /);
});

Deno.test("two relays of one message have a wire each", async () => {
  await using relay = new ScriptedRelay();
  await using other = new ScriptedRelay();
  await using recorded = await Recorded.before(relay, {
    relay: { domains: ["localhost", `two.test:${other.url}`] },
  });
  await send(recorded, 2, ["b@localhost", "c@two.test"]);
  const text = await recorded.next();
  assertMatch(text, /\n@relay\.domains \["localhost", "two\.test:relay2/);
  assertEquals(count(text, "\nR: 220 "), 1);
  assertEquals(count(text, "\nR2: 220 "), 1);
  assertEquals(count(text, "\nP2: RCPT TO:<c@two.test>\n"), 2);
});

Deno.test("a third relay is one too many: the session is served, and not recorded", async () => {
  const relays = [
    new ScriptedRelay(),
    new ScriptedRelay(),
    new ScriptedRelay(),
  ];
  {
    const domains = relays.map(({ url }, i) => `d${i}.test:${url}`);
    await using recorded = await Recorded.start({ relay: { domains } });
    await send(recorded, 1, ["a@d0.test", "a@d1.test", "a@d2.test"]);
    await until(
      "it given up",
      () => recorded.serving.log.includes("recording-incomplete"),
    );
    assertEquals(relays.map(({ taken }) => taken.length), [1, 1, 1]);
    assertEquals(recorded.files, []);
  }
  for (const relay of relays) await relay[Symbol.asyncDispose]();
});

Deno.test("a long message is recorded as it went through", async () => {
  await using relay = new ScriptedRelay();
  await using recorded = await Recorded.before(relay);
  {
    using client = await recorded.serving.client();
    const data = `Subject: x\r\n\r\n${`${"y".repeat(70)}\r\n`.repeat(600)}`;
    await client.mail({ data });
    await client.ask("QUIT");
  }
  const text = await recorded.next();
  assertEquals(count(text, "\nP: yyy"), 600);
});

Deno.test("a client that was silent for too long is recorded with its farewell", async () => {
  await using recorded = await Recorded.start({ limits: IMPATIENT });
  using client = await recorded.serving.client();
  assertMatch(await client.rest(), /^421 /);
  // So short a silence is not written down: it would not end a session.
  const text = await recorded.nextAsItIs();
  assertMatch(text, /\nS: 421 .*\n== close\n$/);
});

Deno.test("a client that vanishes is recorded up to there", async () => {
  await using recorded = await Recorded.start();
  {
    using client = await recorded.serving.client();
    await client.send("MAIL FROM:<a@b.test>\r\nRCPT");
    await client.reply();
  }
  assertMatch(await recorded.next(), /C> "RCPT"\n[^]*== (eof|reset)\n$/);
});

Deno.test("close() waits for the transcripts of the sessions that it ends", async () => {
  const recorded = await Recorded.start();
  const clients: RawClient[] = [];
  for (let i = 0; i < 20; i++) clients.push(await recorded.serving.client());
  await recorded.serving.server.close();
  assertEquals(recorded.files.length, 20);
  assert(recorded.files.every((file) => file.endsWith(".txt")));
  for (const client of clients) client.close();
  await recorded[Symbol.asyncDispose]();
});

Deno.test("reload() records elsewhere from the next session on, or no more", async () => {
  await using recorded = await Recorded.start();
  const { serving, folder } = recorded;
  using old = await serving.client();
  const config = { server: { hostname: "mx.test", listen: ["127.0.0.1:0"] } };
  const other = `${folder}/other`;
  await serving.reload({ ...config, record: { dir: other } });
  await send(recorded, 1);
  await until("a transcript", () => [...Deno.readDirSync(other)].length === 1);
  await old.ask("QUIT");
  await recorded.next();
  await serving.reload(config);
  await send(recorded, 1);
  await serving.server.close();
  assertEquals([...Deno.readDirSync(other)].length, 1);
  assertEquals(recorded.files.length, 1);
});

Deno.test("a server does not start where it can't record, and stays as it is on reload", async () => {
  await using recorded = await Recorded.start();
  const dir = `${recorded.folder}/file`;
  await Deno.writeTextFile(dir, "");
  const want = `Cannot record in "${dir}": `;
  await assertRejects(() => Serving.start({ record: { dir } }), Error, want);
  await assertRejects(
    () => recorded.serving.reload({ record: { dir } }),
    Error,
    want,
  );
  await send(recorded, 1);
  await recorded.next();
});

Deno.test("a client that is refused at the door is not recorded", async () => {
  await using recorded = await Recorded.start({ limits: { sessions: 1 } });
  {
    using _first = await recorded.serving.client();
    using second = await RawClient.connect(recorded.serving.address);
    assertMatch(await second.rest(), /^421 /);
  }
  await recorded.next();
  assertEquals(recorded.files.length, 1);
});
