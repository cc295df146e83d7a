import { assertEquals } from "@std/assert";
import { Player, type ReplayOptions } from "../../lib/suite/replay.ts";
import { type TrialOptions, tryFile } from "../../lib/suite/trial.ts";
import type { Verdict } from "../../lib/suite/verdict.ts";

const FAILS = "S~ 220 .*\nC: QUIT\nS: 221 Never\n== close\n";

/** A client that goes on where nobody can be served; Postern's does not. */
const GOES_ON = `S: 220 mx.test ESMTP
C: EHLO client.test
S: 250 mx.test
C: MAIL FROM:<a@b.test>
S: 250 OK
C: RCPT TO:<c@d.test>
S: 550 No
C: DATA
S: 354 Go on
C: Subject: x
C: .
S: 250 OK
C: QUIT
S: 221 Bye
== close
`;

const UPDATE = { update: { secrets: new Map<string, string>() } };

/** Tries a file of that name in a folder of its own. */
async function trial(
  name: string,
  text: string,
  options: Omit<TrialOptions, "player"> & { readonly play?: ReplayOptions },
  body: (verdicts: Verdict[], path: string) => Promise<void> | void,
  prepare: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/${name}`;
    await Deno.writeTextFile(path, text);
    await prepare(path);
    const player = new Player(options.play);
    await body(await tryFile(path, { ...options, player }), path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("tryFile() names the file in the command that plays it again as a shell reads it", async () => {
  const command = "postern replay";
  await trial("it's a.txt", FAILS, { command }, ([verdict], path) => {
    const word = `'${path.replace("it's", String.raw`it'\''s`)}'`;
    assertEquals(verdict?.repeat, `postern replay --split whole ${word}`);
  });
});

Deno.test("tryFile() plays a file as the relay, and tells where Postern's client does something else", async () => {
  const play = { as: "relay" } as const;
  await trial("a.txt", GOES_ON, { play }, ([verdict]) => {
    assertEquals(verdict?.status, "failed");
    assertEquals(verdict?.failure?.way, "whole");
  });
});

Deno.test("tryFile() skips what Postern's client does not do, and tells why", async () => {
  const play = { as: "relay" } as const;
  await trial("a.txt", FAILS, { play }, ([verdict]) => {
    assertEquals(verdict?.status, "skipped");
    assertEquals(typeof verdict?.skipped, "string");
  });
});

Deno.test("tryFile() updates the file behind a link, and keeps its mode", async () => {
  await trial("a.txt", FAILS, UPDATE, async ([verdict], path) => {
    assertEquals(verdict?.status, "passed");
    assertEquals((await Deno.lstat(path)).isSymlink, true);
    const { mode } = await Deno.stat(`${path}.real`);
    assertEquals((mode ?? 0) & 0o777, 0o600);
    const text = await Deno.readTextFile(`${path}.real`);
    const names = [...Deno.readDirSync(path.slice(0, -"/a.txt".length))];
    assertEquals(names.length, 2);
    assertEquals(/^S: 221 2\.0\.0 .*$/m.test(text), true, text);
  }, async (path) => {
    await Deno.rename(path, `${path}.real`);
    await Deno.chmod(`${path}.real`, 0o600);
    await Deno.symlink(`${path}.real`, path);
  });
});

Deno.test("tryFile() leaves what lies where it writes aside, and tells of it", async () => {
  await trial("a.txt", FAILS, UPDATE, async ([verdict], path) => {
    assertEquals(verdict?.status, "failed");
    assertEquals(verdict?.problems, [
      `Cannot write ${path}: File exists`,
    ]);
    assertEquals(await Deno.readTextFile(path), FAILS);
    assertEquals(await Deno.readTextFile(`${path}.new`), "mine");
  }, (path) => Deno.writeTextFile(`${path}.new`, "mine"));
});

Deno.test("tryFile() gives a verdict on each conversation of a file", async () => {
  const listing = `1.  First

   S: 220 a
   C: QUIT
   S: 221 b

2.  Second

   S: 220 a
   C: NOOP
   S: 500 b
`;
  await trial("rfc", listing, {}, (verdicts) => {
    assertEquals(verdicts.map(({ name, status }) => [name, status]), [
      ["First", "passed"],
      ["Second", "failed"],
    ]);
    assertEquals(verdicts[1]?.failure?.line, 11);
  });
});
