/**
 * Certificates of a test's own authority, made by openssl into a temporary
 * folder: the good one and those that must not hold, a client's, and another
 * authority that nobody trusts.
 *
 * Not for tests without openssl; `tests/transport/certs` has some that are
 * made already.
 *
 * @module
 */

import { run } from "./child.ts";

/** The name that the good certificates are for, beside `localhost` and 127.0.0.1. */
export const SERVER_NAME = "mx.example.org";

/** The name that `other` is for: another server, or the same under SNI. */
export const OTHER_NAME = "other.example.net";

/** Subject alternative names of the good server. */
const GOOD = `DNS:${SERVER_NAME},DNS:localhost,IP:127.0.0.1`;

/** What is made: its names, and how it differs from the good one. */
const LEAVES = {
  server: { names: GOOD },
  other: { names: `DNS:${OTHER_NAME}` },
  expired: { names: GOOD, from: "20200101000000Z", to: "20210101000000Z" },
  client: { names: "email:client@example.org", usage: "clientAuth" },
  /** Signed by the authority that nobody trusts. */
  foreign: { names: GOOD, ca: "foreign_ca" },
  foreign_client: {
    names: "email:client@example.org",
    usage: "clientAuth",
    ca: "foreign_ca",
  },
} as const satisfies Record<string, Leaf>;

interface Leaf {
  readonly names: string;
  readonly usage?: string;
  readonly ca?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Names the certificates that there are. */
export type LeafName = keyof typeof LEAVES;

/** A folder of certificates: `ca.pem`, `foreign_ca.pem`, and each leaf. */
export class Certificates implements AsyncDisposable {
  /** Where they are; readable for all, as servers change their user. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes them; some 0.2 s. */
  static async make(): Promise<Certificates> {
    const folder = await Deno.makeTempDir({ prefix: "postern-certificates-" });
    await Deno.chmod(folder, 0o755);
    const made = new Certificates(folder);
    try {
      for (const ca of ["ca", "foreign_ca"]) await makeAuthority(folder, ca);
      for (const [name, leaf] of Object.entries(LEAVES)) {
        await makeLeaf(folder, name, leaf);
      }
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
    return made;
  }

  /** The authority's own certificate, PEM; `foreign_ca`: the other's. */
  authority(name: "ca" | "foreign_ca" = "ca"): string {
    return `${this.folder}/${name}.pem`;
  }

  /** Path of a certificate, PEM. */
  certificate(name: LeafName): string {
    return `${this.folder}/${name}.pem`;
  }

  /** Path of its key, PEM, PKCS #8, not encrypted. */
  key(name: LeafName): string {
    return `${this.folder}/${name}.key`;
  }

  /** Path of key and certificate in one file, as Postfix wants its chains. */
  chain(name: LeafName): string {
    return `${this.folder}/${name}.chain`;
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function openssl(...args: readonly string[]): Promise<void> {
  const { code, output } = await run("openssl", args);
  if (code !== 0) throw new Error(`openssl ${args[0]}: ${output}`);
}

/** A fresh P-256 key, for `openssl req`. */
function newKey(path: string): string[] {
  return [
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-noenc", "-keyout", path],
  ];
}

async function makeAuthority(folder: string, name: string): Promise<void> {
  await openssl("req", "-x509", ...newKey(`${folder}/${name}.key`), ...[
    ...["-out", `${folder}/${name}.pem`, "-subj", `/CN=Postern test ${name}`],
    ...["-days", "3650", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  ]);
  // What `openssl ca` keeps: the only command that takes dates.
  await Deno.writeTextFile(`${folder}/${name}.index`, "");
}

async function makeLeaf(
  folder: string,
  name: string,
  leaf: Leaf,
): Promise<void> {
  const { names, usage = "serverAuth", ca = "ca" } = leaf;
  const path = `${folder}/${name}`;
  await Deno.writeTextFile(
    `${path}.cnf`,
    `[ca]
default_ca = own
[own]
database = ${folder}/${ca}.index
new_certs_dir = ${folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = leaf
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = ${usage}
subjectAltName = ${names}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`,
  );
  await openssl("req", "-new", ...newKey(`${path}.key`), ...[
    ...["-out", `${path}.csr`, "-subj", `/CN=${name}`],
  ]);
  await openssl("ca", "-batch", "-notext", ...[
    ...["-config", `${path}.cnf`, "-in", `${path}.csr`, "-out", `${path}.pem`],
    ...["-cert", `${folder}/${ca}.pem`, "-keyfile", `${folder}/${ca}.key`],
    ...(leaf.from === undefined
      ? ["-days", "365"]
      : ["-startdate", leaf.from, "-enddate", leaf.to!]),
  ]);
  const key = await Deno.readTextFile(`${path}.key`);
  const certificate = await Deno.readTextFile(`${path}.pem`);
  await Deno.writeTextFile(`${path}.chain`, key + certificate, { mode: 0o600 });
}
