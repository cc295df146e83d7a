import { assert, assertEquals } from "@std/assert";
import type { ServerOptions } from "../../lib/engine/options.ts";
import { REPLIES } from "../../lib/engine/reply.ts";
import { chunkings, codes, type Decide, octets, Server } from "./support.ts";

const OFFER = { size: 1_000, chunking: true, binaryMime: true };
const ENVELOPE = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";

/** What would do harm if it ran as commands. */
const COMMANDS = "\r\n.\r\nQUIT\r\nMAIL FROM:<evil@b>\r\n";

/** A BDAT command with its octets. */
function bdat(octets: string, last = ""): string {
  return `BDAT ${octets.length}${last}\r\n${octets}`;
}

/** A server that has heard EHLO. */
function greeted(
  options: Partial<ServerOptions> = {},
  decide?: Decide,
): Server {
  const server = new Server({ offer: OFFER, ...options }, decide);
  server.tell("EHLO c\r\n");
  return server;
}

/** The kinds of the questions after EHLO. */
function asked(server: Server): string {
  return server.events.slice(2).map(({ type }) => type).join(" ");
}

const refuseRecipients: Decide = ({ type }) =>
  type === "rcpt" ? REPLIES.relayDenied : undefined;

const refuseMessage: Decide = ({ type }) =>
  type === "data" ? REPLIES.localError : undefined;

/** What is said to chunks, what is asked, and what of the message comes out. */
const CONVERSATIONS: [
  what: string,
  input: string,
  replies: string,
  asked: string,
  body?: string | undefined,
  options?: Partial<ServerOptions>,
  decide?: Decide,
][] = [
  [
    "a message in one chunk",
    `${ENVELOPE}${bdat("a\r\n.b\r\n", " LAST")}`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0",
    "mail rcpt data end",
    "a\r\n..b\r\n",
  ],
  [
    "a message in three, with an end in the first",
    `${ENVELOPE}${bdat("a\r\n.\r\nQUIT\r")}${bdat("\nb")}${bdat("c", " last")}`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 250 2.0.0",
    "mail rcpt data end",
    "a\r\n..\r\nQUIT\r\nbc\r\n",
  ],
  [
    "an empty last chunk",
    `${ENVELOPE}${bdat("a\r\n")}${bdat("", " LAST")}NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 250 2.0.0",
    "mail rcpt data end",
    "a\r\n",
  ],
  [
    "an empty message",
    `${ENVELOPE}${bdat("", " LAST")}NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0",
    "mail rcpt data end",
    "",
  ],
  [
    "two messages",
    `${ENVELOPE}${bdat("a\r\n", " LAST")}${ENVELOPE}${bdat("b\r\n", " LAST")}`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.1.0, 250 2.1.5, 250 2.0.0",
    "mail rcpt data end mail rcpt data end",
    "b\r\n",
  ],
  [
    "commands between chunks",
    `${ENVELOPE}${bdat("a")}NOOP\r\nVRFY a\r\nHELP\r\nMAIL FROM:<>\r\n` +
    `RCPT TO:<e@f>\r\nDATA\r\nSTARTTLS\r\n${bdat("b\r\n", " LAST")}`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 252 2.5.0, 214 2.0.0, " +
    "503 5.5.1, 503 5.5.1, 503 5.5.1, 502 5.5.1, 250 2.0.0",
    "mail rcpt data vrfy end",
    "ab\r\n",
  ],
  [
    "RSET between chunks",
    `${ENVELOPE}${bdat("a")}RSET\r\n${bdat(COMMANDS, " LAST")}NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 503 5.5.1, 250 2.0.0",
    "mail rcpt data reset",
    "a",
  ],
  [
    "EHLO between chunks",
    `${ENVELOPE}${bdat("a")}EHLO c\r\nNOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250, 250 2.0.0",
    "mail rcpt data hello",
    "a",
  ],
  [
    "a chunk before MAIL",
    `${bdat(COMMANDS, " LAST")}NOOP\r\n`,
    "503 5.5.1, 250 2.0.0",
    "",
  ],
  [
    "a chunk before RCPT",
    `MAIL FROM:<>\r\n${bdat(COMMANDS)}NOOP\r\n`,
    "250 2.1.0, 503 5.5.1, 250 2.0.0",
    "mail",
  ],
  [
    "chunks without a valid recipient",
    `${ENVELOPE}${bdat(COMMANDS)}${bdat(COMMANDS, " LAST")}RSET\r\n`,
    "250 2.1.0, 550 5.7.1, 554 5.5.1, 554 5.5.1, 250 2.0.0",
    "mail rcpt reset",
    "",
    {},
    refuseRecipients,
  ],
  [
    "chunks that the owner refuses",
    `${ENVELOPE}${bdat(COMMANDS)}${bdat(COMMANDS)}${bdat("", " LAST")}` +
    `${ENVELOPE}`,
    "250 2.1.0, 250 2.1.5, 451 4.3.0, 503 5.5.1, 503 5.5.1, " +
    "250 2.1.0, 250 2.1.5",
    "mail rcpt data mail rcpt",
    "",
    {},
    refuseMessage,
  ],
  [
    "a refused message in one chunk, and what is no late chunk of it",
    `${ENVELOPE}${bdat(COMMANDS, " LAST")}${bdat(COMMANDS, " LAST")}`,
    "250 2.1.0, 250 2.1.5, 451 4.3.0, 503 5.5.1",
    "mail rcpt data",
    "",
    {},
    refuseMessage,
  ],
  [
    "a message over the limit, at its first chunk that is",
    `${ENVELOPE}${bdat("12345678\r\n")}${bdat(COMMANDS)}${bdat(COMMANDS)}` +
    `${bdat("x", " LAST")}NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 552 5.3.4, 503 5.5.1, 503 5.5.1, " +
    "250 2.0.0",
    "mail rcpt data end",
    undefined,
    { offer: { ...OFFER, size: 20 } },
  ],
  [
    "a message over the limit at its last chunk",
    `${ENVELOPE}${bdat(COMMANDS, " LAST")}NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 552 5.3.4, 250 2.0.0",
    "mail rcpt data end",
    undefined,
    { offer: { ...OFFER, size: 20 } },
  ],
  [
    "a message at the limit",
    `${ENVELOPE}${bdat(".2345678\r\n")}${bdat(".2345678\r\n", " LAST")}`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0",
    "mail rcpt data end",
    "..2345678\r\n..2345678\r\n",
    { offer: { ...OFFER, size: 20 } },
  ],
  [
    "bare newlines",
    `${ENVELOPE}${bdat("a\n.\n")}${bdat(".\rb\r", " LAST")}`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0",
    "mail rcpt data end",
    "a\r\n..\r\n..\r\nb\r\n",
  ],
  [
    "bare newlines that are refused, at their chunk",
    `${ENVELOPE}${bdat("a\r\n")}${bdat("b\nc\r\n")}${
      bdat("d", " LAST")
    }NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 550 5.6.0, 503 5.5.1, 250 2.0.0",
    "mail rcpt data end",
    undefined,
    { bareNewline: "reject" },
  ],
  [
    "a bare CR that is refused, at the very end",
    `${ENVELOPE}${bdat("a\r", " LAST")}NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 550 5.6.0, 250 2.0.0",
    "mail rcpt data end",
    undefined,
    { bareNewline: "reject" },
  ],
  [
    "a binary message, which comes as it is",
    `MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n${
      bdat("\r\n.\r\n\0\n")
    }` +
    `${bdat(".\r\xff.", " LAST")}NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 250 2.0.0",
    "mail rcpt data end",
    "\r\n.\r\n\0\n.\r\xff.",
    { bareNewline: "reject" },
  ],
  [
    "a text message after a binary one that was given up",
    `MAIL FROM:<> BODY=BINARYMIME\r\nRSET\r\n${ENVELOPE}${bdat(".", " LAST")}`,
    "250 2.1.0, 250 2.0.0, 250 2.1.0, 250 2.1.5, 250 2.0.0",
    "mail reset mail rcpt data end",
    "..\r\n",
  ],
  [
    "DATA for a binary message",
    "MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\nDATA\r\n" +
    bdat("a", " LAST"),
    "250 2.1.0, 250 2.1.5, 503 5.5.1, 250 2.0.0",
    "mail rcpt data end",
    "a",
  ],
  [
    "a chunk where it is not offered",
    `${ENVELOPE}${bdat(COMMANDS)}NOOP\r\n`,
    "250 2.1.0, 250 2.1.5, 502 5.5.1, 250 2.0.0",
    "mail rcpt",
    "",
    { offer: { size: 0 } },
  ],
  [
    "a chunk after HELO",
    `HELO c\r\n${ENVELOPE}${bdat(COMMANDS)}NOOP\r\n`,
    "250, 250 2.1.0, 250 2.1.5, 503 5.5.1, 250 2.0.0",
    "hello mail rcpt",
  ],
  [
    "DATA behind a dropped chunk",
    `${bdat(COMMANDS)}${ENVELOPE}DATA\r\n.a\r\n.\r\n`,
    "503 5.5.1, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0",
    "mail rcpt data end",
    ".a\r\n",
  ],
  [
    "an error too many, behind its octets",
    `${bdat(COMMANDS)}NOOP\r\n`,
    "421 4.7.0",
    "",
    "",
    { maxErrors: 0 },
  ],
];

for (
  const [what, input, replies, events, body, options, decide] of CONVERSATIONS
) {
  Deno.test(`ServerEngine answers ${what}: ${replies}`, () => {
    for (const chunks of chunkings(octets(input))) {
      const server = greeted(options, decide);
      assertEquals(codes(server.tell(...chunks)), replies);
      assertEquals(asked(server), events);
      if (body !== undefined) assertEquals(server.body, body);
    }
  });
}

Deno.test("ServerEngine tells its owner what a message in chunks came to, and the client what a chunk has", () => {
  const server = greeted();
  const said = server.tell(
    `${ENVELOPE}${bdat(".\r\n")}${bdat("..\r\n", " LAST")}`,
  );
  assert(
    said.endsWith(
      "250 2.0.0 3 octets received\r\n250 2.0.0 Message delivered\r\n",
    ),
  );
  assertEquals(server.events.slice(-2), [
    { type: "data", chunking: true },
    { type: "end", size: 7, refusal: undefined },
  ]);
});

Deno.test("ServerEngine gives out no more than the limit, and ends the message at the chunk beyond it", () => {
  const server = greeted({ offer: { ...OFFER, size: 20 } });
  server.tell(`${ENVELOPE}BDAT 9999\r\n`);
  for (let size = 11; size < 9_999; size += 11) {
    assertEquals(server.tell("123456789\r\n"), "");
    assertEquals(server.engine.state, "chunk");
  }
  assert(server.body.length <= 20);
  assertEquals(codes(server.tell("123456789\r\n")), "552 5.3.4");
  assertEquals(server.events.at(-1), {
    type: "end",
    size: 9_999,
    refusal: REPLIES.tooBig,
  });
});

Deno.test("ServerEngine closes behind a BDAT that can't be read, whose octets nobody can tell", () => {
  const lines = [
    ...["BDAT", "BDAT x", "BDAT -1", "BDAT 5 FIRST", "BDAT 5 LAST x", "bdat"],
    ...["BDAT 5\nNOOP", "BDAT 5\rX", "BDAT\0 5", `BDAT ${"1".repeat(600)}`],
  ];
  for (const line of lines) {
    for (const before of ["", ENVELOPE, `${ENVELOPE}${bdat("a")}`, "F\n\r\n"]) {
      for (const chunks of [[line + COMMANDS], [...line, ...COMMANDS]]) {
        const server = greeted();
        server.tell(before);
        assertEquals(codes(server.tell(...chunks)), "501 5.5.4", line);
        assert(server.engine.closed);
      }
    }
  }
});

Deno.test("ServerEngine says a refusal of a chunk that closes at once", () => {
  const server = greeted(
    {},
    ({ type }) => type === "data" ? REPLIES.shuttingDown : undefined,
  );
  assertEquals(
    codes(server.tell(`${ENVELOPE}BDAT 1000\r\n`)),
    "250 2.1.0, 250 2.1.5, 421 4.3.2",
  );
  assert(server.engine.closed);
});

Deno.test("ServerEngine counts a chunk out of order as an error, and not what was pipelined behind a refusal", () => {
  const late = bdat(COMMANDS).repeat(5);
  const refused = greeted({}, refuseMessage);
  refused.tell(`${ENVELOPE}${late}`);
  assertEquals(refused.engine.errors, 0);
  // The owner knows of its own answer.
  assertEquals(refused.engine.refusals(), Array(4).fill(REPLIES.lateChunk));
  const unwanted = greeted({ maxErrors: 0 }, refuseRecipients);
  unwanted.tell(`${ENVELOPE}${late}`);
  assertEquals(unwanted.engine.errors, 0);
  for (const behind of ["RSET", "EHLO c", "MAIL FROM:<>"]) {
    refused.tell(`${ENVELOPE}${late}${behind}\r\n`);
    const { errors } = refused.engine;
    assertEquals(codes(refused.tell(bdat(COMMANDS))), "503 5.5.1");
    assertEquals(refused.engine.errors - errors, 1, behind);
    refused.tell("RSET\r\n");
  }
  const early = greeted();
  early.tell(late);
  assertEquals(early.engine.errors, 5);
});

Deno.test("ServerEngine is in a message while its owner takes octets, and neither idle nor in one while they are dropped", () => {
  const server = greeted();
  const at = () => {
    const { state, isInMessage, isIdle } = server.engine;
    return [state, isInMessage, isIdle];
  };
  server.tell("BDAT 2\r\n");
  assertEquals(at(), ["chunk", false, false]);
  server.tell("ab");
  assertEquals(at(), ["ready", false, true]);
  server.tell(`${ENVELOPE}BDAT 2\r\n`);
  assertEquals(at(), ["chunk", true, true]);
  server.tell("ab");
  assertEquals(at(), ["chunks", false, true]);
  server.tell("BDAT 0 LAST\r\n");
  assertEquals(at(), ["ready", false, true]);
  server.tell(`${ENVELOPE}DATA\r\n`);
  assertEquals(at(), ["data", true, true]);
});
