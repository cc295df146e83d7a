import { assert, assertEquals } from "@std/assert";
import { BUFFER_BYTES, StoredForm } from "../../lib/delivery/stored_form.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function store(pieces: Uint8Array[], quotesFrom: boolean): string {
  const form = new StoredForm(quotesFrom);
  const decoder = new TextDecoder();
  let text = "";
  for (const piece of pieces) {
    for (let from = 0; (from = form.take(piece, from)) < piece.length;) {
      const flushed = form.flushed();
      assert(flushed.length > 0 && flushed.length <= BUFFER_BYTES);
      text += decoder.decode(flushed);
    }
  }
  return text + decoder.decode(form.flushed()) + decoder.decode(form.end());
}

const CASES: [name: string, message: string, plain: string, quoted: string][] =
  [
    ["line ends", "a\r\n\r\nb\r\n", "a\n\nb\n", "a\n\nb\n"],
    ["nothing", "", "", ""],
    ["a last line without an end", "a", "a\n", "a\n"],
    ["a From line", "From a\r\n", "From a\n", ">From a\n"],
    ["a quoted From line", ">>From a\r\n", ">>From a\n", ">>>From a\n"],
    ["a later From line", "\r\nFrom \r\n", "\nFrom \n", "\n>From \n"],
    [
      "what only begins so",
      "From\r\nFro\r\n>F\r\n",
      "From\nFro\n>F\n",
      "From\nFro\n>F\n",
    ],
    [
      "From in a line",
      " From a\r\n> From b\r\n",
      " From a\n> From b\n",
      " From a\n> From b\n",
    ],
    [
      "a quote within it",
      "Fr>From a\r\nFFrom b\r\n",
      "Fr>From a\nFFrom b\n",
      "Fr>From a\nFFrom b\n",
    ],
    ["an end within it", "\r\nFrom", "\nFrom\n", "\nFrom\n"],
  ];

for (const [name, message, plain, quoted] of CASES) {
  Deno.test(`StoredForm writes ${name} as stored, however cut`, () => {
    const all = bytes(message);
    for (let size = 1; size <= all.length + 1; size++) {
      for (let first = 0; first < size; first++) {
        const pieces = [all.subarray(0, first)];
        for (let at = first; at < all.length; at += size) {
          pieces.push(all.subarray(at, at + size));
        }
        assertEquals(store(pieces, false), plain);
        assertEquals(store(pieces, true), quoted);
      }
    }
  });
}

Deno.test("StoredForm keeps its bound, wherever the buffer becomes full", () => {
  const lines = "\r\n>From a\r\nFrom b".repeat(2 * BUFFER_BYTES / 16);
  const want = "\n>>From a\n>From b".repeat(2 * BUFFER_BYTES / 16) + "\n";
  for (let shift = 0; shift < 20; shift++) {
    const lead = "x".repeat(shift);
    assert(store([bytes(lead + lines)], true) === lead + want);
  }
});
