import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { relative } from "node:path";
import { type FolderOptions, replayFolder } from "../../lib/suite/folder.ts";

const PASSES = "# Says goodbye\nS~ 220 .*\nC: QUIT\nS~ 221 .*\n== close\n";

/** What was registered: names, and what they run. */
type Registered = Map<string, () => void | Promise<void>>;

/** Registers a folder's tests, and runs `body` with them while it is there. */
async function register(
  files: Record<string, string>,
  options: FolderOptions,
  body: (registered: Registered, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const registered: Registered = new Map();
  const { test } = Deno;
  const register = (name: string, run: () => void) => {
    registered.set(name, run);
  };
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    Reflect.set(Deno, "test", register);
    try {
      replayFolder(folder, options);
    } finally {
      Reflect.set(Deno, "test", test);
    }
    await body(registered, relative(Deno.cwd(), folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

// As a test-suite does it: at the top of a file, and with real transcripts.
replayFolder(new URL("../../fixtures/server/", import.meta.url), {
  splits: ["whole", "bytes"],
  filter: ({ name }) => /relay/.test(name),
});

Deno.test("replayFolder() registers a test for each transcript, named after what it shows and its file", async () => {
  const files = { "b.txt": PASSES, "a.txt": PASSES.slice(15), "x.eml": "" };
  await register(files, {}, async (registered, folder) => {
    assertEquals([...registered.keys()], [
      `${folder}/a.txt`,
      `Says goodbye (${folder}/b.txt)`,
    ]);
    for (const run of registered.values()) await run();
  });
});

Deno.test("replayFolder() makes a test fail that goes another way, and tells where", async () => {
  const files = { "a.txt": PASSES.replace("221", "250") };
  await register(files, {}, async (registered, folder) => {
    const [run] = [...registered.values()];
    const error = await assertRejects(async () => await run!(), Error);
    assertStringIncludes(error.message, `${folder}/a.txt:4, split whole\n`);
    assertStringIncludes(error.message, "\n- S~ 250 .*\n+ 221 2.0.0 ");
  });
});

Deno.test("replayFolder() makes a file that can't be read a test that fails with its problems", async () => {
  const files = { "a.txt": "C : NOOP\n== x\n", "b.txt": PASSES };
  await register(files, {}, async (registered, folder) => {
    const [bad, good] = [...registered.values()];
    const error = await assertRejects(async () => await bad!(), Error);
    assertStringIncludes(error.message, `${folder}/a.txt:1:1: expected a step`);
    assertStringIncludes(error.message, `\n${folder}/a.txt:2:4: expected`);
    await good!();
  });
});

Deno.test("replayFolder() makes settings that are no configuration a failure", async () => {
  const files = { "a.txt": `@server.nothing 1\n${PASSES}` };
  await register(files, {}, async (registered) => {
    const [run] = [...registered.values()];
    await assertRejects(async () => await run!(), Error, "server.nothing");
  });
});

Deno.test("replayFolder() makes a folder without transcripts a test that fails", async () => {
  await register({ "x.eml": "" }, {}, async (registered) => {
    assertEquals(registered.size, 1);
    const [run] = [...registered.values()];
    await assertRejects(async () => await run!(), Error, "Nothing to play in");
  });
});

Deno.test("replayFolder() registers only what its filter lets through", async () => {
  const files = { "a.txt": PASSES, "b.txt": PASSES.replace("goodbye", "more") };
  const filter: FolderOptions["filter"] = ({ name }) => /more/.test(name);
  await register(files, { filter }, (registered, folder) => {
    assertEquals([...registered.keys()], [`Says more (${folder}/b.txt)`]);
    return Promise.resolve();
  });
});

Deno.test("replayFolder() throws at once for what can't be used, or read", () => {
  assertThrows(
    () => replayFolder(".", { server: "no where" }),
    TypeError,
    'Cannot parse server "no where"',
  );
  assertThrows(
    () => replayFolder(".", { server: "a.test:25", as: "relay" }),
    TypeError,
    "expected one of the two",
  );
  assertThrows(() => replayFolder("no/such/folder"), Deno.errors.NotFound);
});
