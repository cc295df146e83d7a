import { assert, assertEquals } from "@std/assert";
import { explainConfig } from "../../lib/config/document.ts";
import { checkConfig, defaultConfig } from "../../lib/config/load.ts";
import { printConfig } from "../../lib/config/print.ts";
import {
  nearestKey,
  SCHEMA,
  sectionOf,
  SECTIONS,
  TABLES,
} from "../../lib/config/schema.ts";
import { defaultValue } from "../../lib/config/read_key.ts";

Deno.test("printConfig() prints every key, secrets as dots, what was left open as a comment", () => {
  const { config } = checkConfig({
    server: { hostname: "mx.example.org", greeting: 'A "quoted" \\ word' },
    relay: {
      url: "plain://joe%40example.org:sesame@submit.example",
      domains: ["example.org:mx.lan"],
    },
    listener: [
      { url: "127.0.0.1:2525", tls: "off" },
      {
        url: "lmtp:unix:/run/postern.sock",
        auth: "off",
        proxy_protocol: ["10.0.0.0/8"],
        xclient: ["localhost"],
      },
    ],
    tls: { protocols: "TLSv1.3" },
  }, { hostname: "", env: () => undefined, readTextFile: () => "" });
  assert(config !== undefined);
  assertEquals(
    printConfig(config),
    `[server]
hostname = "mx.example.org"
greeting = "A \\"quoted\\" \\\\ word"
listen = []

[[listener]]
url = "127.0.0.1:2525"
# auth: optional where auth.users_file or hooks.module can decide on logins, else off
tls = "off"
proxy_protocol = []
xclient = []

[[listener]]
url = "lmtp:unix:/run/postern.sock"
auth = "off"
# tls: optional where tls.certificate is set, else off
proxy_protocol = ["10.0.0.0/8"]
xclient = ["localhost"]

[relay]
url = "plain://joe%40example.org:•••••@submit.example:587"
domains = ["example.org:mx.lan:25"]
# tls: verified for a relay with a user, else opportunistic
ca_file = ""
ca_path = ""
password_file = ""
password_command = ""
oauth_token_url = ""
oauth_client_id = ""
oauth_client_secret_file = ""
oauth_refresh_token_file = ""
oauth_scope = ""
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
lenient = []
greeting_delay = 0
error_delay = "1s"
connection_rate = 1000
message_rate = 1000
rate_period = "1m"
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

[tls]
certificate = ""
key = ""
certificates = []
ca_file = ""
ca_path = ""
client_certificates = "off"
ciphers = ""
ciphersuites = ""
protocols = ">=TLSv1.3"

[auth]
mechanisms = ["PLAIN", "LOGIN"]
users_file = ""
failures = 3
failure_delay = "1s"
failure_rate = 30

[hooks]
module = ""
timeout = "30s"

[record]
dir = ""
`,
  );
});

Deno.test("printConfig() has exactly the keys of this version", () => {
  const text = printConfig(defaultConfig({ hostname: "localhost" }));
  const now = [...SCHEMA]
    .filter(([key, row]) => !row.notYet && !TABLES.has(sectionOf(key)));
  assertEquals(
    text.match(/^(?:# )?\w+(?: =|:) /gm)?.length,
    now.length,
  );
});

Deno.test("explainConfig() explains a key, a section, all, and nothing unknown", () => {
  assertEquals(
    explainConfig("record.dir"),
    `record.dir
  Directory for a transcript of every session, without secrets; made where it is missing; empty: none.
  Type:    path
  Default: ""
  Option:  --record
`,
  );
  assertEquals(
    explainConfig("listener.url"),
    `listener.url
  Where it accepts connections, as in server.listen.
  Type:    listening address
  Default: none, it has to be set
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
    explainConfig("dns.tries")?.startsWith(
      "dns.tries (not yet in this version)\n",
    ),
  );
  assertEquals(headings("listener"), 5);
});

Deno.test("The table of keys has a section for each key, and defaults that pass their own checks", () => {
  for (const [key, row] of SCHEMA) {
    assert(SECTIONS.has(sectionOf(key)) || SECTIONS.has(key), key);
    const origins = [row.computed, row.default, row.required]
      .filter((origin) => origin !== undefined);
    assertEquals(origins.length, 1, key);
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
  ["listener.ulr", undefined],
  ["listener.urls", "listener.url"],
  ["tls.certificat", "tls.certificate"],
  ["file", undefined],
  ["server.banner", undefined],
  ["x".repeat(100_000), undefined],
];

Deno.test("nearestKey() finds what a slip was meant to be, and nothing for another word", () => {
  for (const [name, want] of SLIPS) assertEquals(nearestKey(name), want);
});
