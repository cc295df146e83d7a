import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ListenAddress, send } from "../../mod.ts";
import { ListeningServer } from "../../lib/live/listening.ts";
import type { Failure, Played } from "../../lib/replay/played.ts";
import { MAX_WAIT_MS } from "../../lib/live/real_time.ts";
import { MAX_LINE_BYTES } from "../../lib/live/socket_wire.ts";
import type { Split } from "../../lib/replay/splits.ts";
import { RawClient } from "../support/raw_client.ts";
import { transcript } from "../transcript/support.ts";

/** A deadline that is meant to pass, in ms. */
const SHORT_MS = 300;

/** One that is not. */
const LONG_MS = 20_000;

const MESSAGE = "Subject: x\r\n\r\n.dot\r\n";

const ANY_PORT = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

interface Options {
  readonly splits?: readonly Split[];
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** What comes of a text, played with a client for each way. */
async function playText(
  text: string,
  client: (address: ListenAddress) => Promise<unknown>,
  { splits = ["whole"], timeoutMs = LONG_MS, signal, secrets = {} }: Options =
    {},
): Promise<Played> {
  await using server = await ListeningServer.listen({
    listen: ANY_PORT,
    timeoutMs,
    signal,
  });
  const playing = server.play(transcript(text), {
    splits,
    readMessage: () => new TextEncoder().encode(MESSAGE),
    secrets: new Map(Object.entries(secrets)),
  });
  const calling = async () => {
    for (let i = 0; i < splits.length; i++) await client(server.address);
  };
  const [played] = await Promise.all([playing, calling()]);
  return played;
}

/** A client that says each piece once what was said before is answered. */
async function lockstep(
  address: ListenAddress,
  pieces: readonly string[],
): Promise<string[]> {
  using client = await RawClient.connect(address);
  const replies = [await client.reply()];
  for (const piece of pieces) {
    await client.send(piece);
    replies.push(await client.reply());
  }
  return replies;
}

/** The failure with such a client. */
async function failureWith(
  text: string,
  pieces: readonly string[],
  options: Options = {},
): Promise<Failure | undefined> {
  const client = (address: ListenAddress) => lockstep(address, pieces);
  return (await playText(text, client, options)).failure;
}

const OPENING = `S: 220 mx.test ESMTP
C: EHLO client.test
S: 250-mx.test
S: 250-PIPELINING
S: 250 SIZE 1000
`;

const MAIL = `C: MAIL FROM:<a@example.org>
S: 250 2.1.0 Ok
C: RCPT TO:<b@example.org>
S: 250 2.1.5 Ok
`;

const DATA = `C: DATA
S: 354 Go
C: Subject: x
C:
C: ..dot
C: .
S: 250 2.0.0 Queued
`;

const QUIT = "C: QUIT\nS: 221 Bye\n== close\n";

const SENT = `# A message.\n${OPENING}${MAIL}${DATA}${QUIT}`;

const SENT_PIECES = [
  "EHLO client.test\r\n",
  "MAIL FROM:<a@example.org>\r\n",
  "RCPT TO:<b@example.org>\r\n",
  "DATA\r\n",
  "Subject: x\r\n\r\n..dot\r\n.\r\n",
  "QUIT\r\n",
];

/** The pieces with one in another's place. */
function withPiece(index: number, ...pieces: readonly string[]): string[] {
  return SENT_PIECES.toSpliced(index, 1, ...pieces);
}

Deno.test("ListeningServer.play() says what the file's server says, each when it is its turn", async () => {
  let replies: string[] = [];
  const played = await playText(SENT, async (address) => {
    replies = await lockstep(address, SENT_PIECES);
  });
  assertEquals(played, { plays: 1 });
  assertEquals(replies, [
    "220 mx.test ESMTP\r\n",
    "250-mx.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n",
    "250 2.1.0 Ok\r\n",
    "250 2.1.5 Ok\r\n",
    "354 Go\r\n",
    "250 2.0.0 Queued\r\n",
    "221 Bye\r\n",
  ]);
});

Deno.test("ListeningServer.play() plays each way with a client of its own", async () => {
  const splits = ["whole", "bytes", "every:3", "random:1"] as const;
  const client = (address: ListenAddress) => lockstep(address, SENT_PIECES);
  assertEquals(await playText(SENT, client, { splits }), { plays: 4 });
});

Deno.test("ListeningServer.play() plays a conversation without splits whole, once", async () => {
  await using server = await ListeningServer.listen({
    listen: ANY_PORT,
    timeoutMs: LONG_MS,
  });
  const [played] = await Promise.all([
    server.play(transcript(SENT.replace("\n", "\n@split none\n")), {
      splits: ["bytes", "every"],
      readMessage: () => new Uint8Array(),
    }),
    lockstep(server.address, SENT_PIECES),
  ]);
  assertEquals(played, { plays: 1 });
});

Deno.test("ListeningServer.play() plays over a Unix socket, and leaves none behind", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const listen = { transport: "unix", path: `${folder}/smtp` } as const;
    {
      await using server = await ListeningServer.listen({
        listen,
        timeoutMs: LONG_MS,
      });
      assertEquals(server.address, listen);
      const [played] = await Promise.all([
        server.play(transcript(SENT), {
          splits: ["whole"],
          readMessage: () => new Uint8Array(),
        }),
        lockstep(server.address, SENT_PIECES),
      ]);
      assertEquals(played, { plays: 1 });
    }
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const REFUSED_MAIL = `${OPENING}C: MAIL FROM:<a@example.org>
S: 550 5.1.8 No
`;

const REFUSED_RCPT = `${OPENING}C: MAIL FROM:<a@example.org>
S: 250 2.1.0 Ok
C: RCPT TO:<b@example.org>
S: 550 5.1.1 No
`;

const HELLO = "EHLO client.test\r\n";
const FROM = "MAIL FROM:<a@example.org>\r\n";
const TO = "RCPT TO:<b@example.org>\r\n";
const BODY = "Subject: x\r\n\r\n..dot\r\n.\r\n";

/** What is the client's own business. */
const RIGHT: readonly [what: string, text: string, pieces: string[]][] = [
  ["has another name", SENT, withPiece(0, "EHLO [192.0.2.1]\r\n")],
  [
    "has verbs in any case, and space behind them",
    SENT,
    [
      "ehlo x\r\n",
      "mail from:<a@example.org>\r\n",
      "Rcpt To: <b@EXAMPLE.org>\r\n",
    ]
      .concat("data \r\n", BODY, "quit\r\n"),
  ],
  [
    "has parameters that the file has not",
    SENT,
    withPiece(
      1,
      "MAIL FROM:<a@example.org> SIZE=20 BODY=8BITMIME AUTH=<>\r\n",
    ),
  ],
  [
    "reckons another size, and more",
    SENT.replace("<a@example.org>", "<a@example.org> SIZE=5 SMTPUTF8"),
    withPiece(1, "MAIL FROM:<a@example.org> smtputf8 RET=HDRS size=9\r\n"),
  ],
  [
    "has an address with quotes",
    SENT.replace("<b@example.org>", '<"b>b"@example.org>'),
    withPiece(2, 'RCPT TO:<"b>b"@example.org> NOTIFY=NEVER\r\n'),
  ],
  [
    "says what a variable stands for",
    SENT.replaceAll("<a@example.org>", "<a+${id}@example.org>")
      .replace(
        "C: Subject: x",
        "C: Date: ${date}\nC: Message-ID: <${id}@${host}>",
      ),
    withPiece(1, "MAIL FROM:<a+17@example.org> SIZE=1\r\n").toSpliced(
      4,
      1,
      "Date: 1 Jan 2026 12:00:00 GMT\r\nMessage-ID: <17@a>\r\n\r\n..dot\r\n.\r\n",
    ),
  ],
  [
    "has its message from a file",
    SENT.replace(/C: Subject[^]*?C: \.\n/, "C< x.eml\n"),
    SENT_PIECES,
  ],
  [
    "says an RSET before its message",
    SENT,
    [HELLO, "RSET\r\n", ...SENT_PIECES.slice(1)],
  ],
  [
    "says an RSET behind it",
    SENT,
    withPiece(5, "rset\r\n", "QUIT\r\n"),
  ],
  [
    "says an RSET where the second message's recipients were refused",
    `${OPENING}${MAIL}C: RSET\nS: 250 Ok\n${
      REFUSED_RCPT.replace(OPENING, "")
    }${QUIT}`,
    [HELLO, FROM, TO, "RSET\r\n", FROM, TO, "RSET\r\n", "QUIT\r\n"],
  ],
  [
    "says no RSET where the file has one",
    `${REFUSED_RCPT}C: RSET\nS: 250 Ok\n${QUIT}`,
    [HELLO, FROM, TO, "QUIT\r\n"],
  ],
  [
    "says an RSET where all was refused",
    REFUSED_RCPT + QUIT,
    [HELLO, FROM, TO, "RSET\r\n", "QUIT\r\n"],
  ],
  [
    "does not go on where the file's has, to a sender that was refused",
    `${OPENING}C: MAIL FROM:<a@example.org>
C: RCPT TO:<b@example.org>
C: DATA
S: 550 5.1.8 No
S: 503 5.5.1 No
S: 503 5.5.1 No
${QUIT}`,
    [HELLO, FROM, "QUIT\r\n"],
  ],
  [
    "says QUIT where the file has no more",
    OPENING + MAIL + DATA,
    SENT_PIECES,
  ],
  [
    "says RSET and QUIT where the file has no more",
    OPENING,
    [HELLO, "RSET\r\n", "QUIT\r\n"],
  ],
  ["stays where the file has no more", OPENING, [HELLO]],
  ["ends where the file says so", `${OPENING}== eof`, [HELLO]],
  [
    "answers a challenge with a secret",
    `${OPENING}C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: \${secret:auth}
S: 334 UGFzc3dvcmQ6
C: \${secret:auth}
S: 235 2.7.0 Ok
${MAIL}${DATA}${QUIT}`,
    [HELLO, "auth login\r\n", "am9l\r\n", "cHc=\r\n", ...SENT_PIECES.slice(1)],
  ],
  [
    "says a secret at once",
    `${OPENING}C: AUTH PLAIN \${secret:auth}
S: 235 2.7.0 Ok
${QUIT}`,
    [HELLO, "Auth plain AGpvZQBwdw==\r\n", "QUIT\r\n"],
  ],
  [
    "has bytes of several commands",
    String
      .raw`${OPENING}C> "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r"
C> "\nDATA\r\n"
S> "250 Ok\r\n250 Ok\r\n354 Go\r\n"
C> "Subject: \xff\r\n.\r\n"
S: 250 Ok
${QUIT}`,
    [HELLO, FROM, TO, "DATA\r\n", "Subject: \xff\r\n.\r\n", "QUIT\r\n"],
  ],
];

for (const [what, text, pieces] of RIGHT) {
  Deno.test(`ListeningServer.play() takes a client that ${what}`, async () => {
    assertEquals(await failureWith(text, pieces), undefined);
  });
}

Deno.test("ListeningServer.play() takes a client that pipelines", async () => {
  const played = await playText(SENT, async (address) => {
    using client = await RawClient.connect(address);
    await client.reply();
    await client.ask("EHLO a");
    await client.send(`${FROM}${TO}DATA\r\n`);
    for (let i = 0; i < 3; i++) await client.reply();
    await client.send(`${BODY}QUIT\r\n`);
    assertEquals(await client.rest(), "250 2.0.0 Queued\r\n221 Bye\r\n");
  });
  assertEquals(played, { plays: 1 });
});

Deno.test("ListeningServer.play() answers what was on its way when all was refused", async () => {
  for (const text of [REFUSED_MAIL, REFUSED_RCPT]) {
    let replies = "";
    const played = await playText(text + QUIT, async (address) => {
      using client = await RawClient.connect(address);
      await client.reply();
      await client.ask("EHLO a");
      await client.send(`${FROM}${TO}DATA\r\n`);
      for (let i = 0; i < 3; i++) replies += (await client.reply())[0];
      await client.ask("QUIT");
    });
    assertEquals(played, { plays: 1 });
    assertEquals(replies, text === REFUSED_MAIL ? "555" : "255");
  }
});

/** What is not, and where that shows. */
const WRONG: readonly [
  what: string,
  text: string,
  pieces: string[],
  line: number,
  expected: string,
  came: string,
][] = [
  [
    "says HELO",
    SENT,
    withPiece(0, "HELO client.test\r\n"),
    ...[3, "C: EHLO client.test", "HELO client.test"] as const,
  ],
  [
    "has no name",
    SENT,
    withPiece(0, "EHLO \r\n"),
    ...[3, "C: EHLO client.test", "EHLO "] as const,
  ],
  [
    "has another sender",
    SENT,
    withPiece(1, "MAIL FROM:<A@example.org>\r\n"),
    ...[
      7,
      "C: MAIL FROM:<a@example.org>",
      "MAIL FROM:<A@example.org>",
    ] as const,
  ],
  [
    "has none",
    SENT,
    withPiece(1, "MAIL FROM:<>\r\n"),
    ...[7, "C: MAIL FROM:<a@example.org>", "MAIL FROM:<>"] as const,
  ],
  [
    "leaves a parameter out",
    SENT.replace("<a@example.org>", "<a@example.org> SMTPUTF8"),
    SENT_PIECES,
    ...[7, "C: MAIL FROM:<a@example.org> SMTPUTF8"] as const,
    "MAIL FROM:<a@example.org>",
  ],
  [
    "has another recipient",
    SENT,
    withPiece(2, "RCPT TO:<c@example.org>\r\n"),
    ...[9, "C: RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>"] as const,
  ],
  [
    "has no brackets",
    SENT,
    withPiece(2, "RCPT TO:b@example.org\r\n"),
    ...[9, "C: RCPT TO:<b@example.org>", "RCPT TO:b@example.org"] as const,
  ],
  [
    "leaves a recipient out",
    SENT,
    withPiece(2),
    ...[9, "C: RCPT TO:<b@example.org>", "DATA"] as const,
  ],
  [
    "takes its transaction back",
    SENT,
    withPiece(2, TO, "RSET\r\n"),
    ...[11, "C: DATA", "RSET"] as const,
  ],
  [
    "does not take it back",
    `${OPENING}${MAIL}C: RSET\nS: 250 Ok\n${QUIT}`,
    [HELLO, FROM, TO, "QUIT\r\n"],
    ...[10, "C: RSET", "QUIT"] as const,
  ],
  [
    "does not double a dot",
    SENT,
    withPiece(4, "Subject: x\r\n\r\n.dot\r\n.\r\n"),
    ...[15, "C: ..dot", ".dot"] as const,
  ],
  [
    "says a bare LF",
    SENT,
    withPiece(4, "Subject: x\n\r\n..dot\r\n.\r\n"),
    ...[13, "C: Subject: x", "Subject: x\n"] as const,
  ],
  [
    "says more than the message",
    SENT,
    withPiece(4, "Subject: x\r\n\r\n..dot\r\n\r\n.\r\n"),
    ...[16, "C: .", ""] as const,
  ],
  [
    "has another message than the file's",
    SENT.replace(/C: Subject[^]*?C: \.\n/, "C< x.eml\n"),
    withPiece(4, "Subject: x\r\n\r\n..dots\r\n.\r\n"),
    ...[13, 'C< x.eml (line 3: "..dot")', "..dots"] as const,
  ],
  [
    "has another value than a variable had",
    SENT.replaceAll("@example.org", "@${host}"),
    withPiece(2, "RCPT TO:<b@example.com>\r\n"),
    ...[9, "C: RCPT TO:<b@${host}>", "RCPT TO:<b@example.com>"] as const,
  ],
  [
    "says no QUIT",
    SENT,
    withPiece(5),
    ...[18, "C: QUIT", "a close"] as const,
  ],
  [
    "says more where the file has no more",
    OPENING,
    [HELLO, "NOOP\r\n"],
    ...[0, "nothing more", "NOOP"] as const,
  ],
  [
    "goes on where the file's ends",
    `${OPENING}== eof`,
    [HELLO, "QUIT\r\n"],
    ...[6, "== eof", "QUIT"] as const,
  ],
  [
    "goes on where the file's ends, and is answered",
    `${OPENING}== eof\nS: 421 4.4.2 Gone\n== close`,
    [HELLO, "NOOP\r\n"],
    ...[6, "== eof", "NOOP"] as const,
  ],
  [
    "says more where the server closes",
    `${OPENING}C: QUIT\nS: 221 Bye\n== close`,
    [HELLO, "QUIT\r\nNOOP\r\n"],
    ...[7, "S: 221 Bye (before the server spoke)", "NOOP"] as const,
  ],
  [
    "says another mechanism, and a secret with it",
    `${OPENING}C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n`,
    [HELLO, "AUTH PLAIN AGpvZQBwdw==\r\n"],
    ...[6, "C: AUTH LOGIN", "AUTH PLAIN •••••"] as const,
  ],
  [
    "answers a challenge otherwise",
    `${OPENING}C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: am9l\nS: 235 Ok\n`,
    [HELLO, "AUTH LOGIN\r\n", "AM9L\r\n"],
    ...[8, "C: am9l", "•••••"] as const,
  ],
  [
    "shows a secret later",
    `${OPENING}C: AUTH PLAIN \${secret:auth}\nS: 235 Ok\n${MAIL}`,
    [HELLO, "AUTH PLAIN AGpvZQBwdw==\r\n", "NOOP pw\r\n"],
    ...[8, "C: MAIL FROM:<a@example.org>", "NOOP •••••"] as const,
  ],
  [
    "shows one that was given",
    `${OPENING}${MAIL}`,
    [HELLO, "NOOP given\r\n"],
    ...[6, "C: MAIL FROM:<a@example.org>", "NOOP •••••"] as const,
  ],
];

for (const [what, text, pieces, line, expected, came] of WRONG) {
  Deno.test(`ListeningServer.play() finds a client that ${what}`, async () => {
    const secrets = { auth: "joe:given" };
    assertEquals(
      await failureWith(text, pieces, { secrets }),
      { line, expected, came, way: "whole" },
    );
  });
}

/** What must not be said before the server has spoken, and where that shows. */
const EARLY: readonly [what: string, pieces: string[], line: number][] = [
  ["greets first", [`${HELLO}${FROM}`], 2],
  ["goes on behind EHLO", ["", `${HELLO}${FROM}`], 4],
  ["goes on behind DATA", ["", HELLO, FROM, TO, `DATA\r\n${BODY}`], 12],
];

for (const [what, pieces, line] of EARLY) {
  Deno.test(`ListeningServer.play() finds a client that ${what}`, async () => {
    const { failure } = await playText(SENT, async (address) => {
      using client = await RawClient.connect(address);
      for (const piece of pieces) {
        await client.send(piece);
        await client.reply();
      }
    });
    assertEquals(failure?.line, line);
    assert(failure?.expected.endsWith(" (before the server spoke)"));
  });
}

/** What a client may do instead of playing along, where that shows, and how. */
const UNKIND: readonly [
  what: string,
  client: (client: RawClient) => Promise<unknown>,
  line: number,
  came: string,
][] = [
  [
    "says nothing",
    (client) => client.rest(),
    ...[3, "nothing within 0.3 s"] as const,
  ],
  [
    "says half a line",
    (client) => client.send("EHLO cl").then(() => client.rest()),
    ...[3, '"EHLO cl" and then nothing within 0.3 s'] as const,
  ],
  [
    "closes at once",
    (client) => Promise.resolve(client.close()),
    ...[3, "a close"] as const,
  ],
  [
    "stops within its message",
    async (client) => {
      await client.reply();
      for (const line of [HELLO, FROM, TO, "DATA\r\n"]) {
        await client.send(line);
        await client.reply();
      }
      await client.send("Subject: x\r\n\r\n");
      await client.rest();
    },
    ...[15, "nothing within 0.3 s"] as const,
  ],
  [
    "never ends its line",
    async (client) => {
      for (let i = 0; i < 4; i++) await client.send("x".repeat(32 * 1_024));
    },
    3,
    `(the client said a line of more than ${MAX_LINE_BYTES} B)`,
  ],
];

for (const [what, act, line, came] of UNKIND) {
  Deno.test(`ListeningServer.play() ends with a client that ${what}`, async () => {
    const { failure } = await playText(SENT, async (address) => {
      using client = await RawClient.connect(address);
      // It may be too late for the client to be heard out.
      await act(client).catch(() => {});
    }, { timeoutMs: SHORT_MS });
    assertEquals(failure?.line, line);
    assert(failure?.came.endsWith(came), failure?.came);
  });
}

Deno.test("ListeningServer.play() says at the first step that no client came", async () => {
  const { failure } = await playText(SENT, () => Promise.resolve(), {
    timeoutMs: SHORT_MS,
  });
  assertEquals(failure, {
    line: 2,
    expected: "S: 220 mx.test ESMTP",
    came: "no client within 0.3 s",
    way: "whole",
  });
});

Deno.test("ListeningServer.play() ends a conversation that takes too long as a whole", async () => {
  const text = "S: 220 a\n== eof";
  const timeoutMs = 50;
  const { failure } = await playText(text, async (address) => {
    using client = await RawClient.connect(address);
    await client.reply();
    // Each of them in time, and there is no end of them.
    for (let reply = "2"; reply !== "";) reply = await client.ask("RSET");
  }, { timeoutMs });
  assertEquals(failure?.line, 0);
  assertEquals(failure?.came, "the conversation took longer than 0.3 s");
});

Deno.test("ListeningServer.play() closes where the file does, and its last words arrive", async () => {
  let rest = "";
  const text = `${OPENING}C: MAIL FROM:<a@example.org>\nS: 421 4.3.2 Bye
== close`;
  const played = await playText(text, async (address) => {
    using client = await RawClient.connect(address);
    await client.reply();
    await client.ask("EHLO a");
    // Unread when it closes.
    await client.send(`${FROM}${TO}DATA\r\n`);
    rest = await client.rest();
  });
  assertEquals(played, { plays: 1 });
  assert(rest.startsWith("421 4.3.2 Bye\r\n"), rest);
});

Deno.test("ListeningServer.play() breaks off where the file does", async () => {
  const played = await playText(`${OPENING}== reset`, async (address) => {
    using client = await RawClient.connect(address);
    await client.reply();
    await client.ask("EHLO a");
    assertEquals(await client.rest(), "");
  });
  assertEquals(played, { plays: 1 });
});

Deno.test("ListeningServer.play() hears the client's end before what stands behind it", async () => {
  const text = `${OPENING}== eof\nS: 421 4.4.2 Gone\n== close`;
  const played = await playText(text, async (address) => {
    assert(address.transport === "tcp");
    using conn = await Deno.connect(address);
    let said = "";
    const hear = async (end: string) => {
      const bytes = new Uint8Array(1_024);
      while (!said.endsWith(end)) {
        const count = await conn.read(bytes);
        if (count === null) return;
        said += new TextDecoder().decode(bytes.subarray(0, count));
      }
    };
    await hear("ESMTP\r\n");
    await conn.write(new TextEncoder().encode(HELLO));
    await hear("SIZE 1000\r\n");
    await conn.closeWrite();
    await hear("nothing more");
    assert(said.endsWith("421 4.4.2 Gone\r\n"));
  });
  assertEquals(played, { plays: 1 });
});

Deno.test("ListeningServer.play() really waits", async () => {
  const text = `S: 220 a\nC: EHLO client.test\n== wait 100ms\nS: 250 a`;
  const began = performance.now();
  assertEquals(await failureWith(text, [HELLO]), undefined);
  assert(performance.now() - began >= 100);
});

const SKIPPED: readonly [what: string, text: string, reason: string][] = [
  [
    "has TLS",
    `${OPENING}C: STARTTLS\nS: 220 Go\n== tls\n`,
    "has a server with TLS (line 8)",
  ],
  [
    "waits for too long",
    `S: 220 a\n== wait ${MAX_WAIT_MS + 1}ms\n`,
    "waits for more than 5 s",
  ],
  [
    "has BDAT",
    `${OPENING}${MAIL}C: BDAT 3 LAST\nC> "a\\r\\n"\nS: 250 Ok\n`,
    "its client says BDAT (line 10)",
  ],
  [
    "says what nobody can say in its place",
    "S~ (220|221) .*\nC: QUIT\n",
    "no line was found for an expression (line 1)",
  ],
];

for (const [what, text, skipped] of SKIPPED) {
  Deno.test(`ListeningServer.play() skips a conversation that ${what}`, async () => {
    const nobody = () => Promise.resolve();
    assertEquals(await playText(text, nobody), { plays: 0, skipped });
  });
}

Deno.test("ListeningServer.play() throws its signal's reason before a client comes", async () => {
  const stop = new AbortController();
  const client = () => Promise.resolve(stop.abort(new Error("enough")));
  const began = performance.now();
  const playing = playText(SENT, client, { signal: stop.signal });
  await assertRejects(() => playing, Error, "enough");
  assert(performance.now() - began < LONG_MS);
});

Deno.test("ListeningServer.play() throws its signal's reason while it plays", async () => {
  const stop = new AbortController();
  const playing = playText(SENT, async (address) => {
    using client = await RawClient.connect(address);
    await client.reply();
    stop.abort(new Error("enough"));
    assertEquals(await client.rest(), "");
  }, { signal: stop.signal });
  await assertRejects(() => playing, Error, "enough");
});

Deno.test("ListeningServer keeps who calls early for the next play, and lets the others go", async () => {
  const server = await ListeningServer.listen({
    listen: ANY_PORT,
    timeoutMs: LONG_MS,
  });
  const clients: Promise<string[]>[] = [];
  for (let i = 0; i < 3; i++) {
    clients.push(lockstep(server.address, SENT_PIECES));
  }
  const settings = {
    splits: ["whole"] as const,
    readMessage: () => new Uint8Array(),
  };
  for (let i = 0; i < 2; i++) {
    assertEquals(await server.play(transcript(SENT), settings), { plays: 1 });
  }
  await server[Symbol.asyncDispose]();
  const ends =
    (await Promise.all(clients.map((each) => each.catch(() => [""])))).map((
      replies,
    ) => replies.at(-1)).sort();
  assertEquals(ends, ["", "221 Bye\r\n", "221 Bye\r\n"]);
});

Deno.test("ListeningServer.play() tells how Postern sends", async () => {
  const message = "Subject: x\n\n.dot\n";
  for (const [from, line] of [["a@example.org", undefined], ["", 7]] as const) {
    const { failure } = await playText(SENT, async (address) => {
      assert(address.transport === "tcp");
      await send(message, {
        from,
        to: ["b@example.org"],
        server: `127.0.0.1:${address.port}`,
      }).catch(() => {});
    });
    assertEquals(failure?.line, line);
  }
});

Deno.test("ListeningServer lets a play go that waits when it is disposed of", async () => {
  const server = await ListeningServer.listen({
    listen: ANY_PORT,
    timeoutMs: LONG_MS,
  });
  const playing = server.play(transcript(SENT), {
    splits: ["whole"],
    readMessage: () => new Uint8Array(),
  });
  const began = performance.now();
  await server[Symbol.asyncDispose]();
  assertEquals((await playing).failure?.line, 2);
  assert(performance.now() - began < LONG_MS);
});

Deno.test("ListeningServer.play() lets a client go on where the file's does", async () => {
  const text = "C: EHLO a\nS: 220 b\nC: MAIL FROM:<>\nS: 250 b\nS: 250 Ok\n";
  const played = await playText(text, async (address) => {
    using client = await RawClient.connect(address);
    await client.send("EHLO a\r\nMAIL FROM:<>\r\n");
    for (let i = 0; i < 3; i++) await client.reply();
  });
  assertEquals(played, { plays: 1 });
});

Deno.test("ListeningServer.play() answers a QUIT that the file does not have", async () => {
  let replies: string[] = [];
  await playText(OPENING, async (address) => {
    replies = await lockstep(address, [HELLO, "RSET\r\n", "QUIT\r\n"]);
  });
  assertEquals(replies.slice(2), ["250 2.0.0 OK\r\n", "221 2.0.0 Bye\r\n"]);
});

Deno.test("ListeningServer.play() forgets with a transaction that the client had gone on", async () => {
  const refused = REFUSED_RCPT.replace(OPENING, "");
  const text = `${REFUSED_MAIL}${refused}${QUIT}`;
  const { failure } = await playText(text, async (address) => {
    using client = await RawClient.connect(address);
    await client.reply();
    await client.ask("EHLO a");
    await client.send(`${FROM}${TO}`);
    for (let i = 0; i < 2; i++) await client.reply();
    for (const line of [FROM, TO, "DATA\r\n"]) await client.ask(line.trim());
  });
  assertEquals(failure?.expected, "C: QUIT");
  assertEquals(failure?.came, "DATA");
});
