/**
 * A private Postfix: its own configuration, queue and log in a temporary
 * folder, `smtpd` on a loopback port, every recipient of `localhost` and
 * `example.org` delivered into one Maildir.
 *
 * It changes nothing of a message on its own, so that what arrives can be
 * compared byte for byte, and talks to nobody. `master` is run directly, not
 * through the `postfix` command, so that the process started is the process
 * to end. Needs root, as Postfix does.
 *
 * @module
 */

import { dirname } from "node:path";
import { Child, run } from "./child.ts";
import { type Delivery, parseDelivery } from "./delivery.ts";
import { freePort, isListening } from "./port.ts";
import { until } from "./wait.ts";

/** Who owns the Maildir: any user above Postfix's `virtual_minimum_uid`, 100. */
const MAIL_UID = 65_534;

/** Queues that hold a message until it is delivered. */
const QUEUES = ["incoming", "active", "deferred", "hold", "corrupt"];

/** Everything else that Postfix keeps below `queue_directory`. */
const FOLDERS = [...QUEUES, "bounce", "defer", "flush", "private", "saved"]
  .concat("trace");

/** What differs from one use to the other. */
export interface PostfixOptions {
  /** Port of a content filter: `smtpd` becomes its before-queue proxy. */
  readonly proxyFilter?: number;
  /** Parameters of `main.cf`; what stands there already is replaced. */
  readonly settings?: Settings;
  /** Files beside `main.cf`, such as `sasl/smtpd.conf`: path and text. */
  readonly files?: Readonly<Record<string, string>>;
  /** More of `smtpd`, each on a port of its own with parameters of its own. */
  readonly services?: readonly Service[];
}

/** Postfix's parameters and their values. */
export type Settings = Readonly<Record<string, string>>;

/** One more `smtpd`. */
export interface Service {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  /** Its own parameters. */
  readonly settings: Settings;
}

/** A running Postfix. */
export class Postfix implements AsyncDisposable {
  /** Where `smtpd` listens on 127.0.0.1. */
  readonly port: number;
  readonly #folder: string;
  readonly #master: Child;

  private constructor(folder: string, port: number, master: Child) {
    this.#folder = folder;
    this.port = port;
    this.#master = master;
  }

  /** Writes the configuration, starts `master`, waits until `smtpd` accepts. */
  static async start(options: PostfixOptions = {}): Promise<Postfix> {
    const folder = await Deno.makeTempDir({ prefix: "postern-postfix-" });
    const port = freePort();
    await prepare(folder, port, options);
    const daemons = await run("/usr/sbin/postconf", [
      ...["-c", `${folder}/etc`, "-h", "daemon_directory"],
    ]);
    const master = new Child(`${daemons.output.trim()}/master`, [
      ...["-c", `${folder}/etc`],
    ]);
    const postfix = new Postfix(folder, port, master);
    const ports = [port, ...(options.services ?? []).map(({ port }) => port)];
    try {
      for (const port of ports) {
        await until("Postfix to accept", () => isListening(port));
      }
    } catch (error) {
      const log = await postfix.log();
      await postfix[Symbol.asyncDispose]();
      throw new Error(`${log}${master.output}`, { cause: error });
    }
    return postfix;
  }

  /** Process id of `master`, the parent of all others. */
  get pid(): number {
    return this.#master.pid;
  }

  /** What Postfix logged. */
  async log(): Promise<string> {
    return await Deno.readTextFile(`${this.#folder}/log`).catch(() => "");
  }

  /** Takes what has been delivered since the last call, once the queue is empty. */
  async takeDeliveries(atLeast: number): Promise<Delivery[]> {
    const folder = `${this.#folder}/mail/all/new`;
    await until(
      `${atLeast} deliveries and an empty queue`,
      async () => files(folder).length >= atLeast && await this.#isIdle(),
    );
    const deliveries: Delivery[] = [];
    for (const name of files(folder)) {
      const path = `${folder}/${name}`;
      deliveries.push(parseDelivery(await Deno.readFile(path)));
      await Deno.remove(path);
    }
    return deliveries;
  }

  /** Ends Postfix and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#master.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }

  #isIdle(): boolean {
    return QUEUES.every((queue) =>
      files(`${this.#folder}/spool/${queue}`).length === 0
    );
  }
}

/** Files in `folder`, subfolders (Postfix hashes `deferred`) left out. */
function files(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter((entry) => entry.isFile)
      .map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function prepare(
  folder: string,
  port: number,
  options: PostfixOptions,
): Promise<void> {
  const postfix = Number((await run("id", ["-u", "postfix"])).output);
  const postdrop = Number(
    (await run("getent", ["group", "postdrop"])).output.split(":")[2],
  );
  // Postfix's own processes, not root's, must reach what is below.
  await Deno.chmod(folder, 0o755);
  await Deno.mkdir(`${folder}/etc`);
  await Deno.mkdir(`${folder}/data`);
  await Deno.chown(`${folder}/data`, postfix, null);
  await Deno.mkdir(`${folder}/mail`);
  await Deno.chown(`${folder}/mail`, MAIL_UID, MAIL_UID);
  await Deno.mkdir(`${folder}/spool/pid`, { recursive: true });
  for (const name of FOLDERS) {
    await Deno.mkdir(`${folder}/spool/${name}`, { mode: 0o700 });
    await Deno.chown(`${folder}/spool/${name}`, postfix, null);
  }
  for (const name of ["maildrop", "public"]) {
    await Deno.mkdir(`${folder}/spool/${name}`);
    await Deno.chown(`${folder}/spool/${name}`, postfix, postdrop);
    await Deno.chmod(`${folder}/spool/${name}`, 0o710);
  }
  await Deno.writeTextFile(`${folder}/etc/main.cf`, mainCf(folder, options));
  for (const [path, text] of Object.entries(options.files ?? {})) {
    await Deno.mkdir(dirname(`${folder}/etc/${path}`), { recursive: true });
    await Deno.writeTextFile(`${folder}/etc/${path}`, text);
  }
  await Deno.writeTextFile(`${folder}/etc/master.cf`, masterCf(port, options));
}

function mainCf(folder: string, { settings = {} }: PostfixOptions): string {
  const own = Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`).join("");
  const names = Object.keys(settings).join("|");
  return defaultMainCf(folder)
    .replaceAll(new RegExp(`^(?:${names}) =.*\\n`, "gm"), "") + own;
}

function defaultMainCf(folder: string): string {
  return `compatibility_level = 3.6
queue_directory = ${folder}/spool
data_directory = ${folder}/data
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
myhostname = relay.example.org
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
alias_database =
default_transport = discard
smtpd_recipient_restrictions = permit_mynetworks, reject
smtputf8_enable = yes

# Every recipient's own copy goes into one Maildir; Delivered-To tells whose.
virtual_mailbox_domains = localhost, example.org
virtual_mailbox_base = ${folder}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:${MAIL_UID}
virtual_gid_maps = static:${MAIL_UID}
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 0

# As it came: no field added, rewritten or taken away; no pause under load.
local_header_rewrite_clients =
message_drop_headers =
in_flow_delay = 0
`;
}

function masterCf(port: number, options: PostfixOptions): string {
  const { proxyFilter, services = [] } = options;
  const first = proxyFilter === undefined
    ? {}
    : { smtpd_proxy_filter: `127.0.0.1:${proxyFilter}` };
  const servers = [{ port, settings: first }, ...services].map((service) => {
    const settings = Object.entries(service.settings)
      .map(([name, value]) => `\n  -o { ${name} = ${value} }`).join("");
    return `127.0.0.1:${service.port} inet n - n - - smtpd${settings}\n`;
  });
  return `${servers.join("")}cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil    unix - - n - 1 anvil
virtual  unix - n n - - virtual
discard  unix - - n - - discard
error    unix - - n - - error
retry    unix - - n - - error
tlsmgr   unix - - n 1000? 1 tlsmgr
smtp     unix - - n - - smtp
lmtp     unix - - n - - lmtp
postlog  unix-dgram n - n - 1 postlogd
`;
}
