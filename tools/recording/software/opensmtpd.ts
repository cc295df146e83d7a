/**
 * OpenSMTPD, unpacked from Debian's package and run from there.
 *
 * @module
 */

import { Child } from "../../../tests/real/support/child.ts";
import { freePort } from "../../../tests/real/support/port.ts";
import { ownWorld } from "./own_world.ts";
import { unpackDebian, versionOf } from "./packages.ts";
import {
  listening,
  MAX_MESSAGE_BYTES,
  REFUSED,
  SERVER_HOST,
  type Start,
} from "./server.ts";

/** OpenSMTPD. */
export const opensmtpd: Start = async (stack, folder) => {
  await unpackDebian(["opensmtpd"], folder);
  const port = freePort();
  await Deno.writeTextFile(
    `${folder}/smtpd.conf`,
    `smtp max-message-size ${MAX_MESSAGE_BYTES}
table blocked { "${REFUSED.sender}" }
table users { "recipient@example.org" = nobody, "other@example.org" = nobody }
listen on 127.0.0.1 port ${port} hostname ${SERVER_HOST}
action "deliver" maildir "${folder}/mail" virtual <users>
match mail-from <blocked> for any reject
match from any for domain "example.org" action "deliver"
`,
  );
  const world = await ownWorld(["opensmtpd", "opensmtpq"], folder);
  const program = `${folder}/usr/sbin/smtpd`;
  const version = await versionOf(
    /version: OpenSMTPD ([\w.]+)/,
    program,
    "-h",
  );
  // Its folders are compiled in: these are empty, and its own.
  const child = new Child(...world(`
for path in /var/lib /var/spool /run /usr/libexec; do
  mount -t tmpfs -o mode=755 none $path
done
mkdir -p /var/lib/opensmtpd/empty /usr/libexec/opensmtpd
mkdir -m 711 /var/spool/smtpd
mount --bind ${folder}/usr/libexec/opensmtpd /usr/libexec/opensmtpd
exec ${program} -d -f ${folder}/smtpd.conf`));
  return await listening(stack, child, { name: `OpenSMTPD ${version}`, port });
};
