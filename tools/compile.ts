// Makes dist/postern, a program of its own, with the permissions of the set
// "server" in deno.json. The runtime inside it is downloaded by Deno, or is
// the file that DENORT_BIN names. Options are passed on: `--target`, `--check`.

const compile = new Deno.Command(Deno.execPath(), {
  args: [
    "compile",
    "--no-prompt",
    "-P=server",
    ...Deno.args,
    "--output=dist/postern",
    "cli.ts",
  ],
  cwd: new URL("..", import.meta.url),
  env: { NO_COLOR: "1" },
  stderr: "piped",
});
const { code, stderr } = await compile.output();

const said = new TextDecoder().decode(stderr);
if (code === 0) {
  console.error(said.trimEnd());
} else if (/Setting up base binary|Could not find denort/.test(said)) {
  const runtime = Deno.env.get("DENORT_BIN");
  console.error(
    runtime === undefined
      ? "Cannot download the runtime: expected a network that reaches it, or DENORT_BIN naming a denort file of this Deno version"
      : `Cannot use "${runtime}" as the runtime: expected DENORT_BIN to name a denort file of this Deno version`,
  );
} else {
  console.error(said.trimEnd());
}
Deno.exit(code === 0 ? 0 : 1);
