import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Reply } from "../../lib/engine/reply.ts";
import type { RelayCredentials } from "../../lib/relay/settings.ts";
import { isTokenMechanism, SASL_MECHANISMS } from "../../lib/sasl/mechanism.ts";
import {
  fixedSecret,
  SecretError,
  type SecretSource,
} from "../../lib/sasl/secret_source.ts";
import {
  beginServerExchange,
  type SaslMechanism,
} from "../../lib/sasl/server.ts";
import { Secret } from "../../lib/secret.ts";
import { GOES_ON, KnownUsers } from "../sasl/known_users.ts";
import { rcpts, Relaying } from "../support/relaying.ts";
import {
  type Answer,
  type Behaviour,
  close,
  last,
  OFFERS,
  raw,
  ScriptedRelay,
  silence,
} from "../support/scripted_relay.ts";

const PASSWORD = "open-sesame";

const ALL = [...OFFERS, `AUTH ${SASL_MECHANISMS.join(" ")}`];

function base64(text: string | Uint8Array): string {
  return Buffer.from(text as string).toString("base64");
}

/** A relay's AUTH, by this server's own side of SASL. */
function knowing(secret: string): Answer {
  return async (peer, line) => {
    const users = new KnownUsers("me", secret);
    const [, name, initial] = line.split(" ");
    const exchange = beginServerExchange(name as SaslMechanism, users, "mx");
    let text = initial;
    for (;;) {
      const response = text === undefined
        ? undefined
        : Buffer.from(text === "=" ? "" : text, "base64");
      const step = await exchange.respond(response, GOES_ON);
      if (step.type === "accepted") return "235 2.7.0 Welcome";
      if (step.type === "refused") return "535 5.7.8 Wrong";
      await peer.say(`334 ${base64(step.bytes)}`);
      text = await peer.line();
      if (text === "*") return "501 5.7.0 Cancelled";
    }
  };
}

function credentialsFor(
  mechanism: SaslMechanism | undefined,
  secret: SecretSource | string = PASSWORD,
): RelayCredentials {
  const kind = mechanism !== undefined && isTokenMechanism(mechanism)
    ? "token"
    : "password";
  return {
    mechanism,
    user: "me",
    secret: typeof secret === "string"
      ? fixedSecret(new Secret(secret), kind)
      : secret,
  };
}

/** Asks a relay that wants a login about a recipient. */
async function ask(
  behaviours: Behaviour[],
  credentials: RelayCredentials,
): Promise<{ reply: Reply; commands: string[]; log: string; dials: number }> {
  await using relay = new ScriptedRelay(behaviours);
  await using relaying = new Relaying(relay, {
    credentials,
    readTimeoutMs: 300,
  });
  const hop = relaying.hop();
  const [reply] = await hop.rcpt(rcpts("b@localhost"));
  await hop.abort();
  if (reply!.code !== 250) await relay.emptied();
  const commands = relay.peers.flatMap(({ commands }) => commands);
  const { log } = relaying;
  assert(!JSON.stringify([reply, log]).includes(PASSWORD), log);
  return { reply: reply!, commands, log, dials: relay.peers.length };
}

function isMail(line: string): boolean {
  return line.startsWith("MAIL");
}

for (const mechanism of SASL_MECHANISMS) {
  Deno.test(`a relay that asks for ${mechanism} is logged in to`, async () => {
    const { reply, commands } = await ask(
      [{ offers: ALL, AUTH: knowing(PASSWORD) }],
      credentialsFor(mechanism),
    );
    assertEquals(reply.code, 250);
    assertMatch(commands[1]!, new RegExp(`^AUTH ${mechanism}(?: |$)`));
  });

  Deno.test(`a relay that does not accept ${mechanism} gets no message`, async () => {
    const { reply, commands, log } = await ask(
      [{ offers: ALL, AUTH: knowing("another") }],
      credentialsFor(mechanism),
    );
    assertEquals([reply.code, reply.status], [451, "4.7.0"]);
    assertMatch(log, /at AUTH: 535 5\.7\.8 Wrong/);
    assertEquals(commands.filter(isMail), []);
    assertEquals(commands.at(-1), "QUIT");
  });

  Deno.test(`a relay that does not offer ${mechanism} is not told anything`, async () => {
    const others = SASL_MECHANISMS.filter((each) => each !== mechanism);
    const { reply, commands, log } = await ask(
      [{ offers: [...OFFERS, `AUTH ${others.join(" ")}`] }],
      credentialsFor(mechanism),
    );
    assertEquals(reply.status, "4.7.0");
    assertMatch(log, new RegExp(`expected ${mechanism}`));
    assertEquals(commands, ["EHLO mx.test", "QUIT"]);
  });

  for (const [what, answer, heard] of faults()) {
    Deno.test(`a relay that ${what} at ${mechanism} gets no message`, async () => {
      const { reply, commands, dials } = await ask(
        [{ offers: ALL, AUTH: answer }],
        credentialsFor(mechanism),
      );
      assertMatch(`${reply.code} ${reply.status}`, heard);
      assertEquals(commands.filter(isMail), []);
      assertEquals(dials, 1);
    });
  }
}

/** What goes wrong whatever the mechanism. */
function faults(): [what: string, answer: Answer, heard: RegExp][] {
  const nonsense: Answer = async (peer) => {
    await peer.say("334 no base64!");
    assertEquals(await peer.line(), "*");
    return "501 5.7.0 Cancelled";
  };
  const endless: Answer = async (peer) => {
    for (let i = 0; i < 20; i++) {
      await peer.say(`334 ${base64("more")}`);
      if (await peer.line() === "*") return "501 5.7.0 Cancelled";
    }
    return "235 2.7.0 Welcome";
  };
  const several: Answer = async (peer) => {
    await peer.say("334-AA==\r\n334 AA==");
    return await peer.line() === "*" ? "501 5.7.0 Cancelled" : "235 Welcome";
  };
  return [
    ["says 334 without base64", nonsense, /^451 4\.7\.0/],
    ["asks without end", endless, /^451 4\.7\.0/],
    ["says several lines of 334", several, /^451 4\.7\.0/],
    ["says 504", "504 5.5.4 Unknown", /^451 4\.7\.0/],
    ["says 454", "454 4.7.0 Later", /^451 4\.7\.0/],
    ["says 421", last("421 4.3.2 Bye"), /^451 4\.7\.0/],
    ["says 354", "354 Go on", /^451 4\.7\.0/],
    ["is silent", silence, /^451 4\.4\.2/],
    ["closes", close, /^451 4\.4\.2/],
    ["answers in nonsense", raw("Hello\r\n"), /^451 4\.4\.0/],
  ];
}

Deno.test("a relay that accepts SCRAM-SHA-256 without its signature gets no message", async () => {
  const early: Answer = async (peer, line) => {
    const heard = Buffer.from(line.split(" ")[2]!, "base64").toString();
    const nonce = /r=(.*)$/.exec(heard)![1];
    await peer.say(`334 ${base64(`r=${nonce}xyz,s=QSXCR+Q6sek8bf92,i=4096`)}`);
    await peer.line();
    return "235 2.7.0 Welcome";
  };
  const wrong: Answer = async (peer, line) => {
    const heard = Buffer.from(line.split(" ")[2]!, "base64").toString();
    const nonce = /r=(.*)$/.exec(heard)![1];
    await peer.say(`334 ${base64(`r=${nonce}xyz,s=QSXCR+Q6sek8bf92,i=4096`)}`);
    await peer.line();
    await peer.say(`334 ${base64(`v=${"A".repeat(43)}=`)}`);
    return await peer.line() === "*" ? "501 Cancelled" : "235 Welcome";
  };
  for (const AUTH of ["235 2.7.0 Welcome", early, wrong]) {
    const { reply, commands } = await ask(
      [{ offers: ALL, AUTH }],
      credentialsFor("SCRAM-SHA-256"),
    );
    assertEquals([reply.code, reply.status], [451, "4.7.0"]);
    assertEquals(commands.filter(isMail), []);
  }
});

const BEST: [offered: string, kind: "password" | "token", said: RegExp][] = [
  ["LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256", "password", /^AUTH SCRAM-SHA-256 /],
  ["LOGIN PLAIN", "password", /^AUTH PLAIN /],
  ["XOAUTH2 OAUTHBEARER PLAIN", "token", /^AUTH OAUTHBEARER /],
  ["XOAUTH2 PLAIN", "token", /^AUTH XOAUTH2 /],
  ["XOAUTH2 OAUTHBEARER", "password", /^QUIT$/],
  ["PLAIN LOGIN", "token", /^QUIT$/],
  ["GSSAPI", "password", /^QUIT$/],
];

for (const [offered, kind, said] of BEST) {
  Deno.test(`where none is named, of ${offered} the best for a ${kind} is taken`, async () => {
    const { commands } = await ask(
      [{ offers: [`AUTH ${offered}`], AUTH: knowing(PASSWORD) }],
      { user: "me", secret: fixedSecret(new Secret(PASSWORD), kind) },
    );
    assertMatch(commands[1]!, said);
  });
}

Deno.test("XOAUTH2's reasons are heard out before the refusal", async () => {
  const AUTH: Answer = async (peer) => {
    await peer.say(`334 ${base64('{"status":"400"}')}`);
    assertEquals(await peer.line(), "");
    return "535 5.7.8 Expired";
  };
  const { log } = await ask([{ offers: ALL, AUTH }], credentialsFor("XOAUTH2"));
  assertMatch(log, /at AUTH: 535 5\.7\.8 Expired/);
});

const LENGTHS: [length: number, fits: boolean][] = [[9_182, true], [
  9_183,
  false,
]];

for (const [length, fits] of LENGTHS) {
  Deno.test(`an initial response of a token of ${length} bytes ${fits ? "goes with AUTH" : "waits for a 334"}`, async () => {
    const token = "t".repeat(length);
    let response: string | undefined;
    const AUTH: Answer = async (peer, line) => {
      response = line.split(" ")[2];
      assertEquals(response !== undefined, fits);
      if (response === undefined) {
        await peer.say("334 ");
        response = await peer.line();
      }
      await peer.say(`334 ${base64('{"status":"400"}')}`);
      assertEquals(await peer.line(), "");
      return "235 2.7.0 Welcome";
    };
    const secret = fixedSecret(new Secret(token), "token");
    const { reply } = await ask([{ offers: ALL, AUTH }], {
      mechanism: "XOAUTH2",
      user: "me",
      secret,
    });
    assertEquals(reply.code, 250);
    assertEquals(`AUTH XOAUTH2 ${response}\r\n`.length <= 12_288, fits);
    assertEquals(
      Buffer.from(response!, "base64").toString(),
      `user=me\x01auth=Bearer ${token}\x01\x01`,
    );
  });
}

/** Gives one secret after the other. */
function sourceOf(...secrets: string[]): SecretSource & { asked: string[] } {
  const asked: string[] = [];
  return {
    kind: "password",
    asked,
    get: () => {
      asked.push("get");
      return Promise.resolve(new Secret(secrets[0]!));
    },
    refused: () => {
      asked.push("refused");
      return secrets.length > 1 && secrets.shift() !== undefined;
    },
  };
}

const AGAIN: [secrets: string[], code: number, asked: string[]][] = [
  [["stale", PASSWORD], 250, ["get", "refused", "get"]],
  [["stale", "worse", PASSWORD], 451, ["get", "refused", "get", "refused"]],
  [["stale"], 451, ["get", "refused"]],
];

for (const [secrets, code, asked] of AGAIN) {
  Deno.test(`of the secrets ${secrets.join(", ")} a 535 has one more tried at most`, async () => {
    const source = sourceOf(...secrets);
    const { reply, dials } = await ask(
      [{ offers: ALL, AUTH: knowing(PASSWORD) }],
      credentialsFor("PLAIN", source),
    );
    assertEquals(reply.code, code);
    assertEquals(source.asked, asked);
    assertEquals(dials, asked.filter((word) => word === "get").length);
  });
}

Deno.test("a relay that says 535 and closes is called again with a fresh secret", async () => {
  const { reply } = await ask(
    [{ offers: ALL, AUTH: last("535 5.7.8 Expired") }, {
      offers: ALL,
      AUTH: knowing(PASSWORD),
    }],
    credentialsFor("PLAIN", sourceOf("stale", PASSWORD)),
  );
  assertEquals(reply.code, 250);
});

Deno.test("no other refusal than 535 is put down to the secret", async () => {
  for (const AUTH of ["454 4.7.0 Later", "534 5.7.9 Too weak", "530 No"]) {
    const source = sourceOf("stale", PASSWORD);
    await ask([{ offers: ALL, AUTH }], credentialsFor("PLAIN", source));
    assertEquals(source.asked, ["get"]);
  }
});

Deno.test("a secret that can't be had is 451, and the relay is told nothing", async () => {
  const secret: SecretSource = {
    kind: "password",
    get: () => Promise.reject(new SecretError("Cannot run it: status 3")),
    refused: () => false,
  };
  const { reply, commands, log } = await ask(
    [{ offers: ALL }],
    credentialsFor("PLAIN", secret),
  );
  assertEquals([reply.code, reply.status], [451, "4.3.0"]);
  assertMatch(log, /at AUTH: Cannot run it: status 3/);
  assertEquals(commands, ["EHLO mx.test", "QUIT"]);
});

Deno.test("a relay that repeats a secret does not get it into the log", async () => {
  const AUTH: Answer = (_, line) =>
    `535 5.7.8 ${PASSWORD} and ${line.split(" ")[2]} are wrong`;
  const { log } = await ask([{ offers: ALL, AUTH }], credentialsFor("PLAIN"));
  assert(!log.includes(base64(`\0me\0${PASSWORD}`)));
  assertMatch(log, /are wrong/);
});
