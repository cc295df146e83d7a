import { assertEquals, assertMatch } from "@std/assert";
import { configCommand } from "../../lib/cli/config.ts";
import { Outputs } from "./output.ts";

const CERTIFICATES = new URL("../transport/certs/", import.meta.url).pathname;

/** Runs `config check` on a configuration of its own, with a file of users. */
async function check(
  toml: string,
  users: string,
  args: string[] = [],
): Promise<{ status: number; stdout: string; stderr: string }> {
  const folder = await Deno.makeTempDir();
  using outputs = new Outputs();
  try {
    const file = `${folder}/postern.toml`;
    await Deno.writeTextFile(
      file,
      toml.replaceAll("CERTS/", CERTIFICATES).replaceAll("DIR/", `${folder}/`),
    );
    await Deno.writeTextFile(`${folder}/users`, users, { mode: 0o600 });
    const status = await configCommand.run(["check", "-c", file, ...args]);
    const shown = (text: string) => text.replaceAll(`${folder}/`, "DIR/");
    const [stdout, stderr] = [outputs.stdout, outputs.stderr].map(shown);
    return { status, stdout: stdout!, stderr: stderr! };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function tls(certificate: string, key: string): string {
  return `[tls]\ncertificate = "CERTS/${certificate}.pem"\nkey = "CERTS/${key}.key"\n`;
}

const USERS = '[auth]\nusers_file = "DIR/users"\n';

const WRONG: [name: string, toml: string, users: string, want: RegExp][] = [
  [
    "a key that does not fit its certificate",
    tls("localhost", "other"),
    "",
    /^DIR\/postern\.toml: tls\.certificate: .*key.*\n/,
  ],
  [
    "a certificate that has run out",
    tls("expired", "expired"),
    "",
    /^DIR\/postern\.toml: tls\.certificate: .*expired.*\n/,
  ],
  [
    "a line of users that is none, with its number",
    USERS,
    "# nobody\njoe\n",
    /^DIR\/postern\.toml: auth\.users_file: DIR\/users:2: .+\n/,
  ],
  [
    "a directory of authorities that is not there",
    '[relay]\nca_path = "DIR/roots"\n',
    "",
    /^DIR\/postern\.toml: relay\.ca_path: .+DIR\/roots.+\n/,
  ],
];

for (const [name, toml, users, want] of WRONG) {
  Deno.test(`config check finds ${name}`, async () => {
    const { status, stdout, stderr } = await check(toml, users);
    assertMatch(stdout, want);
    assertEquals([status, stderr], [1, ""]);
  });
}

Deno.test("config check has nothing to say of files that are in order", async () => {
  const toml = `${tls("localhost", "localhost")}${USERS}`;
  const { status, stdout, stderr } = await check(toml, "");
  // The key in the tree is open to all, which earns its warning.
  assertMatch(stdout, /^Warning: \S+: tls\.key: Credentials .+\n$/);
  assertEquals([status, stderr], [0, "The configuration is valid.\n"]);
});

Deno.test("config check --json has the files' problems beside the others", async () => {
  const { status, stdout } = await check(USERS, "joe\n", ["--json"]);
  const { problems } = JSON.parse(stdout);
  assertEquals(status, 1);
  assertEquals(problems.length, 1);
  assertEquals(problems[0].key, "auth.users_file");
});
