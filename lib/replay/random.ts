/**
 * Numbers that look random and are the same in every run, so that what they
 * find can be found again.
 *
 * Not for secrets.
 *
 * @module
 */

/**
 * Makes a generator (mulberry32).
 *
 * @param seed Its lowest 32 bits count.
 * @returns Gives the next number, from 0 up to but without 1.
 */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
