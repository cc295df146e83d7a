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

/** Most that recording may make of a session's time. */
const TARGET = 1.1;

/** Most messages of 1 KB that a session's recording has room for. */
const MAX_SESSION_MESSAGES = 800;

/** Session after session, sessions of many messages, and one such alone. */
const MEASURED = [
  { name: "W1", sessions: Infinity },
  { name: "W2", sessions: 10 },
  { name: "W4", sessions: 1 },
];

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function measure(
  { port, pid }: Postern,
  workload: Workload,
  count: number,
  written: () => Promise<void>,
): Promise<Run> {
  const before = await treeCpuSeconds(pid);
  const seconds = await sendLoad(workload, port, count);
  await written();
  return { seconds, cpuSeconds: await treeCpuSeconds(pid) - before };
}

/** Waits until so many transcripts are written, and removes them. */
async function written(folder: string, count: number): Promise<void> {
  const transcripts = async () => {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ name }) => name.endsWith(".txt"));
  };
  await until(
    "all transcripts written",
    async () => (await transcripts()).length >= count,
  );
  for (const { name } of await transcripts()) {
    await Deno.remove(`${folder}/${name}`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
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

  for (const { name, sessions } of MEASURED) {
    const workload = WORKLOADS.find((each) => each.name === name)!;
    const most = sessions * MAX_SESSION_MESSAGES;
    const run = (server: Postern, count: number) =>
      measure(
        server,
        workload,
        count,
        server === recording
          ? () => written(records, Math.min(sessions, count))
          : () => Promise.resolve(),
      );
    const count = Math.min(most, await warmUp(workload, most, plain, run));
    await warmUp(workload, most, recording, run);
    const times: number[] = [];
    const cpu: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const runs = new Map<Postern, Run>();
      const order = round % 2 === 0 ? [plain, recording] : [recording, plain];
      for (const server of order) runs.set(server, await run(server, count));
      const [without, withIt] = [runs.get(plain)!, runs.get(recording)!];
      times.push(withIt.seconds / without.seconds);
      cpu.push(withIt.cpuSeconds / without.cpuSeconds);
    }
    const [time, cpuTime] = [median(times), median(cpu)];
    console.log(
      `recording ${name}  ${workload.meaning}: time ${time.toFixed(2)}` +
        (name === "W2"
          ? `, wanted < ${TARGET.toFixed(2)}: ${
            time < TARGET ? "kept" : "MISSED"
          }`
          : "") +
        `; CPU ${cpuTime.toFixed(2)}\n` +
        `  ${ROUNDS} pairs of ${count} messages: time ${formatRatios(times)}` +
        `; CPU ${formatRatios(cpu)}`,
    );
  }
  const log = await Deno.readTextFile(`${folder}/record.log`);
  if (/recording-(?:incomplete|failed)/.test(log)) {
    throw new Error("A session was not recorded: expected all of them");
  }
}

/** Sends what a server needs to be up to speed; how many make a run. */
async function warmUp(
  { warmUp }: Workload,
  most: number,
  server: Postern,
  run: (server: Postern, count: number) => Promise<Run>,
): Promise<number> {
  let last = NaN;
  for (let sent = 0; sent < warmUp;) {
    const count = Math.min(most, warmUp - sent);
    last = count / (await run(server, count)).seconds;
    sent += count;
  }
  return Math.ceil(last * RUN_S);
}

function formatRatios(ratios: readonly number[]): string {
  return ratios.map((ratio) => ratio.toFixed(2)).join(" ");
}

await main();
