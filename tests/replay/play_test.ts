import { assertEquals, assertRejects } from "@std/assert";
import {
  type Failure,
  formatFailure,
  playInMemory,
} from "../../lib/replay/fixture.ts";
import type { Split } from "../../lib/replay/splits.ts";
import { transcript } from "./support.ts";
import { RELAYED, STORED, WRONG_RELAYED, WRONG_STORED } from "./wrong.ts";

const SPLITS: readonly Split[] = ["whole", "bytes", "pipelined", "random:1"];

async function failureOf(
  text: string,
  splits: readonly Split[] = ["whole"],
): Promise<Failure | undefined> {
  const { failure } = await playInMemory(transcript(text), splits, readMessage);
  return failure;
}

function readMessage(path: string): Uint8Array {
  return new TextEncoder().encode(path === "x.eml" ? "Subject: x\n.\n" : "");
}

for (const [name, text] of Object.entries({ STORED, RELAYED })) {
  Deno.test(`playInMemory() finds nothing wrong in ${name}`, async () => {
    assertEquals(await failureOf(text, SPLITS), undefined);
  });
}

for (
  const [base, table] of [[STORED, WRONG_STORED], [
    RELAYED,
    WRONG_RELAYED,
  ]] as const
) {
  for (const [what, from, to, line, expected, came] of table) {
    Deno.test(`playInMemory() reports ${what}`, async () => {
      assertEquals(base.split(from).length, 2, "one place to change");
      const text = base.replace(from, () => to);
      assertEquals(await failureOf(text), {
        ...{ line, expected, came },
        way: "whole",
      });
      // Where lines are joined, what is early in the file may come later.
      assertEquals((await failureOf(text, ["bytes"]))?.line, line);
    });
  }
}

Deno.test("playInMemory() reports a relay that is not called", async () => {
  assertEquals(await failureOf("S~ 220 .*\nC: NOOP\nP: EHLO a"), {
    line: 3,
    expected: "P: EHLO a",
    came: "no connection to the relay",
    way: "whole",
  });
});

Deno.test("playInMemory() reports what is asked of a relay too early", async () => {
  const pipelining = RELAYED.replaceAll(
    "R: 250 relay.test",
    "R: 250-relay.test\nR: 250 PIPELINING",
  );
  assertEquals(await failureOf(pipelining), {
    line: 13,
    expected: "R: 250 Ok (before the relay spoke)",
    came: "RCPT TO:<b@localhost>",
    way: "whole",
  });
});

Deno.test("playInMemory() reports a message too many", async () => {
  const [head, message, quit] = [
    STORED.slice(0, STORED.indexOf("C: MAIL")),
    STORED.slice(STORED.indexOf("C: MAIL"), STORED.indexOf("C: QUIT")),
    STORED.slice(STORED.indexOf("C: QUIT")),
  ];
  const failure = await failureOf(head + message + message + quit);
  assertEquals(
    failure?.came,
    "a message from=<a@example.org> to=<b@localhost>",
  );
  const nothing = head + message + quit.slice(0, quit.indexOf("== del")) +
    "== delivered nothing\n";
  assertEquals((await failureOf(nothing))?.line, 22);
});

Deno.test("playInMemory() lets replies to a batch come in one write", async () => {
  const swapped = RELAYED.replace(
    "S~ 250 .*\nC: RCPT TO:<b@localhost>\n",
    "C: RCPT TO:<b@localhost>\n",
  ).replace("S: 250 2.1.5", "S~ 250 2.1.0 .*\nS: 250 2.1.5");
  assertEquals(await failureOf(swapped, ["pipelined"]), undefined);
  const wrong = RELAYED.replace("S~ 250 .*", "S~ 251 .*");
  for (const split of SPLITS) {
    const failure = await failureOf(wrong, [split]);
    assertEquals([failure?.line, failure?.expected], [6, "S~ 251 .*"]);
  }
});

Deno.test("playInMemory() refuses what it can't play", async () => {
  for (
    const text of ["C: EHLO a\n== tls", "spamd> PING", "@server.listen 5\nC: a"]
  ) {
    await assertRejects(() => failureOf(text), TypeError, "a.smtp: ");
  }
});

Deno.test("formatFailure() shows the place, what was expected and what came", async () => {
  const text = "# A name\nS~ 220 .*\nC: NOOP\nS: 250 No\nC: QUIT\n";
  const failure = await failureOf(text);
  assertEquals(
    formatFailure(transcript(text), text, failure!),
    [
      "a.smtp:4: A name (whole)",
      "     1  # A name",
      "     2  S~ 220 .*",
      "     3  C: NOOP",
      ">    4  S: 250 No",
      "     5  C: QUIT",
      "     6  ",
      "- S: 250 No",
      "+ 250 2.0.0 OK",
    ].join("\n"),
  );
});
