// Keeps the rooms of lib/ as docs/flow.md tells them; the table is in
// architecture.ts. The second half shows that the checker catches.

import { assert, assertEquals } from "@std/assert";
import { check, MAX_LINES, read, ROOMS } from "./architecture.ts";

/** Deepest folder below lib/ that is looked into. */
const MAX_DEPTH = 4;

async function* sources(
  folder: URL,
  below: string,
  depth = 0,
): AsyncGenerator<[path: string, source: string]> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${below}/${entry.name}`;
    if (entry.isDirectory && depth < MAX_DEPTH) {
      yield* sources(new URL(`${entry.name}/`, folder), path, depth + 1);
    } else if (entry.name.endsWith(".ts")) {
      yield [path, await Deno.readTextFile(new URL(entry.name, folder))];
    }
  }
}

Deno.test("lib/ keeps to its rooms", async () => {
  const files: Record<string, string> = {};
  for await (
    const [path, source] of sources(new URL("../lib/", import.meta.url), "lib")
  ) files[path] = source;
  assert("lib/engine/mod.ts" in files);
  assertEquals(check(files), []);
});

Deno.test("the rooms form no circle", () => {
  const ordered = Object.keys(ROOMS);
  for (const [room, open] of Object.entries(ROOMS)) {
    for (const other of open) {
      assert(
        ordered.indexOf(other) < ordered.indexOf(room),
        `${room}: ${other}`,
      );
    }
  }
});

/** Sources of lib/engine/ that must be found fault with. */
const IMPURE: [source: string, offence: string][] = [
  ["Deno.cwd();", '"Deno" in engine/'],
  ['const cwd = Deno["cwd"];', '"Deno" in engine/'],
  ["type C = Deno.Conn;", '"Deno" in engine/'],
  ["const all = { Deno };", '"Deno" in engine/'],
  ["globalThis.Deno;", '"globalThis" in engine/'],
  ["const at = Date.now();", '"Date.now" in engine/'],
  ["const at = new Date();", '"new Date()" in engine/'],
  ["const at = Date();", '"Date()" in engine/'],
  ["performance.now();", '"performance" in engine/'],
  ["setTimeout(f, 1);", '"setTimeout" in engine/'],
  ["AbortSignal.timeout(1);", '"AbortSignal.timeout" in engine/'],
  ["fetch(x);", '"fetch" in engine/'],
  ["const f = fetch;", '"fetch" in engine/'],
  ["console.log(x);", '"console" in engine/'],
  ["async function f() {}", '"async" in engine/'],
  ["const f = async () => {};", '"async" in engine/'],
  ["class C { async m() {} }", '"async" in engine/'],
  ["const o = { async m() {} };", '"async" in engine/'],
  ["await f();", '"await" in engine/'],
  ["for await (const x of y) f(x);", '"for await" in engine/'],
  ["function f(): Promise<void> {}", '"Promise" in engine/'],
  ['const m = import("./x.ts");', '"import()" in engine/'],
  ['import fs from "node:fs";', '"node:fs" in engine/'],
  ['import { connect } from "node:net";', '"node:net" outside of transport/'],
];

for (const [source, offence] of IMPURE) {
  Deno.test(`read() finds ${source}`, () => {
    const { offences } = read("lib/engine/x.ts", `// Why.\n${source}\n`);
    assertEquals(offences, [`lib/engine/x.ts:2: ${offence}`]);
  });
}

/** Sources of lib/engine/ that look like an offence and are none. */
const PURE = [
  "// await Deno.connect(), Date.now()\n/* async */",
  'const a = "await Deno.connect()"; const b = `Date.now() ${a}`;',
  "const a = /Deno\\.connect/;",
  "a.fetch(); a.Deno.connect();",
  "const a = { fetch: 1, setTimeout() {} };",
  "class A { fetch = 1; console() {} #Promise = 2; }",
  "interface A { fetch(): void; Promise: string }",
  "const a = new Date(0); const b = Date.UTC(2026, 1);",
  'import { isIPv6 } from "node:net";',
  'import { Buffer } from "node:buffer";',
  'import ipaddr from "ipaddr.js";',
];

for (const source of PURE) {
  Deno.test(`read() finds nothing in ${source}`, () => {
    assertEquals(read("lib/engine/x.ts", `// Why.\n${source}\n`).offences, []);
  });
}

Deno.test("read() wants packages by their names in deno.json", () => {
  for (
    const specifier of ["npm:ipaddr.js@2", "jsr:@std/cli", "https://a.b/c"]
  ) {
    const { offences } = read(
      "lib/log/x.ts",
      `// Why.\nimport "${specifier}";`,
    );
    assertEquals(offences, [
      `lib/log/x.ts:2: "${specifier}" is no name in deno.json`,
    ]);
  }
});

Deno.test("read() lets rooms that may wait do so", () => {
  const source =
    "// Why.\nawait Deno.readFile(x); setTimeout(f, Date.now());\n";
  assertEquals(read("lib/relay/x.ts", source).offences, []);
});

const SOCKETS = [
  "Deno.connect({ port: 1 });",
  "Deno.listen({ port: 1 });",
  "Deno.listenTls(x);",
  "Deno.startTls(x);",
  'Deno["connect"](x);',
  "const { connect } = Deno;",
  'import { connect } from "node:net";',
  'import * as tls from "node:tls";',
  'import type { TLSSocket } from "node:tls";',
  'export { connect } from "node:net";',
  'type S = import("node:net").Socket;',
  'const net = await import("node:net");',
];

for (const source of SOCKETS) {
  Deno.test(`read() lets only transport/ have ${source}`, () => {
    const text = `// Why.\n${source}\n`;
    assertEquals(read("lib/transport/x.ts", text).offences, []);
    for (const path of ["lib/relay/x.ts", "lib/server.ts"]) {
      const { offences } = read(path, text);
      assertEquals(offences.length, 1);
      assert(offences[0]?.endsWith("outside of transport/"));
    }
  });
}

Deno.test("read() asks for a comment at the top", () => {
  assertEquals(read("lib/server.ts", "export {};\n").offences, [
    "lib/server.ts:1: no comment at the top",
  ]);
  assertEquals(read("lib/server.ts", "/** Why. */\nexport {};").offences, []);
});

Deno.test("read() counts lines", () => {
  const full = "// Why.\n".repeat(MAX_LINES);
  assertEquals(read("lib/server.ts", full).offences, []);
  assertEquals(read("lib/server.ts", `${full}// More.\n`).offences.length, 1);
});

const IMPORTS: [path: string, source: string, offence: string | undefined][] = [
  ["lib/engine/x.ts", 'import "./y.ts";', undefined],
  ["lib/policy/x.ts", 'import "../engine/y.ts";', undefined],
  ["lib/session.ts", 'import "./policy/y.ts";', undefined],
  ["lib/relay/x.ts", 'import "../secret.ts";', undefined],
  ["lib/config/x.ts", 'import "../address.ts";', undefined],
  ["lib/engine/deep/x.ts", 'import "../y.ts";', undefined],
  [
    "lib/engine/x.ts",
    'import "../policy/y.ts";',
    "imports lib/policy/y.ts, not open to engine",
  ],
  [
    "lib/engine/x.ts",
    'import type { Y } from "../log/y.ts";',
    "imports lib/log/y.ts, not open to engine",
  ],
  [
    "lib/engine/x.ts",
    'export * from "../log/y.ts";',
    "imports lib/log/y.ts, not open to engine",
  ],
  [
    "lib/session.ts",
    'import "./config/y.ts";',
    "imports lib/config/y.ts, not open to session",
  ],
  [
    "lib/server.ts",
    'const { x } = await import("../cli.ts");',
    "imports cli.ts, outside of lib/",
  ],
  [
    "lib/server.ts",
    'import "../mod.ts";',
    "imports mod.ts, outside of lib/",
  ],
];

for (const [path, source, offence] of IMPORTS) {
  Deno.test(`check() ${offence ? "refuses" : "allows"} ${source} in ${path}`, () => {
    assertEquals(
      check({ [path]: `// Why.\n${source}\n` }),
      offence ? [`${path}: ${offence}`] : [],
    );
  });
}

Deno.test("check() asks for a room in the table", () => {
  assertEquals(check({ "lib/attic/x.ts": "// Why.\n" }), [
    'lib/attic/x.ts:1: no room "attic" in the table',
  ]);
});

Deno.test("check() finds a circle of imports", () => {
  assertEquals(
    check({
      "lib/engine/a.ts": '// A.\nimport "./b.ts";',
      "lib/engine/b.ts": '// B.\nimport type { C } from "./c.ts";',
      "lib/engine/c.ts": '// C.\nexport * from "./b.ts";',
    }),
    ["cycle: lib/engine/b.ts -> lib/engine/c.ts -> lib/engine/b.ts"],
  );
});
