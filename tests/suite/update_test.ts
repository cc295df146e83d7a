import { assertEquals } from "@std/assert";
import type { Played } from "../../lib/replay/played.ts";
import { updateTranscript } from "../../lib/suite/update.ts";
import { type Step, UNWRITTEN } from "../../lib/transcript/steps.ts";
import type { Transcript } from "../../lib/transcript/steps.ts";
import { transcript } from "../transcript/support.ts";

const TEXT = `# A conversation
@client 192.0.2.7

# the greeting
S: 220 old
C: NOOP
S: 250 old
C: RSET
S~ 250 .*
`;

/** A line that the server said. */
function said(text: string): Step {
  return {
    ...UNWRITTEN,
    kind: "line",
    wire: "client",
    from: "server",
    text: [text],
  };
}

/** A server of these words; they come in place of lines that are others. */
function server(
  ...words: string[]
): (transcript: Transcript) => Promise<Played> {
  return ({ steps }) => {
    let next = 0;
    for (const [from, step] of steps.entries()) {
      if (!("from" in step) || step.from === "client") continue;
      const came = words[next++]!;
      if (step.kind !== "line" || step.text[0] === came) continue;
      const fresh = { ...said(came), above: step.above };
      return failed(step.line, came, { from, count: 1, steps: [fresh] });
    }
    if (next === words.length) return Promise.resolve({ plays: 1 });
    const from = steps.length;
    const fresh = [said(words[next]!)];
    return failed(0, words[next]!, { from, count: 0, steps: fresh });
  };
}

function failed(
  line: number,
  came: string,
  amendment?: { from: number; count: number; steps: Step[] },
): Promise<Played> {
  const failure = { line, expected: "", came, way: "whole" as const };
  return Promise.resolve({
    plays: 1,
    failure: amendment === undefined ? failure : { ...failure, amendment },
  });
}

Deno.test("updateTranscript() writes what came, until it passes, and says which lines are new", async () => {
  const play = server("220 new", "250 new", "250 whatever", "421 more");
  const updated = await updateTranscript(transcript(TEXT), play);
  assertEquals(
    updated.text,
    TEXT.replaceAll("old", "new") + "S: 421 more\n",
  );
  assertEquals(updated.lines, [5, 7, 10]);
  assertEquals(updated.played, { plays: 1 });
});

Deno.test("updateTranscript() has nothing to write where all passes", async () => {
  const play = server("220 old", "250 old", "250 whatever");
  const updated = await updateTranscript(transcript(TEXT), play);
  assertEquals(updated, { lines: [], played: { plays: 1 } });
});

Deno.test("updateTranscript() writes nothing where not all can be made right, and tells the first failure", async () => {
  const talks = server("220 new", "250 new", "250 whatever");
  let plays = 0;
  const updated = await updateTranscript(
    transcript(TEXT),
    (each) => plays++ === 1 ? failed(7, "silence") : talks(each),
  );
  assertEquals(updated.text, undefined);
  assertEquals(updated.played.failure?.line, 5);
  assertEquals(
    updated.refusal,
    "Not updated: no change of its replies would make it pass",
  );
});

Deno.test("updateTranscript() gives up where a server never says the same again", async () => {
  let plays = 0;
  const updated = await updateTranscript(transcript(TEXT), () => {
    const steps = [said(`220 ${plays++}`)];
    return failed(5, "", { from: 0, count: 1, steps });
  });
  assertEquals(updated.text, undefined);
  assertEquals(plays, 5 + 8 + 1);
});

Deno.test("updateTranscript() refuses what no file can have", async () => {
  const play = () => failed(5, "", { from: 0, count: 0, steps: [] });
  const { refusal } = await updateTranscript(transcript(TEXT), play);
  assertEquals(
    refusal,
    "Not updated: what came can't be written in a transcript",
  );
});

const ASKS: [asked: string, came: string, then: string][] = [
  ["354 Go on", "554 No valid recipients", "the message's lines"],
  ["334 VXNlcm5hbWU6", "504 Unknown mechanism", "the client's answer"],
];

for (const [asked, came, then] of ASKS) {
  const text = `S: 220 old\nC: MORE\nS: ${asked}\nC: this\nS: 250 OK\n`;

  Deno.test(`updateTranscript() does not let ${came} take the place of ${asked}`, async () => {
    const play = server("220 new", came, "500 What?");
    const updated = await updateTranscript(transcript(text), play);
    assertEquals(updated.text, undefined);
    assertEquals(
      updated.refusal,
      `Not updated: without the ${
        asked.slice(0, 3)
      }, ${then} would be taken for commands`,
    );
  });

  Deno.test(`updateTranscript() lets other words take the place of ${asked}`, async () => {
    const other = `${asked.slice(0, 3)} other`;
    const play = server("220 old", other, "250 OK");
    const updated = await updateTranscript(transcript(text), play);
    assertEquals(updated.text, text.replace(asked, other));
  });
}

const SECRETS: [what: string, came: string, secret: string][] = [
  ["a password", "250 hunter2", "joe:hunter2"],
  ["a token", "250 tok3n", "tok3n"],
  ["a password's base64", `250 ${btoa("hunter2")}`, "joe:hunter2"],
  ["what AUTH PLAIN says", `250 ${btoa("\0joe\0hunter2")}`, "joe:hunter2"],
];

for (const [what, came, secret] of SECRETS) {
  Deno.test(`updateTranscript() never writes ${what}`, async () => {
    const play = server("220 old", came, "250 whatever");
    const secrets = new Map([["auth", secret]]);
    const updated = await updateTranscript(transcript(TEXT), play, secrets);
    assertEquals(updated.text, undefined);
    assertEquals(
      updated.refusal,
      "Not updated: what came has a secret in it",
    );
  });
}

const HARMLESS: [what: string, secret: string][] = [
  ["a secret that stood there before", "joe:NOOP"],
  ["a secret that is too short to be one", "joe:220"],
];

for (const [what, secret] of HARMLESS) {
  Deno.test(`updateTranscript() is not afraid of ${what}`, async () => {
    const play = server("220 new", "250 old", "250 whatever");
    const secrets = new Map([["auth", secret]]);
    const { text } = await updateTranscript(transcript(TEXT), play, secrets);
    assertEquals(text, TEXT.replace("220 old", "220 new"));
  });
}
