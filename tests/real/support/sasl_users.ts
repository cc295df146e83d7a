/**
 * Users of Cyrus SASL in a database in a temporary folder, and how a
 * Postfix is told to look there.
 *
 * Every mechanism that Debian's libsasl2-modules has and that needs nothing but
 * a password: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-256. Needs sasl2-bin, and root.
 *
 * @module
 */

import { run } from "./child.ts";
import type { PostfixOptions } from "./postfix.ts";

/** Domain of every user; logins may leave it out. */
const REALM = "example.org";

const DATABASE = "sasldb2";

/** Mechanisms that are offered. */
export const SASL_MECHANISMS = [
  "PLAIN",
  "LOGIN",
  "CRAM-MD5",
  "SCRAM-SHA-256",
] as const;

/** Users, each with a password, in plain: the mechanisms need it. */
export class SaslUsers implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder; `passwords` by user. */
  static async make(
    passwords: Readonly<Record<string, string>>,
  ): Promise<SaslUsers> {
    const folder = await Deno.makeTempDir({ prefix: "postern-sasl-" });
    const users = new SaslUsers(folder);
    try {
      const database = `${folder}/${DATABASE}`;
      for (const [user, password] of Object.entries(passwords)) {
        const { code, output } = await run("/usr/sbin/saslpasswd2", [
          ...["-f", database, "-p", "-c", "-u", REALM, user],
        ], { stdin: new TextEncoder().encode(password) });
        if (code !== 0) throw new Error(output);
      }
      const postfix = Number((await run("id", ["-u", "postfix"])).output);
      await Deno.chown(database, postfix, null);
      await Deno.chmod(folder, 0o755);
    } catch (error) {
      await users[Symbol.asyncDispose]();
      throw error;
    }
    return users;
  }

  /** What Postfix must be told. */
  get options(): PostfixOptions {
    return {
      settings: {
        smtpd_sasl_auth_enable: "yes",
        smtpd_sasl_local_domain: REALM,
      },
      // Debian's Postfix looks nowhere else.
      files: {
        "sasl/smtpd.conf": `pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: ${this.#folder}/${DATABASE}
mech_list: ${SASL_MECHANISMS.join(" ")}
`,
      },
    };
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
