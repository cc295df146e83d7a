import { assert, assertEquals } from "@std/assert";
import { checkConfig } from "../lib/config/load.ts";
import type { Config, ConfigInput } from "../lib/config/config.ts";
import type { RelayEntry } from "../lib/policy/relay_table.ts";
import { commonSettings, sessionSettings } from "../lib/recorded_setup.ts";

const BEGAN = Date.UTC(2026, 10, 24, 14, 15, 0, 250);

function configOf(input: ConfigInput): Config {
  const { config } = checkConfig({
    ...input,
    server: { hostname: "mx.test", ...input.server },
  }, {
    hostname: "mx.test",
    env: () => undefined,
    readTextFile: (path) =>
      path.endsWith(".pem")
        ? "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
        : "open sesame\n",
  });
  assert(config !== undefined);
  return config;
}

/** Settings as a transcript has them. */
function lines(settings: readonly { key: string; text: string }[]): string[] {
  return settings.map(({ key, text }) => `@${key} ${text}`);
}

const COMMON: [
  name: string,
  input: ConfigInput,
  want: string[],
  mechanisms?: string[],
][] = [
  ["nothing that is as always", {}, []],
  [
    "limits and flags",
    { limits: { data: "1MiB", drain: "1s" }, flags: { session: ["needhelo"] } },
    [
      '@limits.data "1MiB"',
      '@limits.drain "1s"',
      '@flags.session ["needhelo"]',
    ],
  ],
  [
    "the greeting, in TOML's quotes",
    { server: { greeting: 'say "hello"' } },
    [String.raw`@server.greeting "say \"hello\""`],
  ],
  [
    "no store, log or listener of this machine",
    {
      server: { listen: ["127.0.0.1:0"] },
      delivery: { maildir: "/var/mail/x" },
      log: { file: "/var/log/x" },
      local: { networks: ["10.0.0.0/8"] },
    },
    [],
  ],
  [
    "what TLS is to a relay, whose address is nobody's business",
    { relay: { url: "10.1.2.3:2525" } },
    ['@relay.tls "opportunistic"'],
  ],
  [
    "credentials that are none",
    {
      relay: { url: "plain://ann@submit.example", password_file: "password" },
    },
    [
      '@relay.url "plain://user:secret@relay.test:25"',
      '@relay.tls "verified"',
    ],
  ],
  [
    "the mechanism that a relay's URL names, and TLS from the start",
    { relay: { url: "scram-sha-256://ann:sesame@submit.example:465" } },
    [
      '@relay.url "scram-sha-256://user:secret@relay.test:465"',
      '@relay.tls "verified"',
    ],
  ],
  [
    "that a relay speaks LMTP",
    { relay: { url: "lmtp:unix:/run/lmtp" } },
    [
      '@relay.url "lmtp://relay.test:25"',
      '@relay.tls "opportunistic"',
    ],
  ],
  [
    "that there is TLS, and who may log in, without the files' names",
    {
      tls: { certificate: "/etc/x.pem" },
      auth: { mechanisms: ["CRAM-MD5"], users_file: "/etc/x" },
      hooks: { module: "/etc/x.ts" },
    },
    [
      '@tls.certificate "mx.pem"',
      '@auth.mechanisms ["CRAM-MD5"]',
      '@auth.users_file "users"',
      '@hooks.module "hooks.ts"',
    ],
    ["CRAM-MD5"],
  ],
  [
    "a hook that no configuration names",
    { auth: { users_file: "/etc/x" } },
    [
      '@auth.mechanisms ["PLAIN", "XOAUTH2"]',
      '@auth.users_file "users"',
      '@hooks.module "hooks.ts"',
    ],
    ["PLAIN", "XOAUTH2"],
  ],
  [
    "a relay on this machine, where credentials need no TLS",
    { relay: { url: "plain://ann:sesame@127.0.0.1:587", tls: "off" } },
    ['@relay.url "plain://user:secret@127.0.0.1:25"', '@relay.tls "off"'],
  ],
];

for (const [name, input, want, mechanisms = []] of COMMON) {
  Deno.test(`commonSettings() has ${name}`, () => {
    const hostname = '@server.hostname "mx.test"';
    const settings = commonSettings(configOf(input), mechanisms);
    assertEquals(lines(settings), [hostname, ...want]);
  });
}

const CLIENTS: [address: string, isLocal: boolean, want: string[]][] = [
  ["127.0.0.1", true, []],
  ["::1", true, []],
  ["192.0.2.7", false, []],
  ["192.0.2.7", true, ['@local.networks ["192.0.2.7"]']],
  ["127.0.0.1", false, ["@local.networks []"]],
];

for (const [address, isLocal, want] of CLIENTS) {
  Deno.test(`sessionSettings() says whether ${address} is local: ${isLocal}`, () => {
    const client = { address, isLocal, began: BEGAN };
    assertEquals(lines(sessionSettings(configOf({}), client, [])), [
      `@client ${address}`,
      "@clock 2026-11-24T14:15:00Z",
      "@relay.domains []",
      ...want,
    ]);
  });
}

Deno.test("sessionSettings() has an address for a client that has none", () => {
  const client = { address: "", isLocal: true, began: BEGAN };
  const [first] = lines(sessionSettings(configOf({}), client, []));
  assertEquals(first, "@client 127.0.0.1");
});

Deno.test("sessionSettings() has what holds where the client came in", () => {
  const client = {
    ...{ address: "192.0.2.7", isLocal: false, began: BEGAN, isProxy: true },
    listener: {
      address: { scheme: "lmtp" },
      auth: "required",
      tls: "off",
    },
  } as const;
  const all = lines(sessionSettings(configOf({}), client, []));
  assertEquals(all.slice(3), [
    '@listener.url "lmtp://127.0.0.1:25"',
    '@listener.auth "required"',
    '@listener.tls "off"',
    '@listener.xclient ["192.0.2.7"]',
  ]);
});

const OWN: RelayEntry[] = [
  { domain: "a.test" },
  { domain: "b.test", hostname: "10.0.0.1" },
  { domain: "c.test", hostname: "10.0.0.2", port: 2525 },
  { domain: "d.test", hostname: "10.0.0.1", port: 25 },
];

const RELAYS: [url: string, domains: string, more: string[]][] = [
  [
    "10.0.0.9",
    '["a.test", "b.test:relay2.test:25", "c.test:relay3.test:25", "d.test:relay2.test:25"]',
    [],
  ],
  [
    "10.0.0.1",
    '["a.test", "b.test:relay.test:25", "c.test:relay2.test:25", "d.test:relay.test:25"]',
    [],
  ],
  [
    "",
    '["a.test", "b.test:relay.test:25", "c.test:relay2.test:25", "d.test:relay.test:25"]',
    ['@relay.url ""', '@relay.tls "opportunistic"'],
  ],
];

for (const [url, domains, more] of RELAYS) {
  Deno.test(`sessionSettings() renames relays, the same alike, beside "${url}"`, () => {
    const client = { address: "127.0.0.1", isLocal: true, began: BEGAN };
    const config = configOf({ relay: { url } });
    assertEquals(lines(sessionSettings(config, client, OWN)).slice(2), [
      `@relay.domains ${domains}`,
      ...more,
    ]);
  });
}
