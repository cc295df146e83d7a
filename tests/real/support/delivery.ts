/**
 * A delivered message, taken apart into what servers wrote in front of it and
 * what was sent.
 *
 * @module
 */

/** Fields that a server on the way may put in front of a message. */
const TRACE = /^(?:Return-Path|X-Original-To|Delivered-To|Received):/i;

/** One recipient's copy of a message. */
export interface Delivery {
  /** From the `X-Original-To:` field of the server that delivered it. */
  readonly recipient: string;
  /** That server's queue id, from its `Received:` field. */
  readonly queueId: string;
  /** Every trace field, unfolded, in order. */
  readonly trace: readonly string[];
  /** The rest; lines end in LF. */
  readonly content: Uint8Array;
}

/** Takes a Maildir file apart. */
export function parseDelivery(file: Uint8Array): Delivery {
  const trace: string[] = [];
  let start = 0;
  let at = 0;
  while (at < file.length) {
    const end = lineEnd(file, at);
    const line = new TextDecoder().decode(file.subarray(at, end - 1));
    if (/^[ \t]/.test(line) && trace.length > 0) {
      trace.push(`${trace.pop()} ${line.trim()}`);
    } else if (TRACE.test(line)) {
      trace.push(line);
    } else break;
    at = start = end;
  }
  return {
    recipient: /^X-Original-To: (.*)$/m.exec(trace.join("\n"))?.[1] ?? "",
    queueId: / \(Postfix\) with \S+ id (\w+)/.exec(trace.join("\n"))?.[1] ?? "",
    trace,
    content: file.subarray(start),
  };
}

function lineEnd(bytes: Uint8Array, from: number): number {
  const at = bytes.indexOf(0x0a, from);
  return at < 0 ? bytes.length : at + 1;
}

/** Bytes shown on either side of a difference. */
const AROUND_BYTES = 40;

/**
 * Tells where two contents differ, or gives `undefined` where they don't: a
 * failed comparison of 20 MB must not print 20 MB.
 */
export function difference(
  got: Uint8Array,
  want: Uint8Array,
): string | undefined {
  const length = Math.min(got.length, want.length);
  let at = 0;
  while (at < length && got[at] === want[at]) at++;
  if (at === got.length && at === want.length) return undefined;
  const around = (bytes: Uint8Array) =>
    JSON.stringify(
      new TextDecoder("latin1").decode(
        bytes.subarray(Math.max(0, at - AROUND_BYTES), at + AROUND_BYTES),
      ),
    );
  return `At byte ${at} (${got.length} bytes, expected ${want.length}): ` +
    `${around(got)}, expected ${around(want)}`;
}
