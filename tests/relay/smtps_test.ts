import { assert, assertEquals, assertMatch } from "@std/assert";
import { finished, rcpts, Relaying, upToDot } from "../support/relaying.ts";
import {
  type Behaviour,
  last,
  ScriptedRelay,
} from "../support/scripted_relay.ts";

const CA = Deno.readTextFileSync(
  new URL("../transport/certs/ca.pem", import.meta.url),
);

const SETTINGS = { implicitTls: true, caCerts: [CA], readTimeoutMs: 500 };

function inTls(certificate: string): Behaviour {
  return { certificate, implicitTls: true };
}

const MODES = ["off", "opportunistic", "required", "verified"] as const;

const CERTIFICATES: [certificate: string, isVerifiable: boolean][] = [
  ["localhost", true],
  ["self_signed", false],
  ["other", false],
  ["expired", false],
  ["future", false],
];

for (const [certificate, isVerifiable] of CERTIFICATES) {
  for (const tls of MODES) {
    const isTaken = isVerifiable || tls !== "verified";
    Deno.test(`smtps with the certificate "${certificate}" is ${isTaken ? "taken" : "refused"} under "${tls}"`, async () => {
      await using relay = new ScriptedRelay([inTls(certificate)]);
      await using relaying = new Relaying(relay, { ...SETTINGS, tls });
      const hop = relaying.hop();
      await upToDot(hop);
      const reply = await finished(hop);
      const [peer] = relay.peers;
      assertEquals(relay.peers.length, 1);
      if (!isTaken) {
        assertEquals(reply.status, "4.7.5");
        assertMatch(relaying.log, /failed at TLS: /);
        return assertEquals(peer!.commands, []);
      }
      assertEquals(reply.code, 250);
      assert(peer!.secure);
      assertEquals(peer!.commands.slice(0, 2), [
        "EHLO mx.test",
        "MAIL FROM:<a@example.org>",
      ]);
    });
  }
}

Deno.test("smtps has no clear text to fall back to, and asks once", async () => {
  const NO_TLS: [what: string, behaviour: Behaviour][] = [
    ["greets in clear", {}],
    ["closes", { GREETING: last("") }],
    ["is silent", { GREETING: () => {} }],
  ];
  for (const [what, behaviour] of NO_TLS) {
    for (const tls of MODES) {
      await using relay = new ScriptedRelay([behaviour]);
      await using relaying = new Relaying(relay, {
        ...SETTINGS,
        readTimeoutMs: 150,
        tls,
      });
      const [reply] = await relaying.hop().rcpt(rcpts("b@localhost"));
      assertEquals(reply?.status, "4.7.5", what);
      const [peer] = relay.peers;
      assertEquals(relay.peers.length, 1);
      const words = peer!.commands.filter((line) => /^(EHLO|QUIT)/.test(line));
      assertEquals(words, [], what);
    }
  }
});

Deno.test("smtps does not begin TLS twice where STARTTLS is offered in it", async () => {
  const EHLO = "250-relay.test\r\n250 STARTTLS";
  await using relay = new ScriptedRelay([{ ...inTls("localhost"), EHLO }]);
  await using relaying = new Relaying(relay, { ...SETTINGS, tls: "verified" });
  const hop = relaying.hop();
  assertEquals((await hop.rcpt(rcpts("b@localhost")))[0]?.code, 250);
  assert(!relay.peers[0]!.commands.includes("STARTTLS"));
  await hop.abort();
});

Deno.test("the certificate has to be for the name that was asked for", async () => {
  for (const [hostname, code] of [["localhost", 250], ["127.0.0.1", 250]]) {
    await using relay = new ScriptedRelay([inTls("localhost")]);
    await using relaying = new Relaying(relay, {
      ...SETTINGS,
      tls: "verified",
      address: { hostname: hostname as string, port: relay.port },
    });
    const hop = relaying.hop();
    assertEquals((await hop.rcpt(rcpts("b@localhost")))[0]?.code, code);
    await hop.abort();
  }
});

Deno.test("what came before the handshake is thrown away", async () => {
  const STARTTLS = "220 2.0.0 Go\r\n250-evil.test\r\n250 AUTH PLAIN";
  const behaviour = { certificate: "localhost", STARTTLS };
  for (const tls of ["opportunistic", "required", "verified"] as const) {
    await using relay = new ScriptedRelay([behaviour]);
    await using relaying = new Relaying(relay, { caCerts: [CA], tls });
    const hop = relaying.hop({ size: 5 });
    assertEquals((await hop.rcpt(rcpts("b@localhost")))[0]?.code, 250);
    const { commands, secure } = relay.peers[0]!;
    assert(secure);
    assert(commands.includes("MAIL FROM:<a@example.org> SIZE=5"));
    await hop.abort();
  }
});
