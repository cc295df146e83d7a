import { assert, assertEquals } from "@std/assert";
import {
  defaultConfig,
  type LoadOptions,
  parseConfig,
} from "../../lib/config/load.ts";
import { printConfig } from "../../lib/config/print.ts";
import { formatProblem } from "../../lib/config/problem.ts";

const FIXTURES = new URL("../../fixtures/config/", import.meta.url);
const NAMES = [...Deno.readDirSync(FIXTURES)].map(({ name }) => name).filter((
  name,
) => name.endsWith(".toml")).sort();

const ENVIRONMENT: Record<string, string> = {
  RELAY_USER: "joe",
  RELAY_PASSWORD: "sesame",
  SECRET: "sesame",
};
const FILES: Record<string, string> = {
  password: "sesame\n",
  two_lines: "open\nsesame\n",
  "chain.pem": "-----BEGIN CERTIFICATE-----\n",
  "key.pem": "-----BEGIN EC PRIVATE KEY-----\n",
  "open.key.pem": "-----BEGIN PRIVATE KEY-----\n",
  "both.pem": "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n",
  "locked.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
  "old_locked.pem": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
  users: "joe = sesame\n",
  "hooks.ts": "export default {};\n",
};
/** Files with other modes than 0600. */
const MODES: Record<string, number> = {
  "warn_password.toml": 0o644,
  "warn_files.toml": 0o644,
  "open.key.pem": 0o644,
  "key.pem": 0o640,
  password: 0o640,
};

function optionsFor(file: string): LoadOptions {
  return {
    file,
    hostname: "host.example.net",
    env: (name) => ENVIRONMENT[name],
    readTextFile(path) {
      const text = FILES[path];
      if (text === undefined) throw new Error("No such file (os error 2)");
      return text;
    },
    // A password file is open to the group in the fixture that is about it.
    fileMode: (path) =>
      path === "password" && file !== "warn_files.toml"
        ? 0o600
        : MODES[path] ?? 0o600,
  };
}

function read(name: string): string {
  return Deno.readTextFileSync(new URL(name, FIXTURES));
}

function problemsOf(text: string, name: string): string {
  const { problems, warnings } = parseConfig(text, optionsFor(name));
  return [
    ...problems.map(formatProblem),
    ...warnings.map((warning) => `warning: ${formatProblem(warning)}`),
  ]
    .map((line) => `${line}\n`).join("");
}

for (const name of NAMES.filter((name) => !name.startsWith("good_"))) {
  Deno.test(`parseConfig() says all that is wrong with fixtures/config/${name}`, () => {
    const url = new URL(name.replace(".toml", ".errors"), FIXTURES);
    const got = problemsOf(read(name), name);
    if (Deno.args.includes("--update")) Deno.writeTextFileSync(url, got);
    assertEquals(got, Deno.readTextFileSync(url));
    assert(!got.includes("sesame"), "a secret was shown");
  });

  Deno.test(`parseConfig() says the same of fixtures/config/${name} with CRLF and a byte order mark`, () => {
    const text = `\ufeff${read(name).replaceAll("\n", "\r\n")}`;
    assertEquals(problemsOf(text, name), problemsOf(read(name), name));
  });
}

for (const name of NAMES.filter((name) => name.startsWith("good_"))) {
  Deno.test(`parseConfig() takes fixtures/config/${name}, and again what printConfig() makes of it`, () => {
    const { config, problems, warnings } = parseConfig(
      read(name),
      optionsFor(name),
    );
    assertEquals([...problems, ...warnings].map(formatProblem), []);
    assert(config !== undefined);
    const printed = printConfig(config);
    assert(!printed.includes("sesame"), "a secret was shown");
    const again = parseConfig(printed, optionsFor(name));
    assertEquals(again.problems.map(formatProblem), []);
    assertEquals(again.config, config);
  });
}

Deno.test("parseConfig() of an empty file gives defaultConfig()", () => {
  assertEquals(
    parseConfig("", optionsFor("")).config,
    defaultConfig({ hostname: "host.example.net" }),
  );
});
