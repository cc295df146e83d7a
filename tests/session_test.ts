import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { until } from "./real/support/wait.ts";
import { RawClient, verdictOf } from "./support/raw_client.ts";
import { close, ScriptedRelay } from "./support/scripted_relay.ts";
import { servingBefore } from "./support/serving.ts";

/** Nobody on 127.0.0.1 is local, so policy counts. */
const STRANGERS = { networks: ["10.0.0.0/8"] };

Deno.test("a stranger's mail goes to relayed domains and to postmaster, no further", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    local: STRANGERS,
    relay: { domains: ["example.org"] },
  });
  using client = await before.client();
  const to = [
    "a@example.org",
    "b@Sub.EXAMPLE.org",
    "Postmaster",
    "c@example.com",
    "d@notexample.org",
    '"x@example.org"@example.com',
    "e@[127.0.0.1]",
  ];
  const { rcpt, end } = await client.mail({ to });
  assertEquals(rcpt.map((reply) => reply.slice(0, 9)), [
    "250 2.1.5",
    "250 2.1.5",
    "250 2.1.5",
    "550 5.7.1",
    "550 5.7.1",
    "550 5.7.1",
    "550 5.7.1",
  ]);
  assertMatch(end, /^250 /);
  assertEquals(relay.taken[0]!.to, [
    "a@example.org",
    "b@Sub.EXAMPLE.org",
    "Postmaster",
  ]);
});

Deno.test("a local client's mail goes anywhere", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay);
  using client = await before.client();
  const { end } = await client.mail({ to: ["a@elsewhere.example"] });
  assertMatch(end, /^250 /);
});

Deno.test("each recipient goes to the relay of its domain, the others to the default", async () => {
  await using relay = new ScriptedRelay();
  await using own = new ScriptedRelay([{ END: "250 2.0.0 own" }]);
  await using before = await servingBefore(relay, {
    relay: { domains: ["example.org", `own.example:127.0.0.1:${own.port}`] },
  });
  using client = await before.client();
  const to = ["a@example.org", "b@own.example", "c@x.own.example", "d@d.test"];
  const { end } = await client.mail({ to });
  assertEquals(end, "250-2.0.0 Queued as 42\r\n250 2.0.0 own\r\n");
  assertEquals(relay.taken.map(({ to }) => to), [[
    "a@example.org",
    "d@d.test",
  ]]);
  assertEquals(own.taken.map(({ to }) => to), [[
    "b@own.example",
    "c@x.own.example",
  ]]);
  assertEquals(relay.taken[0]!.data, own.taken[0]!.data);
});

Deno.test("one of two relays refuses DATA: that is the answer, and neither takes it", async () => {
  await using relay = new ScriptedRelay();
  await using own = new ScriptedRelay([{ DATA: "451 4.3.0 Not today" }]);
  await using before = await servingBefore(relay, {
    relay: { domains: [`own.example:127.0.0.1:${own.port}`] },
  });
  using client = await before.client();
  const to = ["a@example.org", "b@own.example"];
  assertEquals(
    (await client.mail({ to })).data,
    "451 4.3.0 Not today\r\n",
  );
  await relay.emptied();
  assertEquals([relay.taken, own.taken], [[], []]);
  assertMatch(verdictOf(await client.mail({ to: ["a@a.test"] })), /^250 /);
});

Deno.test("one of two relays fails at the end: that is the answer, though one delivered", async () => {
  await using relay = new ScriptedRelay();
  await using own = new ScriptedRelay([{ END: close }]);
  await using before = await servingBefore(relay, {
    relay: { domains: [`own.example:127.0.0.1:${own.port}`] },
  });
  using client = await before.client();
  const to = ["a@example.org", "b@own.example", "c@example.org"];
  assertMatch((await client.mail({ to })).end, /^451 4\.4\.2 /);
  assertEquals(relay.taken.length, 1);
});

Deno.test("a relay on a Unix socket is one like others", async () => {
  const folder = await Deno.makeTempDir();
  {
    const path = join(folder, "relay");
    await using relay = new ScriptedRelay([{}], { path });
    await using before = await servingBefore(relay);
    using client = await before.client();
    assertMatch(verdictOf(await client.mail()), /^250 /);
    assertEquals(relay.taken.length, 1);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Received: names client, server, protocol, id and a single recipient", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay);
  using client = await before.client();
  await client.mail();
  await client.mail({ to: ["a@b.test", "c@b.test"] });
  await client.ask("HELO old.test");
  await client.mail();
  await client.ask("EHLO new.test");
  await client.mail({ parameters: " SMTPUTF8" });
  const traces = relay.taken.map(({ data }) =>
    /^Received: (.*\r\n(?:[ \t].*\r\n)*)/.exec(data)?.[1]?.replaceAll(
      /\s+/g,
      " ",
    )
      .trim() ?? data
  );
  const DATE = "\\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d \\+0000";
  const [ID] = /(?<=id )[0-9a-f]{8}/.exec(traces[0]!) ?? [];
  const WANT = [
    `from client.test \\(\\[127.0.0.1\\]\\) by mx.test with ESMTP id ${ID}.1 for <b@localhost>; ${DATE}`,
    `from client.test \\(\\[127.0.0.1\\]\\) by mx.test with ESMTP id ${ID}.2; ${DATE}`,
    `from old.test \\(\\[127.0.0.1\\]\\) by mx.test with SMTP id ${ID}.3 for <b@localhost>; ${DATE}`,
    `from new.test \\(\\[127.0.0.1\\]\\) by mx.test with UTF8SMTP id ${ID}.4 for <b@localhost>; ${DATE}`,
  ];
  traces.forEach((trace, i) => assertMatch(trace, new RegExp(`^${WANT[i]}$`)));
  assertMatch(before.log, new RegExp(`${ID} message .*reply="Queued as 42"`));
});

Deno.test("a message with more than 50 Received: fields is refused, and the relay gets no dot", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay);
  using client = await before.client();
  const header = (count: number) => "Received: by x\r\n".repeat(count);
  const loop = await client.mail({ data: `${header(51)}\r\nx\r\n` });
  assertMatch(loop.end, /^554 5\.4\.6 /);
  await relay.emptied();
  assertEquals(relay.peers[0]!.messages, []);
  const fine = await client.mail({ data: `${header(50)}\r\n${header(9)}` });
  assertMatch(fine.end, /^250 /);
  assertEquals(relay.taken.length, 1);
});

Deno.test("a message over limits.data is refused: announced at MAIL, else at its end", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    limits: { data: "1000B" },
  });
  using client = await before.client();
  const announced = await client.mail({ parameters: " SIZE=1001" });
  assertMatch(announced.mail, /^552 5\.3\.4 /);
  for (const size of [999, 200_000]) {
    const { end } = await client.mail({ data: `${"x".repeat(size)}\r\n` });
    assertMatch(end, /^552 5\.3\.4 /);
    await relay.emptied();
  }
  assertEquals(relay.peers.flatMap(({ messages }) => messages), []);
  const fits = await client.mail({ data: `${"x".repeat(998)}\r\n` });
  assertMatch(fits.end, /^250 /);
  assertEquals(relay.taken.length, 1);
});

/** Ends of data to those who take other line ends, with a second message behind. */
const SMUGGLED = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@localhost>\r\n" +
  "DATA\r\nSubject: smuggled\r\n\r\nx\r\n";

const ENDS = [
  "\n.\n",
  "\n.\r\n",
  "\r\n.\n",
  "\r.\r",
  "\r.\r\n",
  "\r\n.\r",
  "\r\n\0.\r\n",
  "\r\n.\r\r\n",
  "\n\r\n.\n",
];

for (const end of ENDS) {
  const shown = JSON.stringify(end);
  Deno.test(`${shown} ends no message: normalized, or refused`, async () => {
    const data = `Subject: x\r\n\r\nbefore${end}${SMUGGLED}`;
    for (const bare_newline of ["normalize", "reject"] as const) {
      for (const isSplit of [false, true]) {
        await using relay = new ScriptedRelay();
        await using before = await servingBefore(relay, {
          limits: { bare_newline },
        });
        using client = await before.client();
        await client.ask("MAIL FROM:<a@example.org>");
        await client.ask("RCPT TO:<b@localhost>");
        await client.ask("DATA");
        for (const piece of isSplit ? data : [data]) await client.send(piece);
        const verdict = await client.ask(".");
        assertMatch(await client.ask("NOOP"), /^250 /);
        const hasBare = /\r(?!\n)|(?<!\r)\n/.test(data);
        if (hasBare && bare_newline === "reject") {
          assertMatch(verdict, /^550 5\.6\.0 /);
          assertEquals(relay.peers.flatMap(({ messages }) => messages), []);
          continue;
        }
        assertMatch(verdict, /^250 /);
        assertEquals(relay.taken.length, 1);
        const [message] = relay.taken;
        assertEquals(message!.from, "a@example.org");
        assert(!/\r(?!\n)|(?<!\r)\n/.test(message!.data), "bare line ends");
        assertMatch(message!.data, /smuggled/);
      }
    }
  });
}

Deno.test("bad commands beyond limits.errors end the session with 421 4.7.0", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, { limits: { errors: 2 } });
  using client = await before.client();
  assertMatch(await client.ask("XYZZY"), /^500 /);
  assertMatch(await client.ask("DATA"), /^503 /);
  assertMatch(await client.ask("MAIL FROM:a"), /^421 4\.7\.0 /);
  assertEquals(await client.rest(), "");
  client.close();
  await until("the end", () => before.log.includes("disconnect"));
  assertMatch(before.log, /info .* disconnect .*end="closed by the server"/);
});

Deno.test("flag needhelo: MAIL needs a greeting first", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay, {
    flags: { session: ["needhelo"] },
  });
  using client = await RawClient.connect(before.address);
  assertMatch(await client.reply(), /^220 mx\.test /);
  assertMatch(await client.ask("MAIL FROM:<a@b.test>"), /^503 5\.5\.1 /);
  assertMatch(await client.ask("HELO x"), /^250 /);
  assertMatch(verdictOf(await client.mail()), /^250 /);
});

Deno.test("without that flag a message needs no greeting", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay);
  using client = await RawClient.connect(before.address);
  await client.reply();
  assertMatch(verdictOf(await client.mail()), /^250 /);
});

Deno.test("EHLO in the middle of a transaction gives it up", async () => {
  await using relay = new ScriptedRelay();
  await using before = await servingBefore(relay);
  using client = await before.client();
  await client.ask("MAIL FROM:<a@example.org>");
  await client.ask("RCPT TO:<b@localhost>");
  await client.ask("EHLO again.test");
  assertEquals(relay.peers[0]!.commands.at(-1), "RSET");
  assertMatch(await client.ask("DATA"), /^503 /);
});

Deno.test("the log has one line a message, and one a refusal", async () => {
  await using relay = new ScriptedRelay([{
    RCPT: (_, line) => line.includes("bad") ? "550 5.1.1 No" : "250 2.1.5 Ok",
  }]);
  await using before = await servingBefore(relay);
  using client = await before.client();
  await client.mail({ to: ["b@localhost", "bad@localhost"] });
  assertMatch(
    before.log,
    /info +[0-9a-f]{8} refused client=127\.0\.0\.1 from=a@example\.org to=bad@localhost code=550 status=5\.1\.1 reply=No/,
  );
  assertMatch(
    before.log,
    /info +[0-9a-f]{8} message client=127\.0\.0\.1 from=a@example\.org to=b@localhost size=\d+ by=127\.0\.0\.1:\d+ code=250 status=2\.0\.0/,
  );
});
