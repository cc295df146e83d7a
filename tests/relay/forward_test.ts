import { assert, assertEquals, assertMatch } from "@std/assert";
import { forwardLines } from "../../lib/relay/forward.ts";
import type { Origin } from "../../lib/hop.ts";
import { finished, rcpts, Relaying, upToDot } from "../support/relaying.ts";
import {
  type Answer,
  close,
  last,
  OFFERS,
  ScriptedRelay,
} from "../support/scripted_relay.ts";

const ALL = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"];

const ORIGIN: Origin = {
  address: "192.0.2.7",
  port: 4711,
  name: "client.example",
  helo: "me",
  protocol: "ESMTP",
};

const LINES: [
  what: string,
  origin: Partial<Origin>,
  offered: string[],
  lines: string[],
][] = [
  ["all that is known", {}, ALL, [
    "NAME=client.example ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP HELO=me " +
    "IDENT=[UNAVAILABLE] SOURCE=REMOTE",
  ]],
  [
    "what is not known as such",
    {
      address: "",
      port: 0,
      name: undefined,
      helo: "",
      protocol: "SMTP",
    },
    ALL,
    [
      "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=SMTP " +
      "HELO=[UNAVAILABLE] IDENT=[UNAVAILABLE] SOURCE=REMOTE",
    ],
  ],
  ["an IPv6 address with its tag", { address: "2001:db8::7" }, ["ADDR"], [
    "ADDR=IPV6:2001:db8::7",
  ]],
  ["only what the relay takes", {}, ["HELO", "ADDR", "X-NEW"], [
    "ADDR=192.0.2.7 HELO=me",
  ]],
  ["nothing where it takes nothing", {}, [], []],
  ["xtext", { helo: "a b+c=d\r\né\x7f[x]" }, ["HELO"], [
    "HELO=a+20b+2Bc+3Dd+0D+0A+C3+A9+7F[x]",
  ]],
  [
    "two lines where one is too long",
    { name: "n".repeat(250), helo: "h".repeat(250) },
    ["NAME", "PROTO", "HELO"],
    [`NAME=${"n".repeat(250)} PROTO=ESMTP`, `HELO=${"h".repeat(250)}`],
  ],
  ["no value that is too long", { helo: "h".repeat(256) }, ["HELO"], [
    "HELO=[UNAVAILABLE]",
  ]],
  ["no value that is too long as xtext", { helo: "é".repeat(43) }, ["HELO"], [
    "HELO=[UNAVAILABLE]",
  ]],
];

for (const [what, origin, offered, lines] of LINES) {
  Deno.test(`forwardLines() writes ${what}`, () => {
    const written = forwardLines({ ...ORIGIN, ...origin }, new Set(offered));
    assertEquals(written, lines);
  });
}

Deno.test("forwardLines() stays below 512 bytes a line, however the values fall", () => {
  for (let length = 1; length <= 255; length++) {
    const long = "x".repeat(length);
    const origin = { ...ORIGIN, name: long, helo: long };
    const lines = forwardLines(origin, new Set(ALL));
    for (const line of lines) assert(`XFORWARD ${line}\r\n`.length <= 512);
    assertEquals(lines.join(" ").split(" ").length, ALL.length);
  }
});

const OFFERING = [...OFFERS, `XFORWARD ${ALL.join(" ")}`];

const XFORWARD =
  "XFORWARD NAME=client.example ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP HELO=me " +
  "IDENT=[UNAVAILABLE] SOURCE=REMOTE";

const REFUSALS: [what: string, answer: Answer][] = [
  ["says 550", "550 5.7.0 Not from you"],
  ["says 501", "501 5.5.4 Bad PROTO"],
];

const LOSSES: [what: string, answer: Answer][] = [
  ["closes", close],
  ["says 421 and closes", last("421 4.3.2 Bye")],
];

for (const isPipelined of [true, false]) {
  const offers = OFFERING.filter((each) => isPipelined || each[0] !== "P");
  const how = isPipelined ? "in one write with MAIL" : "in lockstep";

  Deno.test(`XFORWARD goes before each message of a connection, ${how}`, async () => {
    await using relay = new ScriptedRelay([{ offers }]);
    await using relaying = new Relaying(relay);
    for (const address of ["192.0.2.7", "192.0.2.8"]) {
      const hop = relaying.hop({}, { ...ORIGIN, address });
      await upToDot(hop);
      assertEquals((await finished(hop)).code, 250);
    }
    const [peer] = relay.peers;
    const { commands, batches } = peer!;
    assertEquals(
      commands.map((line) => line.slice(0, 4)),
      ["EHLO", "XFOR", "MAIL", "RCPT", "DATA", "XFOR", "MAIL", "RCPT", "DATA"],
    );
    assertEquals(commands[1], XFORWARD);
    assertMatch(commands[5]!, /ADDR=192\.0\.2\.8/);
    assertEquals(batches.some(({ length }) => length === 3), isPipelined);
  });

  for (const [what, answer] of REFUSALS) {
    Deno.test(`a relay that ${what} at XFORWARD gets the message all the same, ${how}`, async () => {
      await using relay = new ScriptedRelay([{ offers, XFORWARD: answer }]);
      await using relaying = new Relaying(relay);
      const hop = relaying.hop({}, ORIGIN);
      await upToDot(hop);
      assertEquals((await finished(hop)).code, 250);
    });
  }

  for (const [what, answer] of LOSSES) {
    Deno.test(`a relay that ${what} at XFORWARD has failed, ${how}`, async () => {
      await using relay = new ScriptedRelay([{ offers, XFORWARD: answer }]);
      await using relaying = new Relaying(relay);
      const hop = relaying.hop({}, ORIGIN);
      const [reply] = await hop.rcpt(rcpts("b@localhost"));
      assertEquals(reply?.code, 451);
      assertEquals(relay.peers.length, 1);
    });
  }

  Deno.test(`a relay's refusal of the sender is heard behind XFORWARD, ${how}`, async () => {
    const MAIL = last("550 5.7.1 Not you");
    await using relay = new ScriptedRelay([{ offers, MAIL }]);
    await using relaying = new Relaying(relay);
    const hop = relaying.hop({}, ORIGIN);
    const [reply] = await hop.rcpt(rcpts("b@localhost"));
    assertEquals(reply?.text, "Not you");
  });
}

Deno.test("no XFORWARD goes where it is not offered, or nothing is known", async () => {
  await using relay = new ScriptedRelay([{}, { offers: OFFERING }]);
  await using relaying = new Relaying(relay, { pool: 0 });
  for (const hop of [relaying.hop({}, ORIGIN), relaying.hop()]) {
    await hop.rcpt(rcpts("b@localhost"));
    await hop.abort();
  }
  const commands = relay.peers.flatMap(({ commands }) => commands);
  assertEquals(commands.filter((line) => /^XFO/.test(line)), []);
});
