import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ConfigInput } from "../../lib/config/config.ts";
import {
  checkConfig,
  defaultConfig,
  type LoadOptions,
  parseConfig,
} from "../../lib/config/load.ts";
import { formatProblem } from "../../lib/config/problem.ts";

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
      password_file: "",
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
      read_timeout: 60_000,
      write_timeout: 60_000,
      drain: 30_000,
    },
    flags: { session: [] },
    delivery: { maildir: "./mail", mbox: "" },
    log: { level: "info", format: "text", file: "" },
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
      '--relay: Cannot use "ftp://•••••" as a relay: expected "smtp://HOST:PORT", HOST:PORT, "plain://USER:PWD@HOST:PORT" or "unix:/PATH"',
      "postern.toml:1:15: limits.data: Cannot use 0: expected from 1B to 64GiB",
    ],
  );
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
  ], [1_048_576, 1_000, ["needhelo"]]);
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
  [{ server: { listen: ["x"] } }, [
    'server.listen: Cannot use "x" as a listening address: expected a port from 0 to 65535 after the host and ":"',
  ]],
];

Deno.test("checkConfig() says what is wrong, without a file", () => {
  for (const [input, want] of BAD_INPUT) {
    assertEquals(checkConfig(input, OPTIONS).problems.map(formatProblem), want);
  }
});
