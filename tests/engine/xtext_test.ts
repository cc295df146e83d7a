import { assertEquals } from "@std/assert";
import { decodeXtext, formatXtext } from "../../lib/engine/xtext.ts";

const PAIRS: [xtext: string, text: string][] = [
  ["a", "a"],
  ["!*,<>~", "!*,<>~"],
  ["+2B+3D", "+="],
  ["a+20b", "a b"],
  ["+C3+BC", "ü"],
  ["+F0+9F+98+80", "😀"],
];

for (const [xtext, text] of PAIRS) {
  Deno.test(`decodeXtext() reads "${xtext}", and formatXtext() writes it`, () => {
    assertEquals(decodeXtext(xtext), text);
    assertEquals(formatXtext(text), xtext);
  });
}

Deno.test("formatXtext() writes every character so that it can be in a command", () => {
  for (let code = 0; code < 0x300; code++) {
    const char = String.fromCharCode(code);
    const xtext = formatXtext(char);
    assertEquals(/^[!-~]+$/.test(xtext), true, xtext);
    // Control characters can be written, but are not taken.
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    assertEquals(decodeXtext(xtext), isControl ? undefined : char);
  }
});

Deno.test("decodeXtext() refuses what is no xtext, or no text", () => {
  const REFUSED = [
    ...["", " ", "a b", "a=b", "+", "+4", "+4g", "+2b", "++41", "\x01", "ü"],
    ...["+0A", "+7F", "+C2+85", "+FF", "+C3", "+ED+A0+80", "a\n"],
  ];
  for (const text of REFUSED) assertEquals(decodeXtext(text), undefined, text);
});
