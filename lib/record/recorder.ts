/**
 * Keeps the recordings of all sessions, and writes each down when its session
 * has ended.
 *
 * The rule: whatever becomes of recordings, sessions go on. Transcripts are made
 * one at a time, in small slices, when no session has anything to say; at the
 * latest when one has waited for a second, or many wait. What is held and
 * what waits to be written is bounded; beyond that a recording is given up, and
 * one that can't be written is lost. The log says so; the next is tried again.
 *
 * @module
 */

import type { Log } from "../log/log.ts";
import {
  type FormattedRecording,
  Recording,
  type RecordingOptions,
} from "./recording.ts";
import { type RecordingKeeper, SessionRecording } from "./session_recording.ts";
import { transcriptName, writeTranscript } from "./transcript_file.ts";

/**
 * Most that is recorded of one session on all its wires, in bytes. A message
 * counts twice, coming and going.
 */
export const MAX_SESSION_BYTES = 4 * 1_024 * 1_024;

/** Most that is held of all sessions together, in bytes. */
export const MAX_TOTAL_BYTES = 64 * 1_024 * 1_024;

/** Most recordings that wait to be written: some seconds of a busy server. */
export const MAX_PENDING = 4_096;

/** Most files written at once: the disk gains nothing by more. */
const MAX_WRITERS = 4;

/** How long sessions wait for a slice of a transcript, in ms. */
const SLICE_MS = 2;

/** How long a transcript waits for sessions that have something to say, in ms. */
const MAX_DELAY_MS = 1_000;

/** The part of what may wait, or may be held, that may wait for sessions. */
const PATIENT_PART = 1 / 2;

/** How a recorder keeps its bounds; for tests, that reach them sooner. */
export interface RecorderOptions {
  /** Where it says what is lost. */
  readonly log: Log;
  /** The clock, in ms since the epoch. @default {Date.now} */
  readonly now?: (() => number) | undefined;
  /** Lets all that is due run. @default a turn of the event loop */
  readonly giveWay?: () => Promise<void>;
  /** @default {MAX_SESSION_BYTES} */
  readonly maxSessionBytes?: number;
  /** @default {MAX_TOTAL_BYTES} */
  readonly maxTotalBytes?: number;
  /** @default {MAX_PENDING} */
  readonly maxPending?: number;
}

/** What is known of a session beforehand. */
export interface RecordedSession
  extends Pick<RecordingOptions, "title" | "settings" | "variables"> {
  /** The folder its transcript goes to. */
  readonly folder: string;
  /** Its id. */
  readonly id: string;
  /** What must never be in the transcript. */
  readonly secrets?: readonly string[];
}

/** A recording that waits to be written. */
interface Pending {
  readonly session: SessionRecording;
  /** Told the file's path once it is there, or that there is none. */
  readonly done: (path: string | undefined) => void;
}

/** The recordings of one server. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #now: () => number;
  readonly #keeper: RecordingKeeper;
  readonly #pending: Pending[] = [];
  readonly #writers = new Set<Promise<void>>();
  /** Writers that look for the next one to write. */
  #busy = 0;
  #heldBytes = 0;
  /** How often a session has said something. */
  #saidCount = 0;
  /** Those who wait until all is written. */
  #settling = 0;
  /** Ends when the transcript is made that is being made. */
  #turn: Promise<unknown> = Promise.resolve();

  /** A recorder that holds nothing yet. */
  constructor(options: RecorderOptions) {
    const { now = Date.now, maxTotalBytes = MAX_TOTAL_BYTES, log } = options;
    this.#options = options;
    this.#now = now;
    this.#keeper = {
      now,
      hold: (bytes) => {
        this.#saidCount++;
        return (this.#heldBytes += bytes) <= maxTotalBytes;
      },
      release: (bytes) => void (this.#heldBytes -= bytes),
      incomplete: (session, reason) =>
        log.child(session).warn("recording-incomplete", { reason }),
    };
  }

  /** How much is held of sessions that are not written yet, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Begins the recording of a session. */
  begin(session: RecordedSession): SessionRecording {
    const { folder, id } = session;
    const { maxSessionBytes: maxBytes = MAX_SESSION_BYTES } = this.#options;
    const path = `${folder}/${transcriptName(this.#now(), id)}`;
    const recording = new Recording({ ...session, now: this.#now, maxBytes });
    return new SessionRecording({ id, path }, recording, this.#keeper);
  }

  /**
   * Has the recording of a session written, which has ended.
   *
   * @returns Its file's path; `undefined` where there is none. Never rejects.
   */
  end(session: SessionRecording): Promise<string | undefined> {
    session.end();
    const { maxPending = MAX_PENDING } = this.#options;
    if (this.#pending.length >= maxPending) {
      session.giveUp("too many wait to be written");
    }
    // Where nobody has said anything there is no transcript.
    if (session.recording?.bytes === 0) session.drop();
    if (session.recording === undefined) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#pending.push({ session, done: resolve });
    if (this.#busy < MAX_WRITERS) {
      const writer = this.#write().finally(() => this.#writers.delete(writer));
      this.#writers.add(writer);
    }
    return promise;
  }

  /** Resolves once all that has ended by now is written, or lost. */
  async settled(): Promise<void> {
    this.#settling++;
    while (this.#writers.size > 0) await Promise.all(this.#writers);
    this.#settling--;
  }

  async #write(): Promise<void> {
    this.#busy++;
    for (let next; (next = this.#pending.shift()) !== undefined;) {
      const { session, done } = next;
      done(await this.#writeOne(session));
    }
    this.#busy--;
  }

  async #writeOne(session: SessionRecording): Promise<string | undefined> {
    const { id, path, recording, lastComment } = session;
    try {
      const { text, secrets } = await this.#inTurn(() =>
        this.#format(recording!)
      );
      session.drop();
      const end = lastComment === undefined ? "" : `# ${lastComment}\n`;
      await writeTranscript(path, text + end, secrets);
      return path;
    } catch (error) {
      session.drop();
      const reason = error instanceof Error ? error.message : String(error);
      const log = this.#options.log.child(id);
      log.error("recording-failed", { file: path, reason });
      return undefined;
    }
  }

  #inTurn<T>(make: () => Promise<T>): Promise<T> {
    const made = this.#turn.then(make);
    this.#turn = made.catch(() => {});
    return made;
  }

  async #format(recording: Recording): Promise<FormattedRecording> {
    const latest = performance.now() + MAX_DELAY_MS;
    const formatting = recording.formatting();
    for (;;) {
      await this.#lull(latest);
      const sliceEnd = performance.now() + SLICE_MS;
      do {
        const { done, value } = formatting.next();
        if (done) return value;
      } while (performance.now() < sliceEnd);
    }
  }

  /** Gives way to sessions, until none has said anything in the meantime. */
  async #lull(latest: number): Promise<void> {
    const { giveWay = turn } = this.#options;
    for (;;) {
      const before = this.#saidCount;
      await giveWay();
      if (this.#saidCount === before || this.#isPressed) return;
      if (performance.now() >= latest) return;
    }
  }

  /** Whether nothing may wait for sessions any more. */
  get #isPressed(): boolean {
    const { maxPending = MAX_PENDING, maxTotalBytes = MAX_TOTAL_BYTES } =
      this.#options;
    return this.#settling > 0 ||
      this.#pending.length > maxPending * PATIENT_PART ||
      this.#heldBytes > maxTotalBytes * PATIENT_PART;
  }
}

/** One turn of the event loop, in which sockets are read and written. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
