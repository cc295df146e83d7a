/**
 * A hook's answer as a reply: an object, or text as `"550 5.1.1 User unknown"`.
 *
 * A final reply only: 2xx, 4xx or 5xx. What of its text can't be sent is cleaned
 * where replies are formatted.
 *
 * @module
 */

import type { Reply } from "../engine/reply.ts";

/** RFC 5321 section 4.2; the status code as RFC 3463 section 2 has it. */
const FORM =
  /^([245][0-9]{2})(?: ([245]\.[0-9]{1,3}\.[0-9]{1,3}))?(?: ([^]*))?$/;
const STATUS = /^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/;

/** Most lines of a hook's reply; EHLO's longest have some thirty. */
const MAX_LINES = 128;

/** The reply that a hook answered, or `undefined` where it is none. */
export function parseHookReply(answer: unknown): Reply | undefined {
  if (typeof answer === "string") {
    const [, code, status, text = ""] = FORM.exec(answer) ?? [];
    if (code === undefined) return undefined;
    const lines = text.split(/\r?\n/);
    return toReply({
      code: Number(code),
      status,
      text: lines.length === 1 ? text : lines,
    });
  }
  return typeof answer === "object" && answer !== null
    ? toReply(answer)
    : undefined;
}

/** Copies what is known of a reply: the operator's object may change later. */
function toReply(answer: object): Reply | undefined {
  const { code, status, text = "", close } = answer as Record<string, unknown>;
  const isCode = Number.isInteger(code) &&
    (code as number) >= 200 && (code as number) < 600 &&
    Math.floor(code as number / 100) !== 3;
  if (!isCode) return undefined;
  const isStatus = status === undefined || typeof status === "string" &&
      STATUS.test(status) && status[0] === String(code)[0];
  if (!isStatus || !isText(text)) return undefined;
  return {
    code: code as number,
    ...status === undefined ? {} : { status },
    text: typeof text === "string" ? text : [...text],
    ...close === true ? { close } : {},
  };
}

function isText(text: unknown): text is string | string[] {
  return typeof text === "string" ||
    Array.isArray(text) && text.length > 0 && text.length <= MAX_LINES &&
      text.every((line) => typeof line === "string");
}
