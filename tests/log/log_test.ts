import { assert, assertEquals } from "@std/assert";
import {
  fileSink,
  Log,
  type LogSink,
  memorySink,
  silentLog,
} from "../../lib/log/log.ts";

const NOW = Date.UTC(2026, 10, 24, 11, 8, 26, 7);
const TIME = "2026-11-24T11:08:26.007Z";

Deno.test("Log writes one line an event, with the session's id", () => {
  const sink = memorySink();
  const log = new Log({ sink, now: () => NOW });
  const session = log.child("4F2A91");
  log.info("listening", { address: "127.0.0.1:2525" });
  session.info("message", { size: 1024 });
  session.warn("slow");
  log.close();
  assertEquals(sink.lines, [
    `${TIME} info  listening address=127.0.0.1:2525`,
    `${TIME} info  4F2A91 message size=1024`,
    `${TIME} warn  4F2A91 slow`,
  ]);
});

Deno.test("Log prints the time right across seconds, and when it steps back", () => {
  let now = 0;
  const sink = memorySink();
  const log = new Log({ sink, now: () => now });
  const times = [
    999,
    1_000,
    1_001,
    1_767_225_599_999,
    1_767_225_600_000,
    5,
    -1,
  ];
  for (now of times) log.info("tick");
  log.close();
  assertEquals(
    sink.lines,
    times.map((time) => `${new Date(time).toISOString()} info  tick`),
  );
});

Deno.test("Log writes what its level asks for, and a change reaches children", () => {
  const sink = memorySink();
  const log = new Log({ level: "warn", sink, now: () => NOW });
  const child = log.child("1");
  function say(): void {
    child.debug("d");
    child.info("i");
    child.warn("w");
    child.error("e");
    log.flush();
  }
  const said: [level: "debug" | "info" | "warn" | "error" | "off", string][] = [
    ["debug", "diwe"],
    ["info", "iwe"],
    ["warn", "we"],
    ["error", "e"],
    ["off", ""],
  ];
  for (const [level, events] of said) {
    const before = sink.lines.length;
    log.change({ level });
    assertEquals(child.isDebug, level === "debug");
    say();
    const lines = sink.lines.slice(before);
    assertEquals(lines.map((line) => line.at(-1)).join(""), events);
  }
  log.close();
});

Deno.test("change() gives the old sink its last line, closes it, and keeps the rest", () => {
  const closed: string[] = [];
  const one = { ...memorySink(), close: () => closed.push("one") };
  const two = memorySink();
  const log = new Log({ sink: one, now: () => NOW });
  log.info("old");
  log.change({ sink: two, format: "json" });
  log.info("new");
  log.close();
  assertEquals(closed, ["one"]);
  assertEquals(one.lines, [`${TIME} info  old`]);
  assertEquals(two.lines, [`{"time":"${TIME}","level":"info","event":"new"}`]);
});

/** Counts writes, and refuses as long as it is told to. */
class MoodySink implements LogSink {
  readonly memory = memorySink();
  writes = 0;
  broken = false;

  write(lines: Uint8Array): void {
    this.writes++;
    if (this.broken) throw new Error("No space left on device");
    this.memory.write(lines);
  }
  reopen(): void {
    throw new Error("Read-only file system");
  }
  close(): void {
    throw new Error("Bad file descriptor");
  }
}

Deno.test("Log gathers the lines of one turn into one write", async () => {
  const sink = new MoodySink();
  const log = new Log({ sink });
  for (let i = 0; i < 10; i++) log.info("event");
  assertEquals(sink.writes, 0);
  await Promise.resolve();
  assertEquals([sink.writes, sink.memory.lines.length], [1, 10]);
  log.info("event");
  await Promise.resolve();
  assertEquals(sink.writes, 2);
  log.close();
});

Deno.test("Log writes an error at once, after what came before it", () => {
  const sink = new MoodySink();
  const log = new Log({ sink, now: () => NOW });
  log.info("before");
  log.error("broken");
  assertEquals(sink.memory.lines, [
    `${TIME} info  before`,
    `${TIME} error broken`,
  ]);
  log.close();
});

Deno.test("Log holds no more than a bounded piece back", () => {
  const sink = new MoodySink();
  const log = new Log({ sink });
  for (let i = 0; i < 1_000; i++) log.info("event", { text: "x".repeat(512) });
  assert(sink.writes >= 8, `${sink.writes}`);
  log.close();
  assertEquals(sink.memory.lines.length, 1_000);
});

Deno.test("Log never throws: lost lines are counted and told when it works again", () => {
  const sink = new MoodySink();
  const log = new Log({ sink, now: () => NOW });
  sink.broken = true;
  for (let i = 0; i < 3; i++) log.error("lost");
  log.info("lost too");
  log.flush();
  sink.broken = false;
  log.info("found");
  log.flush();
  log.info("next");
  log.close();
  assertEquals(sink.memory.lines, [
    `${TIME} warn  log-lines-lost lines=4 ` +
    'error="Error: No space left on device"',
    `${TIME} info  found`,
    `${TIME} info  next`,
  ]);
});

Deno.test("reopen() that fails says so in the old file and goes on there", () => {
  const sink = new MoodySink();
  const log = new Log({ sink });
  log.reopen();
  log.info("on");
  log.close();
  assert(sink.memory.lines[0]?.includes("log-not-reopened"));
  assertEquals(sink.memory.lines.length, 2);
});

Deno.test("close() may be called twice, and later events are dropped", () => {
  const sink = memorySink();
  const log = new Log({ sink });
  log.close();
  log.close();
  log.error("late");
  log.reopen();
  log.change({ level: "debug" });
  log.error("late");
  assertEquals(sink.lines, []);
});

Deno.test("silentLog() takes everything and writes nothing", () => {
  const log = silentLog();
  log.child("1").error("unheard");
  assertEquals(log.isDebug, false);
  log.close();
});

Deno.test("fileSink() appends, keeps the file to its owner and group, and reopens", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/postern.log`;
    Deno.writeTextFileSync(path, "old\n", { mode: 0o640 });
    const log = new Log({ sink: fileSink(path), format: "json" });
    log.info("one");
    log.flush();
    Deno.renameSync(path, `${path}.1`);
    log.info("two");
    log.reopen();
    log.info("three");
    log.close();
    const moved = Deno.readTextFileSync(`${path}.1`);
    assertEquals(moved.match(/old|one|two|three/g), ["old", "one", "two"]);
    assertEquals(JSON.parse(Deno.readTextFileSync(path)).event, "three");
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o007, 0);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test({
  name: "fileSink() on a full disk stops nobody",
  ignore: Deno.build.os !== "linux",
  fn() {
    const log = new Log({ sink: fileSink("/dev/full") });
    for (let i = 0; i < 3; i++) log.error("lost");
    log.close();
  },
});

const ENDINGS: [name: string, code: string][] = [
  ["Deno.exit()", "Deno.exit(0)"],
  ["an uncaught error", "throw new Error('end')"],
  ["a rejected promise", "Promise.reject(new Error('end'))"],
  ["the end of the program", ""],
  [
    "a signal between two turns",
    "setTimeout(() => Deno.kill(Deno.pid, 'SIGTERM'), 0); " +
    "await new Promise((done) => setTimeout(done, 10_000))",
  ],
];

for (const [name, code] of ENDINGS) {
  Deno.test(`Log loses no line at ${name}`, async () => {
    const module = new URL("../../lib/log/log.ts", import.meta.url).href;
    const program = `import { Log } from ${JSON.stringify(module)};
      const log = new Log();
      for (let i = 0; i < 3; i++) log.info("kept");
      ${code}`;
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", program],
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(text.match(/Z info {2}kept\n/g)?.length, 3, text);
  });
}
