/**
 * `deno run -A bench/record.ts [--quick]`: what `[record] dir` costs.
 *
 * Two Posterns relay to one smtp-sink under the same load, one of them with
 * recording, in turn, round after round; each pair of runs gives one ratio. The
 * work behind the last reply counts: CPU is taken once nothing is left to write.
 *
 * @module
 */

import { missing } from "../tests/real/support/child.ts";
import { Child } from "../tests/real/support/child.ts";
import { freePort, isListening } from "../tests/real/support/port.ts";
import { Postern } from "../tests/real/support/postern.ts";
import { treeCpuSeconds } from "../tests/real/support/proc.ts";
import { SMTP_SINK } from "../tests/real/support/smtp_sink.ts";
import { until } from "../tests/real/support/wait.ts";
import { sendLoad, type Workload, WORKLOADS } from "./load.ts";
import { say } from "./servers.ts";

const QUICK = Deno.args.includes("--quick");

/** Pairs of runs, whose order changes from one to the next. */
const ROUNDS = QUICK ? 3 : 9;

/** What one run should take, in seconds. */
const RUN_S = QUICK ? 0.5 : 1;

/** Most that recording may cost. */
const TARGET = 0.1;

/** Session after session, and sessions of many messages. */
const MEASURED = WORKLOADS.filter(({ name }) => ["W1", "W2"].includes(name));

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function measure(
  { port, pid }: Postern,
  workload: Workload,
  count: number,
  folder: string | undefined,
): Promise<Run> {
  const before = await treeCpuSeconds(pid);
  const began = performance.now();
  await sendLoad(workload, port, count);
  const seconds = (performance.now() - began) / 1_000;
  if (folder !== undefined) await written(folder);
  return { seconds, cpuSeconds: await treeCpuSeconds(pid) - before };
}

/** Waits until nothing is written any more, and empties the folder. */
async function written(folder: string): Promise<void> {
  let last = -1;
  await until("all transcripts written", async () => {
    const names = await Array.fromAsync(Deno.readDir(folder));
    const isDone = names.length === last &&
      names.every(({ name }) => name.endsWith(".txt"));
    last = names.length;
    return isDone;
  });
  for await (const { name } of Deno.readDir(folder)) {
    await Deno.remove(`${folder}/${name}`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function percent(ratio: number): string {
  return `${((ratio - 1) * 100).toFixed(1)} %`;
}

async function main(): Promise<void> {
  const absent = missing("smtp-source", "smtp-sink");
  if (absent.length > 0) {
    say(`Cannot measure: expected ${absent.join(" and ")} (package "postfix")`);
    Deno.exit(1);
  }
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "postern-bench-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const relay = freePort();
  stack.use(
    new Child(SMTP_SINK, [
      ...(Deno.uid() === 0 ? ["-u", "nobody"] : []),
      ...[`127.0.0.1:${relay}`, "1000"],
    ]),
  );
  await until("smtp-sink to listen", () => isListening(relay));
  const records = `${folder}/records`;
  const start = async (name: string, toml: string) =>
    stack.use(
      await Postern.start({
        relay,
        toml: `[log]\nfile = "${folder}/${name}.log"\n${toml}`,
      }),
    );
  const plain = await start("plain", "");
  const recording = await start("record", `[record]\ndir = "${records}"\n`);

  for (const workload of MEASURED) {
    const { name, meaning, warmUp } = workload;
    const first = await measure(plain, workload, warmUp, undefined);
    await measure(recording, workload, warmUp, records);
    const count = Math.ceil(warmUp / first.seconds * RUN_S);
    const times: number[] = [];
    const cpu: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const runs = new Map<Postern, Run>();
      const order = round % 2 === 0 ? [plain, recording] : [recording, plain];
      for (const server of order) {
        const where = server === recording ? records : undefined;
        runs.set(server, await measure(server, workload, count, where));
      }
      const [without, withIt] = [runs.get(plain)!, runs.get(recording)!];
      times.push(withIt.seconds / without.seconds);
      cpu.push(withIt.cpuSeconds / without.cpuSeconds);
    }
    const time = median(times);
    console.log(
      `${name}  ${meaning}: time +${percent(time)}, CPU +${
        percent(median(cpu))
      }` +
        ` (${ROUNDS} pairs of ${count} messages; time ${
          times.map((each) => percent(each)).join(", ")
        }) ${time <= 1 + TARGET ? "kept" : "MISSED"}: at most ${
          TARGET * 100
        } %`,
    );
  }
}

await main();
