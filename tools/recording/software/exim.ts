/**
 * Exim, unpacked from Debian's package and run from there.
 *
 * @module
 */

import { Child } from "../../../tests/real/support/child.ts";
import { freePort } from "../../../tests/real/support/port.ts";
import { FIRST_ID, ownWorld } from "./own_world.ts";
import { unpackDebian, versionOf } from "./packages.ts";
import {
  listening,
  type MailServer,
  MAX_MESSAGE_BYTES,
  REFUSED,
  SERVER_HOST,
  type Start,
} from "./server.ts";

/** Exim. */
export const exim: Start = (stack, folder) => startExim(stack, folder, {});

/** Exim, which refuses every connection. */
export const eximClosed: Start = (stack, folder) =>
  startExim(stack, folder, {
    connect: "deny message = Go away, nobody at home",
  });

/** Exim, which offers STARTTLS with a certificate that it makes itself. */
export const eximWithTls: Start = (stack, folder) =>
  startExim(stack, folder, { tlsTo: "*" });

async function startExim(
  stack: AsyncDisposableStack,
  folder: string,
  { connect = "accept", tlsTo = "" },
): Promise<MailServer> {
  await unpackDebian(["exim4-daemon-light"], folder);
  const program = `${folder}/usr/sbin/exim4`;
  const port = freePort();
  const { sender, recipient, full } = REFUSED;
  await Deno.writeTextFile(
    `${folder}/exim.conf`,
    `primary_hostname = ${SERVER_HOST}
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
pid_file_path = ${folder}/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = ${tlsTo}
queue_only
message_size_limit = ${MAX_MESSAGE_BYTES}
acl_smtp_connect = acl_connect
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
begin acl
acl_connect:
  ${connect}
acl_mail:
  deny senders = ${sender}
       message = Sender refused here
  accept
acl_rcpt:
  deny recipients = ${recipient}
       message = No such user
  defer recipients = ${full}
       message = Mailbox full
  require message = Relaying denied
          domains = example.org
  accept
acl_data:
  deny condition = \${if match{$h_Subject:}{Refused}}
       message = Not with that subject
  accept
begin routers
begin transports
`,
  );
  await Deno.mkdir(`${folder}/spool`);
  await Deno.chown(`${folder}/spool`, FIRST_ID, FIRST_ID);
  const world = await ownWorld(["Debian-exim"], folder);
  const command = `exec ${program} -C ${folder}/exim.conf`;
  const [unshare, args] = world(`${command} -bV`);
  const version = await versionOf(/^Exim version (\S+)/m, unshare, ...args);
  const child = new Child(...world(`${command} -bdf`));
  return await listening(stack, child, { name: `Exim ${version}`, port });
}
