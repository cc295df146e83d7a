import { assertEquals } from "@std/assert";
import { sampleLine } from "../../lib/replay/sample.ts";
import type { Bindings } from "../../lib/transcript/template.ts";
import { transcript } from "../transcript/support.ts";

/** Expression, whether more lines follow, and the line made of it. */
const SAMPLES: [regex: string, separator: " " | "-", line?: string][] = [
  [String.raw`250 2\.1\.0 .*`, " ", "250 2.1.0 "],
  ["250.STARTTLS", "-", "250-STARTTLS"],
  ["250.STARTTLS", " ", "250 STARTTLS"],
  ["250.*", " ", "250"],
  [String.raw`2\d\d .+`, " ", "200 x"],
  [String.raw`250 \w{3}\s\S?[abc][0-9]{2}-+`, " ", "250 xxx a00-"],
  ["250 ${host} ${id} ${x}", " ", "250 mx.test 1a2b3c4d x"],
  ["220 ${date}", " ", "220 Thu, 1 Jan 2026 12:00:00 +0000"],
  ["250 (a|b)", " "],
  ["250 a|b", " "],
  ["250 [^a]", " ", "250 ^"],
  [String.raw`250 \bx`, " "],
];

for (const [regex, separator, line] of SAMPLES) {
  Deno.test(`sampleLine() makes ${line ?? "nothing"} of ${regex}`, () => {
    const [step] = transcript(`S~ ${regex}`).steps;
    if (step?.kind !== "regex") throw new Error("no expression");
    const bindings: Bindings = new Map();
    assertEquals(sampleLine(step.regex, separator, bindings), line);
  });
}

Deno.test("sampleLine() says a variable's value again", () => {
  const [step] = transcript("S~ 250 ${host} .*").steps;
  if (step?.kind !== "regex") throw new Error("no expression");
  const bindings: Bindings = new Map([["host", "a.test"]]);
  assertEquals(sampleLine(step.regex, " ", bindings), "250 a.test ");
});
