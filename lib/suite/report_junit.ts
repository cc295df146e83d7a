/**
 * The report as XML in the form that JUnit's readers know: a failure where a
 * play went another way, an error where a file could not be read. A test is known
 * by its file too: recordings share their names.
 *
 * @module
 */

import { explain, visible } from "./explanation.ts";
import type { Reporter } from "./reporter.ts";
import { countVerdicts, type Verdict } from "./verdict.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "\t": "&#9;" },
};

/** Writes the report as XML, all of it at the end: its head counts what comes. */
export class JunitReporter implements Reporter {
  /** Nothing comes first. */
  begin(): string {
    return "";
  }

  /** Nothing yet. */
  add(_verdict: Verdict): string {
    return "";
  }

  /** The document. */
  end(verdicts: readonly Verdict[], ms: number): string {
    const counts = countVerdicts(verdicts);
    const suite = attributes({
      name: "postern replay",
      tests: String(verdicts.length),
      failures: String(counts.failed),
      errors: String(counts.unreadable),
      skipped: String(counts.skipped),
      time: seconds(ms),
    });
    return [
      '<?xml version="1.0" encoding="UTF-8"?>',
      "<testsuites>",
      `  <testsuite${suite}>`,
      ...verdicts.map(testcase),
      "  </testsuite>",
      "</testsuites>",
      "",
    ].join("\n");
  }
}

function testcase(verdict: Verdict): string {
  const { file, name, ms, status, failure, broken, skipped } = verdict;
  const head = `    <testcase${
    attributes({ classname: file, name, file, time: seconds(ms) })
  }`;
  if (status === "passed") return `${head}/>`;
  if (status === "skipped") {
    const message = attributes({ message: skipped ?? "" });
    return `${head}>\n      <skipped${message}/>\n    </testcase>`;
  }
  const element = status === "failed" ? "failure" : "error";
  const [first = ""] = verdict.problems ?? [];
  const message = failure !== undefined
    ? `expected ${failure.expected}, came ${failure.came}`
    : broken?.broken ?? first;
  const type = broken !== undefined
    ? "mutation"
    : status === "failed"
    ? "mismatch"
    : "unreadable";
  const text = explain(verdict).map(({ text }) => escapeXml(text)).join("\n");
  const opening = `<${element}${attributes({ message, type })}>`;
  return `${head}>\n      ${opening}${text}</${element}>\n    </testcase>`;
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(value)}"`).join("");
}

/** The text with no character that XML 1.0 has not. */
function escapeXml(text: string): string {
  return visible(text).replaceAll(/[<>&"\t]/g, (char) => ENTITIES[char]!);
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
