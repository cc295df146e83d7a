import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatStep, formatTranscript } from "../../lib/transcript/print.ts";
import { random } from "../../lib/replay/random.ts";
import { type Step, UNWRITTEN } from "../../lib/transcript/steps.ts";
import type { Template } from "../../lib/transcript/template.ts";
import { parseTranscript } from "../../lib/transcript/parse.ts";
import { bare, EVERYTHING, transcript } from "./support.ts";

const FILES: [what: string, text: string][] = [
  ["everything", EVERYTHING],
  ["CRLF line ends", EVERYTHING.replaceAll("\n", "\r\n")],
  ["mixed line ends", "# a\r\nC: a\nS: b\r\n"],
  ["a byte order mark", "\ufeff# a\nC: a\n"],
  ["a byte order mark before a step", "\ufeffC: a\n"],
  ["no end of its last line", "C: a\n== delivered from=<> to=<a@b>\n| a"],
  ["a comment without an end at last", "C: a\n\n\n# b"],
  ["blanks", "\n \t\n\nC: a \n   \n@\n".replace("@\n", "")],
  ["odd spaces in settings", "@limits.data \t 5\t# x  \nC: a\n"],
  ["escapes that need not be", 'C> "\\x41\\x7E"\nS: \u2028\n'],
];

for (const [what, text] of FILES) {
  Deno.test(`formatTranscript() gives a file with ${what} back`, () => {
    assertEquals(formatTranscript(transcript(text)), text);
    const bytes = new TextEncoder().encode(text);
    assertEquals(formatTranscript(transcript(bytes)), text);
  });
}

Deno.test("formatTranscript() prints anew what says the same", () => {
  const { settings, steps, tail, ...rest } = transcript(EVERYTHING);
  const anew = <T extends object>(written: T): T => ({
    ...written,
    source: undefined,
  });
  const text = formatTranscript({
    settings: settings.map(anew),
    steps: steps.map(anew),
    tail,
  });
  const again = transcript(text);
  assertEquals(again.steps.map(bare), steps.map(bare));
  assertEquals(
    again.steps.map(({ line }) => line),
    steps.map(({ line }) => line),
  );
  assertEquals(again.config, rest.config);
  assertEquals(formatTranscript(again), text);
  // Only what the notation has two forms for differs.
  const [before, after] = [EVERYTHING.split("\n"), text.split("\n")];
  assertEquals(after.filter((line, i) => line !== before[i]), [
    "@limits.data 1000",
    'C> "MAIL FROM:<a@b>\\r\\nRCPT TO:<\\"\\\\\\">\\t\\xff${secret:a}\\r\\n"',
  ]);
});

Deno.test("formatTranscript() prints changed steps among the others", () => {
  const read = transcript("# a\nC: QUIT\n# b\nS: 221 Bye  # no comment\n# c");
  const [quit, bye] = read.steps;
  assert(quit && bye?.kind === "line");
  const steps: Step[] = [
    quit,
    { ...bye, text: ["221-Good"], source: undefined },
    { ...bye, ...UNWRITTEN, text: ["221 bye"] },
  ];
  assertEquals(
    formatTranscript({ ...read, steps }),
    "# a\nC: QUIT\n# b\nS: 221-Good\nS: 221 bye\n# c",
  );
});

Deno.test("formatTranscript() ends a line that gets one behind it", () => {
  const { settings, steps } = transcript("C: a");
  const more: Step[] = [...steps, {
    ...UNWRITTEN,
    kind: "eof",
    wire: "client",
  }];
  assertEquals(
    formatTranscript({ settings, steps: more, tail: "" }),
    "C: a\n== eof\n",
  );
});

Deno.test("formatTranscript() names an event's wire where it is not the one named last", () => {
  const read = transcript("P: a\n== eof\nC: b\n== eof\n== close relay\n");
  const [said, relayEof, ...rest] = read.steps;
  assert(said && relayEof);
  const made = { ...UNWRITTEN, kind: "reset", wire: "clamd" } as const;
  // Something comes between a line and what happened to its wire.
  const steps: Step[] = [said, made, made, relayEof, ...rest];
  const text = formatTranscript({ ...read, steps });
  assertEquals(
    text,
    "P: a\n== reset clamd\n== reset\n== eof relay\nC: b\n== eof\n== close relay\n",
  );
  assertEquals(transcript(text).steps.map(bare), steps.map(bare));
});

const said = { ...UNWRITTEN, wire: "client", from: "server" } as const;
const spamd = { ...UNWRITTEN, wire: "spamd", from: "server" } as const;

const ANEW: [text: Template, line: string][] = [
  [[], "S:"],
  [["a "], "S: a "],
  [["ü😀"], "S: ü😀"],
  [[{ name: "id", secret: false }, "$"], "S: ${id}$"],
  [["a\nb"], 'S> "a\\nb\\r\\n"'],
  [["a\x00\x7f\x9b"], 'S> "a\\x00\\x7f\\xc2\\x9b\\r\\n"'],
  [["${a} $ ü"], 'S> "\\x24{a} $ ü\\r\\n"'],
  [["${a}", { name: "id", secret: false }], 'S> "\\x24{a}${id}\\r\\n"'],
];

for (const [text, line] of ANEW) {
  Deno.test(`formatStep() prints ${line}`, () => {
    const step: Step = { ...said, kind: "line", text };
    assertEquals(formatStep(step), line);
    assertEquals(formatStep(transcript(line).steps[0]!), line);
  });
}

Deno.test("formatStep() prints octets, whether they are UTF-8 or not", () => {
  const octets = (octets: string) =>
    formatStep({ ...said, kind: "bytes", octets: [octets] });
  assertEquals(octets("\xc3\xbc\xef\xbb\xbf"), 'S> "ü\ufeff"');
  assertEquals(octets('\xc3"\\\xff\t'), 'S> "\\xc3\\"\\\\\\xff\\t"');
  let all = "";
  for (let octet = 0; octet < 256; octet++) all += String.fromCharCode(octet);
  for (const text of [all, all.slice(0, 128), "\xc2\x80\xc2\xa0"]) {
    const [step] = transcript(octets(text)).steps;
    assert(step?.kind === "bytes");
    assertEquals(step.octets, [text]);
  }
});

Deno.test("formatStep() keeps a checker's line apart from its bytes", () => {
  assertEquals(
    formatStep({ ...spamd, kind: "line", text: ['"a"'] }),
    'spamd< "\\"a\\"\\r\\n"',
  );
  assertEquals(formatStep({ ...spamd, kind: "line", text: ["a"] }), "spamd< a");
});

Deno.test("formatStep() refuses what no file can have", () => {
  const client = { ...said, from: "client" } as const;
  const steps: Step[] = [
    { ...client, kind: "regex", regex: ["a"] },
    { ...client, kind: "prefix", prefix: "a" },
    { ...said, kind: "message", path: "a" },
    { ...said, kind: "prefix", prefix: "a\nb" },
    { ...spamd, kind: "regex", regex: ["a"] },
    { ...spamd, kind: "absent", regex: ["a"] },
  ];
  for (const step of steps) assertThrows(() => formatStep(step), TypeError);
});

Deno.test("formatStep() prints a wait in its largest unit", () => {
  const wait = (ms: number) => formatStep({ ...UNWRITTEN, kind: "wait", ms });
  assertEquals(
    [0, 5, 1_500, 301_000, 120_000, 7_200_000].map(wait),
    ["0ms", "5ms", "1500ms", "301s", "2m", "2h"].map((of) => `== wait ${of}`),
  );
});

Deno.test("formatTranscript() gives back whatever could be read", () => {
  const lines = EVERYTHING.split("\n");
  const ends = ["\n", "\n", "\r\n", " \n", "x\n", '"\n', ""];
  let count = 0;
  for (let seed = 0; seed < 3_000; seed++) {
    const chance = random(seed);
    const pick = <T>(of: readonly T[]): T =>
      of[Math.floor(chance() * of.length)]!;
    let text = "";
    for (let n = 1 + chance() * 4; n > 0; n--) text += pick(lines) + pick(ends);
    const parsed = parseTranscript(text, "a.smtp");
    if (!parsed.ok) continue;
    count++;
    assertEquals(formatTranscript(parsed.value), text);
    for (const step of parsed.value.steps) {
      const [again] = transcript(formatStep(step)).steps;
      // Events take their wire from what is above them.
      if ("from" in step) assertEquals(bare(again!), bare(step));
    }
  }
  assert(count > 500, `${count}`);
});
