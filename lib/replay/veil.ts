/**
 * Takes secrets out of what a mismatch shows.
 *
 * The rule: neither a value that was sent for a `${secret:…}` nor what it was
 * made of is shown, and where a line was to have a secret, nothing of what came
 * instead but how it begins.
 *
 * A secret that was neither sent nor expected it does not know.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { SECRET_DOTS } from "../secret.ts";
import { formatStep } from "../transcript/print.ts";
import { isSaid, type Step } from "../transcript/steps.ts";
import type { Deviation, Mismatch } from "./mismatch.ts";
import { templateOf } from "./step_template.ts";

/** What parts the fields of an AUTH answer: RFC 4616, RFC 7628, XOAUTH2. */
const FIELD_END = /\p{Cc}/u;

/** The secrets of one conversation. */
export class Veil {
  /** All forms, longest first. */
  #forms: readonly string[] = [];

  /**
   * Learns a secret.
   *
   * @param text As it is sent, or as it was given: `USER:PASSWORD`.
   */
  add(text: string): void {
    const secrets = [text, text.slice(text.indexOf(":") + 1)];
    const decoded = Buffer.from(text, "base64");
    if (decoded.toString("base64") === text) {
      const fields = decoded.toString("utf8").split(FIELD_END);
      const last = fields.findLast((field) => field !== "") ?? "";
      secrets.push(last, last.slice(last.lastIndexOf(" ") + 1));
    }
    const forms = new Set(this.#forms);
    for (const secret of secrets) {
      if (secret === "") continue;
      forms.add(secret);
      forms.add(Buffer.from(secret, "utf8").toString("base64"));
    }
    this.#forms = [...forms].sort((a, b) => b.length - a.length);
  }

  /** The text with dots where a secret stands. */
  over(text: string): string {
    return this.#forms.reduce(
      (text, form) => text.replaceAll(form, SECRET_DOTS),
      text,
    );
  }

  /** A mismatch as it may be shown; with a secret in it, it amends nothing. */
  overMismatch({ mismatch, step }: Deviation): Mismatch {
    const { amendment, ...rest } = mismatch;
    const shown = { ...rest, came: this.overLine(rest.came, step) };
    if (amendment === undefined || shown.came !== rest.came) return shown;
    const text = amendment.steps.map(formatStep).join("\n");
    return this.over(text) === text ? { ...shown, amendment } : shown;
  }

  /**
   * What came instead of a step, with dots where a secret stands, or may stand.
   *
   * @param came What came.
   * @param step What was expected.
   */
  overLine(came: string, step: Step | undefined): string {
    const template = step && isSaid(step) ? templateOf(step) : [];
    const hasSecret = template.some((part) =>
      typeof part !== "string" && part.secret
    );
    if (!hasSecret) return this.over(came);
    const [first = ""] = template;
    const start = typeof first === "string" ? first : "";
    let same = 0;
    while (same < came.length && came[same] === start[same]) same++;
    return came.slice(0, same) + SECRET_DOTS;
  }
}
