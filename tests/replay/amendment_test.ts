import { assert, assertEquals } from "@std/assert";
import { closeAmendment, replyAmendment } from "../../lib/replay/amendment.ts";
import {
  isSaid,
  type SaidStep,
  type Step,
} from "../../lib/transcript/steps.ts";
import { formatStep, formatTranscript } from "../../lib/transcript/print.ts";
import { transcript } from "../transcript/support.ts";
import { amended } from "./amending.ts";
import { RELAYED, STORED, WRONG_RELAYED, WRONG_STORED } from "./wrong.ts";

function readMessage(path: string): Uint8Array {
  return new TextEncoder().encode(path === "x.eml" ? "Subject: x\n.\n" : "");
}

/** Where nothing came that could be written, or it came in another order. */
const NOT_AMENDED = new Set([
  "a reply too many in the file",
  "a close that does not come",
  "a message that was not delivered",
  "P: before it can be said",
  "P: behind R: though it is said before",
  "S: of the recipient before R:",
  "S: of DATA before R:",
  "S: of the message before R:",
  "R: behind which S: waits that came already",
  "the relay's end that does not come",
]);

for (
  const [base, table] of [[STORED, WRONG_STORED], [
    RELAYED,
    WRONG_RELAYED,
  ]] as const
) {
  for (const [what, from, to] of table) {
    const verb = NOT_AMENDED.has(what) ? "does not make" : "makes";
    Deno.test(`Mismatch.amendment ${verb} a file right that has ${what}`, async () => {
      const { failure } = await amended(
        base.replace(from, () => to),
        readMessage,
      );
      assertEquals(failure === undefined, !NOT_AMENDED.has(what));
    });
  }
}

Deno.test("closeAmendment() writes the end that is Postern's on that wire", () => {
  const { steps } = transcript("S: 220 a\nP: QUIT\nC: NOOP\nS: 250 a\n");
  const ends = [[1, "relay"], [3, "client"]] as const;
  const made = ends.map(([index, wire]) => {
    const claim = { step: steps[index] as SaidStep, index };
    return closeAmendment(steps, [claim], wire)?.steps.map(formatStep);
  });
  assertEquals(made, [["== eof"], ["== close"]]);
});

/** File, what comes instead of its last steps, and the file then. */
const REPLIES: [what: string, file: string, came: string[], after: string][] = [
  [
    "keeps what matches, with its comments",
    "S: 220 hi\n# why\nS~ 250-.*\n# old\nS: 250 a\n",
    ["250-x", "250 b"],
    "S: 220 hi\n# why\nS~ 250-.*\n# old\nS: 250 b\n",
  ],
  [
    "keeps a prefix that takes what came",
    "S: 250-a\nS* 250-\nS: 250 b",
    ["250-a", "250-x", "250-y", "250 c"],
    "S: 250-a\nS* 250-\nS: 250 c\n",
  ],
  [
    "does not give a line's place to a prefix",
    "S: 250-a\nS* 250-\nS: 250 b",
    ["250-A", "250-x", "250 b"],
    "S: 250-A\nS* 250-\nS: 250 b",
  ],
  [
    "drops a claim of absence that does not hold, and keeps another",
    "S! 250.X\nS* 250-\nS! 250.Y\nS: 250 b",
    ["250-X", "250 c"],
    "S* 250-\nS! 250.Y\nS: 250 c\n",
  ],
  [
    "takes lines away",
    "S: 250-a\nS: 250-b\nS: 250 c\nS: 354 next",
    ["250 c"],
    "S: 250 c\nS: 354 next",
  ],
  [
    "puts variables back where they stand as words",
    "S: 250 a",
    ["250-mx.test at mx.test.", "250 xmx.test mx.test.org q1-mx.test ab"],
    "S: 250-${host} at ${host}.\nS: 250 xmx.test mx.test.org q1-mx.test ab\n",
  ],
  [
    "writes what is no text as bytes, and the whole reply so",
    "S: 250 a",
    ["250-ok", "250 \xff"],
    'S> "250-ok\\r\\n"\nS> "250 \\xff\\r\\n"\n',
  ],
  [
    "writes what looks like a variable as bytes",
    "S: 250 a",
    ["250 ${a}"],
    'S> "250 \\x24{a}\\r\\n"\n',
  ],
];

for (const [what, file, came, after] of REPLIES) {
  Deno.test(`replyAmendment() ${what}`, () => {
    const parsed = transcript(file);
    const claims = parsed.steps.filter(isSaid).map((step, index) => ({
      ...{ step, index },
    }));
    const bindings = new Map([["host", "mx.test"], ["x", "ab"]]);
    const start = claims.findIndex(({ step }) =>
      !formatStep(step).includes("220")
    );
    const amendment = replyAmendment(claims.slice(start), came, bindings);
    assert(amendment !== undefined);
    const steps: Step[] = parsed.steps.toSpliced(
      amendment.from,
      amendment.count,
      ...amendment.steps,
    );
    assertEquals(formatTranscript({ ...parsed, steps }), after);
    assertEquals(bindings.size, 2, "the player's variables stay as they are");
  });
}

Deno.test("replyAmendment() leaves alone what does not stand together", () => {
  const [a, b] = transcript("S: 250-a\nP: x\nS: 250 b").steps.filter((
    { kind },
    i,
  ) => kind === "line" && i !== 1);
  if (a?.kind !== "line" || b?.kind !== "line") throw new Error("no lines");
  const claims = [{ step: a, index: 0 }, { step: b, index: 2 }];
  assertEquals(replyAmendment(claims, ["250 c"], new Map()), undefined);
});
