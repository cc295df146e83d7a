import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { replayCommand } from "../../lib/cli/replay.ts";
import { trialOptions } from "../../lib/cli/replay_options.ts";
import { parseOptions, UsageError } from "../../lib/cli/usage.ts";
import { ScriptedRelay } from "../support/scripted_relay.ts";
import { Outputs } from "./output.ts";

const PASSES = `# Says goodbye
S: 220 \${host} ESMTP Postern
C: QUIT
S~ 221 .*
== close
`;

const FAILS = PASSES.replace("S~ 221 .*", "S: 221 Never");

/** Runs the command in a folder with these files. */
async function replay(
  files: Record<string, string>,
  ...args: string[]
): Promise<
  { status: number; stdout: string; stderr: string; after: typeof files }
> {
  const folder = await Deno.makeTempDir();
  using outputs = new Outputs();
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = `${folder}/${name}`;
      await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    const inFolder = args.map((arg) =>
      arg.startsWith("./") ? `${folder}/${arg.slice(2)}` : arg
    );
    const status = await replayCommand.run(inFolder);
    const after: typeof files = {};
    for (const name of Object.keys(files)) {
      after[name] = await Deno.readTextFile(`${folder}/${name}`);
    }
    const plain = (text: string) => text.replaceAll(`${folder}/`, "");
    const { stdout, stderr } = outputs;
    return { status, stdout: plain(stdout), stderr: plain(stderr), after };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The first words of a pretty report's lines that have some. */
function marks(stdout: string): string[] {
  return stdout.split("\n").filter((line) => /^\w/.test(line)).slice(0, -1)
    .map((line) => line.split("  ").slice(0, 2).join("  "));
}

Deno.test("replay plays all *.txt in a folder and below it, in the order of their names", async () => {
  const { status, stdout, stderr } = await replay(
    {
      "b.txt": PASSES,
      "a/z.txt": PASSES,
      "a/message.eml": "Subject: x\n",
      "c.txt": `${PASSES.replace("C: QUIT", "C: NOOP\nS~ 250 .*\nC: QUIT")}`,
    },
    "./",
  );
  assertEquals(marks(stdout), ["ok  a/z.txt", "ok  b.txt", "ok  c.txt"]);
  assertEquals([status, stderr], [0, ""]);
});

Deno.test("replay shows where a conversation went another way, and how to see it again", async () => {
  const { status, stdout } = await replay({ "a.txt": FAILS }, "./a.txt");
  assertEquals(status, 1);
  assertStringIncludes(
    stdout,
    `not ok  a.txt  Says goodbye
    a.txt:4, split whole
         1  # Says goodbye
         2  S: 220 \${host} ESMTP Postern
         3  C: QUIT
    >    4  S: 221 Never
         5  == close
    - S: 221 Never
    + 221 2.0.0 `,
  );
  assertStringIncludes(stdout, "again: postern replay --split whole a.txt\n");
});

const STATUSES: [
  what: string,
  files: Record<string, string>,
  status: number,
  marks: string[],
][] = [
  ["what passes", { "a.txt": PASSES }, 0, ["ok  a.txt"]],
  [
    "a mismatch, and plays the others",
    { "a.txt": FAILS, "b.txt": PASSES },
    1,
    ["not ok  a.txt", "ok  b.txt"],
  ],
  [
    "a file that can't be read, and plays the others",
    { "a.txt": "C : NOOP\n", "b.txt": FAILS, "c.txt": PASSES },
    2,
    ["not ok  a.txt", "not ok  b.txt", "ok  c.txt"],
  ],
  [
    "a message that is not there",
    { "a.txt": "C: DATA\nC< x.eml\n" },
    2,
    ["not ok  a.txt"],
  ],
  [
    "settings that are no configuration",
    { "a.txt": `@server.nothing 1\n${PASSES}` },
    2,
    ["not ok  a.txt"],
  ],
];

for (const [what, files, status, expected] of STATUSES) {
  Deno.test(`replay gives status ${status} for ${what}`, async () => {
    const result = await replay(files, "--split", "whole", "./");
    assertEquals(result.status, status);
    assertEquals(marks(result.stdout), expected);
  });
}

Deno.test("replay tells each problem of a file with its place", async () => {
  const { stdout } = await replay({
    "a.txt": "C : NOOP\nC< x.eml\n== clos\n",
    "b.txt": "C: DATA\nC< x.eml\n",
  }, "./");
  assertStringIncludes(stdout, "    a.txt:1:1: expected a step such as");
  assertStringIncludes(stdout, '    a.txt:3:4: expected "tls", "close"');
  assertStringIncludes(
    stdout,
    '    b.txt:2:1: expected a message in "x.eml": No such file or directory\n',
  );
});

Deno.test("replay reads no device", async () => {
  const { status, stdout } = await replay({}, "/dev/zero");
  assertEquals(status, 2);
  assertStringIncludes(
    stdout,
    "Cannot read /dev/zero: expected a regular file",
  );
});

Deno.test("replay tells of a path that is not there, and plays the others", async () => {
  const { status, stdout } = await replay(
    { "a.txt": PASSES },
    "./b",
    "./a.txt",
  );
  assertEquals(status, 2);
  assertStringIncludes(stdout, "Cannot read b: No such file or directory\n");
  assertStringIncludes(stdout, "ok  a.txt");
});

Deno.test("replay with nothing to play in a folder gives status 1", async () => {
  const result = await replay({ "a/x.eml": "" }, "./a");
  assertEquals(result.status, 1);
  assertEquals(result.stderr, "Nothing to play in a: expected files *.txt\n");
});

Deno.test("replay --split plays in that way only", async () => {
  for (const [split, plays] of [["whole", 1], ["all", 9], ["bytes", 1]]) {
    const { stdout } = await replay(
      { "a.txt": PASSES },
      ...["--split", String(split), "--reporter", "json", "./"],
    );
    const [verdict] = JSON.parse(stdout).verdicts;
    // "every" alone is a play for each byte of "QUIT\r\n" but the last.
    assertEquals(verdict.plays, plays === 9 ? 8 + 5 : plays);
  }
});

const REPORTS: [name: string, first: RegExp][] = [
  ["tap", /^TAP version 13\nok 1 - /],
  ["junit", /^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites>/],
  ["json", /^\{\n {2}"passed": 1,/],
  ["pretty", /^ok {2}a\.txt/],
];

for (const [name, first] of REPORTS) {
  Deno.test(`replay --reporter ${name} writes its report to standard output`, async () => {
    const { status, stdout, stderr } = await replay(
      { "a.txt": PASSES },
      ...["--reporter", name, "./a.txt"],
    );
    assertEquals([status, stderr], [0, ""]);
    assertEquals(first.exec(stdout)?.index, 0, stdout);
  });
}

Deno.test("replay --update writes what came, and says which lines are new", async () => {
  const files = {
    "a.txt": `# Kept\n${FAILS}# kept too\n`,
    "b.txt": PASSES,
  };
  const { status, stdout, after } = await replay(files, "--update", "./");
  assertEquals(status, 0, stdout);
  assertStringIncludes(stdout, "    Updated, new lines: 5\n");
  assertEquals(after["b.txt"], PASSES);
  const text = after["a.txt"]!;
  assertEquals(
    text.replace(/S: 221 2\.0\.0 .*/, "S: 221 Never"),
    files["a.txt"],
  );
  assertEquals((await replay(after, "./")).status, 0);
});

Deno.test("replay --update leaves a file as it is where silence came, and tells so", async () => {
  const silent = PASSES.replace("C: QUIT\n", "C: NOOP\nS~ 250 .*\nS: 250 x\n");
  const files = { "a.txt": silent };
  const { status, stdout, after } = await replay(files, "--update", "./");
  assertEquals(status, 1);
  assertStringIncludes(stdout, "    Not updated: ");
  assertEquals(after, files);
});

/** A log of swaks, of a server that says something else. */
const LOG = `=== Trying 127.0.0.1:25...
<-  220 mx ESMTP
 -> QUIT
<** 500 5.5.1 never
`;

Deno.test("replay plays a log of swaks, shows its lines, and never updates it", async () => {
  const files = { "swaks.log": LOG };
  const { status, stdout, after } = await replay(
    files,
    ...["--update", "./swaks.log"],
  );
  assertEquals(status, 1);
  assertStringIncludes(stdout, "    >    4  <** 500 5.5.1 never\n");
  assertStringIncludes(
    stdout,
    "    Not updated: a log of swaks stays as it is\n",
  );
  assertEquals(after, files);
});

Deno.test("replay shows no credentials of a log of swaks", async () => {
  for (const reporter of ["pretty", "json", "tap", "junit"]) {
    const log = LOG.replace(
      " -> QUIT",
      " -> AUTH PLAIN AGpvAHBlbmNpbA==\n<** 500 5.5.1 no\n -> QUIT",
    );
    const { stdout } = await replay(
      { "swaks.log": log },
      ...["--reporter", reporter, "./swaks.log"],
    );
    assertStringIncludes(stdout, " AUTH PLAIN •••••");
    assertEquals(stdout.includes("AGpvAHBlbmNpbA"), false, stdout);
  }
});

Deno.test("replay --server plays against that server", async () => {
  await using relay = new ScriptedRelay([{}]);
  const { status, stdout } = await replay(
    { "a.txt": "# Hello\nS~ 220 .*\nC: QUIT\nS~ 221 .*\n== close\n" },
    ...["--server", `127.0.0.1:${relay.port}`, "./a.txt"],
  );
  assertEquals(marks(stdout), ["ok  a.txt"], stdout);
  assertEquals(status, 0);
  assertEquals(relay.peers.flatMap(({ commands }) => commands), ["QUIT"]);
});

/** What Postern's client does not do: it goes on where nobody can be served. */
const GOES_ON = `S: 220 mx.test ESMTP
C: EHLO client.test
S: 250 mx.test
C: MAIL FROM:<a@b.test>
S: 250 OK
C: RCPT TO:<c@d.test>
S: 550 No
C: DATA
S: 354 Go on
C: .
S: 250 OK
C: QUIT
S: 221 Bye
== close
`;

Deno.test("replay tells how to repeat it in the same place", async () => {
  await using relay = new ScriptedRelay([{}]);
  const server = `127.0.0.1:${relay.port}`;
  for (
    const [text, ...args] of [
      [GOES_ON, "--as", "relay"],
      [FAILS, "--server", server, "--timeout", "2s"],
    ] as const
  ) {
    const { status, stdout } = await replay({ "a.txt": text }, ...args, "./");
    assertEquals(status, 1, stdout);
    const command = `postern replay ${args.join(" ")} --split whole a.txt`;
    assertStringIncludes(stdout, `    again: ${command}\n`);
  }
});

Deno.test("replay --mutate plays mutations, as many as wished for", async () => {
  const { status, stdout } = await replay(
    { "a.txt": PASSES },
    ...["--mutate", "7", "--seed", "3", "--reporter", "json", "./"],
  );
  assertEquals(status, 0, stdout);
  assertEquals(JSON.parse(stdout).verdicts[0].plays, 7);
});

Deno.test("trialOptions() begins mutations at the seed that was wished for, or at 1", () => {
  const names = { string: ["mutate", "seed"] };
  const of = (...args: string[]) =>
    trialOptions(parseOptions(args, names)).mutations;
  assertEquals(of("--mutate", "5"), { count: 5, seed: 1 });
  assertEquals(of("--mutate", "5", "--seed", "0"), { count: 5, seed: 0 });
  assertEquals(of(), undefined);
});

Deno.test("trialOptions() gives a command to repeat it that a shell reads right", () => {
  const names = { string: ["as", "server", "listen"] };
  const of = (...args: string[]) =>
    trialOptions(parseOptions(args, names)).command;
  assertEquals(
    of("--server", "unix:/a b/it's"),
    String.raw`postern replay --server 'unix:/a b/it'\''s'`,
  );
  assertEquals(
    of("--as", "relay", "--listen", "unix:/a b"),
    "postern replay --as relay --listen 'unix:/a b'",
  );
});

Deno.test("trialOptions() takes a server without a port, and one of IPv6", () => {
  const names = { string: ["server"] };
  for (const server of ["127.0.0.1", "mx.test", "[::1]", "[::1]:2525"]) {
    trialOptions(parseOptions(["--server", server], names));
  }
});

const LISTEN = ["--as", "relay", "--listen", "127.0.0.1:0"];

const WRONG: [args: string[], problem: string][] = [
  [[], "No path: expected at least one file or folder"],
  [
    ["--as", "server"],
    'Cannot use "server" for --as: expected one of client, relay',
  ],
  [
    ["--reporter", "html"],
    'Cannot use "html" for --reporter: expected one of pretty, tap, junit, json',
  ],
  [
    ["--split", "half"],
    'Cannot use "half" for --split: expected all, whole, bytes',
  ],
  [["--timeout", "soon"], 'Cannot use "soon" for --timeout: expected up to'],
  [["--timeout", "11m"], 'Cannot use "11m" for --timeout: expected up to'],
  [["--timeout", "0"], 'Cannot use "0" for --timeout: expected up to'],
  [["--mutate", "0"], 'Cannot use "0" for --mutate: expected a number from 1'],
  [["--seed", "1"], "Option --seed is for mutations: expected --mutate N"],
  [["--server", "no where"], 'Cannot parse server "no where": expected '],
  [
    ["--server", "plain://user:pencil@a.test"],
    'Cannot parse server "•••••@a.test": expected no credentials',
  ],
  [["--server", "a.test:0"], 'Cannot parse server "a.test:0": expected a port'],
  [["--server", "a.test:25", "--as", "relay"], 'Cannot play as "relay"'],
  [["--server", "a.test:25", "--mutate", "1"], "Mutations are played against"],
  [["--mutate", "1", "--split", "all"], "Mutations are not cut: expected no"],
  [["--update", "--mutate", "1"], "Files are updated by what a server says"],
  [["--update", "--as", "relay"], "Files are updated by what a server says"],
  [["--update", "--split", "all"], "Files are updated by what a server says"],
  [["--listen", "localhost:0"], "Option --listen is for the server's part"],
  [["--as", "relay", "--listen", "x"], "Cannot use --listen: expected a port"],
  [[...LISTEN, "--server", "a.test:25"], 'Cannot play as "relay" against'],
  [[...LISTEN, "--mutate", "1"], "Mutations are played against Postern"],
  [[...LISTEN, "--update"], "Files are updated by what a server says"],
  [["--nothing"], 'Unknown option "--nothing"'],
];

for (const [args, problem] of WRONG) {
  Deno.test(`replay ${args.join(" ") || "without a path"} is wrong use`, async () => {
    const path = args.length === 0 ? [] : ["./a.txt"];
    await assertRejects(
      () => replay({ "a.txt": PASSES }, ...args, ...path),
      UsageError,
      problem,
    );
  });
}
