import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type BareNewline, Framing } from "../../lib/engine/framing.ts";
import {
  byteByByte,
  chunkings,
  feed,
  octets,
  random,
  strings,
  text,
} from "./support.ts";

const SEED = 20_261_126;

/** What became of message data. */
interface Read {
  /** What was given out. */
  out: string;
  size: number;
  hasBareNewline: boolean;
  /** How many bytes the message and its final dot had; -1: no end was found. */
  end: number;
}

/** Reads message data; `discardAfter` pieces the rest is discarded. */
function dataOf(
  framing: Framing,
  chunks: Iterable<Uint8Array>,
  discardAfter = Infinity,
): Read {
  framing.clear();
  framing.startData();
  if (discardAfter === 0) framing.discardData();
  let out = "";
  let fed = 0;
  let end = -1;
  let pieces = 0;
  for (const chunk of chunks) {
    if (end !== -1) break;
    fed += feed(framing, chunk, () => {
      for (let piece; (piece = framing.data()) !== undefined;) {
        if (piece === "end") {
          end = 0;
          return "stop";
        }
        assert(piece.length > 0, "an empty piece");
        assert(pieces < discardAfter, "a piece of what is discarded");
        out += text(piece);
        if (++pieces === discardAfter) framing.discardData();
      }
      return undefined;
    });
  }
  if (end === 0) end = fed - framing.unread;
  const { size, hasBareNewline } = framing;
  return { out, size, hasBareNewline, end };
}

/** The same, read off the whole text: strict lines first, then what is bare. */
function plainData(input: string): Read & { content: string; kept: string } {
  const lines = input.split("\r\n");
  const last = lines.indexOf(".");
  const before = lines.slice(0, last);
  let out = "";
  let content = "";
  for (const line of before) {
    const [first = "", ...others] = line.split(/[\r\n]/);
    const isAlone = first === "." && others.length > 0;
    out += [
      isAlone ? ".." : first,
      ...others.map((other) => other.startsWith(".") ? `.${other}` : other),
    ].join("\r\n") + "\r\n";
    content += [
      isAlone ? "." : first.replace(/^\./, ""),
      ...others,
    ].join("\r\n") + "\r\n";
  }
  const whole = before.map((line) => `${line}\r\n`).join("");
  const bare = whole.search(/\r(?!\n)|(?<!\r)\n/);
  const isLoneDot = /(?:^|\r\n)\.$/.test(whole.slice(0, bare));
  return {
    out,
    content,
    size: content.length,
    hasBareNewline: bare !== -1,
    end: whole.length + 3,
    kept: bare === -1 ? whole : whole.slice(0, isLoneDot ? bare - 1 : bare),
  };
}

/** Takes the stuffing off; every line end must be CRLF. */
function unstuffed(stuffed: string): string {
  return stuffed.replaceAll(/(^|\r\n)\./g, "$1");
}

const ENDS = /(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)/g;

/** Neither a strict receiver nor a lenient one sees an end before the end. */
function assertOneEnd(out: string): void {
  const sent = `\r\n${out}.\r\n`;
  assertEquals(sent.indexOf("\r\n.\r\n"), sent.length - 5, sent);
  assertEquals(
    Array.from(sent.matchAll(ENDS), ({ index }) => index),
    [sent.length - 5],
    sent,
  );
  assertEquals(/\r(?!\n)|(?<!\r)\n/.test(out), false, out);
}

const DATA: [what: string, input: string, out: string, size: number][] = [
  ["ends an empty message", ".\r\n", "", 0],
  ["gives lines as they are", "a\r\nb\r\n.\r\n", "a\r\nb\r\n", 6],
  [
    "keeps the stuffing, and does not count it",
    "..\r\n..a\r\n.\r\n",
    "..\r\n..a\r\n",
    7,
  ],
  ["leaves a line that was not stuffed", ".a\r\n.\r\n", ".a\r\n", 3],
  ["leaves a dot within a line", "a.\r\n.\r\n", "a.\r\n", 4],
  ["ends a bare LF with CRLF", "a\nb\r\n.\r\n", "a\r\nb\r\n", 6],
  ["ends a bare CR with CRLF", "a\rb\r\n.\r\n", "a\r\nb\r\n", 6],
  ["knows LF.LF for no end", "a\n.\nb\r\n.\r\n", "a\r\n..\r\nb\r\n", 9],
  ["knows CR.CR for no end", "a\r.\rb\r\n.\r\n", "a\r\n..\r\nb\r\n", 9],
  ["knows LF.CRLF for no end", "a\n.\r\nb\r\n.\r\n", "a\r\n..\r\nb\r\n", 9],
  ["knows CRLF.LF for no end", "a\r\n.\nb\r\n.\r\n", "a\r\n..\r\nb\r\n", 9],
  ["knows CRLF.CR for no end", "a\r\n.\rb\r\n.\r\n", "a\r\n..\r\nb\r\n", 9],
  ["knows CR.CRLF for no end", "a\r.\r\nb\r\n.\r\n", "a\r\n..\r\nb\r\n", 9],
  ["knows .CRCRLF for no end", ".\r\r\n.\r\n", "..\r\n\r\n", 5],
  [
    "stuffs every line that begins behind a bare LF",
    "\n.a\n..\r\n.\r\n",
    "\r\n..a\r\n...\r\n",
    10,
  ],
  [
    "leaves NUL and 8-bit bytes alone",
    "\0\x8d\x8a\xff\r\n.\r\n",
    "\0\x8d\x8a\xff\r\n",
    6,
  ],
];

for (const [what, input, out, size] of DATA) {
  Deno.test(`Framing.data() ${what}, in every chunking`, () => {
    const framing = new Framing(64);
    const bytes = octets(`${input}QUIT\r\n`);
    for (const chunks of chunkings(bytes)) {
      const read = dataOf(framing, chunks);
      assertEquals([read.out, read.size, read.end], [out, size, input.length]);
    }
  });
}

Deno.test("Framing.data() makes of every short text what a plain reading makes, and only the final dot ends it", () => {
  const framing = new Framing(64);
  for (const start of strings("\r\n.a", 7)) {
    const input = `${start}\r\n.\r\n`;
    const { out, content, size, hasBareNewline, end } = plainData(input);
    assertOneEnd(out);
    assertEquals(unstuffed(out), content);
    for (const chunks of chunkings(octets(input))) {
      const read = dataOf(framing, chunks);
      // Compared by hand: half a million deep comparisons take a minute.
      if (
        read.out !== out || read.size !== size || read.end !== end ||
        read.hasBareNewline !== hasBareNewline
      ) {
        assertEquals(
          read,
          { out, size, hasBareNewline, end },
          JSON.stringify(chunks.map(text)),
        );
      }
    }
  }
});

Deno.test("Framing.data() that rejects bare newlines finds the same end, and gives out nothing from the first on", () => {
  const framing = new Framing(64, "reject");
  for (const start of strings("\r\n.a", 7)) {
    const input = `${start}\r\n.\r\n`;
    const { kept, size: whole, hasBareNewline, end } = plainData(input);
    const { size } = dataOf(framing, [octets(input)]);
    assert(hasBareNewline || size === whole);
    for (const chunks of chunkings(octets(input))) {
      const read = dataOf(framing, chunks);
      if (
        read.out !== kept || read.end !== end ||
        read.hasBareNewline !== hasBareNewline || read.size !== size
      ) {
        assertEquals(
          read,
          { out: kept, size, hasBareNewline, end },
          JSON.stringify(chunks.map(text)),
        );
      }
    }
  }
});

Deno.test("Framing.discardData() finds the same end wherever it is called, and nothing more is given out", () => {
  for (const bareNewline of ["normalize", "reject"] as BareNewline[]) {
    const framing = new Framing(64, bareNewline);
    for (const start of strings("\r\n.a", 5)) {
      const input = `${start}\r\n.\r\n`;
      const { out, end } = plainData(input);
      for (const discardAfter of [0, 1, 2, 3]) {
        for (const chunks of chunkings(octets(input))) {
          const read = dataOf(framing, chunks, discardAfter);
          const problem = JSON.stringify([chunks.map(text), discardAfter]);
          assertEquals(read.end, end, problem);
          assert(out.startsWith(read.out), problem);
          if (discardAfter === 0) assertEquals(read.out, "", problem);
        }
      }
    }
  }
});

Deno.test("Framing.data() makes of long random texts what a plain reading makes, however they are cut", () => {
  const next = random(SEED);
  for (let round = 0; round < 60; round++) {
    let input = "";
    while (input.length < 3_000) {
      input += "a".repeat(next(90));
      input += next(6) > 0
        ? "\r\n"
        : ["\r", "\n", "\r\n.", "\n.", ".\n", "\r\n.\r", "\r\n..", "\x8d"][
          next(8)
        ]!;
    }
    input += "\r\n.\r\n";
    const bytes = octets(input);
    const chunks: Uint8Array[] = [];
    for (let from = 0; from < bytes.length;) {
      const length = 1 + next([3, 50, 700][round % 3]!);
      chunks.push(bytes.subarray(from, from + length));
      from += length;
    }
    const { out, size, hasBareNewline, end } = plainData(input);
    assertOneEnd(out);
    const framing = new Framing(512);
    for (const cut of [[bytes], byteByByte(bytes), chunks]) {
      const read = dataOf(framing, cut);
      assertEquals(read, { out, size, hasBareNewline, end }, `round ${round}`);
    }
  }
});

Deno.test("Framing.data() gives clean data out without a copy, in as few pieces as it came in", () => {
  const framing = new Framing(256);
  framing.startData();
  const { buffer } = framing.space();
  feed(framing, octets("One.\r\n..two\r\n\r\n.three\r\n.\r\n"), () => {});
  const piece = framing.data();
  assert(piece instanceof Uint8Array);
  assertStrictEquals(piece.buffer, buffer);
  assertEquals(text(piece), "One.\r\n..two\r\n\r\n.three\r\n");
  assertEquals(framing.data(), "end");
  assertEquals(framing.unread, 0);
});

Deno.test("Framing.startData() begins a message anew, and lines go on behind it", () => {
  const framing = new Framing(64);
  const read = dataOf(framing, [octets("a\nb\r\n.\r\nNOOP\r\nQU")]);
  assertEquals([read.size, read.hasBareNewline, read.end], [6, true, 8]);
  assertEquals(framing.line(), octets("NOOP"));
  assertEquals(framing.line(), undefined);
  feed(framing, octets("IT\r\n..\r\n.\r\n"), () => {});
  assertEquals(framing.line(), octets("QUIT"));
  framing.startData();
  assertEquals([framing.size, framing.hasBareNewline], [0, false]);
  assertEquals(framing.data(), octets("..\r\n"));
  assertEquals(framing.data(), "end");
  assertEquals(framing.size, 3);
});
