/**
 * A small world of its own for a daemon whose users, paths and host name are
 * compiled in or the machine's: namespaces in which it finds them, while the
 * machine stays as it is. Needs root and `unshare`.
 *
 * @module
 */

import { needPrograms, needRoot } from "./packages.ts";
import { SERVER_HOST } from "./server.ts";

/** User and group id of the first private user; the next ones follow. */
export const FIRST_ID = 64_990;

/**
 * Prepares a world with the machine's users and the given ones.
 *
 * @param users Users, each with a group of its name.
 * @param folder Where the world's files are kept.
 * @returns The program and its arguments that run a shell script in there, as
 *   one process where the script ends in `exec`.
 */
export async function ownWorld(
  users: readonly string[],
  folder: string,
): Promise<(script: string) => [program: string, args: string[]]> {
  needRoot();
  needPrograms("unshare", "mount");
  const ids = users.map((name, i) => `${name}:x:${FIRST_ID + i}:`);
  const [passwd, group] = [`${folder}/passwd`, `${folder}/group`];
  await Deno.writeTextFile(
    passwd,
    await Deno.readTextFile("/etc/passwd") +
      ids.map((id, i) =>
        `${id}${FIRST_ID + i}::/nonexistent:/usr/sbin/nologin\n`
      ).join(""),
  );
  await Deno.writeTextFile(
    group,
    await Deno.readTextFile("/etc/group") +
      ids.map((id) => `${id}\n`).join(""),
  );
  const prologue = `set -e
hostname ${SERVER_HOST}
mount --bind ${passwd} /etc/passwd
mount --bind ${group} /etc/group
`;
  return (script) => ["unshare", [
    ...["--mount", "--uts", "--propagation", "private"],
    ...["sh", "-c", prologue + script],
  ]];
}
