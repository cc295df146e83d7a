/**
 * What a command writes.
 *
 * @module
 */

/** Takes the place of both outputs until it is disposed of. */
export class Outputs implements Disposable {
  /** What was written to standard output. */
  stdout = "";
  /** What was written to standard error. */
  stderr = "";
  readonly #error = console.error;
  readonly #writeSync = Deno.stdout.writeSync;

  /** @param writeSync Writes to standard output; by default all of it. */
  constructor(
    writeSync: (bytes: Uint8Array) => number = (bytes) => bytes.length,
  ) {
    const decoder = new TextDecoder();
    Deno.stdout.writeSync = (bytes) => {
      const count = writeSync(bytes);
      const written = bytes.subarray(0, count);
      this.stdout += decoder.decode(written, { stream: true });
      return count;
    };
    console.error = (line: string) => this.stderr += `${line}\n`;
  }

  [Symbol.dispose](): void {
    Deno.stdout.writeSync = this.#writeSync;
    console.error = this.#error;
  }
}
