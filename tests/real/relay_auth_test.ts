import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  isTokenMechanism,
  SASL_MECHANISMS,
  type SaslMechanism,
} from "../../lib/sasl/mechanism.ts";
import type { ConfigInput, Hooks } from "../../mod.ts";
import {
  ANN,
  CA_FILE,
  JOE,
  LoginServing,
  type LoginServingOptions,
  TOKEN,
} from "../support/login_serving.ts";
import { verdictOf } from "../support/raw_client.ts";
import { Serving } from "../support/serving.ts";

type Relay = NonNullable<ConfigInput["relay"]>;

/** How the relay is reached. */
type Way = "STARTTLS" | "TLS from the start" | "clear text";

const SECRETS = [ANN.password, JOE.password, TOKEN, "wrong-secret"];

/** What a user of the mechanism knows; CRAM-MD5 needs the password itself. */
function known(mechanism: SaslMechanism): { user: string; secret: string } {
  const { user, password } = mechanism === "CRAM-MD5" ? JOE : ANN;
  return { user, secret: isTokenMechanism(mechanism) ? TOKEN : password };
}

function urlOf(
  scheme: string,
  { user, secret }: { user: string; secret?: string },
  port: number,
): string {
  const password = secret === undefined ? "" : `:${encodeURIComponent(secret)}`;
  const login = `${encodeURIComponent(user)}${password}`;
  return `${scheme.toLowerCase()}://${login}@localhost:${port}`;
}

/** A message's way through one Postern that logs in to another, and the traces. */
interface Journey {
  readonly verdict: string;
  /** The logs of both. */
  readonly log: string;
  /** How the relay was logged in to, each time. */
  readonly logins: readonly string[];
}

/** Sends one message through a Postern whose relay takes it from users alone. */
async function send(
  relayOf: (back: LoginServing) => Relay,
  { config, hooks }: LoginServingOptions = {},
): Promise<Journey> {
  const logins: string[] = [];
  await using back = await LoginServing.start({
    config: {
      server: { listen: [] },
      listener: [
        { url: "127.0.0.1:0", auth: "required" },
        { url: "smtps://127.0.0.1:0", auth: "required" },
      ],
      ...config,
    },
    hooks: {
      auth(session, login, options) {
        const { mechanism, user, token } = login;
        const way = session.tls === undefined ? "in clear" : "in TLS";
        logins.push(`${mechanism} ${user} ${way}`);
        if (hooks?.auth) return hooks.auth(session, login, options);
        return token === undefined ? undefined : token === TOKEN;
      },
    },
  });
  await using front = await Serving.start({
    relay: { ca_file: CA_FILE, ...relayOf(back) },
  });
  using client = await front.client();
  const verdict = verdictOf(await client.mail({ to: ["b@elsewhere.test"] }));
  const log = `${front.log}\n${back.log}`;
  for (const secret of SECRETS) assert(!log.includes(secret), log);
  return { verdict, log, logins };
}

function settings(
  scheme: string,
  login: { user: string; secret?: string },
  way: Way,
): (back: LoginServing) => Relay {
  return (back) => ({
    url: urlOf(scheme, login, back.port(way === "TLS from the start")),
    tls: way === "clear text" ? "off" : "verified",
  });
}

for (const mechanism of SASL_MECHANISMS) {
  const login = known(mechanism);

  for (const way of ["STARTTLS", "clear text"] as const) {
    Deno.test(`${mechanism.toLowerCase()}:// logs in to a relay by ${mechanism}, over ${way}`, async () => {
      const { verdict, log, logins } = await send(
        settings(mechanism, login, way),
      );
      assertMatch(verdict, /^250 /);
      const channel = way === "STARTTLS" ? "in TLS" : "in clear";
      assertEquals(logins, [`${mechanism} ${login.user} ${channel}`]);
      assertMatch(log, new RegExp(` login .*user=${login.user}`));
    });
  }

  if (!isTokenMechanism(mechanism)) {
    Deno.test(`smtps:// with a user logs in by ${mechanism} where nothing else is offered`, async () => {
      const config = { auth: { mechanisms: [mechanism] } };
      const { verdict, logins } = await send(
        settings("smtps", login, "TLS from the start"),
        { config },
      );
      assertMatch(verdict, /^250 /);
      assertEquals(logins, [`${mechanism} ${login.user} in TLS`]);
    });

    Deno.test(`${mechanism}: a user whom the relay does not know is refused as one with a wrong password`, async () => {
      const attempts = [
        { user: "nobody", secret: "wrong-secret" },
        { ...login, secret: "wrong-secret" },
      ];
      const refusals = [];
      for (const attempt of attempts) {
        const journey = await send(settings(mechanism, attempt, "STARTTLS"));
        assertMatch(journey.verdict, /^451 4\.7\.0 /);
        refusals.push(/Relay failed at AUTH: [^"]*/.exec(journey.log)?.[0]);
      }
      assertMatch(refusals[0]!, /: 535 5\.7\.8 /);
      assertEquals(refusals[0], refusals[1]);
    });
  }

  Deno.test(`${mechanism}: a wrong secret is 451, and each side says why in its log`, async () => {
    const wrong = { ...login, secret: "wrong-secret" };
    const { verdict, log } = await send(settings(mechanism, wrong, "STARTTLS"));
    assertMatch(verdict, /^451 4\.7\.0 /);
    assertMatch(log, /Relay failed at AUTH: 535 5\.7\.8 /);
    assertMatch(log, /login-failed .*code=535/);
  });
}

const BEST: [offered: readonly SaslMechanism[], best: SaslMechanism][] = [
  [SASL_MECHANISMS, "SCRAM-SHA-256"],
  [["LOGIN", "CRAM-MD5", "PLAIN"], "PLAIN"],
  [["CRAM-MD5", "LOGIN"], "LOGIN"],
];

for (const [mechanisms, best] of BEST) {
  for (const way of ["STARTTLS", "TLS from the start"] as const) {
    const scheme = way === "STARTTLS" ? "smtp" : "smtps";
    Deno.test(`${scheme}:// with a user takes ${best} of ${mechanisms.join(", ")}`, async () => {
      const { verdict, logins } = await send(
        settings(scheme, { user: ANN.user, secret: ANN.password }, way),
        { config: { auth: { mechanisms } } },
      );
      assertMatch(verdict, /^250 /);
      assertEquals(logins, [`${best} ${ANN.user} in TLS`]);
    });
  }
}

/** What the operator's code of the relay does, and what becomes of the message. */
const HOOKS: [what: string, auth: Hooks["auth"], code: string][] = [
  ["accepts", () => true, "250"],
  ["refuses", () => false, "535 5.7.8"],
  ["refuses in its own words", () => "550 5.7.1 Go away", "550 5.7.1 Go away"],
  ["puts off", () => "454 4.7.0 Later", "454 4.7.0 Later"],
  [
    "throws, with the password",
    (_session, { password }) => {
      throw new TypeError(
        `error for url (https://auth.test/?p=${encodeURIComponent(password!)})`,
        { cause: new Error(`no "${password}" in the database`) },
      );
    },
    "454 4.7.0",
  ],
  ["never answers", () => new Promise(() => {}), "454 4.7.0"],
  ["answers nonsense", () => "perhaps", "454 4.7.0"],
];

for (const [what, auth, code] of HOOKS) {
  Deno.test(`an auth hook of the relay that ${what} gives ${code}`, async () => {
    const login = { user: ANN.user, secret: ANN.password };
    const { verdict, log } = await send(settings("plain", login, "STARTTLS"), {
      hooks: { auth: auth! },
      config: { hooks: { timeout: "100ms" } },
    });
    const encoded = encodeURIComponent(ANN.password);
    assert(!log.includes(encoded), log);
    if (code === "250") return assertMatch(verdict, /^250 /);
    assertMatch(verdict, /^451 4\.7\.0 /);
    assert(log.includes(`Relay failed at AUTH: ${code}`), log);
  });
}

const PASSWORD_VARIABLE = "POSTERN_TEST_RELAY_PASSWORD";

Deno.test("the relay's password comes from a file, a command or the environment", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/password`;
  const { user, password } = ANN;
  await Deno.writeTextFile(file, `${password}\n`, { mode: 0o600 });
  Deno.env.set(PASSWORD_VARIABLE, encodeURIComponent(password));
  try {
    const sources: ((port: number) => Relay)[] = [
      (port) => ({ url: urlOf("smtp", { user }, port), password_file: file }),
      (port) => ({
        url: urlOf("smtp", { user }, port),
        password_command: `cat ${file}; echo ignored`,
      }),
      (port) => ({
        url: urlOf("smtp", { user }, port).replace(
          "@localhost",
          `:\${env:${PASSWORD_VARIABLE}}@localhost`,
        ),
      }),
    ];
    for (const source of sources) {
      const { verdict, log } = await send((back) => source(back.port()));
      assertMatch(verdict, /^250 /, log);
    }
  } finally {
    Deno.env.delete(PASSWORD_VARIABLE);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a command that fails is 451, and its words are in the log", async () => {
  const { verdict, log, logins } = await send((back) => ({
    url: urlOf("smtp", { user: ANN.user }, back.port()),
    password_command: "echo 'The safe is shut' >&2; exit 3",
  }));
  assertMatch(verdict, /^451 /);
  assertMatch(
    log,
    /Password command failed: exit status 3 \(The safe is shut\)/,
  );
  assertEquals(logins, []);
});

Deno.test("a relay whose certificate does not hold gets no credentials", async () => {
  const login = { user: ANN.user, secret: ANN.password };
  for (const way of ["STARTTLS", "TLS from the start"] as const) {
    const scheme = way === "STARTTLS" ? "plain" : "smtps";
    const { verdict, logins } = await send((back) => ({
      ...settings(scheme, login, way)(back),
      ca_file: "",
    }));
    assertMatch(verdict, /^451 4\.7\.\d /);
    assertEquals(logins, []);
  }
});
