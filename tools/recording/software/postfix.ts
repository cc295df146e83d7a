/**
 * A private Postfix: `smtpd` on a loopback port, and a queue that hands what
 * it took to `smtp`, or throws it away.
 *
 * The one of `tests/real/` takes everything and keeps it; this one refuses, and
 * sends. Needs root, as Postfix does.
 *
 * @module
 */

import { Child, run } from "../../../tests/real/support/child.ts";
import { freePort } from "../../../tests/real/support/port.ts";
import { SmtpSink } from "../../../tests/real/support/smtp_sink.ts";
import { needPrograms, needRoot, versionOf } from "./packages.ts";
import {
  listening,
  type MailServer,
  MAX_MESSAGE_BYTES,
  REFUSED,
  SERVER_HOST,
  type Start,
} from "./server.ts";

/** Postfix as a relay: its `smtpd` refuses what the others refuse. */
export const postfixSmtpd: Start = async (stack, folder) => {
  const { sender, recipient, full } = REFUSED;
  return await startPostfix(
    stack,
    folder,
    `myhostname = ${SERVER_HOST}
message_size_limit = ${MAX_MESSAGE_BYTES}
mynetworks = 192.0.2.0/24
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:all
virtual_transport = discard
default_transport = discard
smtpd_delay_reject = no
smtpd_sender_restrictions =
  check_sender_access inline:{ {${sender} = 550 5.7.1 Sender refused here} }
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{
  {${recipient} = 550 5.1.1 No such user} {${full} = 452 4.2.2 Mailbox full} }
`,
  );
};

/** Postfix as a client: what its `smtpd` takes goes to `port`. */
export function postfixTo(port: number, clientHost: string): Start {
  return async (stack, folder) => {
    // No line that differs from one recording to the next.
    const checks = `${folder}/checks`;
    await Deno.writeTextFile(checks, "/^Received:/ IGNORE\n");
    // The sender has an entry of its own: bounces stay here.
    return await startPostfix(
      stack,
      folder,
      `myhostname = ${clientHost}
mynetworks = 127.0.0.0/8
smtp_header_checks = regexp:${checks}
default_transport = smtp:[127.0.0.1]:${port}
transport_maps = inline:{ {sender@example.org = discard:} }
`,
    );
  };
}

/** `smtp-sink`, told what to refuse by its own options. */
export function smtpSink(...options: readonly string[]): Start {
  return async (stack) => {
    const name = `smtp-sink of Postfix ${await postfixVersion()}`;
    const started = await SmtpSink.start(["-h", SERVER_HOST, ...options]);
    return { name, port: stack.use(started).port };
  };
}

/** Version of the Postfix that is installed. */
export async function postfixVersion(): Promise<string> {
  needPrograms("postconf", "smtp-sink", "smtp-source");
  return await versionOf(/= (\S+)/, "/usr/sbin/postconf", "-d", "mail_version");
}

async function startPostfix(
  stack: AsyncDisposableStack,
  folder: string,
  settings: string,
): Promise<MailServer> {
  needRoot();
  const name = `Postfix ${await postfixVersion()}`;
  const port = freePort();
  const etc = `${folder}/etc`;
  await Deno.mkdir(etc);
  await Deno.mkdir(`${folder}/spool`);
  await Deno.writeTextFile(`${etc}/main.cf`, mainCf(folder) + settings);
  await Deno.writeTextFile(`${etc}/master.cf`, masterCf(port));
  // Makes what is missing below, with the owners that Postfix asks for.
  const check = await run("/usr/sbin/postfix", ["-c", etc, "check"]);
  if (check.code !== 0) throw new Error(check.output);
  const daemons = await run("/usr/sbin/postconf", [
    ...["-c", etc, "-h", "daemon_directory"],
  ]);
  const child = new Child(`${daemons.output.trim()}/master`, ["-c", etc]);
  return await listening(stack, child, { name, port });
}

function mainCf(folder: string): string {
  return `compatibility_level = 3.6
queue_directory = ${folder}/spool
data_directory = ${folder}/data
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
alias_database =
smtputf8_enable = yes
local_header_rewrite_clients =
in_flow_delay = 0
`;
}

function masterCf(port: number): string {
  return `127.0.0.1:${port} inet n - n - - smtpd
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil    unix - - n - 1 anvil
smtp     unix - - n - - smtp
discard  unix - - n - - discard
error    unix - - n - - error
retry    unix - - n - - error
postlog  unix-dgram n - n - 1 postlogd
`;
}
