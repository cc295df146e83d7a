/**
 * Where log lines go: standard error, a file, or memory.
 *
 * Writes are synchronous: when a sink has returned, the kernel has the lines,
 * and no end of the process can lose them. A pipe that nobody reads therefore
 * stops the server when it is full, as it does with any other program.
 *
 * Files are not rolled here: logrotate moves them, and SIGHUP reopens.
 *
 * @module
 */

/** Takes finished lines. */
export interface LogSink {
  /**
   * Writes one or more whole lines.
   *
   * @param lines UTF-8, each line with its LF; valid only during the call
   * @throws Whatever the system says; the caller counts the lines as lost
   */
  write(lines: Uint8Array): void;
  /**
   * Opens the destination anew, after logrotate has moved the file away.
   *
   * @throws Whatever the system says; the old destination stays in use
   */
  reopen(): void;
  /** Closes the destination. */
  close(): void;
}

/** A sink that keeps the lines, for tests. */
export interface MemorySink extends LogSink {
  /** The last lines written, without LF, at most 10,000. */
  readonly lines: readonly string[];
}

/** The part of a file that a sink needs. */
interface Output {
  writeSync(bytes: Uint8Array): number;
  close(): void;
}

/** Lines that a memory sink keeps: enough for a test, some MB at most. */
const MAX_MEMORY_LINES = 10_000;

/** A log holds addresses of people: nothing for other users of the machine. */
const FILE_MODE = 0o640;

const NEWLINE = new Uint8Array([0x0a]);

/**
 * Makes a sink that writes to standard error, which is never closed.
 *
 * @returns The sink
 */
export function stderrSink(): LogSink {
  return new OutputSink(() => ({
    writeSync: (bytes) => Deno.stderr.writeSync(bytes),
    close: () => {},
  }));
}

/**
 * Makes a sink that appends to a file, which is made where it is missing, with
 * mode 0640.
 *
 * @param path The file; its folder must be there
 * @returns The sink
 * @throws {Deno.errors.NotFound} The folder is missing; likewise for others
 */
export function fileSink(path: string): LogSink {
  return new OutputSink(() =>
    Deno.openSync(path, { append: true, create: true, mode: FILE_MODE })
  );
}

/**
 * Makes a sink that keeps the lines. A log hands its lines over at the end of
 * the turn, so call its `flush()` before looking at them.
 *
 * @returns The sink
 */
export function memorySink(): MemorySink {
  const lines: string[] = [];
  const decoder = new TextDecoder();
  return {
    lines,
    write(bytes) {
      lines.push(...decoder.decode(bytes).split("\n").slice(0, -1));
      if (lines.length > MAX_MEMORY_LINES) {
        lines.splice(0, lines.length - MAX_MEMORY_LINES);
      }
    },
    reopen() {},
    close() {},
  };
}

class OutputSink implements LogSink {
  readonly #open: () => Output;
  #output: Output;
  /** A write ended inside a line, as it does on a full disk. */
  #torn = false;

  constructor(open: () => Output) {
    this.#open = open;
    this.#output = open();
  }

  write(lines: Uint8Array): void {
    let end = 0;
    try {
      if (this.#torn && this.#output.writeSync(NEWLINE) === 1) {
        this.#torn = false;
      }
      while (end < lines.length) {
        const written = this.#output.writeSync(lines.subarray(end));
        if (written === 0) throw new Error("Cannot write log: nothing taken");
        end += written;
      }
    } catch (error) {
      this.#torn ||= end > 0 && lines[end - 1] !== 0x0a;
      throw error;
    }
  }

  reopen(): void {
    const output = this.#open();
    this.#output.close();
    this.#output = output;
    this.#torn = false;
  }

  close(): void {
    this.#output.close();
  }
}
