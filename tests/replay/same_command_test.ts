import { assertEquals } from "@std/assert";
import { bareCommand, isSameCommand } from "../../lib/replay/same_command.ts";

const CASES: [expected: string, came: string, isSame: boolean][] = [
  ["NOOP", "noop ", true],
  ["NOOP", "NOOP x", false],
  ["NOOP x", "noop X", false],
  ["EHLO a", "ehlo b", true],
  ["EHLO a", "EHLO", false],
  ["EHLO a", "HELO a", false],
  ["MAIL FROM:<a@b.test>", "mail from:<a@B.test> BODY=8BITMIME", true],
  ["MAIL FROM:<a@b.test>", "MAIL FROM:<A@b.test>", false],
  ["MAIL FROM:<a@b.test> SIZE=5", "MAIL FROM:<a@b.test> SIZE=6", true],
  ["MAIL FROM:<a@b.test> BODY=8BITMIME", "MAIL FROM:<a@b.test>", false],
  ["MAIL FROM:<>", "MAIL FROM:<>", true],
  ["MAIL FROM:<>", "MAIL FROM:<a@b.test>", false],
  ["RCPT TO:<@c.test:a@b.test>", "RCPT TO:<a@b.test>", true],
  ["RCPT TO:<postmaster>", "RCPT TO:<a@b.test>", false],
  ["AUTH PLAIN x", "auth plain x", true],
  ["AUTH PLAIN x", "AUTH PLAIN X", false],
];

for (const [expected, came, isSame] of CASES) {
  const verb = isSame ? "takes" : "does not take";
  Deno.test(`isSameCommand() ${verb} "${came}" for "${expected}"`, () => {
    assertEquals(isSameCommand([expected], came, new Map()), isSame);
  });
}

Deno.test("bareCommand() leaves out what is up to each client", () => {
  const lines = ["MAIL FROM:<a b> SIZE=1", "AUTH PLAIN x", "EHLO a", "DATA"];
  assertEquals(lines.map(bareCommand), [
    ...["MAIL FROM:<a b>", "AUTH PLAIN", "EHLO a", "DATA"],
  ]);
});
