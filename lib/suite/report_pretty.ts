/**
 * The report for a person: a line for each conversation, and what went wrong
 * right below it.
 *
 * @module
 */

import { styleText } from "node:util";
import { explain, type LineKind, visible } from "./explanation.ts";
import type { Reporter } from "./reporter.ts";
import { countVerdicts, type Verdict } from "./verdict.ts";

type Style = "red" | "green" | "yellow" | "bold" | "dim";

const MARKS: Readonly<
  Record<Verdict["status"], readonly [mark: string, style: Style]>
> = {
  passed: ["ok", "green"],
  failed: ["not ok", "red"],
  skipped: ["skipped", "yellow"],
  unreadable: ["not ok", "red"],
};

const STYLES: Readonly<Record<LineKind, Style | undefined>> = {
  place: "bold",
  around: "dim",
  here: undefined,
  expected: "red",
  came: "green",
  saved: undefined,
  "": undefined,
};

/** Writes the report for a person. */
export class PrettyReporter implements Reporter {
  readonly #hasColors: boolean;

  /** @param hasColors Whether its reader is a terminal that wants colours. */
  constructor(hasColors: boolean) {
    this.#hasColors = hasColors;
  }

  /** Nothing comes first. */
  begin(): string {
    return "";
  }

  /** A line, and the explanation. */
  add(verdict: Verdict): string {
    const { status, file, name, plays, ms, skipped } = verdict;
    const [mark, style] = MARKS[status];
    const what = name === file ? "" : `  ${visible(name)}`;
    const rest = skipped !== undefined
      ? ` (${visible(skipped)})`
      : plays > 1
      ? ` (${plays} plays, ${Math.round(ms)} ms)`
      : "";
    const head = `${this.#style(style, mark)}  ${visible(file)}${what}${rest}`;
    const lines = explain(verdict).map(({ kind, text }) =>
      // A transcript's lines begin where they begin.
      kind === "saved" ? text : `    ${this.#style(STYLES[kind], text)}`
    );
    return `${[head, ...lines].join("\n")}\n`;
  }

  /** The summary. */
  end(verdicts: readonly Verdict[], ms: number): string {
    const { passed, failed, skipped, unreadable } = countVerdicts(verdicts);
    const plays = verdicts.reduce((sum, { plays }) => sum + plays, 0);
    const parts = [
      this.#style(passed > 0 ? "green" : undefined, `${passed} passed`),
      this.#style(failed > 0 ? "red" : undefined, `${failed} failed`),
      ...(skipped > 0 ? [`${skipped} skipped`] : []),
      ...(unreadable > 0
        ? [this.#style("red", `${unreadable} unreadable`)]
        : []),
    ];
    const time = ms < 1_000
      ? `${Math.round(ms)} ms`
      : `${(ms / 1_000).toFixed(1)} s`;
    return `\n${parts.join(", ")}: ${plays} ${
      plays === 1 ? "play" : "plays"
    } in ${time}\n`;
  }

  #style(style: Style | undefined, text: string): string {
    if (!this.#hasColors || style === undefined) return text;
    // Whether its stream is a terminal its caller knows.
    return styleText(style, text, { validateStream: false });
  }
}
