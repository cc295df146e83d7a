import { assertEquals } from "@std/assert";
import {
  hideCredentials,
  withoutCredentials,
} from "../../lib/suite/credentials.ts";

const CASES: [what: string, lines: string, shown?: string][] = [
  ["an initial response", "C: AUTH PLAIN AGEAYg==", "C: AUTH PLAIN •••••"],
  ["one of swaks", " -> auth plain AGEAYg==", " -> auth plain •••••"],
  ["one under TLS", " ~> AUTH PLAIN AGEAYg==", " ~> AUTH PLAIN •••••"],
  ["one that came late", "**> AUTH PLAIN AGE=", "**> AUTH PLAIN •••••"],
  ["one of a listing", "   C: AUTH PLAIN AGE=", "   C: AUTH PLAIN •••••"],
  ["one to a relay", "P2: AUTH PLAIN AGE=", "P2: AUTH PLAIN •••••"],
  ["bytes", String.raw`C> "AUTH PLAIN AGE=\r\n"`, 'C> "AUTH PLAIN •••••'],
  [
    "answers, up to the server's next reply",
    "C: AUTH LOGIN|S: 334 VX|# user|C: YQ==|S~ 334 .*|C: Yg==|S: 235 OK|C: NOOP",
    "C: AUTH LOGIN|S: 334 VX|# user|C: •••••|S~ 334 .*|C: •••••|S: 235 OK|C: NOOP",
  ],
  [
    "answers in a log of swaks",
    " ~> AUTH LOGIN|<~  334 VX|  > YQ==| ~> YQ==|<~* 535 No| ~> QUIT",
    " ~> AUTH LOGIN|<~  334 VX|  > •••••| ~> •••••|<~* 535 No| ~> QUIT",
  ],
  [
    "answers on their own wire only",
    "R: 334 VX|C: NOOP|S: 250 OK|P2: NOOP|P: YQ==",
    "R: 334 VX|C: NOOP|S: 250 OK|P2: NOOP|P: •••••",
  ],
  ["no variable", "C: AUTH PLAIN ${secret:auth}|S: 334 |C: ${secret:auth2}"],
  ["nothing of a server's offer", "S: 250-AUTH PLAIN LOGIN|<-  250 AUTH A B"],
  ["no sender's parameter", "C: MAIL FROM:<a@b.test> AUTH=<>"],
];

for (const [what, lines, shown = lines] of CASES) {
  Deno.test(`withoutCredentials() hides ${what}`, () => {
    assertEquals(withoutCredentials(lines.split("|")).join("|"), shown);
  });
}

Deno.test("hideCredentials() hides what was expected where the file's line is hidden, and an answer that came", () => {
  const expected = "C: YQ==";
  const of = (came: string, here = "C: •••••") =>
    hideCredentials({ expected, came }, here);
  assertEquals(of("Yg=="), { expected: "C: •••••", came: "•••••" });
  assertEquals(of("QUIT now").came, "QUIT now");
  assertEquals(of("AUTH PLAIN AGE=", "C: NOOP").came, "AUTH PLAIN •••••");
  assertEquals(of("Yg==", expected), { expected, came: "Yg==" });
});
