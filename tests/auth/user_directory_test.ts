import { assert, assertEquals, assertRejects } from "@std/assert";
import { HashQueue } from "../../lib/auth/hash_queue.ts";
import { makeHash } from "../../lib/auth/make_hash.ts";
import {
  UserDirectory,
  type UserDirectoryOptions,
} from "../../lib/auth/user_directory.ts";
import { UsersFile } from "../../lib/auth/users_file.ts";
import {
  HookCalls,
  type HookError,
  type HookLogin,
  type Hooks,
} from "../../lib/hooks.ts";
import { beginClientExchange } from "../../lib/sasl/client.ts";
import { isTokenMechanism, SASL_MECHANISMS } from "../../lib/sasl/mechanism.ts";
import {
  beginServerExchange,
  type SaslMechanism,
  type ServerVerdict,
} from "../../lib/sasl/server.ts";
import { Secret } from "../../lib/secret.ts";

const GOES_ON = new AbortController().signal;
const SESSION = {
  id: "4F2A91",
  client: "192.0.2.1",
  isLocal: false,
  helo: "x",
};

const FILE = new UsersFile(
  new Map([
    ["joe", await makeHash(new Secret("sesame"), "scram")],
    ["jane", await makeHash(new Secret("sesame"), "plain")],
  ]),
);

function hooks(auth: Hooks["auth"], timeoutMs = 5_000): HookCalls {
  return new HookCalls({ auth: auth! }, timeoutMs);
}

/** Logs in; the verdict, and what hooks did wrong. */
async function logIn(
  mechanism: SaslMechanism,
  [user, secret]: [string, string],
  options: UserDirectoryOptions,
  signal = GOES_ON,
): Promise<{ verdict: ServerVerdict; errors: HookError[] }> {
  const errors: HookError[] = [];
  const users = new UserDirectory(options).forSession(
    () => SESSION,
    (error) => errors.push(error),
  );
  const client = beginClientExchange(mechanism, {
    user,
    secret: new Secret(secret),
    host: "mx.test",
    port: 587,
  });
  const server = beginServerExchange(mechanism, users, "mx.test");
  let step = await server.respond(client.initial, signal);
  while (step.type === "challenge") {
    step = await server.respond(await client.respond(step.bytes), signal);
  }
  return { verdict: step, errors };
}

type Outcome = "accepted" | "credentials" | "unavailable";

async function outcome(
  mechanism: SaslMechanism,
  login: [string, string],
  options: UserDirectoryOptions,
): Promise<Outcome | "malformed"> {
  const { verdict } = await logIn(mechanism, login, options);
  return verdict.type === "accepted" ? "accepted" : verdict.problem;
}

/** With the file alone: a user with a hash, one with a password, and others. */
const IN_FILE: [
  mechanism: SaslMechanism,
  joe: Outcome,
  jane: Outcome,
][] = [
  ["PLAIN", "accepted", "accepted"],
  ["LOGIN", "accepted", "accepted"],
  ["SCRAM-SHA-256", "accepted", "accepted"],
  ["CRAM-MD5", "credentials", "accepted"],
  ["XOAUTH2", "credentials", "credentials"],
  ["OAUTHBEARER", "credentials", "credentials"],
];

for (const [mechanism, joe, jane] of IN_FILE) {
  Deno.test(`${mechanism} with a users' file: a hash gives "${joe}", a password "${jane}", anything else "credentials"`, async () => {
    const file = { file: FILE };
    assertEquals(await outcome(mechanism, ["joe", "sesame"], file), joe);
    assertEquals(await outcome(mechanism, ["jane", "sesame"], file), jane);
    for (
      const login of [
        ["joe", "Sesame"],
        ["jane", "sesame1"],
        ["Joe", "sesame"],
        ["nobody", "sesame"],
      ] as [string, string][]
    ) {
      assertEquals(await outcome(mechanism, login, file), "credentials");
      assertEquals(await outcome(mechanism, login, {}), "credentials");
    }
  });
}

Deno.test("an unknown user takes a hash as a known one does, whoever is known", async () => {
  const password = new UsersFile(
    new Map([["jane", await makeHash(new Secret("sesame"), "plain")]]),
  );
  const hash = new UsersFile(
    new Map([["joe", await makeHash(new Secret("sesame"), "scram")]]),
  );
  const { deriveBits } = crypto.subtle;
  let count = 0;
  // The work, by what does it.
  crypto.subtle.deriveBits = (...args) => {
    count++;
    return deriveBits.apply(crypto.subtle, args);
  };
  try {
    for (const mechanism of ["PLAIN", "LOGIN", "SCRAM-SHA-256"] as const) {
      for (
        const [file, known] of [[password, "jane"], [hash, "joe"]] as const
      ) {
        const counts = [];
        for (const user of [known, "nobody"]) {
          count = 0;
          await logIn(mechanism, [user, "wrong"], { file });
          counts.push(count);
        }
        // A client under SCRAM hashes too; a server that knows the hash does not.
        const expected = mechanism === "SCRAM-SHA-256" && known === "jane"
          ? 2
          : 1;
        assertEquals(counts, [expected, expected]);
      }
    }
  } finally {
    crypto.subtle.deriveBits = deriveBits;
  }
});

Deno.test("more logins than can be hashed or wait are unavailable, not wrong", async () => {
  const queue = new HashQueue(1, 0);
  const { promise, resolve } = Promise.withResolvers<void>();
  const busy = queue.run(() => promise, GOES_ON);
  const options = { file: FILE, queue };
  for (const mechanism of ["PLAIN", "LOGIN", "SCRAM-SHA-256"] as const) {
    const login: [string, string] = ["jane", "sesame"];
    assertEquals(await outcome(mechanism, login, options), "unavailable");
  }
  resolve();
  await busy;
  assertEquals(await outcome("PLAIN", ["jane", "sesame"], options), "accepted");
});

const REPLY = { code: 535, status: "5.7.8", text: "No" };
const ANSWERS: [
  what: string,
  answer: unknown,
  shown: Outcome,
  unseen: Outcome,
  reply?: unknown,
][] = [
  ["true", true, "accepted", "unavailable"],
  ["false", false, "credentials", "credentials"],
  ["a text with 2xx", "235 2.7.0 Yes", "accepted", "unavailable"],
  ["a text with 5xx", "535 5.7.8 No", "credentials", "credentials", REPLY],
  ["a reply", REPLY, "credentials", "credentials", REPLY],
  ["a text with 3xx", "334 Go on", "unavailable", "unavailable"],
  ["a number", 5, "unavailable", "unavailable"],
  ["a wrong password", { password: "other" }, "credentials", "credentials"],
  ["the password", { password: "sesame" }, "accepted", "accepted"],
  ["an empty password", { password: "" }, "unavailable", "unavailable"],
  ["a password with NUL", { password: "a\0" }, "unavailable", "unavailable"],
];

for (const [what, answer, shown, unseen, reply] of ANSWERS) {
  for (const mechanism of SASL_MECHANISMS) {
    const isShown = !["CRAM-MD5", "SCRAM-SHA-256"].includes(mechanism);
    const isPassword = typeof answer === "object" && "password" in answer!;
    const expected = isPassword && isTokenMechanism(mechanism)
      ? "unavailable"
      : isShown
      ? shown
      : unseen;
    Deno.test(`${mechanism}: ${what} from the hook gives "${expected}"`, async () => {
      const calls = hooks(() => answer as boolean);
      const { verdict, errors } = await logIn(mechanism, ["joe", "sesame"], {
        file: FILE,
        hooks: calls,
      });
      const { type } = verdict;
      assertEquals(type === "accepted" ? type : verdict.problem, expected);
      assertEquals(type === "refused" ? verdict.reply : undefined, reply);
      assertEquals(errors.length, expected === "unavailable" ? 1 : 0);
      for (const { message } of errors) assert(/expected/.test(message));
    });
  }
}

Deno.test("a hook that says nothing leaves the decision to the file", async () => {
  const options = { file: FILE, hooks: hooks(() => undefined) };
  for (const [mechanism, joe, jane] of IN_FILE) {
    assertEquals(await outcome(mechanism, ["joe", "sesame"], options), joe);
    assertEquals(await outcome(mechanism, ["jane", "sesame"], options), jane);
  }
});

Deno.test("a hook is told who logs in, how, and with what", async () => {
  const told: [unknown, HookLogin][] = [];
  const calls = hooks((session, login) => {
    told.push([session, login]);
    return true;
  });
  for (const mechanism of SASL_MECHANISMS) {
    await logIn(mechanism, ["bob", "sesame"], { hooks: calls });
  }
  const shown = [
    { password: "sesame" },
    { password: "sesame" },
    {},
    {},
    { token: "sesame" },
    { token: "sesame" },
  ];
  assertEquals(
    told,
    SASL_MECHANISMS.map((mechanism, i) => [
      SESSION,
      { mechanism, user: "bob", ...shown[i] },
    ]),
  );
});

Deno.test("a hook that throws makes the login unavailable, and the log is told why", async () => {
  const calls = hooks(() => {
    throw new Error("database down");
  });
  for (const mechanism of SASL_MECHANISMS) {
    const { verdict, errors } = await logIn(mechanism, ["joe", "sesame"], {
      file: FILE,
      hooks: calls,
    });
    assertEquals(verdict, {
      type: "refused",
      user: "joe",
      problem: "unavailable",
    });
    assertEquals((errors[0]!.cause as Error).message, "database down");
  }
});

Deno.test("a client that goes while the hook thinks ends the wait with its own reason", async () => {
  const stop = new AbortController();
  const calls = hooks(() => {
    stop.abort(new Error("gone"));
    return new Promise(() => {});
  });
  await assertRejects(
    () => logIn("PLAIN", ["joe", "x"], { hooks: calls }, stop.signal),
    Error,
    "gone",
  );
});

const OFFERED: [
  what: string,
  options: UserDirectoryOptions,
  mechanisms: readonly SaslMechanism[],
][] = [
  ["nobody", {}, []],
  ["an empty file", { file: new UsersFile() }, []],
  [
    "hashes",
    { file: new UsersFile(new Map([["joe", "SCRAM-SHA-256$…"]])) },
    ["PLAIN", "LOGIN", "SCRAM-SHA-256"],
  ],
  ["passwords", { file: FILE }, [
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-256",
  ]],
  ["a hook", { hooks: hooks(() => true) }, SASL_MECHANISMS],
  [
    "a hook for something else",
    { hooks: new HookCalls({ vrfy: () => "252 x" }, 1_000) },
    [],
  ],
];

for (const [what, options, mechanisms] of OFFERED) {
  Deno.test(`UserDirectory.mechanisms() with ${what} are ${mechanisms.join(", ") || "none"}`, () => {
    const directory = new UserDirectory(options);
    assertEquals(directory.mechanisms(SASL_MECHANISMS), mechanisms);
    const some = mechanisms.slice(0, 1);
    assertEquals(directory.mechanisms(some), some);
  });
}
