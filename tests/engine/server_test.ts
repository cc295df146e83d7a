import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Event } from "../../lib/engine/events.ts";
import { REPLIES, type Reply } from "../../lib/engine/reply.ts";
import { ServerEngine } from "../../lib/engine/server.ts";
import {
  chunkings,
  codes,
  GREETING,
  octets,
  OPTIONS,
  rcpts,
  Server,
  text,
  utf8,
} from "./support.ts";

const HELLO = "EHLO c\r\n";
const ENVELOPE = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
const MESSAGE = `${ENVELOPE}DATA\r\nSubject: Hi\r\n\r\n..Hi\r\n.\r\n`;

Deno.test("ServerEngine takes a message, in every chunking", () => {
  const input = octets(`${HELLO}${MESSAGE}QUIT\r\n`);
  for (const chunks of chunkings(input)) {
    const server = new Server();
    assertEquals(
      server.tell(...chunks),
      GREETING +
        "250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 1000\r\n" +
        "250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n" +
        "250 HELP\r\n" +
        "250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n" +
        "354 End data with <CRLF>.<CRLF>\r\n" +
        "250 2.0.0 Message delivered\r\n221 2.0.0 Bye\r\n",
    );
    assertEquals(server.body, "Subject: Hi\r\n\r\n..Hi\r\n");
    assertEquals(
      server.events.map(({ type }) => type),
      ["connect", "hello", "mail", "rcpt", "data", "end", "quit"],
    );
    assertEquals(server.events.at(-2), {
      type: "end",
      size: 20,
      refusal: undefined,
    });
    assert(server.engine.closed);
  }
});

Deno.test("ServerEngine says what came to its owner", () => {
  const server = new Server();
  server.tell(
    "HELO Old\r\n",
    "EHLO [192.0.2.1]\r\n",
    utf8("MAIL FROM:<Ü@B> SIZE=7 BODY=8BITMIME SMTPUTF8\r\n"),
    utf8("RCPT TO:<é@d>\r\n"),
  );
  assertEquals(server.events.slice(1), [
    { type: "hello", name: "Old", esmtp: false },
    { type: "hello", name: "[192.0.2.1]", esmtp: true },
    {
      type: "mail",
      sender: { local: "Ü", domain: "B", address: "Ü@B", utf8: true },
      parameters: { size: 7, body: "8BITMIME", smtputf8: true },
    },
    {
      type: "rcpt",
      recipients: [{
        verb: "RCPT",
        recipient: { local: "é", domain: "d", address: "é@d", utf8: true },
        parameters: {},
      }],
    },
  ]);
});

Deno.test("ServerEngine earns one write with a batch of pipelined commands", () => {
  const server = new Server();
  server.tell(HELLO);
  const writes = server.writes;
  const said = server.tell(
    "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nNOOP\r\nRCPT TO:<e@f>\r\n" +
      "DATA\r\n",
  );
  assertEquals(
    codes(said),
    "250 2.0.0, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.1.5, 354",
  );
  assertEquals(server.writes - writes, 1);
  assertEquals(
    codes(server.tell(`Hi\r\n.\r\n${MESSAGE}QUIT\r\n`)),
    "250 2.0.0, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0, 221 2.0.0",
  );
  assertEquals(server.writes - writes, 2);
});

Deno.test("ServerEngine stands still while a question is open", () => {
  const engine = new ServerEngine(OPTIONS);
  const input = octets("RSET\r\nNOOP\r\n");
  engine.space().set(input);
  engine.filled(input.length);
  assertEquals(engine.next(), { type: "connect" });
  assertEquals(engine.next(), undefined);
  assertEquals(engine.output(), undefined);
  engine.answer();
  assertEquals(engine.next(), { type: "reset" });
  assertEquals(engine.next(), undefined);
  assertEquals(engine.output(), octets(GREETING));
  engine.answer();
  assertEquals(engine.isIdle, false);
  assertEquals(engine.next(), undefined);
  assertEquals(engine.output(), octets("250 2.0.0 OK\r\n250 2.0.0 OK\r\n"));
  assertEquals(engine.isIdle, true);
});

Deno.test("ServerEngine is not idle while a command is held back behind recipients", () => {
  const idle: boolean[] = [];
  const server = new Server({}, ({ type }) => {
    if (type === "rcpt") idle.push(server.engine.isIdle);
    return undefined;
  });
  server.tell(`MAIL FROM:<>\r\n${rcpts("a")}`);
  server.tell(`${rcpts("b")}NOOP\r\n`);
  assertEquals(idle, [true, false]);
  assert(server.engine.isIdle);
});

Deno.test("ServerEngine.answer() wants an open question, and a reply for each recipient", () => {
  const engine = new ServerEngine(OPTIONS);
  assertThrows(
    () => engine.answer(),
    TypeError,
    "Cannot answer: expected an open question",
  );
  engine.next();
  assertThrows(() => engine.answer([]), TypeError, "expected 1");
  assertThrows(() => engine.answer([REPLIES.ok, REPLIES.ok]), TypeError);
  engine.answer();
  const input = octets("MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\n");
  engine.space().set(input);
  engine.filled(input.length);
  engine.next();
  engine.answer();
  engine.next();
  // An acceptance that nobody meant is worse than an exception.
  assertThrows(
    () => engine.answer([REPLIES.recipientOk]),
    TypeError,
    'Cannot answer "rcpt" with 1 replies: expected 2',
  );
  engine.output();
  engine.answer(REPLIES.relayDenied);
  assertEquals(
    engine.output(),
    octets("550 5.7.1 Relaying denied\r\n".repeat(2)),
  );
  assertEquals(engine.state, "mail");
});

Deno.test("ServerEngine needs no greeting, and takes no parameters without one", () => {
  const server = new Server();
  server.take();
  assertEquals(
    codes(server.tell(`MAIL FROM:<> SIZE=1\r\n${MESSAGE}`)),
    "555 5.5.4, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0",
  );
  assertEquals(server.engine.esmtp, false);
  server.tell("EHLO c\r\n");
  assertEquals(server.engine.esmtp, true);
  server.tell("HELO c\r\n");
  assertEquals(server.engine.esmtp, false);
});

Deno.test("ServerEngine takes a greeting for needed where its owner says so", () => {
  const server = new Server({ needHello: true });
  server.take();
  assertEquals(
    codes(server.tell("NOOP\r\nMAIL FROM:<>\r\nHELO c\r\nMAIL FROM:<>\r\n")),
    "250 2.0.0, 503 5.5.1, 250, 250 2.1.0",
  );
});

Deno.test("ServerEngine asks at RSET, EHLO and HELO, and ends the transaction", () => {
  for (const command of ["RSET", "EHLO c", "HELO c"]) {
    const server = new Server();
    server.tell(`${HELLO}${ENVELOPE}${command}\r\n`);
    const type = command === "RSET" ? "reset" : "hello";
    assertEquals(server.events.at(-1)!.type, type);
    assertEquals(
      codes(server.tell("DATA\r\nRCPT TO:<a@b>\r\n")),
      "503 5.5.1, 503 5.5.1",
    );
  }
});

Deno.test("ServerEngine passes the owner's replies on, and takes DATA's refusal for the end", () => {
  const reply = (code: number, text: string): Reply => ({ code, text });
  const replies: Partial<Record<Event["type"], Reply>> = {
    connect: reply(220, "Hello"),
    hello: reply(250, "Pleased"),
    mail: reply(250, "Sender"),
    rcpt: reply(251, "Recipient"),
    data: reply(451, "Data"),
    reset: reply(250, "Reset"),
    quit: reply(221, "Quit"),
  };
  const server = new Server({}, ({ type }) => replies[type]);
  assertEquals(
    server.tell(`${HELLO}${ENVELOPE}DATA\r\nDATA\r\nRSET\r\nQUIT\r\n`),
    "220 Hello\r\n250 Pleased\r\n250 Sender\r\n251 Recipient\r\n451 Data\r\n" +
      "503 5.5.1 DATA out of order: expected MAIL first\r\n250 Reset\r\n" +
      "221 Quit\r\n",
  );
});

Deno.test("ServerEngine ends the transaction at the final dot, whatever its answer", () => {
  for (const reply of [undefined, REPLIES.localError]) {
    const server = new Server(
      {},
      ({ type }) => type === "end" ? reply : undefined,
    );
    server.tell(MESSAGE);
    assertEquals(server.engine.state, "ready");
    assertEquals(codes(server.tell("DATA\r\n")), "503 5.5.1");
  }
});

Deno.test("ServerEngine says nothing behind a reply that closes", () => {
  const closing: Reply = { code: 421, text: "Bye", close: true };
  const server = new Server(
    {},
    ({ type }) => type === "rcpt" ? closing : undefined,
  );
  server.take();
  assertEquals(
    server.tell(`MAIL FROM:<>\r\n${rcpts("a", "b", "c")}DATA\r\n`),
    "250 2.1.0 Sender OK\r\n421 Bye\r\n",
  );
  server.engine.close(REPLIES.localError);
  assertEquals(server.engine.output(), undefined);
});

Deno.test("ServerEngine.close() ends the conversation with a question open or in data", () => {
  for (const input of [[], [ENVELOPE], [`${ENVELOPE}DATA\r\nHi\r\n`]]) {
    const server = new Server();
    server.tell(...input);
    server.engine.close(REPLIES.localError);
    assertEquals(
      server.tell("\r\n.\r\nNOOP\r\n"),
      "451 4.3.0 Local error, try again later\r\n",
    );
    assert(server.engine.closed);
  }
  const engine = new ServerEngine(OPTIONS);
  engine.next();
  engine.close(REPLIES.shuttingDown);
  assertEquals(codes(text(engine.output()!)), "421 4.3.2");
  assertThrows(() => engine.answer(), TypeError);
});

Deno.test("ServerEngine keeps nothing of what came behind the end, so that a small buffer takes its place", () => {
  const engine = new ServerEngine(OPTIONS);
  const small = engine.exchange(new Uint8Array(16_384));
  engine.next();
  engine.answer();
  const input = octets(`QUIT\r\n${"NOOP\r\n".repeat(2_600)}`);
  engine.space().set(input);
  engine.filled(input.length);
  assertEquals(engine.next(), { type: "quit" });
  engine.answer();
  assertEquals(engine.exchange(small).length, 16_384);
  assertEquals(engine.next(), undefined);
});
