/**
 * Waiting for what another process does, always with a bound.
 *
 * A condition is asked again and again instead of slept for, so a fast machine
 * is not held up and a slow one does not fail. Not for waits that a promise
 * could end.
 *
 * @module
 */

/** Between two looks; short beside anything these tests wait for. */
const POLL_MS = 20;

/** Longest wait unless the caller knows better: a loaded machine's start of Deno. */
export const WAIT_MS = 20_000;

/**
 * Asks until `condition` gives a value that is neither `undefined` nor `false`.
 *
 * @param what names the wished-for state in the error
 * @throws {Error} when it is not so after `withinMs`
 */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs: number = WAIT_MS,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) {
      throw new Error(`Waited ${withinMs} ms in vain: expected ${what}`);
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

/** Settles as `promise` does, or fails after `withinMs`. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  withinMs: number = WAIT_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(new Error(`Waited ${withinMs} ms in vain: expected ${what}`)),
      withinMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
