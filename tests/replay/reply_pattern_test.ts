import { assert, assertEquals } from "@std/assert";
import { isOptional, matchReply } from "../../lib/replay/reply_pattern.ts";
import type { Bindings } from "../../lib/transcript/template.ts";
import type { Expectation } from "../../lib/transcript/steps.ts";
import { transcript } from "../transcript/support.ts";

function run(...lines: string[]): Expectation[] {
  return transcript(lines.join("\n")).steps.map((step) => {
    assert("from" in step && step.kind !== "bytes" && step.kind !== "message");
    return step;
  });
}

const TAKEN: [
  what: string,
  steps: string[],
  reply: string[],
  used: number,
][] = [
  ["one line", ["S: 250 ok"], ["250 ok"], 1],
  ["the first of several", ["S: 250 a", "S: 250 b"], ["250 a"], 1],
  ["several lines", ["S: 250-a", "S: 250 b"], ["250-a", "250 b"], 2],
  ["no line with the prefix", ["S* 250-", "S: 250 a"], ["250 a"], 2],
  [
    "lines in any order",
    ["S: 250-a", "S* 250-", "S~ 250 .*"],
    ["250-a", "250-c", "250-b", "250 d"],
    3,
  ],
  [
    "a line among them",
    ["S* 250-", "S: 250-b", "S* 250-", "S: 250 c"],
    ["250-a", "250-b", "250-b", "250-d", "250 c"],
    4,
  ],
  [
    "two lines among them, the first of which comes before too",
    ["S* 250-", "S: 250-a", "S: 250-b", "S* 250", "S: 354"],
    ["250-a", "250-c", "250-a", "250-b", "250 d"],
    4,
  ],
  [
    "lines with several prefixes",
    ["S* 250-A", "S* 250-B", "S~ 250 .*"],
    ["250-B", "250-A", "250-B", "250 x"],
    3,
  ],
  ["a last line by its prefix", ["S* 250", "S: 354"], ["250-a", "250 b"], 1],
  [
    "absent lines within and behind, but not those of the next",
    ["S! 5.*", "S: 250-a", "S! 4.*", "S: 250 b", "S! 3.*", "S: 354", "S! 2.*"],
    ["250-a", "250 b"],
    5,
  ],
  ["a prefix of the next reply not", ["S: 250 a", "S* 250-"], ["250 a"], 1],
];

for (const [what, steps, reply, used] of TAKEN) {
  Deno.test(`matchReply() takes ${what}`, () => {
    assertEquals(matchReply(run(...steps), reply, new Map()), {
      ok: true,
      used,
    });
  });
}

const REFUSED: [
  what: string,
  steps: string[],
  reply: string[],
  step: number | undefined,
  index: number,
][] = [
  ["another line", ["S: 250 ok"], ["250 no"], 0, 0],
  ["the second line", ["S: 250-a", "S: 250 b"], ["250-a", "250 c"], 1, 1],
  ["a line too many", ["S: 250-a"], ["250-a", "250 b"], undefined, 1],
  ["anything where nothing is expected", [], ["250 a"], undefined, 0],
  [
    "another last line",
    ["S: 250-a", "S* 250-", "S~ 250 .*"],
    ["250-a", "250-b", "550 c"],
    2,
    2,
  ],
  ["a line without the prefix", ["S* 250-"], ["250-a", "250 b"], 0, 1],
  [
    "a line that must be among them",
    ["S* 250-", "S: 250-b", "S: 250 c"],
    ["250-a", "250 c"],
    1,
    1,
  ],
  [
    "a line that must not",
    ["S! 250.STARTTLS", "S* 250-", "S~ 250 .*"],
    ["250-a", "250-STARTTLS", "250 b"],
    0,
    1,
  ],
  [
    "it in the last place",
    ["S* 250-", "S~ 250 .*", "S! 250.STARTTLS"],
    ["250-a", "250 STARTTLS"],
    2,
    1,
  ],
];

for (const [what, lines, reply, step, index] of REFUSED) {
  Deno.test(`matchReply() refuses ${what}, and says which`, () => {
    const steps = run("S: 220", ...lines).slice(1);
    const bindings: Bindings = new Map();
    assertEquals(matchReply(steps, reply, bindings), {
      ok: false,
      step: step === undefined ? undefined : steps[step],
      came: reply[index]!,
      index,
    });
  });
}

Deno.test("matchReply() binds variables only where all matches", () => {
  const steps = run("S: 250-${host}", "S* 250-", "S: 250 ${host} ${a}");
  const bindings: Bindings = new Map();
  assert(!matchReply(steps, ["250-x", "250-y", "250 z 1"], bindings).ok);
  assertEquals(bindings.size, 0);
  assert(matchReply(steps, ["250-x", "250-y", "250 x 1"], bindings).ok);
  assertEquals(Object.fromEntries(bindings), { host: "x", a: "1" });
  assert(!matchReply(steps, ["250-y", "250 y 1"], bindings).ok);
});

Deno.test("matchReply() looks at the absent lines' variables too", () => {
  const steps = run("S: 250-${a}", "S! 250 ${a}", "S~ 250 .*");
  assert(matchReply(steps, ["250-x", "250 y"], new Map()).ok);
  assert(!matchReply(steps, ["250-x", "250 x"], new Map()).ok);
});

Deno.test("matchReply() tries no way twice", () => {
  const stars = Array.from({ length: 60 }, () => ["S* 250-", "S: 250-a"])
    .flat();
  const lines = Array.from({ length: 127 }, () => "250-a");
  const result = matchReply(
    run(...stars, "S: 250 b"),
    [...lines, "250 c"],
    new Map(),
  );
  assert(!result.ok);
  assertEquals(result.index, 127);
});

Deno.test("isOptional() knows what needs no reply", () => {
  assert(isOptional([]));
  assert(isOptional(run("S* 250-", "S! 5.*")));
  assert(!isOptional(run("S* 250-", "S: 250")));
});
