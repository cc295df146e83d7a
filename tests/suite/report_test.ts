import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { explain } from "../../lib/suite/explanation.ts";
import { JsonReporter } from "../../lib/suite/report_json.ts";
import { JunitReporter } from "../../lib/suite/report_junit.ts";
import { PrettyReporter } from "../../lib/suite/report_pretty.ts";
import { TapReporter } from "../../lib/suite/report_tap.ts";
import type { Reporter } from "../../lib/suite/reporter.ts";
import { linesAround } from "../../lib/suite/verdict.ts";
import { HOSTILE, VERDICTS } from "./verdicts.ts";

/** The whole report of all kinds of verdicts. */
function report(reporter: Reporter): string {
  return [
    reporter.begin(),
    ...VERDICTS.map((verdict) => reporter.add(verdict)),
    reporter.end(VERDICTS, 1_234),
  ].join("");
}

const PRETTY = String
  .raw`ok  fixtures/passed.txt  A stranger may not relay.  RFC 5321 section 7.9 (38 plays, 12 ms)
not ok  fixtures/failed.txt  Fails # 1 SEEN (3 plays, 1 ms)
    fixtures/failed.txt:5, split every:17
         4  C: RCPT TO:<b@elsewhere.test>
    >    5  S~ 250 .*
         6  C: QUIT
    - S~ 250 .*
    + 550 5.7.1 SEEN
    + and then silence
    again: postern replay --split every:17 fixtures/failed.txt
not ok  fixtures/at_end.txt  Says too much
    fixtures/at_end.txt:9, behind its last line, split whole
         9  == close
    - nothing more
    + 250
    Not updated: no change of its replies would make it pass
not ok  fixtures/mutated.txt  Is mutated (7 plays, 1 ms)
    fixtures/mutated.txt, mutation with seed 7
    changed: line 3 doubled
    broken: a reply too many
    The conversation, to be saved:
# mutated
C: NOOP
S: 250 OK
    again: postern replay --mutate 1 --seed 7 fixtures/mutated.txt
skipped  fixtures/skipped.txt  Needs TLS (the server does not offer STARTTLS)
not ok  fixtures/unreadable.txt
    fixtures/unreadable.txt:1:1: expected a step
    fixtures/unreadable.txt:2:3: expected "none"

1 passed, 3 failed, 1 skipped, 1 unreadable: 49 plays in 1.2 s
`.replaceAll(
  "SEEN",
  String.raw`\x1b[31m<a & "b"> ]]> # \ \u202e'\x85\ufffe` + "\ufffd",
);

Deno.test("PrettyReporter shows the place, what was expected, what came and how to repeat it", () => {
  assertEquals(report(new PrettyReporter(false)), PRETTY);
});

Deno.test("PrettyReporter adds nothing but colours for a terminal", () => {
  const colored = report(new PrettyReporter(true));
  assertStringIncludes(colored, "\x1b[32mok\x1b[39m  fixtures/passed.txt");
  assertStringIncludes(colored, "\x1b[31m- S~ 250 .*\x1b[39m");
  // deno-lint-ignore no-control-regex
  assertEquals(colored.replaceAll(/\x1b\[\d+m/g, ""), PRETTY);
});

Deno.test("explain() shortens what is shown, and not what is to be saved", () => {
  const long = "x".repeat(1_001);
  const [, failed, , mutated] = VERDICTS;
  const failure = { ...failed!.failure!, came: long };
  const broken = { ...mutated!.broken!, conversation: long };
  assertEquals(
    explain({ ...failed!, failure }).find(({ kind }) => kind === "came")?.text,
    `+ ${long.slice(3)}… (3 characters more)`,
  );
  assertEquals(
    explain({ ...mutated!, broken }).find(({ kind }) => kind === "saved")?.text,
    long,
  );
});

Deno.test("explain() shows ten problems of a file, and how many more there are", () => {
  const unreadable = VERDICTS.find(({ status }) => status === "unreadable")!;
  const shown = (count: number) => {
    const problems = Array.from(
      { length: count },
      (_, i) => `a.txt:${i}:1: no`,
    );
    return explain({ ...unreadable, problems }).map(({ text }) => text);
  };
  assertEquals(shown(10).length, 10);
  assertEquals(shown(12).slice(9), ["a.txt:9:1: no", "… and 2 more"]);
});

Deno.test("TapReporter writes version, points, diagnostics and the plan of TAP", () => {
  const lines = report(new TapReporter()).trimEnd().split("\n");
  assertEquals(lines[0], "TAP version 13");
  assertEquals(lines.at(-1), `1..${VERDICTS.length}`);
  const points = lines.filter((line) => /^(not )?ok/.test(line));
  assertEquals(
    points.map((line) => /^(?:not )?ok \d+ - /.exec(line)?.[0]),
    [
      "ok 1 - ",
      "not ok 2 - ",
      "not ok 3 - ",
      "not ok 4 - ",
      "ok 5 - ",
      "not ok 6 - ",
    ],
  );
  // What follows a "#" that is not escaped would be a directive.
  assertMatch(points[1]!, /Fails \\# 1 .*\\# \\\\ /);
  assertEquals(points.map((line) => /(?<!\\)#.*/.exec(line)?.[0]), [
    undefined,
    undefined,
    undefined,
    undefined,
    "# SKIP the server does not offer STARTTLS",
    undefined,
  ]);
});

Deno.test("TapReporter writes a YAML block behind each point that is not ok", () => {
  const text = report(new TapReporter());
  const blocks = [...text.matchAll(/^ {2}---\n((?: {2}.*\n)*?) {2}\.\.\.\n/gm)];
  assertEquals(blocks.length, 4);
  for (const [, block] of blocks) {
    const [entries, message] = block!.split("  message: |\n");
    for (const line of entries!.trimEnd().split("\n")) {
      const value = /^ {2}\w+: ("(?:[^"\\]|\\.)*"|\d+)$/.exec(line)?.[1];
      assert(value !== undefined, line);
      JSON.parse(value);
    }
    assertMatch(message!, /^(?: {4}.*\n)+$/);
    assertMatch(message!, /^ {4}\S/);
  }
  const wanted = /^ {2}wanted: (".*")$/m.exec(text)?.[1];
  assertEquals(JSON.parse(wanted!), "S~ 250 .*");
});

/** Tags, text and character references, and nothing else. */
const XML =
  /<\?xml version="1\.0" encoding="UTF-8"\?>|<(\/?)(\w+)((?: \w+="(?:[^<>&"]|&\w+;|&#9;)*")*)(\/?)>|((?:[^<>&]|&\w+;|&#9;)+)/gy;

/** The elements of a document that is well-formed, with their depth. */
function elements(xml: string): string[] {
  const open: string[] = [];
  const all: string[] = [];
  let end = 0;
  for (const found of xml.matchAll(XML)) {
    end = found.index + found[0].length;
    const [, closing, name, , empty] = found;
    if (name === undefined) continue;
    if (closing === "/") assertEquals(open.pop(), name);
    else {
      all.push(`${"  ".repeat(open.length)}${name}`);
      if (empty !== "/") open.push(name);
    }
  }
  assertEquals(end, xml.length, `not well-formed: ${xml.slice(end, end + 40)}`);
  assertEquals(open, []);
  return all;
}

Deno.test("JunitReporter writes well-formed XML with a test case for each verdict", () => {
  const xml = report(new JunitReporter());
  assertEquals(elements(xml), [
    "testsuites",
    "  testsuite",
    "    testcase",
    ...["    testcase", "      failure"],
    ...["    testcase", "      failure"],
    ...["    testcase", "      failure"],
    ...["    testcase", "      skipped"],
    ...["    testcase", "      error"],
  ]);
  assertStringIncludes(
    xml,
    '<testsuite name="postern replay" tests="6" failures="3" errors="1" skipped="1" time="1.234">',
  );
  assertStringIncludes(
    xml,
    '<testcase classname="fixtures/passed.txt" name="A stranger may not relay.  RFC 5321 section 7.9" file="fixtures/passed.txt" time="0.012"/>',
  );
});

Deno.test("JunitReporter drops what XML has no character for", () => {
  const xml = report(new JunitReporter());
  assertEquals(
    // deno-lint-ignore no-control-regex
    /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]|\p{Cs}/u.exec(xml),
    null,
  );
});

Deno.test("JsonReporter writes one document with all verdicts", () => {
  const parsed = JSON.parse(report(new JsonReporter()));
  const { verdicts, ...counts } = parsed;
  assertEquals(counts, {
    passed: 1,
    failed: 3,
    skipped: 1,
    unreadable: 1,
    ms: 1_234,
  });
  assertEquals(verdicts.length, VERDICTS.length);
  assertStringIncludes(verdicts[1].failure.came, HOSTILE);
});

const AROUND:
  readonly (readonly [line: number, first: number, last: number])[] = [
    [1, 1, 4],
    [2, 1, 5],
    [5, 2, 8],
    [8, 5, 8],
    [0, 6, 8],
  ];

Deno.test("linesAround() gives three lines before and behind, as far as there are", () => {
  const text = "1\r\n2\n3\n4\n5\n6\n7\n8\n";
  for (const [line, first, last] of AROUND) {
    const lines = linesAround(text, line);
    assertEquals(
      lines.map(({ number }) => String(number)),
      lines.map(({ text }) => text),
    );
    assertEquals([lines[0]?.number, lines.at(-1)?.number], [first, last]);
  }
});
