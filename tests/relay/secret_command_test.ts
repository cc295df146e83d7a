import { assertEquals, assertRejects } from "@std/assert";
import { SecretError } from "../../lib/sasl/secret_source.ts";
import {
  commandSecret,
  MAX_SECRET_BYTES,
} from "../../lib/relay/secret_command.ts";

const never = () => new AbortController().signal;

const GOOD: [what: string, command: string, want: string][] = [
  ["the first line", "echo sesame; echo more", "sesame"],
  ["a line without its end", "printf sesame", "sesame"],
  ["a line ended by CRLF", "printf 'sesame\\r\\n'", "sesame"],
  ["a line with spaces as it is", "printf ' open sesame '", " open sesame "],
  ["what a pipe prints", "echo SESAME | tr A-Z a-z", "sesame"],
  [
    "a secret of the greatest length",
    `head -c ${MAX_SECRET_BYTES} /dev/zero | tr '\\0' x`,
    "x".repeat(MAX_SECRET_BYTES),
  ],
];

for (const [what, command, want] of GOOD) {
  Deno.test(`commandSecret() gives ${what}`, async () => {
    const secret = await commandSecret(command).get(never());
    assertEquals(secret.reveal(), want);
  });
}

const BAD: [what: string, command: string, problem: string][] = [
  [
    "fails, and says why",
    "echo sesame; echo locked >&2; echo more >&2; exit 3",
    "Password command failed: exit status 3 (locked)",
  ],
  [
    "cleans what the command complains of, and cuts it",
    "printf '\\033[1m%0300d' 0 >&2; exit 1",
    `Password command failed: exit status 1 (?[1m${"0".repeat(196)})`,
  ],
  [
    "complains without end",
    "head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1",
    `Password command failed: exit status 1 (${"x".repeat(200)})`,
  ],
  [
    "tells the signal that ended the command",
    "kill -TERM $$",
    "Password command failed: SIGTERM",
  ],
  [
    "prints nothing",
    "true",
    "Password command printed nothing: expected the secret in its first line",
  ],
  [
    "prints an empty line first",
    "echo; echo sesame",
    "Password command printed nothing: expected the secret in its first line",
  ],
  [
    "prints too much",
    `head -c ${MAX_SECRET_BYTES + 1} /dev/zero | tr '\\0' x`,
    "Cannot use what the password command printed: expected one line of at most 16384 bytes",
  ],
  [
    "prints a NUL",
    "printf 'ses\\0ame'",
    "Cannot use what the password command printed: expected one line of at most 16384 bytes",
  ],
  [
    "is none",
    "no-such-command-here 2>/dev/null",
    "Password command failed: exit status 127",
  ],
];

for (const [what, command, problem] of BAD) {
  Deno.test(`commandSecret() rejects where the command ${what}`, async () => {
    const error = await assertRejects(
      () => commandSecret(command).get(never()),
      SecretError,
    );
    assertEquals(error.message, problem);
  });
}

Deno.test("commandSecret() reads a flood to its end and keeps none of it", async () => {
  const source = commandSecret("echo sesame; head -c 3000000 /dev/zero");
  assertEquals((await source.get(never())).reveal(), "sesame");
});

Deno.test("commandSecret() ends a command that takes too long, with all it started", async () => {
  const file = await Deno.makeTempFile();
  try {
    const source = commandSecret(
      `sleep 1000 & echo $! > ${file}; wait; echo sesame`,
      { timeoutMs: 300 },
    );
    await assertRejects(
      () => source.get(never()),
      SecretError,
      "Cannot get the password in time: expected it within 300 ms",
    );
    const pid = (await Deno.readTextFile(file)).trim();
    const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
    // Gone, or only not yet reaped by init.
    assertEquals(/^$|\) Z /.test(state), true, state);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("commandSecret() does not wait for an agent that holds on to standard error", async () => {
  const source = commandSecret("setsid sleep 2 >/dev/null & echo sesame");
  const start = performance.now();
  assertEquals((await source.get(never())).reveal(), "sesame");
  assertEquals(performance.now() - start < 1_500, true);
});

Deno.test("commandSecret() ends the command where the one who asked gives up", async () => {
  const source = commandSecret("sleep 1000");
  const stop = new AbortController();
  const asked = source.get(stop.signal);
  stop.abort(new Error("gone"));
  await assertRejects(() => asked, Error, "gone");
});

Deno.test("commandSecret() runs the command once for all who wait, and not again while it is good", async () => {
  const file = await Deno.makeTempFile();
  try {
    let now = 0;
    const source = commandSecret(`echo x >> ${file}; wc -l < ${file}`, {
      kind: "token",
      now: () => now,
    });
    assertEquals(source.kind, "token");
    const get = async () => (await source.get(never())).reveal();
    const refused = async () => source.refused(await source.get(never()));
    assertEquals(await Promise.all([get(), get()]), ["1", "1"]);
    now = 1e9;
    assertEquals(await get(), "1");
    assertEquals(await refused(), true);
    assertEquals(await get(), "2");
    now += 59_999;
    assertEquals(await refused(), false);
    assertEquals(await get(), "2");
    now += 1;
    assertEquals(await refused(), true);
    assertEquals(await get(), "3");
  } finally {
    await Deno.remove(file);
  }
});
