/**
 * `deno task bench [--quick]`: Postern beside other servers under the same
 * load, in one run, for only ratios from one run count. See README.md.
 *
 * @module
 */

import { missing } from "../tests/real/support/child.ts";
import { treeCpuSeconds, treeRssBytes } from "../tests/real/support/proc.ts";
import { sendLoad, type Workload, WORKLOADS } from "./load.ts";
import { formatTable, formatTargets, type Result } from "./report.ts";
import { type BenchServer, say, startServers } from "./servers.ts";

const QUICK = Deno.args.includes("--quick");

/** Every server meets every workload once a round, so a bad moment hits all. */
const ROUNDS = QUICK ? 2 : 5;

/** What one measured run should take: long enough for CPU ticks of 10 ms. */
const RUN_S = QUICK ? 0.4 : 1;

/** Fewest messages of a measured run, whatever its time. */
const LEAST_MESSAGES = 12;

/** After this, no further round is begun. */
const BUDGET_MS = QUICK ? 40_000 : 200_000;

/** One run of a workload against a server. */
interface Sample {
  /** Messages a second. */
  readonly rate: number;
  /** CPU time of the server for a message, in microseconds. */
  readonly cpuMicroseconds: number;
}

/** Runs, by server and workload. */
type Samples = Map<BenchServer, Map<Workload, Sample[]>>;

async function measure(
  server: BenchServer,
  workload: Workload,
  count: number,
): Promise<Sample> {
  const before = await treeCpuSeconds(server.pid);
  const seconds = await sendLoad(workload, server.port, count);
  const cpu = await treeCpuSeconds(server.pid) - before;
  return { rate: count / seconds, cpuMicroseconds: cpu / count * 1e6 };
}

/** A first, unmeasured run of each: warms up, and tells how many messages fit. */
async function countMessages(server: BenchServer, workload: Workload) {
  const { rate } = await measure(server, workload, workload.warmUp);
  return Math.max(LEAST_MESSAGES, Math.ceil(rate * RUN_S));
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

async function summarize(server: BenchServer, samples: Samples) {
  const rates = new Map<string, number>();
  let cpuMicroseconds: number | undefined;
  for (const [workload, list] of samples.get(server)!) {
    const rate = median(list.map((sample) => sample.rate));
    if (rate !== undefined) rates.set(workload.name, rate);
    if (workload.name !== "W2") continue;
    cpuMicroseconds = median(list.map((sample) => sample.cpuMicroseconds));
  }
  const { name, pid } = server;
  const result: Result = {
    name,
    rates,
    cpuMicroseconds,
    rssBytes: await treeRssBytes(pid),
  };
  return result;
}

async function main(): Promise<void> {
  const absent = missing("smtp-source", "smtp-sink");
  if (absent.length > 0) {
    say(`Cannot compare: expected ${absent.join(" and ")} (package "postfix")`);
    Deno.exit(1);
  }
  const began = performance.now();
  await using stack = new AsyncDisposableStack();
  const servers = await startServers(stack);
  const samples: Samples = new Map();
  const counts = new Map<BenchServer, Map<Workload, number>>();
  for (const server of servers) {
    samples.set(server, new Map());
    counts.set(server, new Map());
    for (const workload of WORKLOADS) {
      samples.get(server)!.set(workload, []);
      try {
        const count = await countMessages(server, workload);
        counts.get(server)!.set(workload, count);
      } catch (error) {
        say(`${server.name}, ${workload.name}: ${error}`);
      }
    }
  }
  let rounds = 0;
  while (rounds < ROUNDS && performance.now() - began < BUDGET_MS) {
    rounds++;
    say(`Round ${rounds} of ${ROUNDS}`);
    for (const workload of WORKLOADS) {
      for (const server of servers) {
        const count = counts.get(server)!.get(workload);
        if (count === undefined) continue;
        const sample = await measure(server, workload, count);
        samples.get(server)!.get(workload)!.push(sample);
      }
    }
  }
  const results: Result[] = [];
  for (const server of servers) {
    results.push(await summarize(server, samples));
  }
  for (const { name, meaning } of WORKLOADS) console.log(`${name}  ${meaning}`);
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(`\nMedians of ${rounds} rounds, ${seconds} s in all\n`);
  console.log(formatTable(results));
  console.log(`\n${formatTargets(results)}`);
}

await main();
