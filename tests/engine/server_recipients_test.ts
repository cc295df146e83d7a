import { assertEquals } from "@std/assert";
import { REPLIES } from "../../lib/engine/reply.ts";
import {
  chunkings,
  codes,
  type Decide,
  octets,
  rcpts,
  Server,
  utf8,
} from "./support.ts";

/** Refuses recipients whose local part says so. */
const refuseNo: Decide = (event) =>
  event.type === "rcpt"
    ? event.recipients.map(({ recipient }) =>
      recipient.local.startsWith("no")
        ? REPLIES.relayDenied
        : REPLIES.recipientOk
    )
    : undefined;

/** The local parts of each `rcpt` question. */
function asked(server: Server): string[][] {
  return server.events.flatMap((event) =>
    event.type === "rcpt"
      ? [event.recipients.map(({ recipient }) => recipient.local)]
      : []
  );
}

Deno.test("ServerEngine asks for all recipients that came in one piece at once", () => {
  const server = new Server();
  server.tell(`MAIL FROM:<>\r\n${rcpts("a", "b")}DATA\r\nHi\r\n.\r\n`);
  server.tell("MAIL FROM:<>\r\n", rcpts("c"), rcpts("d", "e"));
  assertEquals(asked(server), [["a", "b"], ["c"], ["d", "e"]]);
});

Deno.test("ServerEngine answers each recipient for itself, in order, in every chunking", () => {
  const input = octets(
    `MAIL FROM:<>\r\n${rcpts("a", "no1", "b")}RCPT TO:c\r\n${rcpts("no2")}` +
      `${utf8(rcpts("ü"))}${rcpts("c", "d", "e", "f", "no3")}DATA\r\n`,
  );
  for (const chunks of chunkings(input)) {
    const server = new Server({}, refuseNo);
    server.take();
    assertEquals(
      codes(server.tell(...chunks)),
      "250 2.1.0, 250 2.1.5, 550 5.7.1, 250 2.1.5, 501 5.5.4, 550 5.7.1, " +
        "553 5.6.7, 250 2.1.5, 250 2.1.5, 250 2.1.5, 452 4.5.3, 452 4.5.3, " +
        "354",
    );
  }
});

Deno.test("ServerEngine wants SMTPUTF8 for an ORCPT outside ASCII, too", () => {
  const line = utf8("RCPT TO:<a@b> ORCPT=utf-8;ü@b\r\n");
  const server = new Server({ offer: { size: 0, dsn: true } });
  server.tell("EHLO c\r\n");
  assertEquals(
    codes(server.tell(`MAIL FROM:<>\r\n${line}${rcpts("a")}${line}RSET\r\n`)),
    "250 2.1.0, 553 5.6.7, 250 2.1.5, 553 5.6.7, 250 2.0.0",
  );
  assertEquals(
    codes(server.tell(`MAIL FROM:<> SMTPUTF8\r\n${line}`)),
    "250 2.1.0, 250 2.1.5",
  );
});

Deno.test("ServerEngine keeps a question within the limit of recipients, and refused ones do not count", () => {
  const server = new Server({ maxRecipients: 2 }, refuseNo);
  server.take();
  const said = server.tell(
    `MAIL FROM:<>\r\n${rcpts("no1", "a", "no2", "b", "c")}RSET\r\n` +
      `MAIL FROM:<>\r\n${rcpts("a", "b", "c")}`,
  );
  assertEquals(
    codes(said),
    "250 2.1.0, 550 5.7.1, 250 2.1.5, 550 5.7.1, 250 2.1.5, 452 4.5.3, " +
      "250 2.0.0, 250 2.1.0, 250 2.1.5, 250 2.1.5, 452 4.5.3",
  );
  assertEquals(asked(server), [["no1", "a"], ["no2"], ["b"], ["a", "b"]]);
});

Deno.test("ServerEngine answers DATA with 554 where every recipient was refused, and counts no error", () => {
  const server = new Server({ maxErrors: 0 }, refuseNo);
  server.take();
  const said = server.tell(
    `MAIL FROM:<>\r\n${rcpts("no1", "no2")}DATA\r\nRSET\r\n` +
      `MAIL FROM:<>\r\nDATA\r\n`,
  );
  assertEquals(
    codes(said),
    "250 2.1.0, 550 5.7.1, 550 5.7.1, 554 5.5.1, 250 2.0.0, 250 2.1.0, " +
      "421 4.7.0",
  );
});
