/**
 * The certificates of `tests/transport/certs`, as a configuration names them.
 *
 * @module
 */

import { join } from "node:path";

const FOLDER = new URL("../transport/certs/", import.meta.url).pathname;

/** The path of a file there. */
export function certsFile(name: string): string {
  return join(FOLDER, name);
}

/** The section `tls` of a server with the certificate `name`. */
export function tlsOf(name: string): { certificate: string; key: string } {
  return {
    certificate: certsFile(`${name}.pem`),
    key: certsFile(`${name}.key`),
  };
}

/** The text of a file there. */
export function certsText(name: string): string {
  return Deno.readTextFileSync(certsFile(name));
}

/** Who signed the servers' certificates. */
export const CA: string = certsText("ca.pem");
