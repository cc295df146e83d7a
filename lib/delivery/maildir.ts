/**
 * A message into a Maildir: written in `tmp`, synced, renamed into `new`.
 *
 * The rule: whoever looks into `new` sees whole messages only, and once
 * {@linkcode Aside.commit} has resolved the message is there after a loss of
 * power too. A crash before the rename leaves a file in `tmp`, which readers of
 * Maildir remove when it is 36 hours old.
 *
 * The Maildir is made where it is missing, not the folders above it: a mistyped
 * path or a disk that is not mounted is an error, not a new place for mail.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { type Aside, syncFolder, uniqueName } from "./aside.ts";

/** Mail is its owner's alone. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Begins a message.
 *
 * @param maildir The Maildir's path.
 * @param hostname This host's name, a part of the file's name.
 * @throws {Deno.errors.NotADirectory} And other file errors, as they come.
 */
export async function openMaildir(
  maildir: string,
  hostname: string,
): Promise<Aside> {
  const name = uniqueName(hostname);
  const path = join(maildir, "tmp", name);
  const file = await orMake(
    maildir,
    () => Deno.open(path, { write: true, createNew: true, mode: FILE_MODE }),
  );
  return new MaildirAside(maildir, name, path, file);
}

class MaildirAside implements Aside {
  readonly file: Deno.FsFile;
  readonly #maildir: string;
  readonly #name: string;
  #path: string;
  #isOpen = true;

  constructor(
    maildir: string,
    name: string,
    path: string,
    file: Deno.FsFile,
  ) {
    this.#maildir = maildir;
    this.#name = name;
    this.#path = path;
    this.file = file;
  }

  async commit(): Promise<string> {
    await this.file.syncData();
    this.#close();
    const path = join(this.#maildir, "new", this.#name);
    await orMake(this.#maildir, () => Deno.rename(this.#path, path));
    this.#path = path;
    await syncFolder(dirname(path));
    return path;
  }

  async discard(): Promise<void> {
    this.#close();
    try {
      await Deno.remove(this.#path);
    } catch {
      // Gone already, or the folder is: there is nobody who could do more.
    }
  }

  #close(): void {
    if (this.#isOpen) this.file.close();
    this.#isOpen = false;
  }
}

/** Does what needs the Maildir; where that is missing, makes it and tries again. */
async function orMake<T>(
  maildir: string,
  attempt: () => Promise<T>,
): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await makeFolder(maildir);
    for (const name of ["tmp", "new", "cur"]) {
      await makeFolder(join(maildir, name));
    }
    return await attempt();
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw error;
  }
  await syncFolder(dirname(path));
}
