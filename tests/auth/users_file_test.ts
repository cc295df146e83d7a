import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  formatUserLine,
  MAX_USER_LINE_CHARS,
  parseUserLine,
} from "../../lib/auth/user_line.ts";
import {
  MAX_USERS,
  parseUsers,
  readUsersFile,
  type UserEntry,
  UsersFile,
  UsersFileError,
} from "../../lib/auth/users_file.ts";
import { deriveVerifier, formatVerifier } from "../../lib/sasl/verifier.ts";

const hashOf = async (salt: string, iterations: number) =>
  formatVerifier(
    await deriveVerifier("x", new TextEncoder().encode(salt), iterations),
  );
const HASH = await hashOf("salt", 4_096);

/** What is known, as text. */
function show(entry: UserEntry): string {
  return entry.type === "verifier"
    ? formatVerifier(entry.verifier)
    : entry.password.reveal();
}

Deno.test("parseUsers() reads names in every spelling of TOML, comments and empty lines", async () => {
  const users = await parseUsers(
    [
      "\ufeff# users",
      `joe = "${HASH}"`,
      "",
      `"joe@example.org" = '${HASH}' # a comment`,
      `  'j=oe'="{PLAIN}open \\"sesame\\" \\u00e9"\r`,
      `"J\\u00f6e" = "{PLAIN}x"`,
    ].join("\n"),
    "users.toml",
  );
  assertEquals(users.size, 4);
  assertEquals(users.hasPasswords, true);
  assertEquals(show(users.find("joe")), HASH);
  assertEquals(show(users.find("joe@example.org")), HASH);
  assertEquals(show(users.find("j=oe")), 'open "sesame" é');
  assertEquals(show(users.find("Jöe")), "x");
});

Deno.test("parseUsers() takes an empty file", async () => {
  const users = await parseUsers("", "users.toml");
  assertEquals([users.size, users.hasPasswords], [0, false]);
});

const SECRET = "SESAME";
const FORM =
  'expected name = "hash", the name in quotes if it has a "@" or "."';
const WRONG: [what: string, text: string, problem: string][] = [
  ["no hash", "joe", `1: Cannot read the line: ${FORM}`],
  [
    "a hash without quotes",
    `joe = ${SECRET}`,
    `1: Cannot read the line: ${FORM}`,
  ],
  ["an open string", `joe = "${SECRET}`, `1: Cannot read the line: ${FORM}`],
  ["a dotted name", `joe.smith = "${HASH}"`, `1: Cannot use the line: ${FORM}`],
  ["a bare address", `joe@a.b = "${HASH}"`, `1: Cannot read the line: ${FORM}`],
  ["a table", "\n[users]", `2: Cannot use the line: ${FORM}`],
  ["a number", "joe = 1", `1: Cannot use the line: ${FORM}`],
  [
    "no name",
    `"" = "${HASH}"`,
    "1: Cannot use the name: expected 1 to 255 bytes without control characters",
  ],
  [
    "a password without its mark",
    `joe = "${SECRET}"`,
    '1: Cannot use the hash of "joe": expected "SCRAM-SHA-256$…" or "{PLAIN}…", as "postern passwd" makes them',
  ],
  [
    "an empty password",
    'joe = "{PLAIN}"',
    '1: Cannot use the hash of "joe": expected',
  ],
  [
    "another scheme",
    `joe = "$6$${SECRET}"`,
    '1: Cannot use the hash of "joe": expected',
  ],
  [
    "a user twice",
    `joe = "${HASH}"\n\n"joe" = "{PLAIN}x"`,
    '3: User "joe" is in line 1 already: expected each one once',
  ],
  [
    "a user twice, in two forms that are one",
    `ix = "${HASH}"\n"i\u00adx" = "${HASH}"`,
    '2: User "ix" is in line 1 already: expected each one once',
  ],
  [
    "a long line",
    `# ${"x".repeat(MAX_USER_LINE_CHARS)}`,
    "1: Line is too long: expected at most 16384 characters",
  ],
];

for (const [what, text, problem] of WRONG) {
  Deno.test(`parseUsers() refuses ${what}, and says where`, async () => {
    const error = await assertRejects(
      () => parseUsers(text, "users.toml"),
      UsersFileError,
    );
    assertEquals(error.problems.length, 1);
    assertStringIncludes(error.message, `users.toml:${problem}`);
    assertEquals(error.message.includes(SECRET), false);
  });
}

Deno.test("parseUsers() tells all problems, but not too many", async () => {
  const error = await assertRejects(
    () => parseUsers("x\n".repeat(50), "users.toml"),
    UsersFileError,
  );
  assertEquals(error.problems.length, 21);
  assertEquals(error.problems.at(-1), "users.toml: More problems follow");
});

Deno.test("parseUsers() takes 100,000 users and no more", async () => {
  const line = (_: unknown, i: number) => `u${i} = "{PLAIN}x"\n`;
  const lines = Array.from({ length: MAX_USERS }, line).join("");
  assertEquals((await parseUsers(lines, "f")).size, MAX_USERS);
  const error = await assertRejects(
    () => parseUsers(`${lines}v = "{PLAIN}x"`, "f"),
    UsersFileError,
  );
  assertEquals(
    error.message,
    "f:100001: Too many users: expected at most 100000",
  );
});

for (const name of ["joe", "joe@a.b", "j=o e", 'j"o\\e', "Jöe", "#", "-"]) {
  Deno.test(`parseUserLine() reads what formatUserLine() writes of ${JSON.stringify(name)}`, () => {
    assertEquals(parseUserLine(formatUserLine(name, HASH)), {
      type: "user",
      name,
      hash: HASH,
    });
  });
}

Deno.test("formatUserLine() and parseUserLine() agree on the longest password there may be", () => {
  const hash = `{PLAIN}${'\\"'.repeat(512)}`;
  const line = formatUserLine('"'.repeat(255), hash);
  assertEquals(parseUserLine(line).type, "user");
});

Deno.test("UsersFile.find() gives an unknown user always the same decoy, as one of the others looks", async () => {
  const text = `a = "${await hashOf("1234", 5_000)}"\nb = "${await hashOf(
    "x".repeat(40),
    6_000,
  )}"\n`;
  const users = await parseUsers(text, "f");
  const again = await parseUsers(text, "f");
  const kinds = new Set<string>();
  const salts = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const entry = users.find(`stranger${i}`);
    assertEquals(show(entry), show(again.find(`stranger${i}`)));
    if (entry.type !== "verifier") throw new TypeError(entry.type);
    const { iterations, salt } = entry.verifier;
    kinds.add(`${iterations} ${salt.length}`);
    salts.add(salt.join());
  }
  assertEquals([...kinds].sort(), ["5000 4", "6000 40"]);
  assertEquals(salts.size, 50);
});

Deno.test("UsersFile.find() makes decoys that outlive another user's coming", async () => {
  const one = await parseUsers(`a = "${HASH}"`, "f");
  const two = await parseUsers(`a = "${HASH}"\nb = "${HASH}"`, "f");
  assertEquals(show(one.find("x")), show(two.find("x")));
  const other = await parseUsers(`a = "${await hashOf("tlas", 4096)}"`, "f");
  assertNotEquals(show(one.find("x")), show(other.find("x")));
});

Deno.test("UsersFile.find() gives a password that nobody knows where there are no hashes", async () => {
  for (
    const users of [new UsersFile(), await parseUsers('a = "{PLAIN}x"', "f")]
  ) {
    const [first, second] = [users.find("x"), users.find("x")];
    assertEquals(first.type, "password");
    assertNotEquals(show(first), show(second));
    assertEquals(users.saltOf("x"), users.saltOf("x"));
    assertNotEquals(users.saltOf("x"), users.saltOf("y"));
    assertEquals(users.saltOf("x").length, 16);
  }
});

async function inFolder(run: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const MODES: [mode: number, text: string, warning: string | undefined][] = [
  [0o600, `joe = "${HASH}"`, undefined],
  [
    0o640,
    `joe = "${HASH}"`,
    "Hashes of passwords in a file that others can use: expected mode 0600",
  ],
  [
    0o604,
    'joe = "{PLAIN}x"',
    "Passwords in a file that others can use: expected mode 0600",
  ],
];

for (const [mode, text, warning] of MODES) {
  Deno.test(`readUsersFile() warns ${warning ? "of" : "not of"} mode ${mode.toString(8)}`, async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/users.toml`;
      await Deno.writeTextFile(path, text);
      await Deno.chmod(path, mode);
      const { users, warnings } = await readUsersFile(path);
      assertEquals(users.size, 1);
      assertEquals(warnings, warning ? [`${path}: ${warning}`] : []);
    });
  });
}

Deno.test("readUsersFile() says why it can't read", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/none`;
    const error = await assertRejects(
      () => readUsersFile(path),
      UsersFileError,
    );
    assertEquals(error.problems, [
      `${path}: Cannot read the users: No such file or directory: open '${path}'`,
    ]);
    const big = `${folder}/big`;
    await Deno.writeTextFile(big, "");
    await Deno.truncate(big, 32 * 1024 * 1024 + 1);
    await assertRejects(
      () => readUsersFile(big),
      UsersFileError,
      "it has more than 33554432 bytes",
    );
    await assertRejects(() => readUsersFile(folder), UsersFileError);
  });
});
