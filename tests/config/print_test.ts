import { assert, assertEquals } from "@std/assert";
import { explainConfig } from "../../lib/config/document.ts";
import { checkConfig, defaultConfig } from "../../lib/config/load.ts";
import { printConfig } from "../../lib/config/print.ts";
import {
  nearestKey,
  SCHEMA,
  sectionOf,
  SECTIONS,
} from "../../lib/config/schema.ts";
import { defaultValue } from "../../lib/config/read_key.ts";

Deno.test("printConfig() prints every key, secrets as dots, what was left open as a comment", () => {
  const { config } = checkConfig({
    server: { hostname: "mx.example.org", greeting: 'A "quoted" \\ word' },
    relay: {
      url: "plain://joe%40example.org:sesame@submit.example",
      domains: ["example.org:mx.lan"],
    },
  }, { hostname: "", env: () => undefined, readTextFile: () => "" });
  assert(config !== undefined);
  assertEquals(
    printConfig(config),
    `[server]
hostname = "mx.example.org"
greeting = "A \\"quoted\\" \\\\ word"
listen = ["127.0.0.1:2525"]

[relay]
url = "plain://joe%40example.org:•••••@submit.example:587"
domains = ["example.org:mx.lan:25"]
# tls: verified for a relay with a user, else opportunistic
ca_file = ""
password_file = ""
pool = 10

[local]
networks = ["localhost"]

[limits]
data = "10MiB"
recipients = 100
line = "4KiB"
sessions = 1000
sessions_per_client = 100
errors = 10
bare_newline = "normalize"
read_timeout = "1m"
write_timeout = "1m"
drain = "30s"

[flags]
session = []

[delivery]
maildir = "./mail"
mbox = ""

[log]
level = "info"
format = "text"
file = ""

[record]
dir = ""
`,
  );
});

Deno.test("printConfig() has exactly the keys of this version", () => {
  const text = printConfig(defaultConfig({ hostname: "localhost" }));
  const now = [...SCHEMA].filter(([, row]) => !row.notYet);
  assertEquals(
    text.match(/^(?:# )?\w+(?: =|:) /gm)?.length,
    now.length,
  );
});

Deno.test("explainConfig() explains a key, a section, all, and nothing unknown", () => {
  assertEquals(
    explainConfig("server.listen"),
    `server.listen
  Where to accept connections: HOST:PORT, [IPv6]:PORT, smtp://HOST:PORT or unix:/PATH. Port 0 lets the system choose.
  Type:    list: listening address; at least 1 entry
  Default: ["127.0.0.1:2525"]
  Option:  --listen
`,
  );
  const headings = (name?: string) =>
    explainConfig(name)?.match(/^\S.*$/gm)?.length;
  assertEquals(headings("log"), 3);
  assertEquals(headings("scan"), 25);
  assertEquals(headings("scan.spamd"), 5);
  assertEquals(headings(), SCHEMA.size);
  assertEquals(explainConfig("limit"), undefined);
  assert(
    explainConfig("tls.key")?.startsWith("tls.key (not yet in this version)\n"),
  );
});

Deno.test("The table of keys has a section for each key, and defaults that pass their own checks", () => {
  for (const [key, row] of SCHEMA) {
    assert(SECTIONS.has(sectionOf(key)) || SECTIONS.has(key), key);
    assert((row.computed === undefined) !== (row.default === undefined), key);
    if (row.default !== undefined && row.default !== "") {
      assert(defaultValue(row) !== undefined, key);
    }
  }
});

const SLIPS: [name: string, want: string | undefined][] = [
  ["limits.datas", "limits.data"],
  ["limits.Recipients", "limits.recipients"],
  ["limits.bare-newline", "limits.bare_newline"],
  ["relay.networks", "local.networks"],
  ["limts", "limits"],
  ["file", undefined],
  ["server.banner", undefined],
  ["x".repeat(100_000), undefined],
];

Deno.test("nearestKey() finds what a slip was meant to be, and nothing for another word", () => {
  for (const [name, want] of SLIPS) assertEquals(nearestKey(name), want);
});
