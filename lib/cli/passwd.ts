/**
 * `postern passwd`: a user's line for `auth.users_file`.
 *
 * @module
 */

import { makeHash, parseUserName } from "../auth/make_hash.ts";
import { formatUserLine } from "../auth/user_line.ts";
import { writeUser, WriteUserError } from "../auth/write_user.ts";
import type { Secret } from "../secret.ts";
import { InputError, readHiddenLine } from "./hidden_line.ts";
import { type Command, parseOptions, print, say, UsageError } from "./usage.ts";

/** Makes a line of the users' file. */
export const passwdCommand: Command = {
  summary: "set a user's password for logging in",
  usage: "passwd [--mechanism scram|plain] NAME [FILE]",
  help: `  NAME         the user, as "joe" or "joe@example.org"
  FILE         the users' file, auth.users_file, in which the user's line is
               put or replaced; default: the line is printed
  --mechanism  scram: a salted hash, for all but CRAM-MD5 (the default);
               plain: the password itself, for CRAM-MD5 too

The password is asked for twice, or is the one line of standard input where
that is no terminal.

Example:
  postern passwd joe@example.org users.toml`,
  async run(args) {
    const options = parseOptions(args, { string: ["mechanism"] }, 2);
    const kind = options.value("mechanism") ?? "scram";
    if (kind !== "scram" && kind !== "plain") {
      throw new UsageError(
        `Unknown mechanism "${kind}": expected scram or plain`,
      );
    }
    const [given, file] = options.rest;
    if (given === undefined) throw new UsageError("No user: expected NAME");
    const name = parseUserName(given);
    if (name === undefined) {
      throw new UsageError(
        "Cannot use the name: expected 1 to 255 bytes without control characters",
      );
    }
    try {
      const hash = await makeHash(askPassword(name), kind);
      if (file === undefined) {
        print(formatUserLine(name, hash));
        return 0;
      }
      const isReplaced = await writeUser(file, name, hash);
      say(`${isReplaced ? "Changed" : "Added"} ${JSON.stringify(name)}.`);
      return 0;
    } catch (error) {
      const isRefusal = error instanceof InputError ||
        error instanceof WriteUserError || error instanceof TypeError;
      if (!isRefusal) throw error;
      say(error.message);
      return 1;
    }
  },
};

function askPassword(name: string): Secret {
  const password = readHiddenLine(`Password of ${name}: `);
  if (!Deno.stdin.isTerminal()) return password;
  const again = readHiddenLine("Once more: ");
  if (again.reveal() === password.reveal()) return password;
  throw new InputError("The two passwords are not the same");
}
