/**
 * The server's log: one line an event, with the session's id on each line.
 *
 * Lines of one turn of the event loop are gathered and written at its end with
 * one system call, synchronously; an error writes at once. A busy log may gather
 * for longer (`gatherMs`). Whatever ends the process but a SIGKILL, `Deno.exit()`
 * or an uncaught error, what waits is written first.
 *
 * The log never throws into its caller: lines that a full disk or a closed pipe
 * did not take are counted, and the count is the first line that it takes again.
 *
 * @module
 */

import {
  formatLine,
  type LogFields,
  type LogFormat,
  type LogLevel,
} from "./line.ts";
import { type LogSink, memorySink, stderrSink } from "./sink.ts";

export type { LogFields, LogFormat, LogLevel } from "./line.ts";
export {
  fileSink,
  type LogSink,
  type MemorySink,
  memorySink,
  stderrSink,
} from "./sink.ts";

/** What a log may be told. */
export interface LogOptions {
  /**
   * The least level that is written; `"off"`: none.
   * @default {"info"}
   */
  readonly level?: LogLevel | "off";
  /**
   * How lines are printed.
   * @default {"text"}
   */
  readonly format?: LogFormat;
  /**
   * Where lines go; the log closes it. By default to standard error.
   */
  readonly sink?: LogSink;
  /**
   * How long lines may gather where one was written less than so long ago, in
   * ms; 0: to the end of the turn. A system call a line is a good part of what
   * a message costs.
   * @default {0}
   */
  readonly gatherMs?: number;
  /**
   * The clock, in milliseconds since the epoch.
   * @default {Date.now}
   */
  readonly now?: () => number;
}

/**
 * Characters, about, that may wait for the end of the turn: a turn that logs
 * more is written in pieces.
 */
const MAX_WAITING_CHARS = 64 * 1_024;

/** What comes before the process ends; all but `unload` only if nobody helps. */
const ENDS = ["unload", "error", "unhandledrejection"];

const ENCODER = new TextEncoder();

const RANKS = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  off: 4,
} as const satisfies Record<LogLevel | "off", number>;

/**
 * Writes events as lines.
 *
 * @example A session's log
 * ```ts ignore
 * const log = new Log({ level: "debug", sink: fileSink("postern.log") });
 * const session = log.child("4F2A91");
 * session.info("message", { from: "<a@example.org>", size: 1024 });
 * log.close();
 * ```
 */
export class Log {
  readonly #writer: Writer;
  #session = "";

  /**
   * Makes a log.
   *
   * @param options What it writes, how and where; or a log to share all that with
   */
  constructor(options: LogOptions | Log = {}) {
    this.#writer = options instanceof Log
      ? options.#writer
      : new Writer(options);
  }

  /** Whether `debug()` writes: for callers that would build fields first. */
  get isDebug(): boolean {
    return this.#writer.rank <= RANKS.debug;
  }

  /**
   * Makes a log that shares everything with this one and puts a session's id on
   * each line. It costs one small object and needs no closing.
   *
   * @param session The session's id
   * @returns The session's log
   */
  child(session: string): Log {
    const child = new Log(this);
    child.#session = session;
    return child;
  }

  /** Writes what only helps to find a fault. */
  debug(event: string, fields?: LogFields): void {
    if (this.#writer.rank > RANKS.debug) return;
    this.#writer.add("debug", this.#session, event, fields);
  }

  /** Writes what happens every day. */
  info(event: string, fields?: LogFields): void {
    if (this.#writer.rank > RANKS.info) return;
    this.#writer.add("info", this.#session, event, fields);
  }

  /** Writes what the operator may want to look into. */
  warn(event: string, fields?: LogFields): void {
    if (this.#writer.rank > RANKS.warn) return;
    this.#writer.add("warn", this.#session, event, fields);
  }

  /** Writes, at once, what is broken; errors among the fields with their stack. */
  error(event: string, fields?: LogFields): void {
    if (this.#writer.rank > RANKS.error) return;
    this.#writer.add("error", this.#session, event, fields);
    this.#writer.flush();
  }

  /** Writes now what waits for the end of the turn. */
  flush(): void {
    this.#writer.flush();
  }

  /**
   * Opens the file anew, after logrotate has moved it. Where that fails the log
   * says so and goes on in the old one.
   */
  reopen(): void {
    this.#writer.reopen();
  }

  /**
   * Changes what is given, for this log and all that share with it. A new sink
   * takes over after the old one got its last line and was closed.
   *
   * @param options The new settings; what is left out stays
   */
  change(options: LogOptions): void {
    this.#writer.change(options);
  }

  /** Writes what waits and closes the sink; later events are dropped. */
  close(): void {
    this.#writer.close();
  }
}

/**
 * Makes a log that writes nothing, for tests and for embedding.
 *
 * @returns The log
 */
export function silentLog(): Log {
  return new Log({ level: "off", sink: memorySink() });
}

/** What a log and its children share. */
class Writer {
  rank: number;
  #format: LogFormat;
  #sink: LogSink;
  #now: () => number;
  #gatherMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushedAt = -Infinity;
  #waiting = "";
  #lines = 0;
  #lost = 0;
  #reason: unknown;
  #scheduled = false;
  #listening = false;
  #closed = false;
  #second = NaN;
  #prefix = "";

  constructor(options: LogOptions) {
    this.rank = RANKS[options.level ?? "info"];
    this.#format = options.format ?? "text";
    this.#sink = options.sink ?? stderrSink();
    this.#now = options.now ?? Date.now;
    this.#gatherMs = options.gatherMs ?? 0;
  }

  add(
    level: LogLevel,
    session: string,
    event: string,
    fields: LogFields | undefined,
  ): void {
    this.#waiting += this.#print(level, session, event, fields);
    this.#lines++;
    if (this.#waiting.length >= MAX_WAITING_CHARS) this.flush();
    else if (!this.#scheduled) this.#schedule();
  }

  readonly flush = (): void => {
    this.#scheduled = false;
    clearTimeout(this.#timer);
    if (this.#waiting === "") return;
    if (this.#gatherMs > 0) this.#flushedAt = performance.now();
    let text = this.#waiting;
    if (this.#lost > 0) {
      const fields = { lines: this.#lost, error: this.#reason };
      text = this.#print("warn", "", "log-lines-lost", fields) + text;
    }
    const lines = this.#lines;
    this.#waiting = "";
    this.#lines = 0;
    try {
      this.#sink.write(ENCODER.encode(text));
      this.#lost = 0;
    } catch (error) {
      this.#lost += lines;
      this.#reason = error;
    }
  };

  reopen(): void {
    if (this.#closed) return;
    this.flush();
    try {
      this.#sink.reopen();
    } catch (error) {
      this.add("error", "", "log-not-reopened", { error });
      this.flush();
    }
  }

  change(options: LogOptions): void {
    if (this.#closed) return;
    this.flush();
    if (options.level !== undefined) this.rank = RANKS[options.level];
    this.#format = options.format ?? this.#format;
    this.#now = options.now ?? this.#now;
    this.#gatherMs = options.gatherMs ?? this.#gatherMs;
    if (options.sink !== undefined && options.sink !== this.#sink) {
      this.#closeSink();
      this.#sink = options.sink;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.rank = RANKS.off;
    this.#closeSink();
    for (const type of ENDS) {
      globalThis.removeEventListener(type, this.flush);
    }
  }

  #closeSink(): void {
    try {
      this.#sink.close();
    } catch {
      // Whoever is closing can do nothing about it, and has nowhere to say it.
    }
  }

  #schedule(): void {
    this.#scheduled = true;
    if (
      this.#gatherMs > 0 &&
      performance.now() - this.#flushedAt < this.#gatherMs
    ) {
      this.#timer = setTimeout(this.flush, this.#gatherMs);
    } else queueMicrotask(this.flush);
    if (this.#listening) return;
    this.#listening = true;
    for (const type of ENDS) globalThis.addEventListener(type, this.flush);
  }

  #print(
    level: LogLevel,
    session: string,
    event: string,
    fields: LogFields | undefined,
  ): string {
    const time = this.#time();
    return formatLine({ time, level, session, event, fields }, this.#format);
  }

  /** Printing a date costs half a microsecond, so once a second must do. */
  #time(): string {
    const now = this.#now();
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(second * 1_000).toISOString().slice(0, -4);
    }
    return `${this.#prefix}${String(now - second * 1_000).padStart(3, "0")}Z`;
  }
}
