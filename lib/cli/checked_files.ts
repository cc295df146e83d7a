/**
 * Checks what only those who use them can tell of the files that a
 * configuration names: whether keys fit, certificates hold, users can be read.
 *
 * Whether the files are there, and hold what they should, is the loader's.
 *
 * @module
 */

import { readUsersFile, UsersFileError } from "../auth/users_file.ts";
import type { Config } from "../config/config.ts";
import type { Problem } from "../config/problem.ts";
import { readTlsIdentities } from "../config/tls_files.ts";
import { readRoots } from "../transport/roots.ts";
import { CertificateError, ServerTls } from "../transport/server_tls.ts";
import { reasonOf } from "./usage.ts";

/** What is to be said of the files. */
export interface CheckedFiles {
  /** What the server would not start with. */
  readonly problems: readonly Problem[];
  /** What works but should not stay so. */
  readonly warnings: readonly Problem[];
}

/**
 * Checks the files of a configuration that is valid itself.
 *
 * @param config The configuration.
 * @param file Its own file's name, for messages.
 */
export async function checkFiles(
  config: Config,
  file: string,
): Promise<CheckedFiles> {
  const { tls, relay, auth } = config;
  const problems: Problem[] = [];
  const at = (key: string) => (problem: string): Problem => ({
    ...{ file, line: 0, column: 0 },
    ...{ key, problem },
  });
  const roots = (
    key: string,
    { ca_file, ca_path }: typeof relay | typeof tls,
  ) => {
    try {
      return readRoots({ file: ca_file, path: ca_path });
    } catch (error) {
      problems.push(at(key)(reasonOf(error)));
      return [];
    }
  };
  roots("relay.ca_path", relay);
  const refuse = (each: readonly string[]) =>
    problems.push(...each.map(at("tls.certificate")));
  const warnings = tlsWarnings(config, roots("tls.ca_path", tls), refuse)
    .map(at("tls.certificate"));
  if (auth.users_file !== "") {
    try {
      const read = await readUsersFile(auth.users_file);
      warnings.push(...read.warnings.map(at("auth.users_file")));
    } catch (error) {
      if (!(error instanceof UsersFileError)) throw error;
      problems.push(...error.problems.map(at("auth.users_file")));
    }
  }
  return { problems, warnings };
}

function tlsWarnings(
  { tls }: Config,
  caCerts: readonly string[],
  refuse: (problems: readonly string[]) => void,
): readonly string[] {
  if (tls.certificate === "") return [];
  try {
    const { warnings } = new ServerTls({
      identities: readTlsIdentities(tls, Deno.readTextFileSync),
      clientCertificates: tls.client_certificates,
      caCerts,
      minVersion: tls.protocols.min,
      maxVersion: tls.protocols.max,
    });
    return warnings;
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    refuse(error.problems);
    return [];
  }
}
