import { assert, assertEquals } from "@std/assert";
import type { ServerOptions } from "../../lib/engine/options.ts";
import { REPLIES } from "../../lib/engine/reply.ts";
import { chunkings, codes, octets, Server } from "./support.ts";

const ENVELOPE = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
const MESSAGE = `${ENVELOPE}DATA\r\nSubject: Hi\r\n\r\n..Hi\r\n.\r\n`;

/** What becomes of a message of `data`, with `options`. */
function send(chunks: Iterable<Uint8Array>, options: Partial<ServerOptions>) {
  const server = new Server(options);
  server.tell(`${ENVELOPE}DATA\r\n`);
  const said = codes(server.tell(...chunks));
  const end = server.events.findLast(({ type }) => type === "end");
  return { said, end, body: server.body, server };
}

Deno.test("ServerEngine reads a message over the limit to its end, refuses it there and stays in step", () => {
  const line = "12345678\r\n";
  const input = octets(`${line.repeat(12)}.\r\nNOOP\r\n`);
  const options = { offer: { size: 100 } };
  for (const chunks of chunkings(input)) {
    const { said, end, body } = send(chunks, options);
    assertEquals(said, "552 5.3.4, 250 2.0.0");
    assert(end?.type === "end");
    assertEquals([end.size, end.refusal], [120, REPLIES.tooBig]);
    assert(body.length <= 100, `${body.length} octets were given out`);
  }
});

Deno.test("ServerEngine takes a message at the limit, stuffing not counted, and any size without one", () => {
  const lines = "..345678\r\n".repeat(11);
  const cases: [lines: string, limit: number, said: string, size: number][] = [
    [lines, 99, "250 2.0.0", 99],
    [lines, 98, "552 5.3.4", 99],
    [`${lines}..\r\n`, 102, "250 2.0.0", 102],
    [`${lines}..\r\n`, 101, "552 5.3.4", 102],
    [lines.repeat(100), 0, "250 2.0.0", 9_900],
  ];
  for (const [lines, limit, said, size] of cases) {
    const sent = send([octets(`${lines}.\r\n`)], { offer: { size: limit } });
    assertEquals(sent.said, said);
    assert(sent.end?.type === "end");
    assertEquals(sent.end.size, size);
    if (said === "250 2.0.0") assertEquals(sent.body, lines);
  }
});

Deno.test("ServerEngine makes CRLF of bare newlines, or refuses the message at its end, in every chunking", () => {
  const input = octets("a\n.\nb\r\n.\r\nNOOP\r\n");
  for (const chunks of chunkings(input)) {
    const normalized = send(chunks, { bareNewline: "normalize" });
    assertEquals(normalized.said, "250 2.0.0, 250 2.0.0");
    assertEquals(normalized.body, "a\r\n..\r\nb\r\n");
    const rejected = send(chunks, { bareNewline: "reject" });
    assertEquals(rejected.said, "550 5.6.0, 250 2.0.0");
    assertEquals(rejected.body, "a");
    assert(rejected.end?.type === "end");
    assertEquals(rejected.end.refusal, REPLIES.bareNewlineInData);
  }
});

Deno.test("ServerEngine answers a message both too big and with bare newlines once, in every chunking", () => {
  const input = octets(`a\n${"12345678\r\n".repeat(3)}.\r\nNOOP\r\n`);
  for (const bareNewline of ["normalize", "reject"] as const) {
    for (const chunks of chunkings(input)) {
      const { said } = send(chunks, { bareNewline, offer: { size: 20 } });
      assertEquals(said, "552 5.3.4, 250 2.0.0");
    }
  }
});

Deno.test("ServerEngine keeps no trace of a refused message in the next one", () => {
  const { server } = send([octets(`a\n${"b".repeat(90)}\r\n.\r\n`)], {
    bareNewline: "reject",
    offer: { size: 50 },
  });
  assertEquals(
    codes(server.tell(MESSAGE)),
    "250 2.1.0, 250 2.1.5, 354, 250 2.0.0",
  );
  assertEquals(server.body, "Subject: Hi\r\n\r\n..Hi\r\n");
});
