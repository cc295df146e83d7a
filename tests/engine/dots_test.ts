import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Stuffer, Unstuffer } from "../../lib/engine/dots.ts";

const SEED = 20_261_124;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function join(parts: Iterable<Uint8Array>): string {
  return Array.from(parts, (part) => new TextDecoder().decode(part)).join("");
}

/** Every way to cut `text`: one for each subset of the places between bytes. */
function* splits(text: string): Generator<Uint8Array[]> {
  const all = bytes(text);
  for (let cuts = 0; cuts < 2 ** Math.max(0, all.length - 1); cuts++) {
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (let at = 1; at <= all.length; at++) {
      if (at < all.length && (cuts >> (at - 1) & 1) === 0) continue;
      pieces.push(all.subarray(from, at));
      from = at;
    }
    yield pieces;
  }
}

/** A pseudo-random number below `n` (mulberry32): the same in every run. */
function random(seed: number): (n: number) => number {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

function unstuff(pieces: Iterable<Uint8Array>): string {
  const unstuffer = new Unstuffer();
  let text = "";
  for (const piece of pieces) {
    const parts = unstuffer.add(piece);
    assert(
      parts.every((part) => part.length > 0 && part.buffer === piece.buffer),
    );
    text += join(parts);
  }
  return text;
}

function stuff(pieces: Iterable<Uint8Array>): string {
  const stuffer = new Stuffer();
  const out = Array.from(pieces, (piece) => stuffer.add(piece).slice());
  return join([...out, stuffer.end()]);
}

const UNSTUFFED: [stuffed: string, message: string][] = [
  ["", ""],
  ["a\r\n", "a\r\n"],
  ["..\r\n", ".\r\n"],
  ["...\r\n", "..\r\n"],
  [".a\r\n..b\r\n", "a\r\n.b\r\n"],
  ["a.\r\n..\r\n", "a.\r\n.\r\n"],
  ["\r\n..\r\n\r\n", "\r\n.\r\n\r\n"],
  ["..a.\r\n....", ".a.\r\n..."],
];

for (const [stuffed, message] of UNSTUFFED) {
  const name = JSON.stringify(stuffed);
  Deno.test(`Unstuffer takes the stuffing off ${name}, however cut`, () => {
    for (const pieces of splits(stuffed)) {
      assertEquals(unstuff(pieces), message);
    }
  });
}

const STUFFED: [message: string, stuffed: string][] = [
  ["", ".\r\n"],
  ["a", "a\r\n.\r\n"],
  ["a\r\n", "a\r\n.\r\n"],
  [".", "..\r\n.\r\n"],
  [".\n.\n", "..\r\n..\r\n.\r\n"],
  ["a\nb\rc", "a\r\nb\r\nc\r\n.\r\n"],
  ["a\r", "a\r\n.\r\n"],
  ["a\r.\r", "a\r\n..\r\n.\r\n"],
  ["\n\r", "\r\n\r\n.\r\n"],
  ["\r\r\n\n", "\r\n\r\n\r\n.\r\n"],
  ["a\r\n.\r\nb.c", "a\r\n..\r\nb.c\r\n.\r\n"],
  ["..\r\r\n.x", "...\r\n\r\n..x\r\n.\r\n"],
];

for (const [message, stuffed] of STUFFED) {
  const name = JSON.stringify(message);
  Deno.test(`Stuffer stuffs and ends ${name}, however cut`, () => {
    for (const pieces of splits(message)) {
      assertEquals(stuff(pieces), stuffed);
    }
  });
}

Deno.test("Unstuffer gives back what Stuffer was given, for any message and cuts", () => {
  const next = random(SEED);
  for (let round = 0; round < 2_000; round++) {
    let message = "";
    for (let n = next(60); n > 0; n--) {
      message += ["\r\n", "\r\n", ".", ".", "a", " b ", "\n", "\r"][next(8)];
    }
    const cut = function* (text: string): Generator<Uint8Array> {
      for (let at = 0; at < text.length;) {
        const to = at + next(9);
        yield bytes(text.slice(at, to));
        at = to;
      }
    };
    const sent = stuff(cut(message));
    const lines = message.replaceAll(/\r\n|\r|\n/g, "\r\n");
    const whole = lines === "" || lines.endsWith("\r\n")
      ? lines
      : `${lines}\r\n`;
    assert(sent.endsWith(".\r\n"));
    assertEquals(`\r\n${sent}`.indexOf("\r\n.\r\n"), sent.length - 3);
    assertEquals(unstuff(cut(sent.slice(0, -3))), whole);
  }
});

Deno.test("Unstuffer passes a clean piece on without a copy", () => {
  const piece = bytes("one. two.\r\nthree\r\n");
  assertStrictEquals(new Unstuffer().add(piece)[0], piece);
});
