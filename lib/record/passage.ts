/**
 * Passes on what a client and a server say to each other, until both have
 * ended.
 *
 * The rule: each end's pace is the other's, and an end that has said its last
 * still hears the rest. An end that is lost is not made up for: what the other
 * end said by then still arrives.
 *
 * @module
 */

import type { Connection } from "../transport/connection.ts";
import type { Sweep } from "../transport/sweep.ts";
import { StartTlsWatch } from "./starttls_watch.ts";

/** What is passed on at a time, in bytes. */
const BUFFER_BYTES = 64 * 1_024;

/**
 * How long both ends may be silent, in ms: longer than any wait of theirs (RFC
 * 5321 section 4.5.3.2.6 has the longest, ten minutes), so that only one is
 * ended whose peer is gone without a word.
 */
const SILENCE_MS = 11 * 60 * 1_000;

/** How long a client may stay once its server has gone, in ms. */
const LINGER_MS = 30_000;

/** What a passage needs. */
export interface PassageOptions {
  /** Watches the deadlines. */
  readonly sweep: Sweep;
  /** Called before anything passes that can't be read any more. */
  onEncrypted(): void;
}

/** Passes on, and closes both in the end; never rejects. */
export async function pass(
  client: Connection,
  server: Connection,
  { sweep, onEncrypted }: PassageOptions,
): Promise<void> {
  const ends = [client, server];
  const stir = (ms = SILENCE_MS) => {
    for (const end of ends) end.readBy = end.writeBy = sweep.now() + ms;
  };
  stir();
  for (const end of ends) sweep.add(end);
  const watch = new StartTlsWatch();
  await Promise.all([
    pump(client, server, (bytes) => {
      stir();
      watch.heed(bytes);
      return server.write(bytes);
    }),
    pump(server, client, (bytes) => {
      stir();
      const passed = watch.filter(bytes);
      if (passed.length === 0) return;
      const written = client.write(passed);
      // Not once it is written: the client's next bytes are TLS already.
      if (watch.isEncrypted) onEncrypted();
      return written;
    }, async () => {
      stir(LINGER_MS);
      const held = watch.flush();
      if (held.length > 0) await client.write(held);
    }),
  ]);
  for (const end of ends) {
    end.close();
    sweep.delete(end);
  }
}

/** Passes on all that `source` says, and then that it has ended. */
async function pump(
  source: Connection,
  target: Connection,
  write: (bytes: Uint8Array) => Promise<void> | void,
  finish: () => Promise<void> | void = () => {},
): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  try {
    for (let count; (count = await read(source, target, buffer)) !== null;) {
      await write(buffer.subarray(0, count));
    }
    await finish();
    await target.closeWrite();
  } catch {
    // A target that takes nothing any more may have left a last word, which
    // the other direction reads to its end.
  }
}

/** A source that breaks takes its target with it. */
async function read(
  source: Connection,
  target: Connection,
  into: Uint8Array,
): Promise<number | null> {
  try {
    return await source.read(into);
  } catch (error) {
    target.close();
    throw error;
  }
}
