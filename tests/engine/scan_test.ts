import { assertEquals, assertThrows } from "@std/assert";
import { findSpecial, scannable } from "../../lib/engine/scan.ts";
import { random } from "./support.ts";

const SEED = 20_261_125;
const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** The same, a byte at a time. */
function plainSearch(bytes: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    const isBehindCr = i > from && bytes[i - 1] === CR;
    const isBehindCrlf = i > from + 1 && bytes[i - 1] === LF &&
      bytes[i - 2] === CR;
    if (bytes[i] === CR && (i + 1 === end || bytes[i + 1] !== LF)) return i;
    if (bytes[i] === LF && !isBehindCr) return i;
    if (bytes[i] === DOT && isBehindCrlf) return i;
  }
  return end;
}

function assertSame(bytes: Uint8Array<ArrayBuffer>): void {
  const lent = scannable(bytes);
  for (let from = 0; from <= bytes.length; from++) {
    if (from > 0 && bytes[from - 1] === CR && bytes[from] === LF) continue;
    for (let end = from; end <= bytes.length; end++) {
      assertEquals(
        findSpecial(lent, from, end),
        plainSearch(bytes, from, end),
        `in [${bytes}] from ${from} to ${end}`,
      );
    }
  }
}

Deno.test("findSpecial() finds what a plain search finds, at every alignment", () => {
  const next = random(SEED);
  // A few bytes that need a decision, then more of them, then little else.
  for (const share of [40, 8, 2]) {
    for (let round = 0; round < 40; round++) {
      const bytes = new Uint8Array(27);
      for (let i = 0; i < bytes.length; i++) {
        bytes[i] = next(share) === 0
          ? [CR, LF, DOT][next(3)]!
          : [0x61, 0x0e, 0x0b, 0x09, 0x00, 0x80, 0x8a, 0x8d, 0xff][next(9)]!;
        if (bytes[i] === CR && i + 1 < bytes.length && next(2) === 0) {
          bytes[++i] = LF;
        }
      }
      assertSame(bytes);
    }
  }
});

Deno.test("findSpecial() is not misled by what stands beside a CR or LF in its word", () => {
  const neighbours = [0x00, 0x09, 0x0b, 0x0c, 0x0e, 0x0f, 0x80, 0x8d, 0x8e];
  for (const neighbour of [...neighbours, 0x7f, 0xff]) {
    for (let at = 0; at < 12; at++) {
      for (const special of [[CR], [LF], [CR, LF], [CR, LF, DOT], [DOT]]) {
        const bytes = new Uint8Array(16).fill(neighbour);
        bytes.set(special, at);
        const lent = scannable(bytes);
        for (let from = 0; from <= at; from++) {
          assertEquals(
            findSpecial(lent, from, 16),
            plainSearch(bytes, from, 16),
            `in [${bytes}] from ${from}`,
          );
        }
      }
    }
  }
});

Deno.test("findSpecial() passes over every byte that is not CR, LF or a dot", () => {
  for (let byte = 0; byte < 256; byte++) {
    if (byte === CR || byte === LF) continue;
    const bytes = new Uint8Array(9).fill(byte);
    assertEquals(findSpecial(scannable(bytes), 0, 9), 9, `${byte}`);
  }
});

Deno.test("findSpecial() sees a dot behind CRLF across two words", () => {
  for (let at = 0; at < 8; at++) {
    const bytes = new Uint8Array(16).fill(0x61);
    bytes.set([CR, LF, DOT, CR, LF], at);
    assertEquals(findSpecial(scannable(bytes), 0, 16), at + 2);
  }
});

Deno.test("scannable() takes part of a buffer, and refuses one that is not aligned", () => {
  const buffer = new Uint8Array(16).fill(0x61);
  buffer[10] = LF;
  const part = scannable(buffer.subarray(4, 15));
  assertEquals(findSpecial(part, 0, 11), 6);
  assertThrows(
    () => scannable(buffer.subarray(2)),
    RangeError,
    "Cannot scan a buffer that is not aligned to 4 bytes",
  );
});
