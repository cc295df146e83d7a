import { assertEquals, assertRejects } from "@std/assert";
import { Deviation } from "../../lib/replay/mismatch.ts";
import { Serving } from "../../lib/replay/serving.ts";
import { turnsOf } from "../../lib/replay/turns.ts";
import { transcript } from "../transcript/support.ts";
import { FakeWire } from "./fake_stage.ts";

/** Clients that go on where none may, and what is told of them. */
const RASH: [what: string, said: string[], expected: string, came: string][] = [
  ["greets first", ["EHLO a\r\n"], "S: 220 mx", "EHLO a"],
  [
    "goes on behind EHLO",
    ["", "EHLO a\r\nMAIL FROM:<a@b.test>\r\n"],
    ...["S: 250 mx", "MAIL FROM:<a@b.test>"] as const,
  ],
  [
    "goes on behind QUIT",
    ["", "EHLO a\r\n", "QUIT\r\nQUIT\r\n"],
    ...["S: 221 bye", "QUIT"] as const,
  ],
];

for (const [what, [first = "", ...said], expected, came] of RASH) {
  Deno.test(`Serving finds a client that ${what}`, async () => {
    const text = "S: 220 mx\nC: EHLO a\nS: 250 mx\nC: QUIT\nS: 221 bye\n";
    const wire = new FakeWire(first, () => said.shift());
    const serving = new Serving(
      turnsOf(transcript(text).steps, () => new Uint8Array()),
      {
        ...{ wires: [wire], verdicts: [], done: Promise.resolve() },
        wait: () => Promise.resolve(),
      },
      "whole",
    );
    const { mismatch } = await assertRejects(() => serving.run(), Deviation);
    assertEquals(
      [mismatch.expected, mismatch.came],
      [`${expected} (before the server spoke)`, came],
    );
  });
}
