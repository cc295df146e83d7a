import { assert, assertEquals } from "@std/assert";
import { type Command, parseCommand } from "../../lib/engine/command.ts";
import { parseHelloName } from "../../lib/engine/domain.ts";
import {
  Lenience,
  LENIENCIES,
  type Leniency,
} from "../../lib/engine/leniency.ts";

const OFFER = { size: 10_485_760 };

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function mailbox(local: string, domain: string) {
  const address = domain === "" ? local : `${local}@${domain}`;
  return { local, domain, address, utf8: false };
}

const NONE = { smtputf8: false };

const ALL = new Set(LENIENCIES);

const LENIENT: [line: string, want: Command, ...used: Leniency[]][] = [
  ["MAIL FROM:<a@b>", {
    verb: "MAIL",
    sender: mailbox("a", "b"),
    parameters: NONE,
  }],
  ["MAIL FROM: <a@b> SIZE=1", {
    verb: "MAIL",
    sender: mailbox("a", "b"),
    parameters: { size: 1, smtputf8: false },
  }, "space-after-colon"],
  ["MAIL FROM:   <>", {
    verb: "MAIL",
    sender: null,
    parameters: NONE,
  }, "space-after-colon"],
  ["MAIL FROM:a@b SIZE=1", {
    verb: "MAIL",
    sender: mailbox("a", "b"),
    parameters: { size: 1, smtputf8: false },
  }, "no-angle-brackets"],
  ["RCPT TO:b@[127.0.0.1]", {
    verb: "RCPT",
    recipient: mailbox("b", "[127.0.0.1]"),
    parameters: {},
  }, "no-angle-brackets"],
  ["RCPT TO: <Postmaster>", {
    verb: "RCPT",
    recipient: mailbox("Postmaster", ""),
    parameters: {},
  }, "space-after-colon"],
  ["RCPT TO:<a..b.@c>", {
    verb: "RCPT",
    recipient: mailbox("a..b.", "c"),
    parameters: {},
  }, "dots-in-local-part"],
  [
    "RCPT TO: .a@c",
    { verb: "RCPT", recipient: mailbox(".a", "c"), parameters: {} },
    "space-after-colon",
    "dots-in-local-part",
    "no-angle-brackets",
  ],
  ["EHLO _my:host*", { verb: "EHLO", name: "_my:host*" }, "any-hello-name"],
  ["HELO [10.0.0]", { verb: "HELO", name: "[10.0.0]" }, "any-hello-name"],
  ["LHLO host.", { verb: "LHLO", name: "host." }, "any-hello-name"],
  ["EHLO my_host", { verb: "EHLO", name: "my_host" }],
];

for (const [line, want, ...leniencies] of LENIENT) {
  Deno.test(`parseCommand() takes ${JSON.stringify(line)} where it may, and says why`, () => {
    const value = leniencies.length === 0 ? want : { ...want, leniencies };
    assertEquals<unknown>(parseCommand(bytes(line), OFFER, ALL), {
      ok: true,
      value,
    });
    // Each leniency is needed, and no other one.
    assertEquals<unknown>(
      parseCommand(bytes(line), OFFER, new Set(leniencies)),
      { ok: true, value },
    );
    for (const missing of leniencies) {
      const others = new Set(LENIENCIES.filter((name) => name !== missing));
      assert(!parseCommand(bytes(line), OFFER, others).ok, missing);
    }
  });
}

const NEVER_TAKEN = [
  "MAIL FROM :<a@b>",
  "MAIL FROM:",
  "MAIL FROM: ",
  "MAIL FROM:\t<a@b>",
  "MAIL FROM:a b@c",
  "MAIL FROM:a@b>",
  "MAIL FROM:<a@b",
  "MAIL FROM:@c",
  "MAIL FROM:a@b,c@d",
  "MAIL FROM:<.@b>",
  "MAIL FROM:<@b>",
  'MAIL FROM:<a."b"@c>',
  "RCPT TO:postmaster",
  "RCPT TO:<>",
  "EHLO",
  "EHLO ",
  "EHLO a b",
  "EHLO x(y)",
  "EHLO a;b",
  "EHLO a<b>",
  "EHLO a\\b",
  'EHLO "a"',
  "EHLO a\x01",
  "EHLO a\x7f",
  "EHLO ü",
  `EHLO ${"_".repeat(256)}`,
];

for (const line of NEVER_TAKEN) {
  Deno.test(`parseCommand() refuses ${JSON.stringify(line.slice(0, 40))} as ever, with every leniency`, () => {
    const strict = parseCommand(bytes(line), OFFER);
    const parsed = parseCommand(bytes(line), OFFER, ALL);
    assert(!strict.ok && !parsed.ok);
    assertEquals([parsed.problem, parsed.verb], [strict.problem, strict.verb]);
  });
}

Deno.test("parseHelloName() takes no empty name, with every leniency", () => {
  assert(!parseHelloName("", 0, new Lenience(ALL)).ok);
});
