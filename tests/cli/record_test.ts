import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { recordCommand } from "../../lib/cli/record.ts";
import { UsageError } from "../../lib/cli/usage.ts";
import { Child } from "../real/support/child.ts";
import { until } from "../real/support/wait.ts";
import { RawClient, verdictOf } from "../support/raw_client.ts";
import { ScriptedRelay } from "../support/scripted_relay.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

const LISTEN = ["--listen", "127.0.0.1:0"];
const OUT = ["--out", "records"];

const WRONG: [args: string[], problem: string][] = [
  [[], "No --listen: expected --listen ADDR"],
  [LISTEN, "No --to: expected --to HOST:PORT"],
  [[...LISTEN, "--to", "localhost:25"], "No --out: expected --out DIR"],
  [
    ["--listen", "nowhere", "--to", "localhost:25", ...OUT],
    "Cannot use --listen: expected ",
  ],
  [
    [...LISTEN, "--to", "localhost:0", ...OUT],
    "Cannot use --to: expected HOST:PORT or unix:/PATH",
  ],
  [
    [...LISTEN, "--to", "plain://ann:sesame@localhost", ...OUT],
    "Cannot use --to: expected HOST:PORT or unix:/PATH",
  ],
  [
    ["--form"],
    'Unknown option "--form": expected --listen, --to, --out, --host',
  ],
];

for (const [args, problem] of WRONG) {
  Deno.test(`record refuses ${JSON.stringify(args)}`, async () => {
    const error = await Promise.resolve()
      .then(() => recordCommand.run(args)).catch((error) => error);
    assert(error instanceof UsageError);
    assertEquals(error.message.slice(0, problem.length), problem);
    assertEquals(error.message.includes("sesame"), false);
  });
}

/** A program of Postern's in a folder of its own. */
class Program implements AsyncDisposable {
  readonly folder: string;
  readonly child: Child;

  constructor(folder: string, args: readonly string[], maxBlocks?: number) {
    this.folder = folder;
    const command = [Deno.execPath(), "run", "-A", CLI, ...args];
    // A write beyond the limit fails, as on a full disk, once SIGXFSZ is ignored.
    const script = `trap '' XFSZ; ulimit -f ${maxBlocks}; exec "$@"`;
    const [program, ...rest] = maxBlocks === undefined
      ? command
      : ["/bin/sh", "-c", script, "sh", ...command];
    this.child = new Child(program!, rest, folder);
  }

  static async start(args: readonly string[], maxBlocks?: number) {
    return new Program(await Deno.makeTempDir(), args, maxBlocks);
  }

  /** What it says, as soon as it matches. */
  async says(text: RegExp): Promise<RegExpExecArray> {
    return await until(String(text), () => {
      const { output, status } = this.child;
      const found = text.exec(output);
      if (found === null && status !== undefined) {
        throw new Error(`It ended: ${output}`);
      }
      return found ?? undefined;
    });
  }

  /** A client of where it says that it listens. */
  async client(): Promise<RawClient> {
    const [, port] = await this.says(/127\.0\.0\.1:(\d+)/);
    return await RawClient.greeted({
      transport: "tcp",
      hostname: "127.0.0.1",
      port: Number(port),
    });
  }

  async ended(): Promise<number> {
    return await until("an end", () => this.child.status?.code.toString())
      .then(Number);
  }

  get records(): string[] {
    return [...Deno.readDirSync(`${this.folder}/records`)]
      .map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("record writes each session, names its file, and ends by a signal", async () => {
  await using server = new ScriptedRelay();
  const to = ["--to", server.url];
  await using program = await Program.start([
    "record",
    ...[...LISTEN, ...to, ...OUT],
  ]);
  {
    using client = await program.client();
    assertMatch(verdictOf(await client.mail()), /^250 /);
    await client.ask("QUIT");
  }
  const [, path] = await program.says(/^recorded (records\/\S+\.txt)$/m);
  assertMatch(
    await Deno.readTextFile(`${program.folder}/${path}`),
    /^# .*\n\nS: 220 [^]*== close\n$/,
  );
  // The second signal breaks off what goes on, which is written all the same.
  using _client = await program.client();
  program.child.kill("SIGTERM");
  await program.says(/^Stopping /m);
  program.child.kill("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertEquals(program.records.length, 2);
});

Deno.test("record ends with one line where it can't listen, or can't write", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const to = ["--to", "127.0.0.1:25"];
  const cases: [listen: string, out: string, want: RegExp][] = [
    [`127.0.0.1:${port}`, "records", /^Cannot listen on .* in use already\n$/],
    ["127.0.0.1:0", "/dev/null/x", /^Cannot record in "\/dev\/null\/x": .*\n$/],
  ];
  for (const [listen, out, want] of cases) {
    await using program = await Program.start(
      ["record", "--listen", listen, ...to, "--out", out],
    );
    assertEquals(await program.ended(), 1);
    assertMatch(program.child.output, want);
  }
});

/** What a shell's `ulimit -f` counts in; dash has 512 bytes, others 1,024. */
const BLOCKS = 2;

Deno.test("serve --record goes on when the disk is full, and says what is missing", async () => {
  await using relay = new ScriptedRelay();
  await using program = await Program.start([
    ...["serve", ...LISTEN, "--relay", relay.url, "--record", "records"],
  ], BLOCKS);
  {
    using client = await program.client();
    const data = `${"x".repeat(70)}\r\n`.repeat(100);
    assertMatch(verdictOf(await client.mail({ data })), /^250 /);
    await client.ask("QUIT");
  }
  const [, id] = await program.says(
    /error (\w{8}) recording-failed file=records\/20\S+\.txt reason="File too large/,
  );
  assertEquals(program.records, []);
  {
    // And a short one has room again.
    using client = await program.client();
    assertMatch(await client.ask("QUIT"), /^221 /);
  }
  await until("a transcript", () => program.records.length > 0);
  assertEquals(program.records.length, 1);
  assertEquals(program.records[0]!.includes(id!), false);
  assertEquals((await program.child.stop()).code, 0);
});

Deno.test("serve ends with one line where it can't record", async () => {
  await using program = await Program.start(
    ["serve", ...LISTEN, "--record", "/dev/null/x"],
  );
  assertEquals(await program.ended(), 1);
  assertMatch(
    program.child.output,
    /^Cannot record in "\/dev\/null\/x": .*\n$/,
  );
});
