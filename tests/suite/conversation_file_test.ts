import { assertEquals, assertRejects } from "@std/assert";
import { readConversationFile } from "../../lib/suite/conversation_file.ts";
import { replay } from "../../lib/suite/mod.ts";
import { parseTranscript } from "../../lib/transcript/parse.ts";

const OUTSIDE = "expected a file in the transcript's folder or below";

/** A folder in a folder, with a message in each and links to them. */
async function inFolder(
  body: (folder: string) => Promise<void> | void,
): Promise<void> {
  const root = await Deno.makeTempDir();
  const folder = `${root}/a`;
  try {
    await Deno.mkdir(`${folder}/b`, { recursive: true });
    for (const name of ["x.eml", "a/x.eml", "a/b/x.eml", "a/..x.eml"]) {
      await Deno.writeTextFile(`${root}/${name}`, "Subject: x\n");
    }
    await Deno.symlink("../x.eml", `${folder}/out.eml`);
    await Deno.symlink("..", `${folder}/up`);
    await Deno.symlink("b/x.eml", `${folder}/in.eml`);
    await Deno.symlink("/dev/zero", `${folder}/zero.txt`);
    await Deno.symlink("a", `${root}/link`);
    await Deno.truncate(`${folder}/x.eml`, 64 * 1_024 * 1_024);
    await Deno.writeTextFile(`${folder}/large.eml`, "");
    await Deno.truncate(`${folder}/large.eml`, 64 * 1_024 * 1_024 + 1);
    await body(folder);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const MESSAGES: [path: string, expected?: string][] = [
  ["x.eml"],
  ["b/x.eml"],
  ["b/../x.eml"],
  ["..x.eml"],
  ["in.eml"],
  ["../x.eml", OUTSIDE],
  ["../none.eml", OUTSIDE],
  ["..", OUTSIDE],
  ["b/../../a/../x.eml", OUTSIDE],
  ["/etc/passwd", OUTSIDE],
  ["out.eml", OUTSIDE],
  ["up/x.eml", OUTSIDE],
  ["b", "expected a regular file"],
  ["large.eml", "expected at most 64 MiB"],
];

for (const [path, expected] of MESSAGES) {
  Deno.test(`readConversationFile() ${expected === undefined ? "reads" : "refuses"} a message "${path}"`, async () => {
    await inFolder((folder) => {
      const file = `${folder}/a.txt`;
      for (
        const text of [
          `C: DATA\nC< ${path}\n`,
          `C: DATA\n== delivered from=<> to=<a@b.test>\n|< ${path}\n`,
        ]
      ) {
        Deno.writeTextFileSync(file, text);
        for (const each of [file, `${folder}/../link/a.txt`]) {
          const read = readConversationFile(each);
          const problem = `${each}:2:1: ${expected}, not "${path}"`;
          const problems = read.ok ? [] : read.problems;
          assertEquals(problems, expected === undefined ? [] : [problem]);
        }
      }
    });
  });
}

Deno.test("readConversationFile() refuses an absolute name, even of a file in the folder", async () => {
  await inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a.txt`, `C< ${folder}/x.eml\n`);
    assertEquals(readConversationFile(`${folder}/a.txt`).ok, false);
  });
});

Deno.test("readConversationFile() reads no device and no file without a bound", async () => {
  await inFolder((folder) => {
    for (
      const [name, expected] of [
        ["zero.txt", "a regular file"],
        ["large.eml", "at most 64 MiB"],
      ]
    ) {
      const file = `${folder}/${name}`;
      const problems = [`Cannot read ${file}: expected ${expected}`];
      assertEquals(readConversationFile(file), { ok: false, problems });
    }
  });
});

Deno.test("replay() reads no message out of the transcript's folder", async () => {
  await inFolder(async (folder) => {
    const text = "S~ 220 .*\nC: DATA\nS~ 503 .*\nC< ../x.eml\n";
    const parsed = parseTranscript(text, `${folder}/a.txt`);
    if (!parsed.ok) throw new Error("It can be read");
    await assertRejects(
      () => replay(parsed.value),
      Error,
      `Cannot read "../x.eml": ${OUTSIDE}`,
    );
  });
});
