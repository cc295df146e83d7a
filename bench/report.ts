/**
 * What was measured, as one table, and what was promised, held against it.
 *
 * @module
 */

import { WORKLOADS } from "./load.ts";
import type { ServerName } from "./servers.ts";

/** Medians of one server. */
export interface Result {
  /** Which server. */
  readonly name: ServerName;
  /** Messages a second by workload; a missing one failed. */
  readonly rates: ReadonlyMap<string, number>;
  /** CPU time of the server for a message of W2, in microseconds. */
  readonly cpuMicroseconds: number | undefined;
  /** Resident memory in the end, in bytes. */
  readonly rssBytes: number;
}

/** A promise about two servers in one workload. */
interface Target {
  readonly workload: string;
  readonly server: ServerName;
  readonly than: ServerName;
  /** The least ratio of the two rates. */
  readonly ratio: number;
}

/** What Postern promises; README.md says why. */
const TARGETS: readonly Target[] = [
  {
    workload: "W2",
    server: "Postern, accepting",
    than: "smtp-sink",
    ratio: 0.5,
  },
  {
    workload: "W2",
    server: "Postern, accepting",
    than: "smtp-server (Node)",
    ratio: 1,
  },
  {
    workload: "W2",
    server: "Postern to smtp-sink",
    than: "Postfix proxy to smtp-sink",
    ratio: 2,
  },
  {
    workload: "W3",
    server: "Postern, accepting",
    than: "smtp-sink",
    ratio: 1,
  },
];

/** Prints the table: rates, CPU and memory of every server. */
export function formatTable(results: readonly Result[]): string {
  const rows = [
    [
      "",
      ...WORKLOADS.map(({ name, bytes }) =>
        `${name} ${bytes === undefined ? "msg/s" : "MB/s"}`
      ),
      "CPU µs/msg W2",
      "RSS MB",
    ],
    ...results.map(({ name, rates, cpuMicroseconds, rssBytes }) => [
      name,
      ...WORKLOADS.map((workload) => {
        const rate = rates.get(workload.name);
        if (rate === undefined) return "failed";
        return formatNumber(rate * (workload.bytes ?? 1e6) / 1e6);
      }),
      cpuMicroseconds === undefined ? "–" : formatNumber(cpuMicroseconds),
      formatNumber(rssBytes / 1e6),
    ]),
  ];
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((row) => row[column]!.length))
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0
        ? cell.padEnd(widths[column]!)
        : cell.padStart(widths[column]!)
    ).join("  ")
  ).join("\n");
}

/** Prints each promise with the ratio that was measured. */
export function formatTargets(results: readonly Result[]): string {
  const rate = (name: ServerName, workload: string) =>
    results.find((result) => result.name === name)?.rates.get(workload);
  return TARGETS.map(({ workload, server, than, ratio }) => {
    const [one, other] = [rate(server, workload), rate(than, workload)];
    const what = `${workload}: ${server} / ${than}`;
    if (one === undefined || other === undefined) {
      return `not measured  ${what}, wanted ${ratio.toFixed(2)}`;
    }
    const measured = one / other;
    const verdict = measured >= ratio ? "met" : "NOT MET";
    return `${verdict.padEnd(12)}  ${what} = ${measured.toFixed(2)}, ` +
      `wanted ${ratio.toFixed(2)}`;
  }).join("\n");
}

/** Whole numbers: figures move by a tenth from run to run. */
function formatNumber(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
