import { assert, assertEquals } from "@std/assert";
import { ClientEngine } from "../../lib/engine/client.ts";
import type { Mailbox } from "../../lib/engine/path.ts";
import { ServerEngine } from "../../lib/engine/server.ts";
import { byteByByte, feed, octets, OPTIONS, text } from "./support.ts";

const SENDER: Mailbox = {
  local: "a",
  domain: "b",
  address: "a@b",
  utf8: false,
};

const RECIPIENT: Mailbox = {
  local: "c",
  domain: "d",
  address: "c@d",
  utf8: false,
};

/** Takes what one side says to the other, byte by byte. */
function carry(
  from: ClientEngine | ServerEngine,
  to: ClientEngine | ServerEngine,
  onRead: () => void,
): void {
  for (let bytes; (bytes = from.output()) !== undefined;) {
    for (const byte of byteByByte(bytes)) feed(to, byte, onRead);
  }
}

Deno.test("ClientEngine and ServerEngine understand each other, byte by byte", () => {
  const client = new ClientEngine();
  const server = new ServerEngine({ ...OPTIONS, needHello: true });
  const answers: string[] = [];
  const types: string[] = [];
  let body = "";
  const serve = () => {
    for (let event; (event = server.next()) !== undefined;) {
      if (event.type === "body") body += text(event.bytes);
      else {
        types.push(event.type);
        server.answer();
      }
    }
  };
  const listen = () => {
    for (let answer; (answer = client.next()) !== undefined;) {
      const { step, reply } = answer;
      answers.push(`${step} ${reply.code} ${reply.status ?? "-"}`);
    }
  };
  const exchange = () => {
    carry(client, server, serve);
    serve();
    carry(server, client, listen);
    assert(client.isQuiet);
    assert(server.isIdle);
  };

  exchange();
  client.hello("EHLO", "client.example");
  exchange();
  assert(client.capabilities.pipelining && client.capabilities.smtputf8);
  for (let message = 0; message < 2; message++) {
    client.mail(message === 0 ? SENDER : null, {
      size: 9,
      body: "8BITMIME",
      smtputf8: true,
    });
    client.rcpt(RECIPIENT);
    client.rcpt({ ...RECIPIENT, local: "é", address: "é@d", utf8: true });
    client.data();
    exchange();
    feed(server, octets("..\r\nHi!\r\n"), serve);
    client.end();
    exchange();
    client.reset();
    exchange();
  }
  client.quit();
  exchange();

  const message = ["mail", "rcpt", "rcpt", "data", "end", "reset"];
  assertEquals(types, ["connect", "hello", ...message, ...message, "quit"]);
  const replies = [
    ...["MAIL 250 2.1.0", "RCPT 250 2.1.5", "RCPT 250 2.1.5", "DATA 354 -"],
    ...["END 250 2.0.0", "RSET 250 2.0.0"],
  ];
  assertEquals(answers, [
    ...["GREETING 220 -", "EHLO 250 -", ...replies, ...replies],
    "QUIT 221 2.0.0",
  ]);
  assertEquals(body, "..\r\nHi!\r\n".repeat(2));
  assert(server.closed);
});
