/**
 * The report as TAP of testanything.org: a test point for each conversation, with
 * a YAML block where it is not ok, and the plan at the end.
 *
 * It has nothing of version 14 that 13 has not, and says 13: most installations of
 * Perl's `prove` fail on any other.
 *
 * Its YAML strings are written as JSON's, which YAML 1.2 reads alike; the
 * explanation is a block, as a person reads it.
 *
 * @module
 */

import { explain, visible } from "./explanation.ts";
import type { Reporter } from "./reporter.ts";
import type { Verdict } from "./verdict.ts";

/** Writes the report as TAP. */
export class TapReporter implements Reporter {
  #count = 0;

  /** The version. */
  begin(): string {
    return "TAP version 13\n";
  }

  /** A test point. */
  add(verdict: Verdict): string {
    const { status, file, name, skipped } = verdict;
    const mark = status === "failed" || status === "unreadable"
      ? "not ok"
      : "ok";
    const what = name === file ? file : `${file}: ${name}`;
    const directive = skipped === undefined
      ? ""
      : ` # SKIP ${visible(skipped)}`;
    const point = `${mark} ${++this.#count} - ${escapeTap(what)}${directive}\n`;
    return mark === "ok" ? point : point + diagnosis(verdict);
  }

  /** The plan. */
  end(): string {
    return `1..${this.#count}\n`;
  }
}

function escapeTap(text: string): string {
  return visible(text).replaceAll(/[\\#]/g, (char) => `\\${char}`);
}

function diagnosis(verdict: Verdict): string {
  const { failure, broken, file } = verdict;
  const entries: [key: string, value: string | number][] = [["file", file]];
  if (failure !== undefined) {
    entries.push(["line", failure.line], ["split", failure.way]);
    entries.push(["wanted", failure.expected], ["found", failure.came]);
  }
  if (broken !== undefined) {
    entries.push(["seed", broken.seed], ["mutation", broken.mutation]);
    entries.push(["broken", broken.broken]);
  }
  const lines = entries.map(([key, value]) =>
    `${key}: ${typeof value === "number" ? value : quoted(value)}`
  );
  const message = explain(verdict).map(({ text }) => `  ${text}`.trimEnd());
  // The first line's indent is the block's.
  const [first = "", ...rest] = message;
  const block = ["message: |", `  ${first.trimStart()}`, ...rest];
  return ["---", ...lines, ...block, "..."]
    .map((line) => `  ${line}\n`).join("");
}

function quoted(text: string): string {
  return JSON.stringify(text.split("\n").map(visible).join("\n"));
}
