import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ListenAddress } from "../../mod.ts";
import { until } from "../real/support/wait.ts";
import { RawClient, verdictOf } from "../support/raw_client.ts";
import { ScriptedRelay } from "../support/scripted_relay.ts";
import { IMPATIENT, Serving } from "../support/serving.ts";
import { tlsOf } from "../support/certificates.ts";
import { Attacker, clientHello, randomBytes } from "./attacker.ts";
import { Bystander, Program } from "./program.ts";

/** Handshakes at once. */
const MANY = 200;

/** Longest that a bystander's message may take, in ms. */
const BYSTANDER_PATIENCE_MS = 1_000;

/** Rounds of each attack; the first ones warm up what is kept for good. */
const ROUNDS = 3;

/** What may be alive more after a round than before, in bytes: 2 KiB a handshake. */
const GROWTH_BYTES = 2 * 1_024 * MANY;

/** `relay.pool`. */
const POOL = 10;

/** What somebody does where a handshake should be; the number tells them apart. */
type Attack = (attacker: Attacker, i: number) => Promise<void> | void;

const ATTACKS: [what: string, attack: Attack][] = [
  ["vanish at once", () => {}],
  ["reset at once", (attacker) => attacker.reset()],
  ["end their side at once", async (attacker) => {
    attacker.finish();
    await attacker.over();
  }],
  ["send garbage", async (attacker, i) => {
    attacker.send(randomBytes(1 + i * 7, i));
    if (i > 2) attacker.finish();
    else attacker.close();
    await attacker.over();
  }],
  ["talk HTTP", async (attacker) => {
    attacker.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await attacker.over();
  }],
  ["go on with SMTP", async (attacker) => {
    attacker.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@localhost>\r\nDATA\r\n");
    await attacker.over();
  }],
  ["send half a ClientHello and end", async (attacker, i) => {
    const hello = await clientHello();
    attacker.send(hello.subarray(0, 1 + i % (hello.length - 1)));
    attacker.finish();
    await attacker.over();
  }],
  ["send half a ClientHello and reset", async (attacker, i) => {
    const hello = await clientHello();
    attacker.send(hello.subarray(0, 1 + i % (hello.length - 1)));
    attacker.reset();
  }],
  ["reset after the ClientHello", async (attacker) => {
    attacker.send(await clientHello());
    attacker.reset();
  }],
  ["reset after the ServerHello", async (attacker) => {
    attacker.send(await clientHello());
    await attacker.hearsAnything();
    attacker.reset();
  }],
  ["end after the ServerHello", async (attacker) => {
    attacker.send(await clientHello());
    await attacker.hearsAnything();
    attacker.finish();
    await attacker.over();
  }],
  ["send garbage after the ServerHello", async (attacker, i) => {
    attacker.send(await clientHello());
    await attacker.hearsAnything();
    attacker.send(randomBytes(500, i));
    await attacker.over();
  }],
  ["send the ClientHello twice", async (attacker) => {
    const hello = await clientHello();
    attacker.send(hello);
    attacker.send(hello);
    await attacker.over();
  }],
  ["send a fatal alert", async (attacker) => {
    attacker.send("\x15\x03\x03\x00\x02\x02\x28");
    await attacker.over();
  }],
  ["send a record that is too long", async (attacker) => {
    attacker.send("\x16\x03\x01\xff\xff" + "x".repeat(65_535));
    await attacker.over();
  }],
  ["send a handshake message of 16 MiB", async (attacker) => {
    const piece = "\x16\x03\x01\x40\x00" + "x".repeat(16_384);
    attacker.send("\x16\x03\x01\x00\x04\x01\xff\xff\xff");
    for (let i = 0; i < 4 && !attacker.ended; i++) attacker.send(piece);
    await attacker.over();
  }],
  ["send an SSL 2.0 hello", async (attacker) => {
    attacker.send(
      "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + "\0".repeat(37),
    );
    await attacker.over();
  }],
];

/** An attack of many at both places, one after the other half. */
async function attackAll(
  places: readonly ListenAddress[],
  attack: Attack,
): Promise<void> {
  await Promise.all(Array.from({ length: MANY }, async (_, i) => {
    const place = places[i % places.length]!;
    using attacker = await Attacker.beforeTls(place);
    await attack(attacker, i);
  }));
}

function assertServed(bystander: Bystander): void {
  assertEquals(bystander.failures, []);
  assert(bystander.verdicts.length > 0);
  const { slowestMs } = bystander;
  assert(slowestMs < BYSTANDER_PATIENCE_MS, `${slowestMs} ms`);
}

/** Asserts that nothing of ours went wrong. */
function assertUnharmed({ child: { output } }: Program): void {
  const ours = / error .* (?:failed|session-failed|accept-failed) |Uncaught/;
  assertEquals(output.split("\n").filter((line) => ours.test(line)), []);
}

/** What is alive after each round of an attack, garbage collected. */
async function aliveAfter(
  program: Program,
  idle: number,
  attack: () => Promise<void>,
): Promise<number[]> {
  const alive: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await attack();
    await until(
      "its sockets as before",
      async () => await program.sockets() <= idle,
    );
    alive.push(await program.alive());
  }
  return alive;
}

/** Asserts that a round leaves nothing which the one before it did not. */
function assertSteady(alive: readonly number[], what: string): void {
  const growth = alive.at(-1)! - alive.at(-2)!;
  assert(growth < GROWTH_BYTES, `${what}: ${growth} bytes more than before`);
}

Deno.test(`${MANY} handshakes at once: everyone sends a message in TLS, others are served, nothing is left`, async () => {
  await using relay = new ScriptedRelay();
  await using program = await Program.start({
    relay: relay.url,
    collects: true,
  });
  // The relay connections that it keeps come to that.
  const idle = await program.sockets() + POOL + 1;
  const alive = await aliveAfter(program, idle, async () => {
    await using bystander = await Bystander.begin(program.clear);
    await Promise.all(Array.from({ length: MANY }, async (_, i) => {
      const place = program.places[i % 2]!;
      using client = await RawClient.connect(place);
      await client.reply();
      await client.ask("EHLO x.test");
      if (place.scheme === undefined) {
        await client.startTls();
        await client.ask("EHLO x.test");
      }
      assertMatch(verdictOf(await client.mail()), /^250 /);
      await client.ask("QUIT");
    }));
    await bystander.stop();
    assertServed(bystander);
  });
  assertSteady(alive, "good handshakes");
  assertUnharmed(program);
  assertEquals((await program.child.stop()).code, 0);
});

Deno.test(`${MANY} broken handshakes at once, of each kind: others are served, nothing is left`, async (t) => {
  await using relay = new ScriptedRelay();
  await using program = await Program.start({
    relay: relay.url,
    collects: true,
    limits: 'read_timeout = "2s"\nconnection_rate = 0',
  });
  const idle = await program.sockets() + 1;
  for (const [what, attack] of ATTACKS) {
    await t.step(`who ${what}`, async () => {
      const alive = await aliveAfter(program, idle, async () => {
        await using bystander = await Bystander.begin(program.clear);
        await attackAll(program.places, attack);
        await bystander.stop();
        assertServed(bystander);
      });
      assertSteady(alive, what);
    });
  }
  assertUnharmed(program);
  assertEquals((await program.child.stop()).code, 0);
});

Deno.test("handshakes that stall end after read_timeout, wherever they do", async () => {
  await using serving = await Serving.start({
    server: { listen: ["127.0.0.1:0", "smtps://127.0.0.1:0"] },
    tls: tlsOf("localhost"),
    limits: IMPATIENT,
  });
  const hello = await clientHello();
  const { addresses } = serving.server;
  const stalls: [what: string, stall: (attacker: Attacker) => void][] = [
    ["at once", () => {}],
    ["in the record's head", (attacker) => attacker.send(hello.slice(0, 3))],
    ["in the ClientHello", (attacker) => attacker.send(hello.slice(0, 99))],
    ["after it", (attacker) => attacker.send(hello)],
    ["without taking the answer", (attacker) => {
      attacker.pause();
      attacker.send(hello);
    }],
  ];
  const attackers = await Promise.all(
    addresses.flatMap((address) =>
      stalls.map(async ([, stall]) => {
        const attacker = await Attacker.beforeTls(address);
        stall(attacker);
        return attacker;
      })
    ),
  );
  await until(
    "every session to end",
    () => serving.server.sessions().length === 0,
  );
  await until(
    "all to be told",
    () =>
      serving.logged("tls-failed").length +
          serving.logged("begin-failed").length === attackers.length,
  );
  for (const attacker of attackers) attacker.close();
});
