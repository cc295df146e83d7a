import { assertEquals, assertRejects } from "@std/assert";
import { makeHash, parseUserName } from "../../lib/auth/make_hash.ts";
import { writeUser, WriteUserError } from "../../lib/auth/write_user.ts";
import { parseVerifier, verifyPassword } from "../../lib/sasl/verifier.ts";
import { Secret } from "../../lib/secret.ts";

const HASH = "{PLAIN}new";

async function inFolder(run: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const FILES: [what: string, old: string | undefined, want: string][] = [
  ["makes the file", undefined, 'joe = "{PLAIN}new"\n'],
  ["fills an empty one", "", 'joe = "{PLAIN}new"\n'],
  [
    "adds to the end",
    'a = "{PLAIN}x"\n',
    'a = "{PLAIN}x"\njoe = "{PLAIN}new"\n',
  ],
  [
    "ends a last line that has no end",
    'a = "{PLAIN}x"',
    'a = "{PLAIN}x"\njoe = "{PLAIN}new"\n',
  ],
  [
    "replaces the user's line alone, whatever the others are",
    '# mine\r\n"joe" = "{PLAIN}old"\r\n\r\nbroken "joe"\r\njoe2 = "{PLAIN}x"',
    '# mine\r\njoe = "{PLAIN}new"\r\n\r\nbroken "joe"\r\njoe2 = "{PLAIN}x"',
  ],
  [
    "replaces the user's line though its hash can't be used",
    '\ufeffjoe = "$6$x"\n',
    '\ufeffjoe = "{PLAIN}new"\n',
  ],
];

for (const [what, old, want] of FILES) {
  Deno.test(`writeUser() ${what}`, async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/users.toml`;
      if (old !== undefined) {
        await Deno.writeTextFile(path, old);
        await Deno.chmod(path, 0o640);
      }
      const isReplaced = await writeUser(path, "joe", HASH);
      assertEquals(isReplaced, /^\W*joe"? =/m.test(old ?? ""));
      assertEquals(
        new TextDecoder("utf-8", { ignoreBOM: true }).decode(
          await Deno.readFile(path),
        ),
        want,
      );
      const { mode } = await Deno.stat(path);
      assertEquals(mode! & 0o777, old === undefined ? 0o600 : 0o640);
      assertEquals([...Deno.readDirSync(folder)].length, 1);
    });
  });
}

Deno.test("writeUser() keeps a link one", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    await Deno.symlink("file", `${folder}/link`);
    await writeUser(`${folder}/link`, "joe", HASH);
    assertEquals((await Deno.lstat(`${folder}/link`)).isSymlink, true);
    assertEquals(
      await Deno.readTextFile(`${folder}/file`),
      'joe = "{PLAIN}new"\n',
    );
  });
});

Deno.test("writeUser() leaves all as it was where it can't do it", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/users.toml`;
    const twice = 'joe = "{PLAIN}x"\n"joe" = "{PLAIN}y"\n';
    await Deno.writeTextFile(path, twice);
    await assertRejects(
      () => writeUser(path, "joe", HASH),
      WriteUserError,
      `${path}:2: User "joe" is in line 1 already: expected each one once`,
    );
    assertEquals(await Deno.readTextFile(path), twice);
    assertEquals([...Deno.readDirSync(folder)].length, 1);

    const latin = Uint8Array.of(0x23, 0xe9);
    await Deno.writeFile(path, latin);
    await assertRejects(() => writeUser(path, "joe", HASH), WriteUserError);
    assertEquals(await Deno.readFile(path), latin);
    assertEquals([...Deno.readDirSync(folder)].length, 1);

    await Deno.writeTextFile(`${path}.new`, "another's");
    await assertRejects(
      () => writeUser(path, "joe", HASH),
      WriteUserError,
      'users.toml.new" is there already; remove it if no other "postern passwd" is at work',
    );
    assertEquals(await Deno.readTextFile(`${path}.new`), "another's");
    await assertRejects(
      () => writeUser(`${folder}/none/users.toml`, "joe", HASH),
      WriteUserError,
      "No such file or directory",
    );
  });
});

Deno.test("makeHash() makes a new salt each time, and a hash that fits", async () => {
  const password = new Secret("open\u00a0sesame");
  const [first, second] = [
    await makeHash(password, "scram"),
    await makeHash(password, "scram"),
  ];
  assertEquals(first === second, false);
  const verifier = parseVerifier(first)!;
  assertEquals([verifier.iterations, verifier.salt.length], [100_000, 16]);
  assertEquals(await verifyPassword("open sesame", verifier), true);
  assertEquals(await makeHash(password, "plain"), "{PLAIN}open sesame");
});

Deno.test("makeHash() refuses what can't be a password, without repeating it", async () => {
  for (const text of ["", "a\nb", "x".repeat(1_025)]) {
    const error = await assertRejects(
      () => makeHash(new Secret(text), "scram"),
      TypeError,
    );
    assertEquals(
      error.message,
      "Cannot use the password: expected 1 to 1,024 bytes without control characters",
    );
  }
  assertEquals(parseUserName("Jo\u00ade"), "Joe");
});
