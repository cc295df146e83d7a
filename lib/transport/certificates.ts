/**
 * Reads and checks the certificates and keys that a TLS server shows, and picks
 * one by the name a client asks for.
 *
 * The rule it keeps: the runtime takes anything and lets the handshakes fail
 * later, so all that can be known at start is found out here, and said in words
 * with the file's name.
 *
 * Not here: whether anybody trusts them; revocation.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** A certificate chain and the key that belongs to it. */
export interface TlsIdentity {
  /** The chain in PEM, the server's own certificate first. */
  readonly certificate: string;
  /** The key in PEM; not an encrypted one. */
  readonly key: string;
  /** The file they come from, for error texts. */
  readonly name: string;
}

/** Certificates or keys can't be used. */
export class CertificateError extends Error {
  /** The class's name. */
  override name = "CertificateError";
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];

  /**
   * Creates one.
   *
   * @param problems What is wrong, a sentence each.
   */
  constructor(problems: readonly string[]) {
    super(problems.join("; "));
    this.problems = problems;
  }
}

/** How long before its end a certificate is warned of, in ms: two weeks, so that a renewal that failed once is seen. */
const WARN_BEFORE_MS = 14 * 24 * 60 * 60 * 1_000;

const PEM_CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * The certificates in a text, in their order; anything else in it is skipped.
 *
 * @param text PEM blocks, with what else may stand between them.
 * @returns The certificates' PEM blocks.
 */
export function splitCertificates(text: string): string[] {
  return text.match(PEM_CERTIFICATE) ?? [];
}

/** What {@linkcode checkIdentity} found. */
export interface CheckedIdentity {
  /** Why it can't be used, a sentence each. */
  readonly problems: readonly string[];
  /** What the operator should know, a sentence each. */
  readonly warnings: readonly string[];
  /** The names it is for, in lower case; `*.` before those with a wildcard. */
  readonly names: readonly string[];
}

/**
 * Checks that a chain and a key can be shown to clients.
 *
 * @param identity The chain and the key.
 * @param now The time, in ms since the epoch.
 */
export function checkIdentity(
  identity: TlsIdentity,
  now: number,
): CheckedIdentity {
  const refused = (problem: string) => ({
    problems: [`Cannot use "${identity.name}": ${problem}`],
    warnings: [],
    names: [],
  });
  const blocks = splitCertificates(identity.certificate);
  if (blocks.length === 0) return refused("it holds no certificate in PEM");
  const chain: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      chain.push(new X509Certificate(block));
    } catch {
      return refused(`its ${nth(index)} certificate cannot be read`);
    }
  }
  let key: KeyObject;
  try {
    // The runtime looks at the first block only, which may be a certificate.
    key = createPrivateKey(KEY.exec(identity.key)?.[0] ?? "");
  } catch {
    return refused(keyProblemOf(identity.key));
  }
  const problem = pairProblemOf(chain, key, now) ?? runtimeProblemOf(identity);
  if (problem !== undefined) return refused(problem);
  const warnings = chainWarnings(chain, now)
    .map((warning) => `${identity.name}: ${warning}`);
  return { problems: [], warnings, names: namesOf(chain[0]!) };
}

/** A key as PEM, which may stand in one file with its chain. */
const KEY =
  /-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----/s;

function keyProblemOf(pem: string): string {
  // PKCS #8 says it in the label, the older forms in a header (RFC 1421).
  if (/BEGIN ENCRYPTED|Proc-Type:.*ENCRYPTED/.test(pem)) {
    return "its key is encrypted: expected a key without a passphrase";
  }
  return /BEGIN [A-Z ]*PRIVATE KEY/.test(pem)
    ? "its key cannot be read"
    : "there is no private key in PEM";
}

/** What is wrong with the server's own certificate or its key. */
function pairProblemOf(
  chain: readonly X509Certificate[],
  key: KeyObject,
  now: number,
): string | undefined {
  const own = chain[0]!;
  if (!own.checkPrivateKey(key)) {
    const fitting = chain.findIndex((each) => each.checkPrivateKey(key));
    return fitting < 0
      ? "the key belongs to another certificate"
      : `the key belongs to its ${nth(fitting)} certificate: expected that ` +
        "one first, then those that signed it";
  }
  if (now > Date.parse(own.validTo)) {
    return `its certificate has expired on ${own.validTo}`;
  }
  if (now < Date.parse(own.validFrom)) {
    return `its certificate is not valid before ${own.validFrom}`;
  }
  return undefined;
}

/**
 * What the runtime has against the pair, such as a kind of key that it does not
 * know. Only a listener checks it; this one is closed before anyone could come.
 */
function runtimeProblemOf(identity: TlsIdentity): string | undefined {
  const { certificate: cert, key } = identity;
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
    return undefined;
  } catch (error) {
    // Without leave to listen there, the checks above have to do.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    return error instanceof Error ? error.message : String(error);
  }
}

function chainWarnings(
  chain: readonly X509Certificate[],
  now: number,
): string[] {
  const warnings: string[] = [];
  for (const [index, each] of chain.entries()) {
    if (now > Date.parse(each.validTo)) {
      warnings.push(
        `its ${nth(index)} certificate has expired on ${each.validTo}`,
      );
    }
    const issuer = chain[index + 1];
    if (issuer !== undefined && !each.checkIssued(issuer)) {
      warnings.push(
        `its ${nth(index + 1)} certificate did not sign the one before it`,
      );
    }
  }
  const { validTo } = chain[0]!;
  if (now > Date.parse(validTo) - WARN_BEFORE_MS) {
    warnings.push(`its certificate expires on ${validTo}`);
  }
  return warnings;
}

/** The DNS names of a certificate; its common name only where it has none (RFC 6125 section 6.4.4). */
function namesOf({ subjectAltName, subject }: X509Certificate): string[] {
  const names = [...(subjectAltName ?? "").matchAll(/(?:^|, )DNS:([^,"]+)/g)];
  const found = names.length > 0
    ? names
    : [...subject.matchAll(/^CN=([^\s,+]+)$/gm)];
  return found.map(([, name]) => name!.toLowerCase());
}

function nth(index: number): string {
  return ["first", "second", "third"][index] ?? `${index + 1}th`;
}
