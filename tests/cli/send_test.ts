import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { sendCommand } from "../../lib/cli/send.ts";
import { UsageError } from "../../lib/cli/usage.ts";
import { Outputs } from "./output.ts";
import { OFFERS, ScriptedRelay } from "../support/scripted_relay.ts";

/** Runs the command with a configuration and a message of its own. */
async function send(
  args: string[],
  toml: string,
): Promise<{ status: number; stdout: string }> {
  const folder = await Deno.makeTempDir();
  using outputs = new Outputs();
  try {
    await Deno.writeTextFile(`${folder}/postern.toml`, toml);
    await Deno.writeTextFile(`${folder}/message`, "Subject: x\n\nHello.\n");
    const status = await sendCommand.run([
      ...["--from", "a@b.test", "--to", "c@d.test"],
      ...["-c", `${folder}/postern.toml`],
      ...args,
      `${folder}/message`,
    ]);
    return { status, stdout: outputs.stdout };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** With a certificate that nobody has signed, what does a URL's password do? */
const CASES: [toml: string, status: number, isSent: boolean][] = [
  ["", 1, false],
  ['[relay]\ntls = "verified"\n', 1, false],
  ['[relay]\ntls = "required"\n', 0, true],
  ['[relay]\nurl = "plain.test"\n', 1, false],
];

for (const [toml, status, isSent] of CASES) {
  Deno.test(`send ${isSent ? "gives" : "keeps"} the password of --server to a server whose certificate doesn't hold, with ${JSON.stringify(toml)}`, async () => {
    await using relay = new ScriptedRelay([{
      certificate: "self_signed",
      offers: [...OFFERS, "AUTH PLAIN"],
    }]);
    const url = `plain://user:secret@127.0.0.1:${relay.port}`;
    const result = await send(["--server", url], toml);
    assertEquals(result.status, status);
    if (!isSent) assertStringIncludes(result.stdout, "not sent, at STARTTLS");
    const commands = relay.peers.flatMap(({ commands }) => commands);
    assertEquals(commands.some((line) => /^AUTH/.test(line)), isSent);
  });
}

const WRONG: [args: string[], problem: string][] = [
  [
    ["--from", "a b@c.test"],
    'Cannot parse address "a b@c.test": expected "@" at column 2',
  ],
  [["--to", "@"], 'Cannot parse address "@": expected a local part'],
  [["--server", "ftp://me:secret@c.test"], "Cannot parse the server: expected"],
];

for (const [args, problem] of WRONG) {
  Deno.test(`send ${args[0]} ${args[1]} is wrong use`, async () => {
    const error = await assertRejects(
      () => send(args, ""),
      UsageError,
      problem,
    );
    assert(!error.message.includes("secret"));
  });
}
