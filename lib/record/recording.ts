/**
 * One session, recorded: what was said on its wires, and the transcript that
 * becomes of it, without secrets.
 *
 * The rule: while the session runs bytes are copied and stamped, nothing else.
 * All work is in {@linkcode Recording.format}: `conversation.ts` finds the lines,
 * `redaction.ts` takes the secrets out, `variables.ts` what varies, `script.ts`
 * writes; and then the text is searched for what must not be in it.
 *
 * It writes no file.
 *
 * @module
 */

import { MAX_TRANSCRIPT_BYTES } from "../transcript/parse.ts";
import type { End, Wire } from "../transcript/steps.ts";
import { type Conversation, conversationOf } from "./conversation.ts";
import { Redaction } from "./redaction.ts";
import { formatConversation } from "./script.ts";
import { Tape } from "./tape.ts";
import { placeVariables } from "./variables.ts";

export { SecretLeftError } from "./redaction.ts";

/**
 * Most CRs and LFs in all that was said: four times what 4 MiB of usual lines
 * have. To look for secrets over more of them takes seconds.
 */
const MAX_LINE_ENDS = 500_000;

/** What a recording is made with. */
export interface RecordingOptions {
  /** What the session shows, or where it comes from: the first comment. */
  readonly title: string;
  /** The transcript's settings, in their order; values as they stand there. */
  readonly settings: readonly {
    /** The key, without `@`. */
    readonly key: string;
    /** The value. */
    readonly text: string;
  }[];
  /** Values that variables stand for, such as `id` and `host`. */
  readonly variables: Readonly<Record<string, string>>;
  /** Secrets that are known beforehand, such as the relay's password. */
  readonly secrets?: readonly string[];
  /** The time, in ms. */
  now(): number;
  /** Most that it holds, in bytes. */
  readonly maxBytes: number;
}

/** A transcript that may be written down. */
export interface FormattedRecording {
  /** The transcript. */
  readonly text: string;
  /** What must not be found in its file; never to be logged. */
  readonly secrets: readonly string[];
}

/**
 * Records one session.
 *
 * @example
 * ```ts ignore
 * const recording = new Recording(options);
 * recording.said("client", "server", greeting);
 * recording.ended("client", "close");
 * const { text } = recording.format();
 * ```
 */
export class Recording {
  readonly #options: RecordingOptions;
  readonly #tape: Tape;

  /**
   * Begins with nothing said.
   *
   * @param options What is known of the session, and how much may be held.
   */
  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#tape = new Tape(options.maxBytes);
  }

  /** How much it holds, in bytes. */
  get bytes(): number {
    return this.#tape.heldBytes;
  }

  /** Whether more was said than it may hold; it has let go of everything then. */
  get isIncomplete(): boolean {
    return this.#tape.isFull;
  }

  /**
   * Takes a copy of what was said.
   *
   * @param wire The connection.
   * @param from The end that said it.
   * @param bytes What it said, cut anywhere.
   */
  said(wire: Wire, from: End, bytes: Uint8Array): void {
    this.#tape.say(wire, from, bytes, this.#options.now());
  }

  /** Both ends of a wire go over to TLS. */
  secured(wire: Wire): void {
    this.#tape.add({ kind: "tls", wire, at: this.#options.now() });
  }

  /**
   * A connection has ended; once more only counts when something was said since.
   *
   * @param wire The connection.
   * @param how By its server, by its client, or broken.
   */
  ended(wire: Wire, how: "close" | "eof" | "reset"): void {
    this.#tape.add({ kind: how, wire, at: this.#options.now() });
  }

  /**
   * Writes the transcript.
   *
   * @returns Its text and what it must not hold.
   * @throws {SecretLeftError} It holds a secret: it must not be written down.
   * @throws {RangeError} It is incomplete, longer than a transcript may be, or
   * has too many line ends or secrets.
   */
  format(): FormattedRecording {
    const formatting = this.formatting();
    for (;;) {
      const { done, value } = formatting.next();
      if (done) return value;
    }
  }

  /**
   * {@linkcode Recording.format} in small steps, between which others may work.
   */
  *formatting(): Generator<undefined, FormattedRecording> {
    if (this.isIncomplete) {
      throw new RangeError("Cannot write the transcript: expected all of it");
    }
    const { title, settings, variables, secrets = [] } = this.#options;
    const conversation = yield* conversationOf(this.#tape);
    yield;
    if (hasTooManyLineEnds(conversation)) {
      throw new RangeError(
        `Cannot write the transcript: expected at most ${MAX_LINE_ENDS} line ends`,
      );
    }
    const redaction = new Redaction(conversation, secrets);
    yield* redaction.redact(conversation);
    yield* placeVariables(conversation, variables);
    const comment = redaction.mask(title).replaceAll(/\p{Cc}+/gu, " ");
    const steps = yield* formatConversation(conversation);
    const head = settings.map(({ key, text }) =>
      `@${key} ${redaction.mask(text)}\n`
    );
    if (steps.isUnsplit && !settings.some(({ key }) => key === "split")) {
      head.push("@split none\n");
    }
    const text = `# ${comment}\n${head.join("")}\n${steps.text}`;
    if (text.length > MAX_TRANSCRIPT_BYTES) {
      throw new RangeError(
        `Cannot write the transcript: expected at most ${MAX_TRANSCRIPT_BYTES} bytes`,
      );
    }
    return { text, secrets: yield* redaction.check(text) };
  }
}

/** Whether there are more CRs and LFs than a moment is enough for. */
function hasTooManyLineEnds({ streams }: Conversation): boolean {
  let count = 0;
  for (const { text } of streams) {
    for (const end of ["\r", "\n"]) {
      let at = text.indexOf(end);
      for (
        ;
        at >= 0 && count <= MAX_LINE_ENDS;
        at = text.indexOf(end, at + 1)
      ) {
        count++;
      }
    }
  }
  return count > MAX_LINE_ENDS;
}
