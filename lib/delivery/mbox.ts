/**
 * A message into an mbox: written aside in an unnamed file beside it, appended
 * at the end under a lock, synced.
 *
 * The rule: messages never mix, and one that can't be appended whole is cut off
 * again. Where a crash has left a piece at the end, the next message begins on
 * a line of its own.
 *
 * The lock is flock(2), as `FsFile.lock` takes it. Programs that lock with
 * fcntl(2) or a `.lock` file alone don't heed it: give those a Maildir.
 *
 * @module
 */

import { dirname } from "node:path";
import { type Aside, syncFolder, uniqueName, writeAll } from "./aside.ts";

/** Mail is its owner's alone. */
const FILE_MODE = 0o600;

/**
 * Longest wait for the lock: a mail reader rewrites a large mbox in less, and
 * the client waits ten minutes for its 250 (RFC 5321 section 4.5.3.2.6).
 */
const LOCK_TIMEOUT_MS = 30_000;

/** Time between two tries: a lock can't be waited for without a thread. */
const LOCK_RETRY_MS = 20;

/** One read and write of the copy. */
const COPY_BYTES = 64 * 1_024;

const LF = 0x0a;

/**
 * Begins a message.
 *
 * @param mbox The mbox's path; made at the first message.
 * @param from The line that sets messages apart, from {@linkcode fromLine}.
 * @param lockTimeout How long another program may keep the lock, in ms.
 * @throws {Deno.errors.NotFound} And other file errors, as they come.
 */
export async function openMbox(
  mbox: string,
  from: string,
  lockTimeout: number = LOCK_TIMEOUT_MS,
): Promise<Aside> {
  const path = `${mbox}.${uniqueName("postern")}`;
  const file = await Deno.open(path, {
    read: true,
    write: true,
    createNew: true,
    mode: FILE_MODE,
  });
  try {
    // Without a name it is gone with this process, however that ends.
    await Deno.remove(path);
  } catch (error) {
    file.close();
    throw error;
  }
  return new MboxAside(mbox, from, lockTimeout, file);
}

/**
 * Writes the line that begins a message in an mbox.
 *
 * @param sender The reverse-path, empty for bounces.
 */
export function fromLine(sender: string, date: Date): string {
  const [weekday, day, month, year, time] = date.toUTCString().split(/,? /);
  // Readers split the line at spaces, which a quoted local part may hold.
  const address = sender.replaceAll(/[\s\p{Cc}]/gu, "?") || "MAILER-DAEMON";
  const shortDay = String(Number(day)).padStart(2);
  return `From ${address} ${weekday} ${month} ${shortDay} ${time} ${year}\n`;
}

class MboxAside implements Aside {
  readonly file: Deno.FsFile;
  readonly #mbox: string;
  readonly #from: string;
  readonly #lockTimeout: number;
  #isOpen = true;

  constructor(
    mbox: string,
    from: string,
    lockTimeout: number,
    file: Deno.FsFile,
  ) {
    this.#mbox = mbox;
    this.#from = from;
    this.#lockTimeout = lockTimeout;
    this.file = file;
  }

  async commit(): Promise<string> {
    const deadline = Date.now() + this.#lockTimeout;
    await inTurn(this.#mbox, () => this.#append(deadline));
    this.#close();
    return this.#mbox;
  }

  discard(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  async #append(deadline: number): Promise<void> {
    using mbox = await Deno.open(this.#mbox, {
      read: true,
      append: true,
      create: true,
      mode: FILE_MODE,
    });
    // Closing gives the lock back.
    await lock(mbox, deadline);
    const { size } = await mbox.stat();
    try {
      const gap = await gapAtEnd(mbox, size);
      await writeAll(mbox, new TextEncoder().encode(gap + this.#from));
      await copy(this.file, mbox);
      await writeAll(mbox, Uint8Array.of(LF));
      await mbox.syncData();
      if (size === 0) await syncFolder(dirname(this.#mbox));
    } catch (error) {
      // Where even that fails, the first error is the one to tell, and the next
      // message begins on a line of its own.
      await mbox.truncate(size).catch(() => {});
      throw error;
    }
  }

  #close(): void {
    if (this.#isOpen) this.file.close();
    this.#isOpen = false;
  }
}

/** What is missing of the empty line before the next message. */
async function gapAtEnd(mbox: Deno.FsFile, size: number): Promise<string> {
  if (size === 0) return "";
  const tail = new Uint8Array(Math.min(size, 2));
  await mbox.seek(-tail.length, Deno.SeekMode.End);
  await mbox.read(tail);
  if (tail.at(-1) !== LF) return "\n\n";
  return tail.length === 2 && tail[0] !== LF ? "\n" : "";
}

async function copy(from: Deno.FsFile, to: Deno.FsFile): Promise<void> {
  const buffer = new Uint8Array(COPY_BYTES);
  await from.seek(0, Deno.SeekMode.Start);
  for (;;) {
    const length = await from.read(buffer);
    if (length === null) return;
    await writeAll(to, buffer.subarray(0, length));
  }
}

async function lock(file: Deno.FsFile, deadline: number): Promise<void> {
  while (!await file.tryLock(true)) {
    if (Date.now() >= deadline) {
      throw new Deno.errors.TimedOut(
        "Cannot lock the mbox: another program has kept the lock too long",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
  }
}

/** The last of those that wait for each mbox. */
const LAST = new Map<string, Promise<void>>();

/**
 * Runs the deliveries of this process into one mbox in the order of their
 * coming, so that only the first of them tries for the lock. Each has an
 * earlier deadline than the next, so none waits for the lock much longer than
 * its own.
 */
async function inTurn(path: string, run: () => Promise<void>): Promise<void> {
  const turn = (LAST.get(path) ?? Promise.resolve()).then(run);
  const over = turn.catch(() => {});
  LAST.set(path, over);
  try {
    await turn;
  } finally {
    if (LAST.get(path) === over) LAST.delete(path);
  }
}
