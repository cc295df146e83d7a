import { assertEquals } from "@std/assert";
import type { RcptCommand } from "../../lib/engine/events.ts";
import type {
  MailParameters,
  RcptParameters,
} from "../../lib/engine/extensions.ts";
import { fixedSecret } from "../../lib/sasl/secret_source.ts";
import { Secret } from "../../lib/secret.ts";
import { mailbox, rcpts, Relaying } from "../support/relaying.ts";
import { OFFERS, ScriptedRelay } from "../support/scripted_relay.ts";

const LOCKSTEP = OFFERS.filter((offer) => offer !== "PIPELINING");

function rcpt(path: string, parameters: RcptParameters = {}): RcptCommand {
  return { verb: "RCPT", recipient: mailbox(path), parameters };
}

/** What a relay is asked, and the status codes of what it or we say to it. */
async function envelope(
  offers: readonly string[],
  parameters: Partial<MailParameters>,
  recipients: readonly RcptCommand[],
): Promise<{ commands: string[]; replies: string[] }> {
  await using relay = new ScriptedRelay([{ offers }]);
  await using relaying = new Relaying(relay);
  const hop = relaying.hop(parameters);
  const replies = await hop.rcpt(recipients);
  const commands = relay.peers[0]!.commands.slice(1);
  await hop.abort();
  return {
    commands,
    replies: replies.map(({ code, status }) => `${code} ${status}`),
  };
}

for (const base of [OFFERS, LOCKSTEP]) {
  const how = base === OFFERS ? "pipelining" : "lockstep";

  Deno.test(`DSN's parameters go on as they came, ${how}`, async () => {
    const { commands, replies } = await envelope(
      [...base, "DSN"],
      { ret: "HDRS", envid: "a+2Bb" },
      [
        rcpt("b@localhost", { notify: "SUCCESS,DELAY", orcpt: "rfc822;x@y" }),
        rcpt("c@localhost", { notify: "NEVER" }),
        rcpt("d@localhost"),
      ],
    );
    assertEquals(commands, [
      "MAIL FROM:<a@example.org> RET=HDRS ENVID=a+2Bb",
      "RCPT TO:<b@localhost> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y",
      "RCPT TO:<c@localhost> NOTIFY=NEVER",
      "RCPT TO:<d@localhost>",
    ]);
    assertEquals(replies, ["250 2.1.5", "250 2.1.5", "250 2.1.5"]);
  });

  Deno.test(`recipients with DSN's parameters are refused where the relay lacks it, others are not, ${how}`, async () => {
    const { commands, replies } = await envelope(base, {}, [
      rcpt("b@localhost", { notify: "NEVER" }),
      rcpt("c@localhost"),
      rcpt("d@localhost", { orcpt: "rfc822;x@y" }),
    ]);
    assertEquals(commands.slice(1), ["RCPT TO:<c@localhost>"]);
    assertEquals(replies, ["550 5.3.3", "250 2.1.5", "550 5.3.3"]);
  });

  Deno.test(`recipients past LIMITS RCPTMAX are 452 without asking, ${how}`, async () => {
    await using relay = new ScriptedRelay([{
      offers: [...base, "LIMITS RCPTMAX=3"],
    }]);
    await using relaying = new Relaying(relay);
    const hop = relaying.hop();
    const codes: number[] = [];
    const groups = [rcpts("b@l", "c@l"), rcpts("d@l", "e@l"), rcpts("f@l")];
    for (const group of groups) {
      codes.push(...(await hop.rcpt(group)).map(({ code }) => code));
    }
    assertEquals(codes, [250, 250, 250, 452, 452]);
    const { commands } = relay.peers[0]!;
    assertEquals(commands.filter((line) => /^RCPT/.test(line)).length, 3);
    await hop.abort();
    // The next message begins at nought.
    const next = relaying.hop();
    assertEquals((await next.rcpt(rcpts("b@l")))[0]?.code, 250);
    await next.abort();
  });
}

const LACKING: [
  what: string,
  offers: string[],
  parameters: Partial<MailParameters>,
  reply: string,
][] = [
  ["RET", [], { ret: "FULL" }, "550 5.3.3"],
  ["ENVID", [], { envid: "x" }, "550 5.3.3"],
  ["REQUIRETLS", [], { requireTls: true }, "550 5.7.30"],
  [
    "REQUIRETLS without TLS",
    ["REQUIRETLS"],
    { requireTls: true },
    "550 5.7.30",
  ],
];

for (const [what, more, parameters, reply] of LACKING) {
  Deno.test(`a message that needs ${what} is refused where it can't be had`, async () => {
    const { commands, replies } = await envelope(
      [...OFFERS, ...more],
      parameters,
      rcpts("b@localhost", "c@localhost"),
    );
    assertEquals(commands, []);
    assertEquals(replies, [reply, reply]);
  });
}

const CERTIFICATE = "localhost";

const CA = Deno.readTextFileSync(
  new URL("../transport/certs/ca.pem", import.meta.url),
);

for (const tls of ["required", "verified"] as const) {
  Deno.test(`REQUIRETLS needs a verified connection: relay.tls = "${tls}"`, async () => {
    const offers = [...OFFERS, "REQUIRETLS"];
    await using relay = new ScriptedRelay([{
      offers,
      certificate: CERTIFICATE,
    }]);
    await using relaying = new Relaying(relay, { tls, caCerts: [CA] });
    const hop = relaying.hop({ requireTls: true });
    const [reply] = await hop.rcpt(rcpts("b@localhost"));
    assertEquals(reply?.code, tls === "verified" ? 250 : 550);
    const mail = relay.peers[0]!.commands.find((line) => /^MAIL/.test(line));
    assertEquals(
      mail,
      tls === "verified" ? "MAIL FROM:<a@example.org> REQUIRETLS" : undefined,
    );
    await hop.abort();
  });
}

const XFORWARD = "XFORWARD NAME ADDR";

const TOLD: [offers: string[], loggedIn: boolean, isTold: boolean][] = [
  [["AUTH PLAIN"], true, true],
  [["AUTH PLAIN"], false, false],
  [["AUTH PLAIN", XFORWARD], false, true],
  [[], false, false],
];

for (const [offers, loggedIn, isTold] of TOLD) {
  const how = loggedIn ? "logged in" : "not logged in";
  Deno.test(`AUTH= is ${isTold ? "passed on" : "dropped"} where the relay offers "${offers}", ${how}`, async () => {
    await using relay = new ScriptedRelay([{ offers }]);
    const secret = fixedSecret(new Secret("sesame"));
    await using relaying = new Relaying(relay, {
      ...loggedIn ? { credentials: { user: "me", secret } } : {},
    });
    const hop = relaying.hop({ auth: "e+2Bx@y" });
    await hop.rcpt(rcpts("b@localhost"));
    const mail = relay.peers[0]!.commands.find((line) => /^MAIL/.test(line));
    const rest = isTold ? " AUTH=e+2Bx@y" : "";
    assertEquals(mail, `MAIL FROM:<a@example.org>${rest}`);
    await hop.abort();
  });
}

Deno.test("addresses go on as they came, quotes and all", async () => {
  const { commands } = await envelope(OFFERS, {}, [
    rcpt('"b c"@LocalHost'),
    rcpt("B+x@[127.0.0.1]"),
  ]);
  assertEquals(commands.slice(1), [
    'RCPT TO:<"b c"@LocalHost>',
    "RCPT TO:<B+x@[127.0.0.1]>",
  ]);
});
