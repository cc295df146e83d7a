import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatListenAddress } from "../../lib/address.ts";
import type { ConfigInput } from "../../lib/config/config.ts";
import {
  checkConfig,
  defaultConfig,
  type LoadOptions,
  parseConfig,
} from "../../lib/config/load.ts";
import { formatProblem } from "../../lib/config/problem.ts";
import { readTlsIdentities } from "../../lib/config/tls_files.ts";

const OPTIONS: LoadOptions = {
  file: "postern.toml",
  hostname: "host.example.net",
  env: (name) => name === "PASSWORD" ? "s%C3%A9same" : undefined,
  readTextFile: (path) =>
    path === "password"
      ? "sesame\r\n"
      : path === "ca.pem"
      ? "-----BEGIN CERTIFICATE-----"
      : "",
  fileMode: () => 0o640,
};

function problemsOf(text: string, overrides: ConfigInput = {}): string[] {
  return parseConfig(text, { ...OPTIONS, overrides }).problems.map(
    formatProblem,
  );
}

Deno.test("defaultConfig() is what the documentation says", () => {
  assertEquals(defaultConfig({ hostname: "mx.branch.example.org" }), {
    server: {
      hostname: "mx.branch.example.org",
      greeting: "ESMTP Postern",
      listen: [{ transport: "tcp", hostname: "127.0.0.1", port: 2525 }],
    },
    listener: [],
    relay: {
      url: undefined,
      domains: [
        { domain: "localhost" },
        { domain: "mx.branch.example.org" },
        { domain: "branch.example.org" },
        { domain: "example.org" },
      ],
      tls: undefined,
      ca_file: "",
      ca_path: "",
      password_file: "",
      password_command: "",
      oauth_token_url: "",
      oauth_client_id: "",
      oauth_client_secret_file: "",
      oauth_refresh_token_file: "",
      oauth_scope: "",
      pool: 10,
    },
    local: { networks: ["localhost"] },
    limits: {
      data: 10_485_760,
      recipients: 100,
      line: 4_096,
      sessions: 1_000,
      sessions_per_client: 100,
      errors: 10,
      bare_newline: "normalize",
      lenient: [],
      greeting_delay: 0,
      error_delay: 1_000,
      connection_rate: 1_000,
      message_rate: 1_000,
      rate_period: 60_000,
      read_timeout: 60_000,
      write_timeout: 60_000,
      drain: 30_000,
    },
    flags: { session: [] },
    delivery: { maildir: "./mail", mbox: "" },
    log: { level: "info", format: "text", file: "" },
    tls: {
      certificate: "",
      key: "",
      certificates: [],
      ca_file: "",
      ca_path: "",
      client_certificates: "off",
      ciphers: "",
      ciphersuites: "",
      protocols: {},
    },
    auth: {
      mechanisms: ["PLAIN", "LOGIN"],
      users_file: "",
      failures: 3,
      failure_delay: 1_000,
      failure_rate: 30,
    },
    hooks: { module: "", timeout: 30_000 },
    record: { dir: "" },
  });
});

const HOSTNAMES: [hostname: string, own: string, domains: string[]][] = [
  ["localhost", "localhost", ["localhost"]],
  ["Box", "Box", ["localhost", "box"]],
  ["MX.Example.org", "MX.Example.org", [
    "localhost",
    "mx.example.org",
    "example.org",
  ]],
  ["192.0.2.1", "localhost", ["localhost"]],
  ["joe's box", "localhost", ["localhost"]],
  ["", "localhost", ["localhost"]],
];

Deno.test("defaultConfig() takes the machine's name and its parents where they are domains", () => {
  for (const [hostname, own, domains] of HOSTNAMES) {
    const { server, relay } = defaultConfig({ hostname });
    assertEquals(server.hostname, own);
    assertEquals(relay.domains, domains.map((domain) => ({ domain })));
  }
});

Deno.test("parseConfig() takes the relayed domains from the hostname in the file", () => {
  const { config } = parseConfig(
    'server.hostname = "[IPv6:2001:db8::1]"',
    OPTIONS,
  );
  assertEquals(config?.server.hostname, "[IPv6:2001:db8::1]");
  assertEquals(config?.relay.domains, [{ domain: "localhost" }]);
});

Deno.test("parseConfig() leaves relay.tls open where it is not given", () => {
  const url = 'url = "plain://joe:sesame@submit.example"';
  for (const [tls, want] of [["", undefined], ['tls = "off"', "off"]]) {
    const { config } = parseConfig(`[relay]\n${url}\n${tls}`, OPTIONS);
    assert(config !== undefined);
    assertEquals(config.relay.tls, want);
  }
});

const PASSWORDS: [relay: string, password: string, warnings: number][] = [
  ['url = "plain://joe:literal@submit.example"', "literal", 1],
  ['url = "plain://joe:a${env:PASSWORD}@submit.example"', "asésame", 1],
  ['url = "plain://joe:${env:PASSWORD}@submit.example"', "sésame", 0],
  [
    'url = "plain://joe@submit.example"\npassword_file = "password"',
    "sesame",
    1,
  ],
];

Deno.test("parseConfig() finds the password, and warns where others can read it", () => {
  for (const [relay, password, warnings] of PASSWORDS) {
    const loaded = parseConfig(`[relay]\n${relay}`, OPTIONS);
    assertEquals(loaded.problems, []);
    const { url } = loaded.config?.relay ?? {};
    assertEquals(
      url?.transport === "tcp" ? url.password?.reveal() : "",
      password,
    );
    assertEquals(loaded.warnings.length, warnings);
  }
});

Deno.test("parseConfig() takes a file of certificates, and refuses one that has none", () => {
  assertEquals(problemsOf('relay.ca_file = "ca.pem"'), []);
  assertEquals(problemsOf('relay.ca_file = "other"'), [
    'postern.toml:1:17: relay.ca_file: Cannot use "other": expected certificates in PEM form',
  ]);
});

Deno.test("parseConfig() lets the command line win, and names the option in what is wrong with it", () => {
  const text =
    '[relay]\nurl = "plain://joe@submit.example"\npassword_file = "password"\n[delivery]\nmbox = "m"\n[log]\nlevel = "loud"';
  const { config, problems } = parseConfig(text, {
    ...OPTIONS,
    overrides: {
      server: { listen: ["127.0.0.1:0"] },
      relay: { url: "localhost" },
      delivery: { maildir: "other" },
      log: { level: "debug", format: "json" },
    },
  });
  assertEquals(problems, []);
  assert(config !== undefined);
  assertEquals(config.server.listen, [{
    transport: "tcp",
    hostname: "127.0.0.1",
    port: 0,
  }]);
  assertEquals(config.relay.url, {
    transport: "tcp",
    scheme: "smtp",
    hostname: "localhost",
    port: 25,
  });
  assertEquals(config.delivery, { maildir: "other", mbox: "" });
  assertEquals([config.log.level, config.log.format], ["debug", "json"]);
  assertEquals(
    problemsOf("limits.data = 0", {
      server: { listen: ["127.0.0.1"] },
      relay: { url: "ftp://localhost" },
    }),
    [
      '--listen: Cannot use "127.0.0.1" as a listening address: expected a port from 0 to 65535 after the host and ":"',
      '--relay: Cannot use "ftp://•••••" as a relay: expected HOST:PORT, "smtp://HOST:PORT", "smtps://HOST:PORT", "lmtp://HOST:PORT", "plain://USER:PWD@HOST:PORT" or the like, "unix:/PATH" or "lmtp:unix:/PATH"',
      "postern.toml:1:15: limits.data: Cannot use 0: expected from 1B to 64GiB",
    ],
  );
});

const SOURCES = {
  password_file: "",
  password_command: "",
  oauth_token_url: "",
  oauth_client_id: "",
  oauth_client_secret_file: "",
  oauth_refresh_token_file: "",
  oauth_scope: "",
};
const OAUTH =
  'oauth_token_url = "https://login.example/"\noauth_client_id = "postern"\noauth_refresh_token_file = "password"';
const OAUTH_SOURCES = {
  ...SOURCES,
  oauth_token_url: "https://login.example/",
  oauth_client_id: "postern",
  oauth_refresh_token_file: "password",
};

const RELAY_OPTIONS: [
  name: string,
  file: string,
  option: string,
  want: typeof SOURCES,
  password?: string,
][] = [
  [
    "no user",
    'url = "smtp://joe@a.test"\npassword_command = "pass"',
    "smtp://b.test",
    SOURCES,
  ],
  [
    "a password of its own",
    `url = "smtp://joe@a.test"\n${OAUTH}`,
    "smtp://joe:open@b.test",
    SOURCES,
    "open",
  ],
  [
    "a user, for the file's password",
    'url = "smtp://joe@a.test"\npassword_file = "password"',
    "smtps://ann@b.test",
    { ...SOURCES, password_file: "password" },
    "sesame",
  ],
  [
    "a user, for the file's tokens",
    OAUTH,
    "xoauth2://ann@b.test",
    OAUTH_SOURCES,
  ],
];

for (const [name, file, option, want, password] of RELAY_OPTIONS) {
  Deno.test(`parseConfig() keeps of the relay's secrets what --relay needs that has ${name}`, () => {
    const { config, problems } = parseConfig(`[relay]\n${file}`, {
      ...OPTIONS,
      overrides: { relay: { url: option } },
    });
    assertEquals(problems, []);
    assert(config !== undefined);
    const sources = Object.keys(SOURCES).map((key) => [
      key,
      config.relay[key as keyof typeof SOURCES],
    ]);
    assertEquals(Object.fromEntries(sources), want);
    const { url } = config.relay;
    assert(url?.transport === "tcp");
    assertEquals(url.password?.reveal(), password);
  });
}

const LISTENERS =
  '[[listener]]\nurl = "smtps://0.0.0.0:465"\n[[listener]]\nurl = "lmtp:unix:/run/a.sock"\n[tls]\ncertificate = "both.pem"';

const LISTEN: [name: string, text: string, option: string[], want: string[]][] =
  [
    ["the default", "", [], ["127.0.0.1:2525"]],
    ["listeners in place of the default", LISTENERS, [], [
      "smtps://0.0.0.0:465",
      "lmtp:unix:/run/a.sock",
    ]],
    [
      "both forms",
      `server.listen = ["[::1]:25"]\n${LISTENERS}`,
      [],
      ["[::1]:25", "smtps://0.0.0.0:465", "lmtp:unix:/run/a.sock"],
    ],
    [
      "the command line in place of both",
      `server.listen = ["[::1]:25"]\n${LISTENERS}`,
      ["smtps://0.0.0.0:465", "lmtp://127.0.0.1:0"],
      ["smtps://0.0.0.0:465", "lmtp://127.0.0.1:0"],
    ],
  ];

for (const [name, text, listen, want] of LISTEN) {
  Deno.test(`parseConfig() listens on ${name}`, () => {
    const { config, problems } = parseConfig(text, {
      ...OPTIONS,
      readTextFile: () =>
        "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----",
      overrides: listen.length > 0 ? { server: { listen } } : {},
    });
    assertEquals(problems.map(formatProblem), []);
    assert(config !== undefined);
    const urls = config.listener.map(({ url }) => url);
    assertEquals(
      [...config.server.listen, ...urls].map(formatListenAddress),
      want,
    );
  });
}

Deno.test("parseConfig() names --listen where it needs a certificate", () => {
  assertEquals(problemsOf("", { server: { listen: ["smtps://[::1]:465"] } }), [
    '--listen: Cannot use "smtps" without a certificate: expected tls.certificate too',
  ]);
});

Deno.test("readTlsIdentities() reads each certificate with its key, the default one first", () => {
  const read = (path: string) => `text of ${path}`;
  const { tls } = defaultConfig({ hostname: "localhost" });
  assertEquals(readTlsIdentities(tls, read), []);
  const files = { certificate: "a", key: "b", certificates: ["c"] };
  assertEquals(readTlsIdentities({ ...tls, ...files }, read), [
    { certificate: "text of a", key: "text of b", name: "a" },
    { certificate: "text of c", key: "text of c", name: "c" },
  ]);
});

const NO_TOML: [text: string, line: number][] = [
  ["a", 1],
  ["[server]\nhostname = \n", 2],
  ["[server\n", 1],
  ['[server]\n\ngreeting = "sesame', 3],
  ['[server]\n\ngreeting = "sesame\n"', 3],
  ["[relay]\nurl = plain://joe:sesame@submit.example\n", 2],
  ['[relay]\npool = 10\npassword_file = ["sesame" "sesame"]\n', 3],
  ["pool = 1979-13-41\n", 1],
];

Deno.test("parseConfig() names the line of what is no TOML, without showing it", () => {
  for (const [text, line] of NO_TOML) {
    const [problem = "", ...others] = problemsOf(text);
    const found =
      /^postern\.toml:([0-9]+):[1-9][0-9]*: Cannot read this as TOML: ./.exec(
        problem,
      );
    // Some parsers have gone on to the next line before they notice.
    assert([line, line + 1].includes(Number(found?.[1])), problem);
    assert(!problem.includes("sesame"), problem);
    assertEquals(others, []);
  }
});

Deno.test("parseConfig() hands on what is no syntax error", () => {
  const env = () => {
    throw new TypeError("Broken");
  };
  assertThrows(
    () => parseConfig('log.file = "${env:A}"', { ...OPTIONS, env }),
    TypeError,
    "Broken",
  );
});

Deno.test("checkConfig() takes the file's keys from an object, and an absent value as none", () => {
  const input: ConfigInput = {
    limits: { data: "1MiB", drain: 1 },
    flags: { session: ["needhelo"] },
    listener: [{ url: "127.0.0.1:0", auth: "off", xclient: ["::1"] }],
    tls: { protocols: ">=TLSv1.3" },
  };
  const { config, problems } = checkConfig(
    { ...input, relay: undefined },
    OPTIONS,
  );
  assertEquals(problems, []);
  assertEquals([
    config?.limits.data,
    config?.limits.drain,
    config?.flags.session,
    config?.tls.protocols,
  ], [1_048_576, 1_000, ["needhelo"], { min: "TLSv1.3" }]);
  assertEquals(config?.server.listen, []);
  assertEquals(config?.listener, [{
    url: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
    auth: "off",
    tls: undefined,
    proxy_protocol: [],
    xclient: ["::1"],
  }]);
});

const BAD_INPUT: [input: unknown, want: string[]][] = [
  [null, [
    "Cannot use a value of type object as a configuration: expected an object",
  ]],
  [[], ["Cannot use a list as a configuration: expected an object"]],
  [{ relay: { urls: 1 } }, [
    'relay.urls: Unknown key: did you mean "relay.url"?',
  ]],
  [{ limits: null, log: { file: () => {} } }, [
    "limits: Cannot use a value of type object as a section: expected [limits]",
    "log.file: Cannot use a value of type function as a path: expected a string without control characters",
  ]],
  [JSON.parse('{"__proto__": 1, "constructor": {"a": 1}}'), [
    "__proto__: Unknown key",
    "constructor: Unknown key",
  ]],
  [{ listener: {} }, [
    "listener: Cannot use a table as tables: expected [[listener]] for each",
  ]],
  [{ listener: [null, { url: "[::1]:25", aut: 1 }, { tls: "off" }] }, [
    "listener[0]: Cannot use a value of type object as a table: expected [[listener]]",
    'listener[1].aut: Unknown key: did you mean "listener.auth"?',
    'listener[2]: Cannot find "listener.url": expected it here',
  ]],
  [{ "listener[0]": { url: "[::1]:25" } }, [
    '"listener[0]": Unknown key: did you mean "listener"?',
  ]],
  [{ server: { listen: ["x"] } }, [
    'server.listen: Cannot use "x" as a listening address: expected a port from 0 to 65535 after the host and ":"',
  ]],
];

Deno.test("checkConfig() says what is wrong, without a file", () => {
  for (const [input, want] of BAD_INPUT) {
    assertEquals(checkConfig(input, OPTIONS).problems.map(formatProblem), want);
  }
});
