/**
 * Reads the certificates of authorities, from a file and from a folder.
 *
 * The rule it keeps: what the operator named is trusted, and no less. A file
 * that holds none, or one that cannot be read, is told at start; left out in
 * silence, it would show in handshakes that fail.
 *
 * Not here: who they are trusted by; revocation lists, which are skipped.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { splitCertificates } from "./certificates.ts";

/** Where authorities' certificates are. */
export interface RootsPlace {
  /** A file of PEM blocks; empty for none. */
  readonly file: string;
  /** A folder of such files; empty for none. */
  readonly path: string;
}

/** Most files of a folder that are read; a system's own has some three hundred, each under two names. */
const MAX_FILES = 4_096;

/** Longest file, in bytes; a system's whole bundle has a quarter of it. */
const MAX_FILE_BYTES = 1_024 * 1_024;

/** Names of certificates in a folder: by their ending, or hashed as `c_rehash` names its links. */
const CERTIFICATE_NAME = /\.(pem|crt|cer)$|^[0-9a-f]{8}\.\d+$/;

/**
 * Reads all certificates that are there, each once. In the folder, other files
 * and those without a certificate, such as keys, are skipped.
 *
 * @param place Where they are.
 * @returns PEM texts, one certificate each.
 * @throws {Error} If they cannot be read, or there are none.
 */
export function readRoots({ file, path }: RootsPlace): readonly string[] {
  const fromFile = file === "" ? [] : certificatesOf(file);
  if (file !== "" && fromFile.length === 0) {
    throw new Error(`Cannot use "${file}": it holds no certificate in PEM`);
  }
  const fromPath = path === "" ? [] : filesOf(path).flatMap(certificatesOf);
  if (path !== "" && fromPath.length === 0) {
    throw new Error(
      `Cannot use "${path}": expected certificates in files named "*.pem", ` +
        '"*.crt", "*.cer" or by their hash',
    );
  }
  return [...new Set([...fromFile, ...fromPath])];
}

function filesOf(path: string): string[] {
  try {
    // A link counts by its own name, and is read as what it leads to.
    const names = [...Deno.readDirSync(path)]
      .filter(({ isDirectory }) => !isDirectory)
      .map(({ name }) => name)
      .filter((name) => CERTIFICATE_NAME.test(name))
      .sort();
    if (names.length > MAX_FILES) {
      throw new Error(
        `${names.length} certificates: expected at most ${MAX_FILES}`,
      );
    }
    return names.map((name) => `${path.replace(/\/+$/, "")}/${name}`);
  } catch (error) {
    throw new Error(`Cannot read "${path}": ${problemOf(error)}`, {
      cause: error,
    });
  }
}

function certificatesOf(file: string): string[] {
  let text: string;
  try {
    const { size, isFile } = Deno.statSync(file);
    if (!isFile) throw new Error("it is no file");
    if (size > MAX_FILE_BYTES) {
      throw new Error(`${size} bytes: expected at most ${MAX_FILE_BYTES}`);
    }
    text = Deno.readTextFileSync(file);
  } catch (error) {
    throw new Error(`Cannot read "${file}": ${problemOf(error)}`, {
      cause: error,
    });
  }
  const blocks = splitCertificates(text);
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch (cause) {
    throw new Error(`Cannot use "${file}": a certificate in it is broken`, {
      cause,
    });
  }
  return blocks.map((block) => block.replaceAll("\r\n", "\n"));
}

function problemOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "it does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "no permission";
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\).*$/, "");
}
