import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  formatReply,
  isPositive,
  MAX_REPLY_LINE_BYTES,
  REPLIES,
  type Reply,
  replyLines,
} from "../../lib/engine/reply.ts";

const FORMATS: [what: string, reply: Reply, wire: string][] = [
  ["writes code and text", { code: 354, text: "Go" }, "354 Go\r\n"],
  [
    "writes the status",
    { code: 250, status: "2.0.0", text: "OK" },
    "250 2.0.0 OK\r\n",
  ],
  ["writes an empty text", { code: 250, text: "" }, "250 \r\n"],
  [
    "writes several lines",
    { code: 250, text: ["mx", "SIZE 1", "HELP"] },
    "250-mx\r\n250-SIZE 1\r\n250 HELP\r\n",
  ],
  ["writes the status on each line", {
    code: 550,
    status: "5.7.1",
    text: ["No", "Really"],
  }, "550-5.7.1 No\r\n550 5.7.1 Really\r\n"],
  ["writes a line where there is none", { code: 250, text: [] }, "250 \r\n"],
  [
    "lets no text forge a reply",
    { code: 550, text: "No\r\n250 Yes" },
    "550 No  250 Yes\r\n",
  ],
  [
    "lets no line forge a reply",
    { code: 550, text: ["a\n250 b", "c\r"] },
    "550-a 250 b\r\n550 c \r\n",
  ],
  [
    "cleans control characters",
    { code: 550, text: "\0\x1b[31m\t\x7f" },
    "550   [31m ?\r\n",
  ],
  [
    "writes ASCII only",
    { code: 550, text: "bücher \u2028 \u{1f4e8}" },
    "550 b?cher ? ??\r\n",
  ],
];

for (const [what, reply, wire] of FORMATS) {
  Deno.test(`formatReply() ${what}`, () => {
    assertEquals(formatReply(reply), wire);
  });
}

Deno.test("formatReply() cuts each line at the limit", () => {
  const long = "x".repeat(2_000);
  const reply = { code: 550, status: "5.7.1", text: [long, "short", long] };
  const lines = formatReply(reply).split("\r\n");
  assertEquals(
    lines.map((line) => line.length),
    [MAX_REPLY_LINE_BYTES - 2, "550-5.7.1 short".length, 510, 0],
  );
});

Deno.test("REPLIES has well-formed replies, whose status fits their code", () => {
  for (const [name, reply] of Object.entries<Reply>(REPLIES)) {
    const wire = formatReply(reply);
    assertMatch(
      wire,
      /^[2-5][0-5]\d (?:\d\.\d\.\d{1,2} )?[A-Z][ -~]+\r\n$/,
      name,
    );
    assert(wire.length <= MAX_REPLY_LINE_BYTES, name);
    // RFC 2034 section 4: not on 3xx, and of the code's class.
    assertEquals(
      reply.status?.[0],
      reply.code === 354 ? undefined : `${reply.code}`[0],
      name,
    );
    // RFC 5321 section 3.8 and 4.1.1.10: nothing else ends a connection, but
    // where going on would take for commands what is none.
    const closes = ["earlyTalker", "lostChunk"].includes(name);
    assertEquals(
      reply.close === true,
      reply.code === 421 || reply.code === 221 || closes,
      name,
    );
  }
});

Deno.test("isPositive() takes 2xx and 3xx for positive", () => {
  const codes = [220, 250, 251, 354, 421, 450, 550];
  assertEquals(
    codes.filter((code) => isPositive({ code, text: "" })),
    [220, 250, 251, 354],
  );
});

Deno.test("replyLines() gives the lines of either form of text", () => {
  assertEquals(replyLines({ code: 250, text: "a" }), ["a"]);
  assertEquals(replyLines({ code: 250, text: ["a", "b"] }), ["a", "b"]);
});
