import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type RawClient,
  type Replies,
  verdictOf,
} from "../support/raw_client.ts";
import {
  type Behaviour,
  last,
  OFFERS,
  ScriptedRelay,
} from "../support/scripted_relay.ts";
import { Serving } from "../support/serving.ts";

const LOCKSTEP = OFFERS.filter((offer) => offer !== "PIPELINING");

/** Runs `converse` with a client of a server before a relay. */
async function before(
  behaviour: Behaviour,
  converse: (client: RawClient, relay: ScriptedRelay) => Promise<void>,
): Promise<void> {
  await using relay = new ScriptedRelay([behaviour, {}]);
  await using serving = await Serving.start({ relay: { url: relay.url } });
  using client = await serving.client();
  await converse(client, relay);
}

const TEXTS: [reply: string, heard?: string][] = [
  ["450 4.2.1 Not now"],
  ["451 4.3.0 Try again"],
  ["550 5.7.1 Not you"],
  ["550 No status code here", "550 5.0.0 No status code here"],
  ["554-5.7.1 First\r\n554-5.7.1 second\r\n554 5.7.1 and last line"],
  [
    "554-First\r\n554 and last line",
    "554-5.0.0 First\r\n554 5.0.0 and last line",
  ],
  ["550-5.1.1 One\r\n550 5.2.1 other", "550-5.1.1 One\r\n550 5.2.1 other"],
  ["550", "550 5.0.0 "],
  ["550 2.1.5 Fine", "550 5.0.0 2.1.5 Fine"],
  ["550 caf\xe9", "550 5.0.0 caf?"],
];

const REFUSED_AT = {
  "MAIL": ({ rcpt }: Replies) => rcpt[0],
  "RCPT": ({ rcpt }: Replies) => rcpt[0],
  "DATA": ({ data }: Replies) => data,
  "END": ({ end }: Replies) => end,
} as const;

for (const offers of [OFFERS, LOCKSTEP]) {
  for (const [step, replyOf] of Object.entries(REFUSED_AT)) {
    const how = offers === OFFERS ? "pipelining" : "lockstep";
    Deno.test(`a relay's refusal at ${step} reaches the client as it is, ${how}`, async () => {
      for (const [reply, heard = reply] of TEXTS) {
        await before({ offers, [step]: reply }, async (client, relay) => {
          assertEquals(replyOf(await client.mail()), `${heard}\r\n`);
          assertEquals(relay.taken, []);
          assertMatch(verdictOf(await client.mail()), /^[245]/);
          assertEquals(relay.peers.length, 1, "the connection is kept");
        });
      }
    });

    Deno.test(`a relay that refuses at ${step} and closes is heard all the same, ${how}`, async () => {
      const behaviour = { offers, [step]: last("554 5.7.1 Go away") };
      await before(behaviour, async (client) => {
        assertEquals(
          replyOf(await client.mail()),
          "554 5.7.1 Go away\r\n",
        );
        assertMatch(verdictOf(await client.mail()), /^250 /);
      });
    });
  }

  Deno.test(`one refused recipient does not keep the message from the others, ${offers.length} offers`, async () => {
    const RCPT = (_: unknown, line: string) =>
      line.includes("bad") ? "550 5.1.1 No such user" : "250 2.1.5 Fine";
    await before({ offers, RCPT }, async (client, relay) => {
      const to = ["one@localhost", "bad@localhost", "two@localhost"];
      const { rcpt, end } = await client.mail({ to });
      assertEquals(rcpt, [
        "250 2.1.5 Fine\r\n",
        "550 5.1.1 No such user\r\n",
        "250 2.1.5 Fine\r\n",
      ]);
      assertMatch(end, /^250 /);
      assertEquals(relay.taken.map(({ to }) => to), [
        ["one@localhost", "two@localhost"],
      ]);
    });
  });
}

Deno.test("all recipients refused: DATA gets 554, and nothing is sent", async () => {
  await before({ RCPT: "550 5.1.1 No" }, async (client, relay) => {
    await client.ask("MAIL FROM:<a@example.org>");
    assertMatch(await client.ask("RCPT TO:<b@localhost>"), /^550 5\.1\.1 No/);
    assertMatch(await client.ask("DATA"), /^554 5\.5\.1 No valid/);
    assertMatch(await client.ask("RSET"), /^250 /);
    assertEquals(
      relay.peers[0]!.commands.filter((line) => line === "DATA"),
      [],
    );
  });
});

Deno.test("the client's 354 waits for the relay's", async () => {
  const go = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const DATA = async () => {
    asked.resolve();
    await go.promise;
    return "354 Now";
  };
  await before({ DATA }, async (client) => {
    await client.ask("MAIL FROM:<a@example.org>");
    await client.ask("RCPT TO:<b@localhost>");
    let heard = "";
    const answer = client.ask("DATA").then((reply) => heard = reply);
    await asked.promise;
    assertEquals(heard, "");
    go.resolve();
    assertMatch(await answer, /^354 /);
  });
});

Deno.test("the client's 250 waits for the relay's, and has its text", async () => {
  const go = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const END = async () => {
    asked.resolve();
    await go.promise;
    return "250-2.6.0 First line\r\n250 2.6.0 queued as 4711";
  };
  await before({ END }, async (client) => {
    let heard = "";
    const answer = client.mail().then(({ end }) => heard = end);
    await asked.promise;
    assertEquals(heard, "");
    go.resolve();
    assertEquals(
      await answer,
      "250-2.6.0 First line\r\n250 2.6.0 queued as 4711\r\n",
    );
  });
});

Deno.test("MAIL's parameters are passed on as the client gave them", async () => {
  await before({}, async (client, relay) => {
    const parameters = " SIZE=123 BODY=8BITMIME SMTPUTF8";
    assertMatch((await client.mail({ parameters })).end, /^250 /);
    await client.mail({ parameters: " body=7bit" });
    await client.mail({ from: "" });
    const { commands } = relay.peers[0]!;
    assertEquals(commands.filter((line) => line.startsWith("MAIL")), [
      "MAIL FROM:<a@example.org> SIZE=123 BODY=8BITMIME SMTPUTF8",
      "MAIL FROM:<a@example.org> BODY=7BIT",
      "MAIL FROM:<>",
    ]);
  });
});

const LACKING: [lacks: string, parameters: string, heard: RegExp][] = [
  ["8BITMIME", " BODY=8BITMIME", /^550 5\.6\.3 .*8BITMIME/],
  ["SMTPUTF8", " SMTPUTF8", /^550 5\.6\.7 .*SMTPUTF8/],
];

for (const [lacks, parameters, heard] of LACKING) {
  Deno.test(`a message that needs ${lacks} is refused where the relay lacks it, others are not`, async () => {
    const offers = OFFERS.filter((offer) => offer !== lacks);
    await before({ offers }, async (client, relay) => {
      const { rcpt } = await client.mail({ parameters });
      assertMatch(rcpt[0] ?? "", heard);
      assert(!relay.peers[0]!.commands.some((line) => line.includes("MAIL")));
      assertMatch((await client.mail()).end, /^250 /);
      assertEquals(relay.peers.length, 1);
    });
  });
}

Deno.test("a message over the relay's SIZE is refused before it is sent", async () => {
  await before({ offers: ["SIZE 1000"] }, async (client, relay) => {
    const { rcpt } = await client.mail({ parameters: " SIZE=1001" });
    assertMatch(rcpt[0] ?? "", /^552 5\.3\.4 /);
    const fits = await client.mail({ parameters: " SIZE=1000" });
    assertMatch(fits.end, /^250 /);
    assertEquals(
      relay.peers[0]!.commands[1],
      "MAIL FROM:<a@example.org> SIZE=1000",
    );
  });
});

Deno.test("a relay with SIZE 0 or without a figure has no limit", async () => {
  for (const offer of ["SIZE 0", "SIZE", "SIZE lots"]) {
    await before({ offers: [offer] }, async (client) => {
      const { end } = await client.mail({ parameters: " SIZE=999999" });
      assertMatch(end, /^250 /);
    });
  }
});

const ENVELOPE = "MAIL FROM:<a@example.org>\r\n" +
  "RCPT TO:<b@localhost>\r\nRCPT TO:<c@localhost>\r\n" +
  "RCPT TO:<d@localhost>\r\nDATA\r\n";

Deno.test("a pipelined envelope goes on to the relay in one write, where it offers that", async () => {
  await before({}, async (client, relay) => {
    await client.send(ENVELOPE);
    for (let i = 0; i < 5; i++) assertMatch(await client.reply(), /^[23]/);
    assertEquals(relay.peers[0]!.batches.slice(1), [
      [
        "MAIL FROM:<a@example.org>",
        "RCPT TO:<b@localhost>",
        "RCPT TO:<c@localhost>",
        "RCPT TO:<d@localhost>",
      ],
      ["DATA"],
    ]);
    assertMatch(await client.ask("x: y\r\n\r\nz\r\n."), /^250 /);
  });
});

Deno.test("a pipelined envelope goes to the relay in lockstep, where it offers no more", async () => {
  await before({ offers: LOCKSTEP }, async (client, relay) => {
    await client.send(ENVELOPE);
    for (let i = 0; i < 5; i++) assertMatch(await client.reply(), /^[23]/);
    assertEquals(relay.peers[0]!.batches.map(({ length }) => length), [
      1,
      1,
      1,
      1,
      1,
      1,
    ]);
    assertMatch(await client.ask("x: y\r\n\r\nz\r\n."), /^250 /);
  });
});

Deno.test("a whole message in one write goes through", async () => {
  await before({}, async (client, relay) => {
    await client.send(`${ENVELOPE}x: y\r\n\r\n..z\r\n.\r\nQUIT\r\n`);
    const replies = (await client.rest()).split("\r\n");
    assertEquals(
      replies.map((reply) => reply.slice(0, 3)),
      ["250", "250", "250", "250", "354", "250", "221", ""],
    );
    assertMatch(relay.taken[0]!.data, /\r\nx: y\r\n\r\n\.\.z\r\n$/);
  });
});
