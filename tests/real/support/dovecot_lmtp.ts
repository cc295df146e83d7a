/**
 * Dovecot as LMTP server: it answers for each recipient on its own, knows only
 * the users it is told, and keeps their mail in a temporary folder. Needs root.
 *
 * @module
 */

import { Child, run } from "./child.ts";
import { freePort, isListening } from "./port.ts";
import { until } from "./wait.ts";

/** Who owns the mail: any user above Dovecot's `first_valid_uid`. */
const MAIL_UID = 65_534;

/** A running Dovecot that speaks nothing but LMTP. */
export class DovecotLmtp implements AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly #folder: string;
  readonly #child: Child;

  private constructor(port: number, folder: string, child: Child) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  /** Starts it, for `users` by their whole addresses. */
  static async start(users: readonly string[]): Promise<DovecotLmtp> {
    const folder = await Deno.makeTempDir({ prefix: "postern-dovecot-" });
    const port = freePort();
    await Deno.chmod(folder, 0o755);
    await Deno.mkdir(`${folder}/mail`);
    await Deno.chown(`${folder}/mail`, MAIL_UID, MAIL_UID);
    await Deno.writeTextFile(
      `${folder}/users`,
      users.map((user) => `${user}::${MAIL_UID}:${MAIL_UID}::::\n`).join(""),
    );
    await Deno.writeTextFile(`${folder}/dovecot.conf`, conf(folder, port));
    const child = new Child("/usr/sbin/dovecot", [
      ...["-F", "-c", `${folder}/dovecot.conf`],
    ]);
    const dovecot = new DovecotLmtp(port, folder, child);
    try {
      await until("Dovecot to accept", async () => {
        if (child.status !== undefined) throw new Error("Dovecot ended");
        return await isListening(port);
      });
    } catch (error) {
      const log = await dovecot.log();
      await dovecot[Symbol.asyncDispose]();
      throw new Error(log + child.output, { cause: error });
    }
    return dovecot;
  }

  /** What it logged. */
  async log(): Promise<string> {
    return await Deno.readTextFile(`${this.#folder}/log`).catch(() => "");
  }

  /** Texts of what `user` has; delivered before the client heard of it. */
  async mail(user: string): Promise<string[]> {
    const folder = `${this.#folder}/mail/${user}/new`;
    const texts: string[] = [];
    try {
      for await (const { name } of Deno.readDir(folder)) {
        texts.push(await Deno.readTextFile(`${folder}/${name}`));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return texts;
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    await run("rm", ["-rf", this.#folder]);
  }
}

function conf(folder: string, port: number): string {
  return `protocols = lmtp
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
ssl = no
mail_location = maildir:${folder}/mail/%u
postmaster_address = postmaster@example.org
hostname = lmtp.example.org
recipient_delimiter =
lmtp_save_to_detail_mailbox = no
default_internal_user = dovecot
default_login_user = dovenull
userdb {
  driver = passwd-file
  args = ${folder}/users
}
passdb {
  driver = passwd-file
  args = ${folder}/users
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`;
}
