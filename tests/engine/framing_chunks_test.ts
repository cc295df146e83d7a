import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { parseCommand } from "../../lib/engine/command.ts";
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

const SEED = 20_303_030;

/** What became of a message in chunks. */
interface Read {
  /** What was given out. */
  out: string;
  size: number;
  hasBareNewline: boolean;
  /** The lines behind the last chunk. */
  lines: string[];
}

interface Options {
  isBinary?: boolean;
  /** Pieces after which the rest is discarded. */
  discardAfter?: number;
}

/** A message on the wire, in these chunks, and a QUIT behind it. */
function wire(chunks: readonly string[]): Uint8Array {
  const bdats = chunks.map((chunk, i) => {
    const last = i === chunks.length - 1 ? " LAST" : "";
    return `BDAT ${chunk.length}${last}\r\n${chunk}`;
  });
  return octets(`${bdats.join("")}QUIT\r\n`);
}

/** Reads what {@linkcode wire} wrote. */
function readChunks(
  framing: Framing,
  input: Iterable<Uint8Array>,
  { isBinary = false, discardAfter = Infinity }: Options = {},
): Read {
  framing.clear();
  framing.startChunks(isBinary);
  if (discardAfter === 0) framing.discardData();
  let out = "";
  let pieces = 0;
  let state: "line" | "chunk" | "last chunk" | "done" = "line";
  const lines: string[] = [];
  const give = (piece: Uint8Array) => {
    assert(piece.length > 0, "an empty piece");
    assert(pieces < discardAfter, "a piece of what is discarded");
    out += text(piece);
    if (++pieces === discardAfter) framing.discardData();
  };
  for (const bytes of input) {
    feed(framing, bytes, () => {
      for (;;) {
        if (state === "line" || state === "done") {
          const line = framing.line();
          if (line === undefined) return;
          assert(typeof line !== "string", `${line} in ${JSON.stringify(out)}`);
          if (state === "done") {
            lines.push(text(line));
            continue;
          }
          const parsed = parseCommand(line, undefined);
          assert(parsed.ok && parsed.value.verb === "BDAT", text(line));
          framing.startChunk(parsed.value.size);
          state = parsed.value.last ? "last chunk" : "chunk";
          continue;
        }
        const piece = framing.chunk();
        if (piece === undefined) return;
        if (piece !== "end") {
          give(piece);
          continue;
        }
        if (state === "last chunk") {
          const rest = framing.closeChunks();
          if (rest !== undefined) give(rest);
        }
        state = state === "chunk" ? "line" : "done";
      }
    });
  }
  const { size, hasBareNewline } = framing;
  return { out, size, hasBareNewline, lines };
}

/** The same, read off the whole message. */
function plain(message: string): Read & { kept: string } {
  const content = message.replace(/\r\n|\r|\n/g, "\r\n")
    .replace(/(?<!\r\n|^)$/, "\r\n");
  const bare = message.search(/\r(?!\n)|(?<!\r)\n/);
  return {
    out: stuffed(content),
    size: content.length,
    hasBareNewline: bare !== -1,
    lines: ["QUIT"],
    kept: stuffed(bare === -1 ? content : message.slice(0, bare)),
  };
}

function stuffed(content: string): string {
  return content.replace(/(^|\r\n)\./g, "$1..");
}

const ENDS = /(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)/g;

/** Neither a strict receiver nor a lenient one sees an end before the end. */
function assertOneEnd(out: string): void {
  const sent = `\r\n${out}.\r\n`;
  assertEquals(
    Array.from(sent.matchAll(ENDS), ({ index }) => index),
    [sent.length - 5],
    JSON.stringify(sent),
  );
  assertEquals(/\r(?!\n)|(?<!\r)\n/.test(out), false, JSON.stringify(out));
}

const MESSAGES: [what: string, chunks: string[], out: string, size: number][] =
  [
    ["takes an empty message", [""], "", 0],
    ["takes a message of empty chunks", ["", "", ""], "", 0],
    ["takes one chunk", ["a\r\nb\r\n"], "a\r\nb\r\n", 6],
    ["takes BDAT 0 LAST behind the others", ["a\r\n", ""], "a\r\n", 3],
    ["goes on with a line in the next chunk", ["a", "b\r\n"], "ab\r\n", 4],
    ["ends the last line", ["a"], "a\r\n", 3],
    ["stuffs a dot at the start", [".\r\n"], "..\r\n", 3],
    ["stuffs two dots too", ["..a\r\n"], "...a\r\n", 5],
    ["stuffs at the start of a chunk", ["a\r\n", ".\r\n"], "a\r\n..\r\n", 6],
    ["stuffs no dot in a line", ["a", ".\r\n"], "a.\r\n", 4],
    [
      "stuffs behind a CRLF that a chunk's end has cut",
      ["a\r", "\n.", "\r", "\nb"],
      "a\r\n..\r\nb\r\n",
      9,
    ],
    ["keeps a CR over empty chunks", ["a\r", "", "\nb"], "a\r\nb\r\n", 6],
    ["ends a bare CR with CRLF", ["a\rb"], "a\r\nb\r\n", 6],
    ["ends a bare LF with CRLF", ["a\nb"], "a\r\nb\r\n", 6],
    ["knows a last CR for a bare one", ["a\r"], "a\r\n", 3],
    ["knows a CR and no LF in the next chunk", ["a\r", "b"], "a\r\nb\r\n", 6],
    ["knows LF.LF for no end", ["a\n.\nQUIT"], "a\r\n..\r\nQUIT\r\n", 12],
    ["knows CR.CR for no end", ["a\r.\rQUIT"], "a\r\n..\r\nQUIT\r\n", 12],
    [
      "knows CRLF.CRLF for no end",
      ["a\r\n.\r\nQUIT\r\n"],
      "a\r\n..\r\nQUIT\r\n",
      12,
    ],
    [
      "leaves NUL and 8-bit bytes alone",
      ["\0\x8d\x8a\xff\r\n"],
      "\0\x8d\x8a\xff\r\n",
      6,
    ],
    [
      "takes BDAT in a chunk for text",
      ["BDAT 1\r\n", "BDAT 5 LAST\r\n"],
      "BDAT 1\r\nBDAT 5 LAST\r\n",
      21,
    ],
  ];

for (const [what, chunks, out, size] of MESSAGES) {
  Deno.test(`Framing.chunk() ${what}, in every chunking`, () => {
    const framing = new Framing(64);
    for (const input of chunkings(wire(chunks))) {
      const read = readChunks(framing, input);
      assertEquals([read.out, read.size, read.lines], [out, size, ["QUIT"]]);
    }
  });
}

/** Compared by hand: deep comparisons of all of them take minutes. */
function assertSame(read: Read, want: Read, told: () => string): void {
  if (
    read.out !== want.out || read.size !== want.size ||
    read.hasBareNewline !== want.hasBareNewline ||
    read.lines.join() !== want.lines.join()
  ) {
    const { out, size, hasBareNewline, lines } = want;
    assertEquals(read, { out, size, hasBareNewline, lines }, told());
  }
}

/** Whole, in single octets, and cut in two at every octet. */
function* chunkSplits(message: string): Generator<string[]> {
  yield [message];
  yield [...message, ""];
  for (let cut = 0; cut <= message.length; cut++) {
    yield [message.slice(0, cut), message.slice(cut)];
  }
}

Deno.test("Framing.chunk() makes of every short message what a plain reading makes, however chunks and reads cut it", () => {
  const framing = new Framing(64);
  for (const message of strings("\r\n.a", 5)) {
    const want = plain(message);
    assertOneEnd(want.out);
    for (const chunks of chunkSplits(message)) {
      const bytes = wire(chunks);
      const inputs = message.length < 4
        ? chunkings(bytes)
        : [[bytes], byteByByte(bytes)];
      for (const input of inputs) {
        assertSame(
          readChunks(framing, input),
          want,
          () => JSON.stringify([chunks, input.map(text)]),
        );
      }
    }
  }
});

Deno.test("Framing.chunk() that rejects bare newlines gives out nothing from the first on, and finds the same end", () => {
  const framing = new Framing(64, "reject");
  for (const message of strings("\r\n.a", 5)) {
    const { kept, hasBareNewline, lines, size: whole } = plain(message);
    const { size } = readChunks(framing, [wire([message])]);
    assert(hasBareNewline || size === whole);
    for (const chunks of chunkSplits(message)) {
      const bytes = wire(chunks);
      for (const input of [[bytes], byteByByte(bytes)]) {
        assertSame(
          readChunks(framing, input),
          { out: kept, size, hasBareNewline, lines },
          () => JSON.stringify([chunks, input.map(text)]),
        );
      }
    }
  }
});

Deno.test("Framing.chunk() gives a binary message out as it comes", () => {
  const framing = new Framing(64, "reject");
  for (const message of strings("\r\n.\0", 4)) {
    for (const chunks of chunkSplits(message)) {
      for (const input of chunkings(wire(chunks))) {
        assertSame(
          readChunks(framing, input, { isBinary: true }),
          {
            out: message,
            size: message.length,
            hasBareNewline: false,
            lines: ["QUIT"],
          },
          () => JSON.stringify([chunks, input.map(text)]),
        );
      }
    }
  }
});

Deno.test("Framing.discardData() in a chunk finds the same end wherever it is called, and nothing more is given out", () => {
  for (const bareNewline of ["normalize", "reject"] as BareNewline[]) {
    const framing = new Framing(64, bareNewline);
    for (const message of strings("\r\n.a", 4)) {
      const { out } = plain(message);
      for (const chunks of chunkSplits(message)) {
        for (const isBinary of [true, false]) {
          for (const discardAfter of [0, 1, 2]) {
            const input = wire(chunks);
            const all = [[input], byteByByte(input)].map((input) =>
              readChunks(framing, input, { discardAfter, isBinary })
            );
            for (const read of all) {
              const told = JSON.stringify([chunks, discardAfter, isBinary]);
              assertEquals(read.lines, ["QUIT"], told);
              const whole = isBinary ? message : out;
              assert(whole.startsWith(read.out), told);
              if (discardAfter === 0) assertEquals(read.out, "", told);
            }
          }
        }
      }
    }
  }
});

Deno.test("Framing.chunk() makes of long random messages what a plain reading makes, however they are cut", () => {
  const next = random(SEED);
  for (let round = 0; round < 60; round++) {
    let message = "";
    while (message.length < 3_000) {
      message += "a".repeat(next(90));
      message += next(6) > 0
        ? "\r\n"
        : ["\r", "\n", "\r\n.", "\n.", ".\n", "\r\n.\r", "\r\n..", "\x8d"][
          next(8)
        ]!;
    }
    const chunks: string[] = [];
    for (let from = 0; from < message.length;) {
      const length = next([4, 60, 1_500][round % 3]!);
      chunks.push(message.slice(from, from + length));
      from += length;
    }
    const bytes = wire(chunks);
    const reads: Uint8Array[] = [];
    for (let from = 0; from < bytes.length;) {
      const length = 1 + next([700, 3, 50][round % 3]!);
      reads.push(bytes.subarray(from, from + length));
      from += length;
    }
    const { out, size, hasBareNewline, lines } = plain(message);
    assertOneEnd(out);
    const framing = new Framing(512);
    for (const input of [[bytes], byteByByte(bytes), reads]) {
      assertEquals(
        readChunks(framing, input),
        { out, size, hasBareNewline, lines },
        `round ${round}`,
      );
    }
  }
});

Deno.test("Framing.chunk() gives clean text out without a copy, in as few pieces as it came in", () => {
  const framing = new Framing(256);
  framing.startChunks(false);
  const { buffer } = framing.space();
  feed(framing, octets("One.\r\ntwo\r\n\r\nthree.\r\nQUIT"), () => {});
  framing.startChunk("One.\r\ntwo\r\n\r\nthree.\r\n".length);
  const piece = framing.chunk();
  assert(piece instanceof Uint8Array);
  assertStrictEquals(piece.buffer, buffer);
  assertEquals(text(piece), "One.\r\ntwo\r\n\r\nthree.\r\n");
  assertEquals(framing.chunk(), "end");
  assertEquals(framing.unread, 4);
});

Deno.test("Framing.chunk() waits for a chunk of any announced size without holding room for it", () => {
  const framing = new Framing(64);
  framing.startChunks(false);
  framing.startChunk(Number.MAX_SAFE_INTEGER);
  assertEquals(framing.chunk(), undefined);
  feed(framing, octets("a\r\n.\r\nQUIT\r\n"), () => {});
  assertEquals(framing.chunk(), octets("a\r\n"));
  assertEquals(framing.chunk(), octets("..\r\nQUIT\r\n"));
  assertEquals(framing.chunk(), undefined);
  assertEquals(framing.space().buffer.byteLength, 64);
});

Deno.test("Framing.chunk() needs time in proportion to lines of dots", () => {
  const framing = new Framing(64 * 1_024);
  const lines = octets(".\r\n".repeat(20_000));
  const start = performance.now();
  framing.startChunks(false);
  let pieces = 0;
  let given = 0;
  for (let round = 0; round < 20; round++) {
    framing.startChunk(lines.length);
    feed(framing, lines, () => {
      for (;;) {
        const piece = framing.chunk();
        if (piece === undefined || piece === "end") return;
        pieces++;
        given += piece.length;
      }
    });
  }
  assertEquals(given, 20 * 20_000 * 4);
  assertEquals(framing.size, 20 * lines.length);
  assert(pieces <= 60, `${pieces} pieces`);
  assert(performance.now() - start < 5_000, "slower than 5 s");
});

Deno.test("Framing.startChunks() begins a message anew, and DATA after it too", () => {
  const framing = new Framing(64);
  const read = readChunks(framing, [wire(["a\n.\r"])]);
  assertEquals([read.size, read.hasBareNewline], [6, true]);
  framing.startChunks(false);
  assertEquals([framing.size, framing.hasBareNewline], [0, false]);
  framing.startChunk(1);
  feed(framing, octets("\r"), () => {});
  assertEquals(framing.chunk(), "end");
  // That message is given up, and its CR with it.
  framing.startChunks(false);
  framing.startChunk(2);
  feed(framing, octets(".a.\r\n"), () => {});
  assertEquals(framing.chunk(), octets("..a"));
  assertEquals(framing.chunk(), "end");
  assertEquals(framing.size, 2);
  framing.startData();
  assertEquals(framing.size, 0);
  assertEquals(framing.data(), "end");
});
