/**
 * Verdicts of every kind, with all that makes trouble in a report.
 *
 * @module
 */

import type { Verdict } from "../../lib/suite/verdict.ts";

/** A terminal's escape, a bidirectional control, and what markup is made of. */
export const HOSTILE = '\x1b[31m<a & "b"> ]]> # \\ \u202e\'\x85\ufffe\ud800';

/** One of each. */
export const VERDICTS: readonly Verdict[] = [
  {
    file: "fixtures/passed.txt",
    name: "A stranger may not relay.  RFC 5321 section 7.9",
    status: "passed",
    plays: 38,
    ms: 12.4,
  },
  {
    file: "fixtures/failed.txt",
    name: `Fails # 1 ${HOSTILE}`,
    status: "failed",
    plays: 3,
    ms: 1,
    failure: {
      line: 5,
      expected: "S~ 250 .*",
      came: `550 5.7.1 ${HOSTILE}\nand then silence`,
      way: "every:17",
    },
    around: [
      { number: 4, text: "C: RCPT TO:<b@elsewhere.test>" },
      { number: 5, text: "S~ 250 .*" },
      { number: 6, text: "C: QUIT" },
    ],
    repeat: "postern replay --split every:17 fixtures/failed.txt",
  },
  {
    file: "fixtures/at_end.txt",
    name: "Says too much",
    status: "failed",
    plays: 1,
    ms: 1,
    failure: { line: 0, expected: "nothing more", came: "250", way: "whole" },
    around: [{ number: 9, text: "== close" }],
    note: "Not updated: no change of its replies would make it pass",
  },
  {
    file: "fixtures/mutated.txt",
    name: "Is mutated",
    status: "failed",
    plays: 7,
    ms: 1,
    broken: {
      seed: 7,
      mutation: "line 3 doubled",
      broken: "a reply too many",
      conversation: "# mutated\nC: NOOP\nS: 250 OK\n",
    },
    repeat: "postern replay --mutate 1 --seed 7 fixtures/mutated.txt",
  },
  {
    file: "fixtures/skipped.txt",
    name: "Needs TLS",
    status: "skipped",
    plays: 0,
    ms: 0,
    skipped: "the server does not offer STARTTLS",
  },
  {
    file: "fixtures/unreadable.txt",
    name: "fixtures/unreadable.txt",
    status: "unreadable",
    plays: 0,
    ms: 0,
    problems: [
      "fixtures/unreadable.txt:1:1: expected a step",
      'fixtures/unreadable.txt:2:3: expected "none"',
    ],
  },
];
