import { assert, assertEquals, assertThrows } from "@std/assert";
import { REPLIES, type Reply } from "../../lib/engine/reply.ts";
import { SERVER_MOVES } from "../../lib/engine/states.ts";
import {
  chunkings,
  codes,
  type Decide,
  octets,
  rcpts,
  Server,
} from "./support.ts";

const OPTIONS = {
  protocol: "lmtp",
  offer: { size: 20, chunking: true },
} as const;

const MAIL = "LHLO c\r\nMAIL FROM:<>\r\n";

/** Refuses recipients whose local part says so; a verdict for each other. */
const decide: Decide = (event) => {
  switch (event.type) {
    case "rcpt":
      return event.recipients.map(({ recipient }) =>
        recipient.local === "no" ? REPLIES.relayDenied : REPLIES.recipientOk
      );
    case "end":
      return event.refusal ?? [REPLIES.delivered, REPLIES.localError];
    default:
      return undefined;
  }
};

const CONVERSATIONS: [what: string, input: string, replies: string][] = [
  ["LHLO", "LHLO c\r\nNOOP\r\n", "250, 250 2.0.0"],
  ["EHLO and HELO", "EHLO c\r\nHELO c\r\n", "500 5.5.1, 500 5.5.1"],
  ["an address literal", "LHLO [127.0.0.1]\r\n", "250"],
  ["no greeting", "MAIL FROM:<>\r\nLHLO c\r\n", "503 5.5.1, 250"],
  [
    "the dot, for each recipient that was accepted",
    `${MAIL}${rcpts("a", "no", "b")}DATA\r\nHi\r\n.\r\nNOOP\r\n`,
    "250, 250 2.1.0, 250 2.1.5, 550 5.7.1, 250 2.1.5, 354, 250 2.0.0, " +
    "451 4.3.0, 250 2.0.0",
  ],
  [
    "a refusal, for each of them",
    `${MAIL}${rcpts("a", "no", "b")}DATA\r\n${"x".repeat(50)}\r\n.\r\nNOOP\r\n`,
    "250, 250 2.1.0, 250 2.1.5, 550 5.7.1, 250 2.1.5, 354, 552 5.3.4, " +
    "552 5.3.4, 250 2.0.0",
  ],
  [
    "the last chunk, for each of them, and others once",
    `${MAIL}${rcpts("a", "b")}BDAT 1\r\naBDAT 0\r\nBDAT 1 LAST\r\naNOOP\r\n`,
    "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 250 2.0.0, 250 2.0.0, 250 2.0.0, " +
    "451 4.3.0, 250 2.0.0",
  ],
  [
    "a chunk with which the message is refused, once",
    `${MAIL}${rcpts("a", "b")}BDAT 30\r\n${
      "x".repeat(30)
    }BDAT 1 LAST\r\naNOOP\r\n`,
    "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 552 5.3.4, 503 5.5.1, 250 2.0.0",
  ],
  [
    "DATA and BDAT without a valid recipient",
    `${MAIL}${rcpts("no")}DATA\r\nBDAT 1 LAST\r\naRSET\r\n`,
    "250, 250 2.1.0, 550 5.7.1, 503 5.5.1, 503 5.5.1, 250 2.0.0",
  ],
  [
    "the dot behind chunks that were given up, for each of them",
    `${MAIL}${rcpts("a")}BDAT 1\r\naRSET\r\nMAIL FROM:<>\r\n` +
    `${rcpts("a", "b")}DATA\r\n.\r\n`,
    "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 250 2.1.0, 250 2.1.5, " +
    "250 2.1.5, 354, 250 2.0.0, 451 4.3.0",
  ],
];

for (const [what, input, replies] of CONVERSATIONS) {
  Deno.test(`ServerEngine answers ${what}, under LMTP: ${replies}`, () => {
    for (const chunks of chunkings(octets(input))) {
      const server = new Server({ ...OPTIONS, needHello: true }, decide);
      server.take();
      assertEquals(codes(server.tell(...chunks)), replies);
      // What is pipelined behind refused recipients is no error.
      const isError = what === "EHLO and HELO" || what === "no greeting";
      assertEquals(server.engine.errors > 0, isError);
    }
  });
}

const REFUSED_AT_ONCE: [input: string, replies: string][] = [
  ["BDAT 1 LAST\r\na", "451 4.3.0, 451 4.3.0"],
  ["BDAT 1\r\naBDAT 1 LAST\r\na", "451 4.3.0, 503 5.5.1"],
  ["DATA\r\n", "451 4.3.0"],
];

// RFC 2033 section 4.3: a client waits for as many replies to the last chunk.
for (const [input, replies] of REFUSED_AT_ONCE) {
  Deno.test(`ServerEngine says a refusal before the message as often as is waited for, under LMTP: ${replies}`, () => {
    for (const chunks of chunkings(octets(`${input}NOOP\r\n`))) {
      const server = new Server(
        OPTIONS,
        ({ type }) => type === "data" ? REPLIES.localError : undefined,
      );
      server.tell(MAIL, rcpts("a", "b"));
      assertEquals(codes(server.tell(...chunks)), `${replies}, 250 2.0.0`);
    }
  });
}

Deno.test("ServerEngine takes LHLO for ESMTP, and knows it under LMTP only", () => {
  const server = new Server(OPTIONS);
  const said = server.tell("LHLO c\r\n");
  assert(said.includes("250-SIZE 20\r\n"));
  assertEquals(server.events.at(-1), { type: "hello", name: "c", esmtp: true });
  const smtp = new Server();
  smtp.take();
  assertEquals(smtp.tell("LHLO c\r\n"), smtp.tell("FOO c\r\n"));
  assertEquals(smtp.engine.esmtp, false);
});

Deno.test("ServerEngine says LHLO where it is expected, under LMTP", () => {
  const server = new Server({ ...OPTIONS, needHello: true });
  server.take();
  assertEquals(
    server.tell("MAIL FROM:<>\r\n"),
    "503 5.5.1 MAIL out of order: expected LHLO first\r\n",
  );
  assert(server.tell("HELP\r\n").startsWith("214 2.0.0 LHLO MAIL "));
});

Deno.test("ServerEngine.answer() wants a reply for each recipient under LMTP, or one, and one under SMTP", () => {
  const wrong: [protocol: "lmtp" | "smtp", count: number][] = [
    ["lmtp", 0],
    ["lmtp", 1],
    ["lmtp", 3],
    ["smtp", 2],
  ];
  for (const [protocol, count] of wrong) {
    const replies = Array<Reply>(count).fill(REPLIES.delivered);
    const server = new Server(
      { protocol },
      ({ type }) => type === "end" ? replies : undefined,
    );
    assertThrows(
      () =>
        server.tell(
          protocol === "lmtp" ? "LHLO c\r\n" : "EHLO c\r\n",
          `MAIL FROM:<>\r\n${rcpts("a", "b")}DATA\r\n.\r\n`,
        ),
      TypeError,
      `Cannot answer "end" with ${count} replies: expected `,
    );
  }
});

Deno.test("SERVER_MOVES has LHLO wherever it has EHLO", () => {
  for (const [state, moves] of Object.entries(SERVER_MOVES)) {
    assertEquals(moves.LHLO, moves.EHLO, state);
  }
});
