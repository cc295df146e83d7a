/**
 * `deno run -A tools/record_fixtures.ts [NAME…]`: records real mail software
 * anew, all of it or the recordings whose names begin so, into
 * `fixtures/recorded/`. One that says the same as before is left as it is.
 *
 * Nothing is written that does not show what it is named for, does not play
 * back in every split, or tells of this machine. What is not to be had here
 * is named, and its old recordings stay.
 *
 * Needs root, and on this machine swaks, curl, msmtp, Python with Debian's
 * python3-aiosmtpd, Postfix, Node.js with npm, and apt-get, which gets Exim and
 * OpenSMTPD.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { replay, type Split } from "../lib/suite/mod.ts";
import { formatProblem, parseTranscript } from "../lib/transcript/parse.ts";
import { DAEMON_SCENARIOS } from "./recording/scenarios/daemon_scenarios.ts";
import { LIBRARY_SCENARIOS } from "./recording/scenarios/library_scenarios.ts";
import { POSTFIX_SCENARIOS } from "./recording/scenarios/postfix_scenarios.ts";
import { TEST_SERVER_SCENARIOS } from "./recording/scenarios/test_server_scenarios.ts";
import { TOOL_SCENARIOS } from "./recording/scenarios/tool_scenarios.ts";
import { POSTERN_VERSION } from "./recording/software/clients.ts";
import { MissingError } from "./recording/software/packages.ts";
import { Recorder } from "./recording/recorder.ts";
import type {
  ClientScenario,
  RelayScenario,
  Scenario,
} from "./recording/scenarios/scenario.ts";
import { CREDENTIALS, folderIn } from "./recording/software/server.ts";

/** What is recorded against Postern. */
const CLIENTS: readonly ClientScenario[] = [
  ...TOOL_SCENARIOS,
  ...LIBRARY_SCENARIOS,
  ...POSTFIX_SCENARIOS,
];

/** What is recorded with a client in front. */
const RELAYS: readonly RelayScenario[] = [
  ...DAEMON_SCENARIOS,
  ...TEST_SERVER_SCENARIOS,
];

const ROOT = new URL("../", import.meta.url);

/** The ways in which the fixtures are played by `deno task test`. */
const SPLITS: readonly Split[] = [
  ...["whole", "bytes", "pipelined", "every"] as const,
  ...Array.from({ length: 20 }, (_, i): Split => `random:${i + 1}`),
];

/** What came of a scenario. */
type Outcome = "recorded" | "unchanged" | "missing" | "failed";

/** What talked, and what came of it. */
interface Recorded {
  /** The transcript, as the recorder wrote it. */
  readonly text: string;
  /** Client and server with their versions. */
  readonly between: readonly [client: string, server: string];
}

/** What would tell of this machine: its name, where it has one, and paths. */
const TRACES = new RegExp(
  [`\\b${Deno.hostname()}\\b`, fileURLToPath(ROOT), "/tmp/", "/root/", "/home/"]
    .map((trace) => trace.replaceAll(/[.+]/g, "\\$&")).join("|"),
);

/** The passwords, and what AUTH PLAIN and AUTH LOGIN make of them. */
const SECRETS = [CREDENTIALS.password, CREDENTIALS.wrongPassword]
  .flatMap((password) => [
    password,
    encodeURIComponent(password),
    btoa(password),
    btoa(`\0${CREDENTIALS.user}\0${password}`),
  ]);

/** What is another each time and says nothing: times, and ids of messages. */
const VARYING =
  /^@clock .*$|\w{3}, \d{2} \w{3} \d{4} [\d:]{8} [+-]\d{4}|\bqueued as \w+|\bid=[\w-]+/gm;

async function recordClient(
  { toml, relay, talk, client }: ClientScenario,
): Promise<Recorded> {
  await using stack = new AsyncDisposableStack();
  const behind = await relay?.(stack, await folderIn(stack));
  const recorder = stack.use(await Recorder.serve(toml, behind?.port));
  const name = await client();
  await talk(recorder.port, stack);
  const text = await recorder.take();
  const server = `Postern ${POSTERN_VERSION}`;
  return {
    text,
    between: [
      name,
      behind === undefined ? server : `${server} with ${behind.name} behind it`,
    ],
  };
}

async function recordRelay(
  { server, talk, client }: RelayScenario,
): Promise<Recorded> {
  await using stack = new AsyncDisposableStack();
  const { name, port } = await server(stack, await folderIn(stack));
  const recorder = stack.use(await Recorder.between(port));
  const clientName = await client();
  await talk(recorder.port, stack);
  return { text: await recorder.take(), between: [clientName, name] };
}

/** The recording under its own title: its first comment gives way. */
function withTitle({ title }: Scenario, { text, between }: Recorded): string {
  const [client, server] = between;
  return text.replace(
    /^# .*\n/,
    `# ${title}\n# Recorded between ${client} and ${server}.\n`,
  );
}

/** What is wrong with a recording; `undefined`: nothing. */
async function faultOf(
  text: string,
  file: string,
  as: "client" | "relay",
  { shows }: Scenario,
): Promise<string | undefined> {
  if (!shows.test(text)) return `does not show ${shows}:\n${text}`;
  const told = TRACES.exec(text);
  if (told !== null) return `tells of this machine: "${told[0]}"`;
  if (SECRETS.some((secret) => text.includes(secret))) return "holds a secret";
  const parsed = parseTranscript(text, file);
  if (!parsed.ok) {
    return `can't be read: ${parsed.problems.map(formatProblem).join("; ")}`;
  }
  const { failure, skipped } = await replay(parsed.value, {
    as,
    splits: SPLITS,
  });
  if (skipped !== undefined) console.log(`${file}: not played: ${skipped}`);
  if (failure === undefined) return undefined;
  const { way, line, expected, came } = failure;
  return `does not play, ${way}, line ${line}: expected ${expected}, came ${came}`;
}

function withoutVarying(text: string): string {
  // Who hangs up first once all is said is a matter of chance.
  return text.replaceAll(VARYING, "")
    .replace(/^C: QUIT\n[^]*$/m, (end) => end.replaceAll(/^== .*\n/gm, ""));
}

async function make(
  folder: "clients" | "relays",
  scenario: Scenario,
  record: () => Promise<Recorded>,
): Promise<Outcome> {
  const file = `fixtures/recorded/${folder}/${scenario.name}.txt`;
  try {
    const text = withTitle(scenario, await record());
    const as = folder === "clients" ? "client" : "relay";
    const fault = await faultOf(text, file, as, scenario);
    if (fault !== undefined) {
      console.error(`FAILED ${file} ${fault}`);
      return "failed";
    }
    const path = new URL(file, ROOT);
    const isOld = await Deno.readTextFile(path).then(
      (old) => withoutVarying(old) === withoutVarying(text),
      () => false,
    );
    if (!isOld) await Deno.writeTextFile(path, text);
    const outcome = isOld ? "unchanged" : "recorded";
    console.log(`${outcome} ${file}`);
    return outcome;
  } catch (error) {
    const isMissing = error instanceof MissingError;
    const what = isMissing ? "MISSING" : "FAILED";
    console.error(`${what} ${file}`, isMissing ? error.message : error);
    return isMissing ? "missing" : "failed";
  }
}

const isWanted = ({ name }: Scenario) =>
  Deno.args.length === 0 || Deno.args.some((start) => name.startsWith(start));
const counts = { recorded: 0, unchanged: 0, missing: 0, failed: 0 };
for (const folder of ["clients", "relays"]) {
  const path = new URL(`fixtures/recorded/${folder}/`, ROOT);
  await Deno.mkdir(path, { recursive: true });
}
for (const scenario of CLIENTS.filter(isWanted)) {
  counts[await make("clients", scenario, () => recordClient(scenario))]++;
}
for (const scenario of RELAYS.filter(isWanted)) {
  counts[await make("relays", scenario, () => recordRelay(scenario))]++;
}
console.log(
  Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`)
    .join(", "),
);
if (counts.recorded + counts.unchanged === 0 || counts.failed > 0) Deno.exit(1);
