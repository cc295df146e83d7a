/**
 * Takes a client's password or token out of what the operator's code threw:
 * the URL that an error of `fetch()` repeats, for one, has its arguments.
 *
 * It is found as it is, as URLs and JSON write it, and in base64 where nothing else
 * is encoded with it; in another form, or in an object that is thrown, it is not.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { HookError } from "../hooks.ts";
import { type Secret, SECRET_DOTS } from "../secret.ts";

/** What is shorter stands in any text by chance, and hiding it would tell it. */
const MIN_FORM_CHARS = 4;

/** Errors in a chain of causes that are looked at; the log prints no more. */
const MAX_CAUSES = 5;

/** The same error without the secret. */
export function veil(error: HookError, secret: Secret): HookError {
  const forms = formsOf(secret.reveal());
  const clean = (text: string) =>
    forms.reduce((left, form) => left.replaceAll(form, SECRET_DOTS), text);
  try {
    const cause = causeOf(error.cause, clean, MAX_CAUSES);
    const veiled = new HookError(clean(error.message), { cause });
    return withStack(veiled, error, clean);
  } catch {
    // What was thrown throws when it is looked at.
    return new HookError(clean(error.message));
  }
}

/** Longest first: what holds another one is found before it. */
function formsOf(text: string): readonly string[] {
  const forms = [
    text,
    encodeURIComponent(text),
    new URLSearchParams({ "": text }).toString().slice(1),
    JSON.stringify(text).slice(1, -1),
    Buffer.from(text).toString("base64"),
  ];
  return [...new Set(forms)]
    .filter(({ length }) => length >= MIN_FORM_CHARS)
    .sort((a, b) => b.length - a.length);
}

function causeOf(
  cause: unknown,
  clean: (text: string) => string,
  left: number,
): unknown {
  if (typeof cause === "string") return clean(cause);
  if (!(cause instanceof Error)) return cause;
  if (left === 0) return undefined;
  const inner = causeOf(cause.cause, clean, left - 1);
  const copy = new Error(clean(String(cause.message)), { cause: inner });
  copy.name = clean(String(cause.name));
  return withStack(copy, cause, clean);
}

function withStack<E extends Error>(
  copy: E,
  { stack }: Error,
  clean: (text: string) => string,
): E {
  copy.stack = stack === undefined ? "" : clean(String(stack));
  return copy;
}
