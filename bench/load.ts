/**
 * The load: Postfix's `smtp-source`, in the five ways that are compared.
 *
 * @module
 */

import { run } from "../tests/real/support/child.ts";

/** Debian keeps it where an ordinary user's PATH does not look. */
const SMTP_SOURCE = "/usr/sbin/smtp-source";

/** One way to send. */
export interface Workload {
  /** Its short name. */
  readonly name: string;
  /** What it is, for the legend. */
  readonly meaning: string;
  /** Arguments of `smtp-source`. */
  readonly options: readonly string[];
  /** Bytes of one message where MB/s say more than messages/s. */
  readonly bytes?: number;
  /** Messages of the first run, which warms up and tells how fast a server is. */
  readonly warmUp: number;
}

const LARGE_BYTES = 5 * 1_024 * 1_024;

/** W1 to W5. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: "W1",
    meaning: "10 sessions, 1 KB, a connection for each message",
    options: ["-s", "10", "-l", "1024"],
    warmUp: 40,
  },
  {
    name: "W2",
    meaning: "10 sessions, 1 KB, connections kept",
    options: ["-s", "10", "-l", "1024", "-d"],
    // A server runs for weeks; what compiles at run time needs so many
    // messages until it is up to speed. Every server gets them.
    warmUp: 20_000,
  },
  {
    name: "W3",
    meaning: "4 sessions, 5 MB",
    options: ["-s", "4", "-l", `${LARGE_BYTES}`, "-d"],
    bytes: LARGE_BYTES,
    warmUp: 12,
  },
  {
    name: "W4",
    meaning: "1 session, 1 KB: latency",
    options: ["-s", "1", "-l", "1024", "-d"],
    warmUp: 300,
  },
  {
    name: "W5",
    meaning: "4 sessions, 1 KB, 50 recipients",
    options: ["-s", "4", "-r", "50", "-l", "1024", "-d"],
    warmUp: 60,
  },
];

/** Longest that one run may take; it is meant to take about a second. */
const RUN_MS = 30_000;

/**
 * Sends `count` messages to 127.0.0.1:`port`.
 *
 * @returns seconds it took
 * @throws {Error} when the server did not take one of them
 */
export async function sendLoad(
  workload: Workload,
  port: number,
  count: number,
): Promise<number> {
  const began = performance.now();
  const { code, output } = await run(SMTP_SOURCE, [
    ...workload.options,
    ...["-m", `${count}`, "-M", "client.example.org"],
    ...["-f", "sender@example.org", "-t", "recipient@example.org"],
    `127.0.0.1:${port}`,
  ], { withinMs: RUN_MS });
  if (code !== 0 || /(?:fatal|panic|error):/.test(output)) {
    throw new Error(`smtp-source: ${output.trim()}`);
  }
  return (performance.now() - began) / 1_000;
}
