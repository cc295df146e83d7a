import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Framing } from "../../lib/engine/framing.ts";
import { chunkings, feed, octets, strings, text } from "./support.ts";

/** The lines of `chunks`; a refused one as its fault in brackets. */
function linesOf(chunks: Uint8Array[], maxLine: number): string[] {
  const framing = new Framing(maxLine);
  const lines: string[] = [];
  for (const chunk of chunks) {
    feed(framing, chunk, () => {
      for (let line; (line = framing.line()) !== undefined;) {
        lines.push(typeof line === "string" ? `[${line}]` : text(line));
      }
      assert(framing.unread < maxLine, "kept more than a line");
    });
  }
  return lines;
}

/** What the lines of `input` are, read off the whole of it. */
function plainLines(input: string, maxLine: number): string[] {
  const lines: string[] = [];
  for (let start = 0;;) {
    const end = input.indexOf("\r\n", start);
    const line = input.slice(start, end === -1 ? undefined : end);
    // The last CR may yet be half of a line end.
    const seen = end === -1 ? line.replace(/\r$/, "") : line;
    const bare = seen.search(/[\r\n\0]/);
    if (bare !== -1 && bare < maxLine - (seen[bare] === "\r" ? 1 : 0)) {
      lines.push("[bare newline]");
    } else if (line.length + (end === -1 ? 0 : 2) > maxLine) {
      lines.push("[too long]");
    } else if (end === -1 && line.length === maxLine) lines.push("[too long]");
    else if (end !== -1) lines.push(line);
    if (end === -1) return lines;
    start = end + 2;
  }
}

const LINES: [what: string, input: string, lines: string[]][] = [
  ["ends a line at CRLF", "EHLO x\r\nQUIT\r\n", ["EHLO x", "QUIT"]],
  ["gives an empty line", "\r\n\r\n", ["", ""]],
  ["keeps an unfinished line back", "a\r\nNOOP", ["a"]],
  ["keeps a line without its LF back", "a\r\nNOOP\r", ["a"]],
  ["takes a line at the limit", "123456\r\n1\r\n", ["123456", "1"]],
  ["refuses one byte more", "1234567\r\n1\r\n", ["[too long]", "1"]],
  ["refuses two bytes more", "12345678\r\n1\r\n", ["[too long]", "1"]],
  ["skips a long line", `${"12345".repeat(9)}\r\n1\r\n`, ["[too long]", "1"]],
  ["refuses it before its end", "12345678", ["[too long]"]],
  ["skips CRs and LFs in it", "12345678\r\r\n\n\r9\n\r\n1\r\n", [
    "[too long]",
    "[bare newline]",
    "1",
  ]],
  ["knows CRLF right behind the limit", "1234567\r\n1\r\n", [
    "[too long]",
    "1",
  ]],
  ["knows a CR at the limit for no line end", "1234567\r8\r\n1\r\n", [
    "[too long]",
    "1",
  ]],
  ["refuses a bare LF at once", "a\n", ["[bare newline]"]],
  ["refuses a bare CR as soon as it is one", "a\rb", ["[bare newline]"]],
  ["refuses NUL at once", "a\0", ["[bare newline]"]],
  ["refuses a line once", "\n\n\r\0\ra\r\n1\r\n", ["[bare newline]", "1"]],
  ["knows CRCRLF for a bare CR", "a\r\r\n1\r\n", ["[bare newline]", "1"]],
  ["knows LFCRLF for a bare LF", "a\n\r\n1\r\n", ["[bare newline]", "1"]],
  ["takes a bare LF for no line end", "a\nQUIT\r\n1\r\n", [
    "[bare newline]",
    "1",
  ]],
  ["leaves every other byte alone", "\x01\t\x7f\x80\xff\r\n", [
    "\x01\t\x7f\x80\xff",
  ]],
];

for (const [what, input, lines] of LINES) {
  Deno.test(`Framing.line() ${what}, in every chunking`, () => {
    for (const chunks of chunkings(octets(input))) {
      assertEquals(linesOf(chunks, 8), lines);
    }
  });
}

Deno.test("Framing.line() reads every short text as a plain reading does, in every chunking", () => {
  for (const start of strings("\r\n\0a", 6)) {
    for (const maxLine of [4, 5]) {
      const input = `${start}\r\nz\r\n`;
      const lines = plainLines(input, maxLine);
      for (const chunks of chunkings(octets(input))) {
        assertEquals(
          linesOf(chunks, maxLine),
          lines,
          JSON.stringify([input, chunks.map(text), maxLine]),
        );
      }
    }
  }
});

Deno.test("Framing.line() needs time in proportion to a line that comes byte by byte", () => {
  const maxLine = 512 * 1_024;
  const framing = new Framing(maxLine);
  const input = octets(`${"a".repeat(maxLine - 2)}\r\n`);
  const start = performance.now();
  let lines = 0;
  for (const byte of input) {
    framing.space()[0] = byte;
    framing.filled(1);
    if (framing.line() !== undefined) lines++;
  }
  assertEquals(lines, 1);
  // A search from the line's start each time would take minutes.
  assert(performance.now() - start < 10_000);
});

Deno.test("Framing holds no more than a line while it skips one", () => {
  const framing = new Framing(100);
  const chunk = octets("a".repeat(1_000));
  const faults: unknown[] = [];
  for (let i = 0; i < 100; i++) {
    feed(framing, chunk, () => {
      const line = framing.line();
      if (line !== undefined) faults.push(line);
      if (line !== undefined) assertEquals(framing.line(), undefined);
    });
    assertEquals(framing.unread, 0);
    assertEquals(framing.space().buffer.byteLength, 100);
  }
  assertEquals(faults, ["too long"]);
  feed(framing, octets("\r\nQUIT\r\n"), () => {});
  assertEquals(framing.line(), octets("QUIT"));
});

Deno.test("Framing.clear() forgets what is unread, and a line that is skipped", () => {
  const framing = new Framing(8);
  feed(framing, octets("a\nb"), () => {});
  assertEquals(framing.line(), "bare newline");
  framing.clear();
  feed(framing, octets("QUIT\r\n"), () => {});
  assertEquals(framing.line(), octets("QUIT"));
});

Deno.test("Framing.exchange() takes the unread bytes along, and gives the old buffer back", () => {
  const framing = new Framing(16);
  const first = framing.space().buffer;
  feed(framing, octets("a\r\nbc\rd"), () => {});
  assertEquals(framing.line(), octets("a"));
  assertStrictEquals(framing.exchange(new Uint8Array(64)).buffer, first);
  assertEquals(framing.unread, 4);
  assertEquals(framing.line(), "bare newline");
  feed(framing, octets("\r\nQU"), () => {});
  assertEquals(framing.line(), undefined);
  framing.exchange(new Uint8Array(16));
  feed(framing, octets("IT\r\n"), () => {});
  assertEquals(framing.line(), octets("QUIT"));
});
