import { assert, assertEquals } from "@std/assert";
import { keep, matchOctets, matchStep } from "../../lib/transcript/pattern.ts";
import type { Bindings } from "../../lib/transcript/template.ts";
import type { Expectation } from "../../lib/transcript/steps.ts";
import { transcript } from "./support.ts";

/** The step of one line, which expects one. */
function step(line: string): Exclude<Expectation, { kind: "absent" }> {
  const [step] = transcript(line).steps;
  assert(
    step?.kind === "line" || step?.kind === "regex" || step?.kind === "prefix",
  );
  return step;
}

/** Whether a line matches; the bindings take what that adds. */
function matchLine(
  step: Exclude<Expectation, { kind: "absent" }>,
  came: string,
  bindings: Bindings,
): boolean {
  const found = matchStep(step, came, bindings);
  if (found !== undefined) keep(bindings, found);
  return found !== undefined;
}

const MATCHES: [step: string, came: string, bound?: Record<string, string>][] =
  [
    ["S: 250 ok", "250 ok"],
    ["S:", ""],
    ["S: 250 ü.*[", "250 ü.*["],
    ["S: 250 ${a}", "250 "],
    ["S: 250 ${a}", "250 x y", { a: "x y" }],
    ["S: 220 ${host} ESMTP", "220 mx-1.example.org ESMTP", {
      host: "mx-1.example.org",
    }],
    ["S: 220 ${host2}", "220 [IPv6:::1]", { host2: "[IPv6:::1]" }],
    ["S: ${a}.${a}", "1.1", { a: "1" }],
    ["S: 250 ${id}: ${id2}", "250 4XyZ: 1uX-9", { id: "4XyZ", id2: "1uX-9" }],
    ["S: ; ${date}", "; Sat, 31 Jan 2026 12:00:00 +0000"],
    ["S: ; ${date}", "; Sat, 31 Jan 2026 12:00:00 +0100 (CET)"],
    ["S: ; ${date}", "; 1 Jan 2026 12:00 GMT"],
    ["S: ${date} ${date}", "1 Jan 2026 12:00 Z 2 Jan 2026 12:00 Z"],
    ["S: 334 ${secret:a}", "334 cGFzcw=="],
    ["S: 334 ${secret:a}", "334 "],
    ["S~ 250 .*", "250 ok"],
    ["S~ 250 .*", "250 "],
    ["S~ 2\\d\\d (a|b)c", "250 bc"],
    ["S~ a|b", "b"],
    ["S~ 250 ${id} \\d+", "250 4XyZ 12", { id: "4XyZ" }],
    ["S~ (?<x>.)${a}\\k<x>", "xyx", { a: "y" }],
    ["S~ 1 ${a}|2 ${b}", "2 z", { b: "z" }],
    ["S~ 😀.", "😀😀"],
    ["S* 250-", "250-a"],
    ["S*", "anything"],
  ];

for (const [line, came, bound = {}] of MATCHES) {
  Deno.test(`matchStep() takes "${came}" for ${line}`, () => {
    const bindings: Bindings = new Map();
    assert(matchLine(step(line), came, bindings));
    const expected = line.includes("${a}") && came === "250 "
      ? { a: "" }
      : bound;
    assertEquals(Object.fromEntries(bindings), expected);
    // The second time it must be the same, and is.
    assert(matchLine(step(line), came, bindings));
  });
}

const DIFFERS: [step: string, came: string][] = [
  ["S: 250 ok", "250 OK"],
  ["S: 250 ok", "250 ok "],
  ["S: 250 ok", "x250 ok"],
  ["S: ${a}.${a}", "1.2"],
  ["S: 220 ${host} x", "220 a b x"],
  ["S: 220 ${host}", "220 "],
  ["S: 250 ${id}", "250 <a>"],
  ["S: ${date}", "yesterday"],
  ["S: ${date}", "31 Jan 2026"],
  ["S: 334 ${secret:a}", "334 a b"],
  ["S: a${b}", "a\rb"],
  ["S~ 250 .*", "x250 ok"],
  ["S~ 250 .*", "250 ok\r"],
  ["S~ a|b", "ab"],
  ["S~ b|a", "ab"],
  ["S* 250-", "250 a"],
];

for (const [line, came] of DIFFERS) {
  Deno.test(`matchStep() refuses ${JSON.stringify(came)} for ${line}`, () => {
    const bindings: Bindings = new Map();
    assertEquals(matchLine(step(line), came, bindings), false);
    assertEquals(bindings.size, 0);
  });
}

Deno.test("matchStep() wants the same of a variable from then on", () => {
  const bindings: Bindings = new Map();
  const greeting = step("S: 220 ${host}");
  assert(matchLine(greeting, "220 a.b", bindings));
  assert(!matchLine(greeting, "220 axb", bindings));
  assert(!matchLine(step("S~ 250-${host}.*"), "250-axb", bindings));
  assert(matchLine(step("S~ 250-${host}.*"), "250-a.b there", bindings));
  assert(matchLine(step("S: 250-${host2}"), "250-axb", bindings));
  assert(matchLine(step("S~ ${host}+"), "a.ba.b", bindings));
});

Deno.test("matchStep() takes values that are known beforehand", () => {
  const bindings: Bindings = new Map([
    ...[["date", "now"], ["secret:a", "cGFzcw=="], ["x", "a b"]] as const,
  ]);
  assert(
    matchLine(step("S: ${date} ${secret:a}${x}"), "now cGFzcw==a b", bindings),
  );
  assert(!matchLine(step("S: ${date}"), "1 Jan 2026 12:00 Z", bindings));
  assert(!matchLine(step("S: ${secret:a}"), "cGFzcw=", bindings));
});

function octets(line: string) {
  const [step] = transcript(line).steps;
  assert(step?.kind === "bytes");
  return step.octets;
}

const BYTES: [
  step: string,
  came: string,
  result: number | "more" | undefined,
][] = [
  ['S> "a\\nb"', "a\nb", 3],
  ['S> "a\\nb"', "a\nbc", 3],
  ['S> "a\\nb"', "a\n", "more"],
  ['S> "a\\nb"', "", "more"],
  ['S> "a\\nb"', "ab", undefined],
  ['S> "\\xff"', "\xff", 1],
  ['S> "ü"', "\xc3\xbc", 2],
  ['S> "ü"', "\xfc", undefined],
  ['S> "a${x}\\r\\nb"', "axyz\r\nbc", 7],
  ['S> "a${x}\\r\\nb"', "axyz\r\n", "more"],
  ['S> "a${x}\\r\\nb"', "", "more"],
  ['S> "a${x}\\r\\nb"', "bxyz\r\nb", undefined],
];

for (const [line, came, result] of BYTES) {
  Deno.test(`matchOctets() says ${result} to ${JSON.stringify(came)} for ${line}`, () => {
    assertEquals(matchOctets(octets(line), came, new Map()), result);
  });
}

Deno.test("matchOctets() and matchStep() share their variables", () => {
  const bindings: Bindings = new Map();
  assertEquals(matchOctets(octets('S> "${x} "'), "\xc3\xbc ", bindings), 3);
  assertEquals(bindings.get("x"), "ü");
  assert(matchLine(step("S: a${x}"), "aü", bindings));
  assertEquals(matchOctets(octets('S> "${x}"'), "\xc3\xbca", bindings), 2);
});
