/**
 * The files of the server's TLS: certificates, their keys, and authorities for
 * client certificates.
 *
 * Whether a key fits its certificate, and until when that holds, is checked by
 * the transport, which reads them as TLS does.
 *
 * @module
 */
import type { Config } from "./config.ts";
import type { NamedFiles } from "./files.ts";
import type { Completion } from "./problem.ts";

/** A certificate of the server with its key. */
export interface TlsIdentity {
  /** The certificate and its chain; PEM. */
  readonly certificate: string;
  /** Its private key; PEM. */
  readonly key: string;
  /** The certificate's file, for messages. */
  readonly name: string;
}

/**
 * Reads the server's certificates, the default one first.
 *
 * @param tls The section of the configuration.
 * @param readTextFile Reads a file; what it throws is thrown.
 * @returns None where no certificate is set.
 */
export function readTlsIdentities(
  { certificate, key, certificates }: Config["tls"],
  readTextFile: (path: string) => string,
): TlsIdentity[] {
  if (certificate === "") return [];
  const files = [
    { name: certificate, keyFile: key },
    ...certificates.map((name) => ({ name, keyFile: "" })),
  ];
  return files.map(({ name, keyFile }) => {
    const certificate = readTextFile(name);
    const key = keyFile === "" ? certificate : readTextFile(keyFile);
    return { certificate, key, name };
  });
}

/** Reports what is wrong with the section `tls`. */
export function checkTls(
  tls: Config["tls"],
  { given, report }: Completion,
  files: NamedFiles,
): void {
  const chain = files.certificates("tls.certificate", tls.certificate);
  if (tls.key === "" && chain !== undefined) {
    files.checkKey("tls.certificate", tls.certificate, chain);
  }
  const key = files.read("tls.key", tls.key);
  if (key !== undefined) files.checkKey("tls.key", tls.key, key);
  tls.certificates.forEach((path: string | undefined, i) => {
    if (path === undefined) return; // wrong, which has been reported
    const pem = files.certificates("tls.certificates", path, i);
    if (pem !== undefined) files.checkKey("tls.certificates", path, pem, i);
  });
  files.certificates("tls.ca_file", tls.ca_file);
  const isAsking = tls.client_certificates !== "off";
  const needsCertificate = [
    ...(tls.key === "" ? [] : ["tls.key"]),
    ...(tls.certificates.length === 0 ? [] : ["tls.certificates"]),
    ...(isAsking ? ["tls.client_certificates"] : []),
  ];
  for (const key of tls.certificate === "" ? needsCertificate : []) {
    report.addValue(
      key,
      given.get(key),
      "Cannot use this without a certificate: expected tls.certificate too",
    );
  }
  if (isAsking && tls.ca_file === "" && tls.ca_path === "") {
    const key = "tls.client_certificates";
    report.addValue(
      key,
      given.get(key),
      "Cannot check client certificates: expected tls.ca_file or tls.ca_path",
    );
  }
}
