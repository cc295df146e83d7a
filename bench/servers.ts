/**
 * What is compared: each server on a loopback port, and the process ids whose
 * CPU time is its own.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Child, missing, run } from "../tests/real/support/child.ts";
import { freePort, isListening } from "../tests/real/support/port.ts";
import { Postern } from "../tests/real/support/postern.ts";
import { Postfix } from "../tests/real/support/postfix.ts";
import { SMTP_SINK } from "../tests/real/support/smtp_sink.ts";
import { until } from "../tests/real/support/wait.ts";

/** Names of the servers, as the table has them. */
export type ServerName =
  | "smtp-sink"
  | "smtp-server (Node)"
  | "Postern, accepting"
  | "Postfix proxy to smtp-sink"
  | "Postern to smtp-sink";

/** A server under load. */
export interface BenchServer {
  /** As the table has it. */
  readonly name: ServerName;
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  /** The process whose time, with its children's, is the server's. */
  readonly pid: number;
}

/** npm package that is compared, and its version. */
const SMTP_SERVER = "smtp-server@3.21.6";

/** Accepts and throws away; all else as the package has it. */
const SMTP_SERVER_PROGRAM = `
const { SMTPServer } = require("smtp-server");
new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  onData(stream, session, done) {
    stream.on("data", () => {});
    stream.on("end", done);
  },
}).listen(Number(process.argv[2]), "127.0.0.1");
`;

/** Connections that may wait to be accepted by smtp-sink. */
const BACKLOG = "1000";

/** Starts every server that this machine has the programs for, for `stack` to end. */
export async function startServers(
  stack: AsyncDisposableStack,
): Promise<BenchServer[]> {
  const servers: BenchServer[] = [];
  const add = (name: ServerName, port: number, pid: number) =>
    servers.push({ name, port, pid });
  const child = async (
    program: string,
    args: (port: number) => string[],
    cwd?: string,
  ) => {
    const port = freePort();
    const started = stack.use(new Child(program, args(port), cwd));
    await until(`${program} to listen`, () => {
      if (started.status !== undefined) throw new Error(started.output);
      return isListening(port);
    });
    return { port, pid: started.pid };
  };

  const folder = await Deno.makeTempDir({ prefix: "postern-bench-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const sink = await child(SMTP_SINK, (port) => [
    ...(Deno.uid() === 0 ? ["-u", "nobody"] : []),
    `127.0.0.1:${port}`,
    BACKLOG,
  ]);
  add("smtp-sink", sink.port, sink.pid);

  if (missing("node", "npm").length === 0) {
    await installSmtpServer(folder);
    const node = await child("node", (port) => ["main.cjs", `${port}`], folder);
    add("smtp-server (Node)", node.port, node.pid);
  } else say("No Node.js here: smtp-server is left out");

  const accept = fileURLToPath(new URL("accept.ts", import.meta.url));
  const accepting = await child(
    Deno.execPath(),
    (port) => ["run", "--allow-all", accept, `${port}`, `${folder}/accept.log`],
  );
  add("Postern, accepting", accepting.port, accepting.pid);

  if (Deno.uid() === 0 && missing("postfix").length === 0) {
    const postfix = stack.use(await Postfix.start({ proxyFilter: sink.port }));
    add("Postfix proxy to smtp-sink", postfix.port, postfix.pid);
  } else say("No Postfix here, or not root: it is left out");

  // A pipe into this process would take time from all that is measured.
  const toml = `[log]\nfile = "${folder}/relay.log"\n`;
  const relaying = stack.use(await Postern.start({ relay: sink.port, toml }));
  add("Postern to smtp-sink", relaying.port, relaying.pid);
  return servers;
}

async function installSmtpServer(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/main.cjs`, SMTP_SERVER_PROGRAM);
  const { code, output } = await run("npm", [
    ...["install", "--prefix", folder, "--no-audit", "--no-fund"],
    SMTP_SERVER,
  ]);
  if (code !== 0) throw new Error(`npm install ${SMTP_SERVER}: ${output}`);
}

/** Tells the user; standard output is for the result. */
export function say(text: string): void {
  console.error(text);
}
