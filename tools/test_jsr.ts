// Runs the tests with the @std packages of JSR: deno.json without its links, in
// a file beside it so that its relative paths hold, and without the lock file,
// which records the links. Arguments are passed on to `deno test`.

const root = new URL("../", import.meta.url);
const config = new URL(".deno.jsr.json", root);

const { links: _, ...withoutLinks } = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", root)),
);

let code: number;
await Deno.writeTextFile(config, JSON.stringify(withoutLinks, null, 2));
try {
  const test = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      `--config=${config.pathname}`,
      "--no-lock",
      "-P",
      "--doc",
      "--ignore=std,tests/real",
      ...Deno.args,
    ],
    cwd: root,
  });
  ({ code } = await test.spawn().status);
} finally {
  await Deno.remove(config);
}
Deno.exit(code);
