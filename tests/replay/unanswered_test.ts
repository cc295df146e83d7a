import { assertEquals } from "@std/assert";
import { Unanswered } from "../../lib/replay/unanswered.ts";

/** What is said, `<` before a reply, and what is owed then; idle where it is "-". */
const CASES: [what: string, said: string[], owed: string | number][] = [
  ["nothing", [], "-"],
  ["commands", ["NOOP\r\nNOOP\r\n"], 2],
  ["a command in pieces", ["NO", "OP\r", "\n"], 1],
  ["half a command", ["NOOP"], 0],
  ["a command that is answered", ["NOOP\r\n", "<250"], "-"],
  ["a message", ["DATA\r\n", "<354", "a\r\n", "b\r\n.\r\n"], 1],
  ["a message in pieces", ["DATA\r\n", "<354", "a\r", "\n.", "\r\n"], 1],
  ["half a message", ["DATA\r\n", "<354", "a\r\n.\r"], 0],
  ["an empty message", ["DATA\r\n", "<354", ".\r\n"], 1],
  ["a message and a command", ["DATA\r\n", "<354", ".\r\nRSET\r\n"], 2],
  ["a challenge's answer", ["AUTH LOGIN\r\n", "<334", "am9l\r\n"], 1],
  ["all of an exchange", ["AUTH LOGIN\r\n", "<334", "a\r\n", "<235"], "-"],
  ["lines behind a DATA that is refused", ["DATA\r\n", "<503", "a\r\n"], 1],
  ["one reply too many", ["<421"], "-"],
  ["a chunk", ["BDAT 6 LAST\r\nQUIT\r\n"], 1],
  ["a chunk in pieces", ["BDAT 6\r", "\nQUI", "T\r\nNOOP\r\n"], 2],
  ["half a chunk that is answered", ["BDAT 9\r\na", "<250"], 0],
  ["a chunk of nothing", ["BDAT 0\r\nNOOP\r\n", "<250", "<250"], "-"],
];

for (const [what, said, owed] of CASES) {
  Deno.test(`Unanswered counts ${what}`, () => {
    const unanswered = new Unanswered();
    for (const words of said) {
      if (words.startsWith("<")) unanswered.hear(words.slice(1));
      else unanswered.say(words);
    }
    assertEquals(unanswered.isIdle, owed === "-");
    assertEquals(unanswered.count, Number(owed) || 0);
  });
}

Deno.test("Unanswered counts a greeting where there is to be one", () => {
  const unanswered = new Unanswered(1);
  assertEquals(unanswered.isIdle, false);
  unanswered.hear("220");
  assertEquals(unanswered.isIdle, true);
});
