import { assert, assertEquals } from "@std/assert";
import { REPLIES } from "../../lib/engine/reply.ts";
import { chunkings, codes, octets, OPTIONS, Server } from "./support.ts";

/** What is there to be sent by whom does not speak SMTP. */
const MAIL = "EHLO c\r\nMAIL FROM:<evil@b>\r\n";

/** First lines of other protocols, and what comes behind them. */
const FOREIGN: readonly string[] = [
  `GET / HTTP/1.1\r\nHost: mx\r\n\r\n${MAIL}`,
  `POST /x HTTP/1.1\r\nContent-Length: 99\r\n\r\n${MAIL}`,
  `post /x http/1.1\r\n${MAIL}`,
  `GET /\r\n${MAIL}`,
  `CONNECT mx:25 HTTP/1.1\r\n${MAIL}`,
  `OPTIONS * HTTP/1.1\r\n${MAIL}`,
  `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${MAIL}`,
  `FETCH / HTTP/1.1\r\n${MAIL}`,
  `X / HTTP/3\r\n${MAIL}`,
  `PUT /${"x".repeat(OPTIONS.maxLine)} HTTP/1.1\r\n${MAIL}`,
  `GET /\n${MAIL}`,
  `DELETE /\0\r\n${MAIL}`,
  `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n${MAIL}`,
  `\x16\x03\x01\r\n${MAIL}`,
];

for (const input of FOREIGN) {
  const name = JSON.stringify(input.split(/[\r\n]/)[0]!.slice(0, 30));
  Deno.test(`ServerEngine says one reply to ${name} and closes`, () => {
    for (
      const before of ["", "EHLO c\r\n", "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n"]
    ) {
      for (const chunks of chunkings(octets(input))) {
        const server = new Server({ maxErrors: 1_000 });
        server.tell(before);
        const events = server.events.length;
        assertEquals(codes(server.tell(...chunks)), "421 4.7.0");
        assert(server.engine.closed);
        assertEquals(server.events.length, events);
        assertEquals(server.engine.refusals(), [REPLIES.notSmtp]);
      }
    }
  });
}

Deno.test("ServerEngine takes no word for HTTP that is none, and none in data", () => {
  const server = new Server();
  server.take();
  assertEquals(
    codes(server.tell(
      "GETS\r\nGET\r\nPOSTAL x\r\nNOOP GET / HTTP/1.1\r\n\x16\r\n",
    )),
    "500 5.5.2, 500 5.5.2, 500 5.5.2, 250 2.0.0, 500 5.5.2",
  );
  server.tell("MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n");
  assertEquals(codes(server.tell("GET / HTTP/1.1\r\n.\r\n")), "250 2.0.0");
});
