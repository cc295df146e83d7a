/**
 * Looks at the `Received:` field that a message begins with.
 *
 * @module
 */

/** What stands in it, on one line. */
export function traceIn(message: string): string {
  const [, trace = ""] = /^Received: (.*\r\n(?:[ \t].*\r\n)*)/.exec(message) ??
    [];
  return trace.replaceAll(/\s+/g, " ").trim();
}
