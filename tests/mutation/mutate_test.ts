import { assert, assertEquals } from "@std/assert";
import { mutate } from "../../lib/mutation/mutate.ts";
import { random } from "../../lib/replay/random.ts";
import { recut } from "../../lib/mutation/recut.ts";
import { relayPlan } from "../../lib/mutation/relay_faults.ts";
import { type Action, scriptOf } from "../../lib/mutation/script.ts";
import { transcript as parse } from "../transcript/support.ts";

const LIMITS = { line: 512, data: 1_000, recipients: 5, errors: 3 };

const SCRIPT: readonly Action[] = scriptOf(
  parse([
    ...["S: 220 x", "C: EHLO x", "S: 250 x", "C: MAIL FROM:<a@b.test>"],
    ...["C: RCPT TO:<c@d.test>", "C: DATA", "S: 250 x", "S: 250 x", "S: 354 x"],
    ...["C: Hello", "C: .", "S: 250 x", "C: QUIT", "S: 221 x", "== close"],
  ].join("\n")),
  () => new Uint8Array(),
  {},
);

const SEEDS = Array.from({ length: 2_000 }, (_, seed) => seed);

function octetsOf(actions: readonly Action[]): string {
  return actions.map((action) => action.kind === "write" ? action.octets : "")
    .join("");
}

Deno.test("scriptOf() waits where the file has an answer, and notes where it must", () => {
  const writes = SCRIPT.filter((action) => action.kind === "write");
  assertEquals(
    writes.map(({ octets, waits, isBarrier, line }) => [
      ...[octets.trimEnd(), waits, isBarrier, line],
    ]),
    [
      ["EHLO x", true, true, 2],
      ["MAIL FROM:<a@b.test>", false, false, 4],
      ["RCPT TO:<c@d.test>", false, false, 5],
      ["DATA", true, true, 6],
      ["Hello", false, false, 10],
      [".", true, true, 11],
      ["QUIT", true, true, 13],
    ],
  );
});

Deno.test("scriptOf() keeps the client's pauses and its end, and not the relay's", () => {
  const script = scriptOf(
    parse([
      ...["S: 220 x", "C: NOOP", "== wait 5s", "S: 250 x", "P: EHLO x"],
      ...["== eof", "C: NOOP", "== reset"],
    ].join("\n")),
    () => new Uint8Array(),
    {},
  );
  assertEquals(
    script.map((action) => action.kind === "end" ? action.how : action.kind),
    ["write", "wait", "write", "reset"],
  );
});

Deno.test("mutate() makes the same of the same seed, and of others something else", () => {
  const made = SEEDS.map((seed) => mutate(SCRIPT, LIMITS, random(seed)));
  for (const seed of SEEDS.slice(0, 100)) {
    assertEquals(made[seed], mutate(SCRIPT, LIMITS, random(seed)));
  }
  const different = new Set(made.map(({ words }) => words.join()));
  assert(
    different.size > 0.8 * SEEDS.length,
    `${different.size} are different`,
  );
});

// Where this changes, the seeds in the comments of fixtures say nothing any more.
Deno.test("mutate() makes of a seed what it always made", () => {
  assertEquals(
    [11, 12, 13, 14].map((seed) =>
      mutate(SCRIPT, LIMITS, random(seed)).words.join(", ")
    ),
    [
      String.raw`"\r.\r\n" put in line 6 behind byte 5, ` +
      String.raw`"\r\n.\r" put in line 2 behind byte 4`,
      String.raw`"\r" put in line 2 behind byte 1`,
      "line 5 doubled, line 2 dropped",
      String.raw`"\r\n.\r\n" put in line 5 behind byte 4, line 10 dropped`,
    ],
  );
});

Deno.test("mutate() leaves the script as it was, and makes no more than it may", () => {
  const before = structuredClone(SCRIPT);
  for (const seed of SEEDS) {
    const { actions, words } = mutate(SCRIPT, LIMITS, random(seed));
    assert(words.length <= 3);
    assert(octetsOf(actions).length < 3 * 150 * 3_000);
  }
  assertEquals(SCRIPT, before);
});

const WORDS: readonly [RegExp, RegExp | undefined][] = [
  [/^line 4 dropped$/, /^EHLO x\r\nRCPT/],
  [/^line 4 doubled$/, /(MAIL FROM:<a@b.test>\r\n){2}RCPT/],
  [/^lines 4 and 5 swapped$/, /RCPT.*\r\nMAIL.*\r\nDATA/],
  [/^line 4 truncated to \d+ bytes$/, undefined],
  [/^line 4 truncated to 3 bytes and CRLF$/, /\r\nMAI\r\n/],
  [/^line \d+ grown to 512 bytes/, /.{500}/s],
  [/^line \d+ grown to 513 bytes/, /.{500}/s],
  [/^line \d+ grown to 1001 bytes/, /.{900}/s],
  [/^line 5 said 6 times$/, /(RCPT.*\r\n){6}/],
  [/^bit \d+ of byte \d+ of line/, undefined],
  [/^"\\u0000" put in line/, /\0/],
  [/^"\\r\\n\.\\r\\n" put in line/, /\r\n\.\r\n/],
  [/^CRLF at byte 7 of line 2 made "\\n"/, /^EHLO x\n/],
  [/^"RSET" put before line/, /RSET\r\n/],
  [/^BDAT \d+ LAST put before line/, /BDAT \d+ LAST\r\n/],
  [/^recipient unknown@localhost put before line 5/, /<unknown@localhost>/],
  [/^nothing said from line 6 on$/, /<c@d.test>\r\n$/],
  [/^eof before line/, undefined],
  [/^reset before line/, undefined],
  [/^a pause of 61 s before line/, undefined],
];

/** Scripts with a single change. */
const SINGLE = Array.from(
  { length: 20_000 },
  (_, seed) => mutate(SCRIPT, LIMITS, random(seed)),
).filter(({ words }) => words.length === 1);

for (const [words, octets] of WORDS) {
  Deno.test(`mutate() does what it tells: ${words.source}`, () => {
    const made = SINGLE.find((each) => words.test(each.words[0]!));
    assert(made !== undefined, "no seed does it");
    if (octets !== undefined) {
      assert(octets.test(octetsOf(made.actions)), octetsOf(made.actions));
    }
  });
}

Deno.test("recut() keeps the bytes, their order and the client's end", () => {
  const ways = new Set<string>();
  const actions: Action[] = [...SCRIPT, { kind: "end", how: "eof" }];
  for (const seed of SEEDS) {
    const cut = recut(actions, random(seed));
    ways.add(cut.words.join());
    assertEquals(octetsOf(cut.actions), octetsOf(actions));
    assertEquals(cut.actions.at(-1), { kind: "end", how: "eof" });
  }
  assertEquals([...ways].sort(), [
    ...["", "all in one write", "byte by byte", "cut at random"],
    "waiting only where it must",
  ]);
});

Deno.test("recut() does not join over a pause", () => {
  const pause: Action = { kind: "wait", ms: 1 };
  const actions = [...SCRIPT.slice(0, 2), pause, ...SCRIPT.slice(2)];
  for (const seed of SEEDS) {
    const cut = recut(actions, random(seed)).actions;
    const before = cut.slice(0, cut.indexOf(pause));
    assertEquals(octetsOf(before), octetsOf(SCRIPT.slice(0, 2)));
  }
});

Deno.test("relayPlan() makes the same of the same seed, and bounded replies", () => {
  const reply = "250-relay.test\r\n250 SIZE\r\n";
  for (const seed of SEEDS) {
    const plans = [1, 2].map(() => relayPlan([], random(seed)));
    const said = plans.map(({ faults, speaks }) => [
      speaks,
      ...[...faults].map(([number, fault]) => [
        ...[number, fault.words],
        fault.change(reply),
      ]),
    ]);
    assertEquals(said[0], said[1]);
    const shifting = plans[0]!.faults.values().filter(({ shifts }) => shifts);
    assert([...shifting].length <= 1, "a second shift may undo the first");
    for (const { change } of plans[0]!.faults.values()) {
      assert(change(reply).octets.length < 10_000);
    }
  }
});
