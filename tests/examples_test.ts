// Holds the examples, and the configurations in the documents, to what Postern
// takes today.

import { assert, assertEquals } from "@std/assert";
import { parseConfig } from "../lib/config/load.ts";
import { formatProblem } from "../lib/config/problem.ts";
import { HookCalls } from "../lib/hooks.ts";
import { loadHooks } from "../lib/hooks/load.ts";

const ROOT = new URL("../", import.meta.url);

/** Files that stand in for those which an example names. */
function standIn(path: string): string {
  return path.endsWith(".pem")
    ? "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
    : "sesame\n";
}

function problemsOf(file: string, text: string): string[] {
  const { problems, warnings } = parseConfig(text, {
    file,
    hostname: "host.example.net",
    env: () => "sesame",
    readTextFile: standIn,
    fileMode: () => 0o600,
  });
  return [...problems, ...warnings].map(formatProblem);
}

/** Every configuration that a reader may copy: where it stands, and its text. */
function configurations(): [string, string][] {
  const found: [string, string][] = [];
  for (const folder of ["", "docs/"]) {
    for (const { name } of Deno.readDirSync(new URL(folder, ROOT))) {
      if (!name.endsWith(".md")) continue;
      const text = Deno.readTextFileSync(new URL(folder + name, ROOT));
      for (const [, toml] of text.matchAll(/^```toml\n(.*?)^```/gms)) {
        found.push([`${folder}${name}, ${toml!.trim().split("\n")[1]}`, toml!]);
      }
    }
  }
  for (const name of ["postfix_filter", "haproxy"]) {
    const file = `examples/${name}/postern.toml`;
    found.push([file, Deno.readTextFileSync(new URL(file, ROOT))]);
  }
  return found;
}

for (const [place, toml] of configurations()) {
  Deno.test(`the configuration in ${place} is one`, () => {
    assertEquals(problemsOf(place, toml), []);
  });
}

const SESSION = { id: "1", client: "192.0.2.1", isLocal: false, helo: "" };

Deno.test("the hooks of examples/ are hooks, and decide", async () => {
  const { pathname } = new URL("examples/hooks.ts", ROOT);
  const hooks = new HookCalls(await loadHooks(pathname), 10_000);
  const { signal } = new AbortController();
  const asked = { mechanism: "PLAIN", password: "guess" };
  const known = await hooks.auth(SESSION, { ...asked, user: "ann" }, signal);
  assertEquals(known?.type, "password");
  const unknown = await hooks.auth(SESSION, { ...asked, user: "x" }, signal);
  assertEquals(unknown?.type, "refused");
  const here = { ...SESSION, isLocal: true };
  assertEquals(await hooks.vrfy(SESSION, "ann", signal), undefined);
  assertEquals((await hooks.vrfy(here, "ann", signal))?.code, 250);
  assert((await hooks.vrfy(here, "<x@example.org>", signal))!.code === 550);
});
