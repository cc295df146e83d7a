import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { replayCommand } from "../../lib/cli/replay.ts";
import {
  listeningOptions,
  trialOptions,
} from "../../lib/cli/replay_options.ts";
import { parseOptions } from "../../lib/cli/usage.ts";
import { Outputs } from "./output.ts";
import { RawClient } from "../support/raw_client.ts";

const HELLO = `# A client says hello
S: 220 mx.test ESMTP
C: EHLO anyone
S: 250 mx.test
C: QUIT
S: 221 2.0.0 Bye
== close
`;

const LISTEN = ["--as", "relay", "--listen", "127.0.0.1:0"];

/** A client that says these lines, each once the last one was answered. */
async function lockstep(port: number, lines: readonly string[]) {
  using client = await RawClient.connect({
    transport: "tcp",
    hostname: "127.0.0.1",
    port,
  });
  const replies = [await client.reply()];
  for (const line of lines) replies.push(await client.ask(line));
  return { replies, rest: await client.rest() };
}

/** Runs the command with files; `client` is called with the port it tells of. */
async function replay<T>(
  texts: readonly string[],
  args: readonly string[],
  client: (port: number) => Promise<T>,
): Promise<{ status: number; stdout: string; stderr: string; said: T }> {
  const folder = await Deno.makeTempDir();
  const files = texts.map((_, i) => `${folder}/${"abc"[i]}.txt`);
  const listens = Promise.withResolvers<number>();
  using outputs = new Outputs();
  const { error } = console;
  console.error = (line: string) => {
    assertEquals(outputs.stdout, "", "nothing was played before");
    error(line);
    listens.resolve(Number(/:(\d+)$/.exec(line)?.[1]));
  };
  try {
    for (const [i, text] of texts.entries()) {
      await Deno.writeTextFile(files[i]!, text);
    }
    const running = Promise.resolve(
      replayCommand.run([...LISTEN, ...args, ...files]),
    );
    const port = await Promise.race([
      listens.promise,
      running.then((status) => {
        throw new Error(`Ended with ${status} without a client`);
      }),
    ]);
    const [status, said] = await Promise.all([running, client(port)]);
    return {
      status,
      stdout: outputs.stdout.replaceAll(`${folder}/`, ""),
      stderr: outputs.stderr,
      said,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("replay --listen says where, plays the server's part to who connects, and ends", async () => {
  let port = 0;
  const { status, stdout, stderr, said } = await replay(
    [HELLO],
    [],
    (given) => {
      port = given;
      return lockstep(port, ["EHLO client.test", "QUIT"]);
    },
  );
  assertEquals(said, {
    replies: ["220 mx.test ESMTP\r\n", "250 mx.test\r\n", "221 2.0.0 Bye\r\n"],
    rest: "",
  });
  assertEquals(stderr, `Listening on 127.0.0.1:${port}\n`);
  assertMatch(stdout, /^ok {2}a\.txt {2}A client says hello/);
  assertEquals(status, 0);
  // Nobody listens there any more.
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("replay --listen shows where a client went another way, and how to see it again", async () => {
  const { status, stdout } = await replay(
    [HELLO],
    [],
    (port) => lockstep(port, ["EHLO client.test", "NOOP"]),
  );
  assertEquals(status, 1);
  assertStringIncludes(stdout, "    >    5  C: QUIT\n");
  assertStringIncludes(stdout, "    - C: QUIT\n    + NOOP\n");
  const again = `postern replay ${LISTEN.join(" ")} --split whole a.txt`;
  assertStringIncludes(stdout, `    again: ${again}\n`);
});

Deno.test("replay --listen gives up where no client connects in time", async () => {
  const { status, stdout } = await replay(
    [HELLO],
    ["--timeout", "200ms"],
    () => Promise.resolve(),
  );
  assertEquals(status, 1);
  assertStringIncludes(stdout, "    + no client within 0.2 s\n");
});

Deno.test("replay --listen plays each time to the next who connects", async () => {
  const { status, stdout, said } = await replay(
    [HELLO, HELLO.replace("mx.test", "mx2.test")],
    ["--split", "bytes"],
    async (port) => {
      const greetings = [];
      // Who connects before it is their turn waits.
      const both = [1, 2].map(() => lockstep(port, ["EHLO me.test", "QUIT"]));
      for (const { replies } of await Promise.all(both)) {
        greetings.push(replies[0]);
      }
      return greetings;
    },
  );
  assertEquals(status, 0, stdout);
  assertEquals(said.toSorted(), [
    "220 mx.test ESMTP\r\n",
    "220 mx2.test ESMTP\r\n",
  ]);
});

Deno.test("replay --listen ends with one line where it can't listen", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const { error } = console;
  const said: string[] = [];
  console.error = (line: string) => said.push(line);
  try {
    const address = `127.0.0.1:${port}`;
    const args = ["--as", "relay", "--listen", address, "none.txt"];
    assertEquals(await replayCommand.run(args), 1);
    const problem = "the port is in use already";
    assertEquals(said, [`Cannot listen on "${address}": ${problem}`]);
  } finally {
    console.error = error;
  }
});

Deno.test("listeningOptions() lets a person start the client, unless --timeout says otherwise", () => {
  const names = { string: ["as", "listen", "timeout"] };
  const of = (...args: string[]) => listeningOptions(parseOptions(args, names));
  assertEquals(of(...LISTEN), {
    listen: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
    timeoutMs: 60_000,
  });
  assertEquals(of(...LISTEN, "--timeout", "2s")?.timeoutMs, 2_000);
  assertEquals(of("--as", "relay", "--timeout", "2s"), undefined);
});

Deno.test("trialOptions() names the address as it was given", () => {
  const names = { string: ["as", "listen"] };
  const { command } = trialOptions(parseOptions(LISTEN, names));
  assertEquals(command, `postern replay ${LISTEN.join(" ")}`);
});
