import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { passwdCommand } from "../../lib/cli/passwd.ts";
import { UsageError } from "../../lib/cli/usage.ts";
import { parseUserLine } from "../../lib/auth/user_line.ts";

const PROGRAM = `import { passwdCommand } from ${
  JSON.stringify(new URL("../../lib/cli/passwd.ts", import.meta.url).href)
}; Deno.exit(await passwdCommand.run(Deno.args));`;

/** Runs the command in a process of its own, with this on its standard input. */
async function passwd(args: string[], input: string | Uint8Array<ArrayBuffer>) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--allow-read", "--allow-write", "--no-check"],
      ...["--config", new URL("../../deno.json", import.meta.url).pathname],
      `data:application/typescript,${encodeURIComponent(PROGRAM)}`,
      ...args,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

Deno.test("passwd prints a line for the users' file, of the first line of standard input", async () => {
  for (const input of ["sesame\nmore\n", "sesame", "sesame\r\n"]) {
    const { code, stdout } = await passwd(
      ["--mechanism", "plain", "joe@example.org"],
      input,
    );
    assertEquals(code, 0);
    assertEquals(stdout, '"joe@example.org" = "{PLAIN}sesame"\n');
  }
});

Deno.test("passwd puts a salted hash into a file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/users.toml`;
    for (const word of ["Added", "Changed"]) {
      const { code, stdout, stderr } = await passwd(["joe", path], "sesame\n");
      assertEquals([code, stdout, stderr], [0, "", `${word} "joe".\n`]);
    }
    const text = await Deno.readTextFile(path);
    const line = parseUserLine(text.trimEnd());
    assertEquals(line.type === "user" && line.name, "joe");
    assertStringIncludes(text, "SCRAM-SHA-256$100000:");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const REFUSED: [
  what: string,
  input: string | Uint8Array<ArrayBuffer>,
  problem: string,
][] = [
  ["nothing", "", "No password was given: expected one line on standard input"],
  ["an empty line", "\n", "Cannot use the password: expected 1 to 1,024 bytes"],
  ["a long line", "x".repeat(4_097), "Password is too long: expected at most"],
  [
    "what is no UTF-8",
    Uint8Array.of(0xff, 0x0a),
    "Cannot use the password: expected UTF-8",
  ],
];

for (const [what, input, problem] of REFUSED) {
  Deno.test(`passwd refuses ${what} for a password`, async () => {
    const { code, stdout, stderr } = await passwd(["joe"], input);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, problem);
  });
}

Deno.test("passwd says why it can't write", async () => {
  const { code, stderr } = await passwd(["joe", "/nowhere/users"], "sesame");
  assertEquals(code, 1);
  assertEquals(
    stderr,
    'Cannot write "/nowhere/users": No such file or directory\n',
  );
});

const WRONG: [args: string[], problem: string][] = [
  [[], "No user: expected NAME"],
  [[""], "Cannot use the name: expected 1 to 255 bytes"],
  [["jo\ne"], "Cannot use the name: expected 1 to 255 bytes"],
  [["x".repeat(256)], "Cannot use the name: expected 1 to 255 bytes"],
  [["joe", "a", "b"], 'Unexpected argument "b": expected at most 2'],
  [["--mechanism", "md5", "joe"], 'Unknown mechanism "md5": expected scram'],
];

for (const [args, problem] of WRONG) {
  Deno.test(`passwd refuses ${JSON.stringify(args).slice(0, 40)}`, async () => {
    await assertRejects(
      async () => await passwdCommand.run(args),
      UsageError,
      problem,
    );
  });
}
