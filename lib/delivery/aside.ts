/**
 * What Maildir and mbox have in common: a message is written aside first, in a
 * file under a name that no other delivery has, and becomes a delivered one at
 * once or not at all.
 *
 * @module
 */

/** A message written aside. */
export interface Aside {
  /** Where it is written, at its end. */
  readonly file: Deno.FsFile;
  /**
   * Makes a delivered message of it, and resolves when that would outlive a
   * loss of power.
   *
   * @returns The path of the file that holds the message now.
   */
  commit(): Promise<string>;
  /** Takes back what is there of it. Never throws. */
  discard(): Promise<void>;
}

let counter = 0;

/**
 * Makes a file name that was never used on this host: the Maildir convention's
 * time, process and counter, and 64 random bits in the place of its others.
 *
 * @param hostname This host's name, for those who read the folder.
 */
export function uniqueName(hostname: string): string {
  const now = Date.now();
  const seconds = Math.floor(now / 1_000);
  const microseconds = (now % 1_000) * 1_000;
  const [random] = crypto.getRandomValues(new BigUint64Array(1));
  // The convention's escapes: "/" parts folders, ":" begins the flags.
  const host = hostname.replaceAll("/", "\\057").replaceAll(":", "\\072");
  return `${seconds}.M${microseconds}P${Deno.pid}Q${++counter}` +
    `R${random!.toString(16)}.${host}`;
}

/** Writes all of `bytes`: one write may take only a part. */
export async function writeAll(
  file: Deno.FsFile,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await file.write(bytes.subarray(at));
  }
}

/** Brings the names in a folder to the disk: those of files new or renamed. */
export async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}
