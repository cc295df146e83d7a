import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { StartTlsWatch } from "../../lib/record/starttls_watch.ts";

/** What comes through, with the server's bytes cut as given. */
function filtered(client: string, server: readonly string[]): string {
  const watch = new StartTlsWatch();
  watch.heed(Buffer.from(client, "latin1"));
  const passed = server.map((piece) =>
    watch.filter(Buffer.from(piece, "latin1"))
  );
  return Buffer.concat([...passed, watch.flush()]).toString("latin1");
}

function* chunkings(text: string): Generator<string[]> {
  yield [text];
  yield [...text];
  for (let cut = 1; cut < text.length; cut++) {
    yield [text.slice(0, cut), text.slice(cut)];
  }
}

const EHLO = "EHLO me\r\n";

const CASES: [name: string, client: string, server: string, want: string][] = [
  [
    "takes the offer out",
    EHLO,
    "250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n",
    "250-mx\r\n250 SIZE\r\n",
  ],
  [
    "makes the line before it the last one",
    "ehlo\tme\r\n",
    "250-mx\r\n250-SIZE\r\n250 starttls\r\n",
    "250-mx\r\n250 SIZE\r\n",
  ],
  [
    "leaves a server that offers nothing else",
    EHLO,
    "250-mx\r\n250 STARTTLS\r\n",
    "250 mx\r\n",
  ],
  [
    "looks at one reply only",
    EHLO,
    "250-mx\r\n250 SIZE\r\n250-a\r\n250-STARTTLS\r\n250 b\r\n",
    "250-mx\r\n250 SIZE\r\n250-a\r\n250-STARTTLS\r\n250 b\r\n",
  ],
  [
    "finds the reply behind those to commands before EHLO",
    `RSET\r\n${EHLO}`,
    "250 ok\r\n250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n",
    "250 ok\r\n250-mx\r\n250 SIZE\r\n",
  ],
  [
    "finds it behind the greeting of a server that was not waited for",
    EHLO,
    "220-mx\r\n220 hi\r\n250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n",
    "220-mx\r\n220 hi\r\n250-mx\r\n250 SIZE\r\n",
  ],
  [
    "leaves the server's name alone",
    EHLO,
    "250-STARTTLS\r\n250 SIZE\r\n",
    "250-STARTTLS\r\n250 SIZE\r\n",
  ],
  [
    "leaves a parameter alone, and a word that begins alike",
    EHLO,
    "250-mx\r\n250-STARTTLS now\r\n250 STARTTLSX\r\n",
    "250-mx\r\n250-STARTTLS now\r\n250 STARTTLSX\r\n",
  ],
  [
    "changes nothing where nobody said EHLO",
    "HELO me\r\n MAIL\r\n",
    "250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n",
    "250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n",
  ],
  [
    "changes nothing of a refusal",
    EHLO,
    "502-mx\r\n502-STARTTLS\r\n502 no\r\n",
    "502-mx\r\n502-STARTTLS\r\n502 no\r\n",
  ],
  [
    "passes on what is no reply, and a reply without an end",
    EHLO,
    "\xff\0\r\nbare\n250-mx\r\n250-STARTTLS\r\n250 SI",
    "\xff\0\r\nbare\n250-mx\r\n250-STARTTLS\r\n250 SI",
  ],
];

for (const [name, client, server, want] of CASES) {
  Deno.test(`StartTlsWatch.filter() ${name}, in every chunking`, () => {
    for (const chunks of chunkings(server)) {
      assertEquals(filtered(client, chunks), want, JSON.stringify(chunks));
    }
  });
}

Deno.test("StartTlsWatch.filter() holds no more than a reply back", () => {
  const watch = new StartTlsWatch();
  watch.heed(Buffer.from(EHLO));
  const line = "250-X-LINE\r\n";
  let passed = 0;
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    passed += watch.filter(Buffer.from(line)).length;
    assert(i * line.length - passed < 32 * 1_024);
  }
  // Such a server is left alone from then on.
  assertEquals(passed, count * line.length);
});

Deno.test("StartTlsWatch.heed() knows EHLO in every chunking", () => {
  const said = `NOOP\r\nEHLO me\r\n`;
  for (const chunks of chunkings(said)) {
    const watch = new StartTlsWatch();
    for (const chunk of chunks) watch.heed(Buffer.from(chunk));
    const passed = watch.filter(
      Buffer.from("250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n"),
    );
    assertEquals(Buffer.from(passed).toString(), "250-mx\r\n250 SIZE\r\n");
  }
});

const ASKED: [name: string, client: string, server: string, want: boolean][] = [
  ["where both agreed", "STARTTLS\r\n", "220 go\r\n", true],
  ["whatever the case", "starttls \r\n", "220\r\n", true],
  ["behind a longer reply", "STARTTLS\r\n", "220-go\r\n220 now\r\n", true],
  ["not where the server refused", "STARTTLS\r\n", "454 no\r\n", false],
  ["not at the greeting", "EHLO a\r\n", "220 mx\r\n", false],
  ["not within a line", "MAIL STARTTLS\r\n", "220 go\r\n", false],
  ["not before the line has ended", "STARTTLS", "220 go\r\n", false],
];

for (const [name, client, server, want] of ASKED) {
  Deno.test(`StartTlsWatch knows that TLS begins ${name}, in every chunking`, () => {
    for (const chunks of chunkings(server)) {
      const watch = new StartTlsWatch();
      watch.heed(Buffer.from(client));
      const passed = chunks.map((chunk) => watch.filter(Buffer.from(chunk)));
      assertEquals(Buffer.concat(passed).toString(), server);
      assertEquals(watch.isEncrypted, want);
    }
  });
}

Deno.test("StartTlsWatch lets everything through once TLS has begun", () => {
  const watch = new StartTlsWatch();
  watch.heed(Buffer.from(EHLO));
  watch.heed(Buffer.from("STARTTLS\r\n"));
  assertEquals(watch.filter(Buffer.from("220 go\r\n")).length, 8);
  watch.heed(Buffer.from(EHLO));
  const offer = Buffer.from("250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n");
  assertEquals(watch.filter(offer), offer);
});
