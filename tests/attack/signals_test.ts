import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../real/support/wait.ts";
import { RawClient, verdictOf } from "../support/raw_client.ts";
import { ScriptedRelay } from "../support/scripted_relay.ts";
import { Attacker, clientHello } from "./attacker.ts";
import { Program, putCertificate, tomlOf } from "./program.ts";

/** Reloads under load. */
const RELOADS = 20;

/** Clients that send all the while. */
const CLIENTS = 8;

/** Every so many, the reload is of a certificate whose key is another's. */
const BROKEN_EVERY = 5;

/** Sends message after message in TLS, three a session, until it is over. */
async function sendOn(
  program: Program,
  client: number,
  isOver: () => boolean,
): Promise<string[]> {
  const sent: string[] = [];
  while (!isOver()) {
    const place = program.places[(client + sent.length) % 2]!;
    using session = await RawClient.connect(place);
    assertMatch(await session.reply(), /^220 /);
    await session.ask("EHLO x.test");
    if (place.scheme === undefined) {
      await session.startTls();
      await session.ask("EHLO x.test");
    }
    for (let i = 0; i < 3; i++) {
      const name = `${client}-${sent.length}`;
      const data = `Subject: ${name}\r\n\r\nHello.\r\n`;
      assertMatch(verdictOf(await session.mail({ data })), /^250 /);
      sent.push(name);
    }
    assertMatch(await session.ask("QUIT"), /^221 /);
  }
  return sent;
}

Deno.test(`${RELOADS} reloads under load, with other certificates, listeners and users, some broken: no session and no message is lost`, async () => {
  await using relay = new ScriptedRelay();
  await using program = await Program.start({ relay: relay.url });
  const { folder, child } = program;
  let isOver = false;
  const sending = Promise.all(
    Array.from(
      { length: CLIENTS },
      (_, client) => sendOn(program, client, () => isOver),
    ),
  );
  let reloaded = 0;
  try {
    for (let round = 1; round <= RELOADS; round++) {
      const isBroken = round % BROKEN_EVERY === 0;
      await putCertificate(
        folder,
        "localhost",
        isBroken ? "other" : "localhost",
      );
      await Deno.writeTextFile(`${folder}/users`, "", { mode: 0o600 });
      const toml = round % 2 === 0 ? "" : `[auth]
users_file = "users"
[[listener]]
url = "127.0.0.2:0"
tls = "required"
`;
      await Deno.writeTextFile(
        `${folder}/postern.toml`,
        tomlOf(program.ports, { relay: relay.url, toml }),
      );
      child.kill("SIGHUP");
      if (!isBroken) reloaded++;
      await until(
        `an answer to reload ${round}`,
        () =>
          program.said(" reloaded") + program.said(" not-reloaded") >= round,
      );
    }
  } finally {
    isOver = true;
  }
  const sent = (await sending).flat().sort();
  assertEquals(program.said(" not-reloaded"), RELOADS / BROKEN_EVERY);
  assertEquals(program.said(" reloaded"), reloaded);
  assert(sent.length > RELOADS, `${sent.length} messages`);
  const taken = relay.taken.map(({ data }) =>
    /^Subject: (.*)$/m.exec(data)![1]
  );
  assertEquals(taken.sort(), sent);
  for (const word of ["session-failed", "accept-failed", "Uncaught"]) {
    assertEquals(program.said(word), 0, word);
  }
  assertEquals((await child.stop()).code, 0);
});

const ENVELOPE = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@localhost>\r\n";

/** Where sessions are when the signal comes. */
const STATES: [what: string, isSecure: boolean, said: string, heard: string][] =
  [
    ["silent", false, "", "220 "],
    ["half a command", false, "EHL", "220 "],
    ["idle", false, "EHLO x.test\r\n", "HELP"],
    ["a sender", false, "EHLO x.test\r\nMAIL FROM:<a@b.test>\r\n", "2.1.0"],
    ["a recipient", false, `EHLO x.test\r\n${ENVELOPE}`, "2.1.5"],
    ["half a message", false, `EHLO x.test\r\n${ENVELOPE}DATA\r\nx`, "354 "],
    ["half a chunk", false, `EHLO x.test\r\n${ENVELOPE}BDAT 9\r\nx`, "2.1.5"],
    [
      "between chunks",
      false,
      `EHLO x.test\r\n${ENVELOPE}BDAT 1\r\nx`,
      "1 octets",
    ],
    ["before a handshake", false, "EHLO x.test\r\nSTARTTLS\r\n", "220 2.0.0"],
    ["before a first handshake", true, "", ""],
  ];

/** `limits.drain` and what else it may take, in ms. */
const DRAIN_MS = 1_000;
const GRACE_MS = 5_000;

Deno.test("SIGTERM ends a server in time, with status 0, whatever its sessions are doing", async () => {
  await using relay = new ScriptedRelay();
  await using program = await Program.start({
    relay: relay.url,
    limits: `drain = "${DRAIN_MS}ms"`,
  });
  const attackers = await Promise.all(
    STATES.map(async ([, isSecure, said, heard]) => {
      const place = isSecure ? program.secure : program.clear;
      const attacker = await Attacker.connect(place);
      attacker.send(said);
      await attacker.hears(heard);
      return attacker;
    }),
  );
  const stalled = await Promise.all(program.places.map(async (place) => {
    const attacker = await Attacker.beforeTls(place);
    attacker.send((await clientHello()).subarray(0, 99));
    return attacker;
  }));
  using finishing = await RawClient.greeted(program.clear);
  await finishing.startTls();
  await finishing.ask("EHLO x.test");
  await finishing.ask("MAIL FROM:<a@b.test>");
  await finishing.ask("RCPT TO:<c@localhost>");
  await finishing.ask("DATA");
  const start = performance.now();
  program.child.kill("SIGTERM");
  await program.says("stopping");
  // It is let finish, and is told so.
  await finishing.send("Subject: last\r\n\r\nHello.\r\n");
  assertMatch(await finishing.ask("."), /^250 /);
  assertMatch(await finishing.rest(), /^421 4\.3\.2 /);
  await Promise.all(
    [...attackers, ...stalled].map((attacker) => attacker.over()),
  );
  assertEquals((await program.child.stop()).code, 0);
  assert(performance.now() - start < DRAIN_MS + GRACE_MS);
  assertEquals(relay.taken.length, 1);
  const told = attackers.map(({ heard }) => heard.includes("\r\n421 4.3.2 "));
  assertEquals(
    STATES.filter((_, i) => told[i]).map(([what]) => what),
    ["silent", "idle"],
  );
  for (const attacker of [...attackers, ...stalled]) attacker.close();
});

Deno.test("a second SIGTERM does not wait for limits.drain", async () => {
  await using relay = new ScriptedRelay();
  await using program = await Program.start({
    relay: relay.url,
    limits: 'drain = "60s"',
  });
  using attacker = await Attacker.connect(program.clear);
  attacker.send(`EHLO x.test\r\n${ENVELOPE}DATA\r\nx`);
  await attacker.hears("354 ");
  const start = performance.now();
  program.child.kill("SIGTERM");
  await program.says("stopping");
  program.child.kill("SIGTERM");
  await until("its end", () => program.child.status !== undefined);
  assertEquals(program.child.status?.code, 0);
  assert(performance.now() - start < GRACE_MS);
  assertEquals(relay.taken, []);
});
