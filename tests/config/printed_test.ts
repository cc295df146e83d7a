import { assertEquals } from "@std/assert";
import { configMarkdown, configTypes } from "../../lib/config/document.ts";

/** What `deno task docs` (this test with `--update`) prints from the table of keys. */
const PRINTED: [path: string, extension: string, print: () => string][] = [
  ["../../docs/config.md", "md", configMarkdown],
  ["../../lib/config/config.ts", "ts", configTypes],
];

async function format(text: string, extension: string): Promise<string> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["fmt", `--ext=${extension}`, "-"],
    cwd: new URL("../..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { stdout, success } = await process.output();
  assertEquals(success, true);
  return new TextDecoder().decode(stdout);
}

for (const [path, extension, print] of PRINTED) {
  const url = new URL(path, import.meta.url);
  Deno.test(`${path.replaceAll("../", "")} says what the table of keys says (else: deno task docs)`, async () => {
    const text = await format(print(), extension);
    if (Deno.args.includes("--update")) await Deno.writeTextFile(url, text);
    assertEquals(await Deno.readTextFile(url), text);
  });
}
