import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { type Fate, send, type SendOptions } from "../mod.ts";
import { until } from "./real/support/wait.ts";
import {
  type Behaviour,
  last,
  OFFERS,
  ScriptedRelay,
  silence,
} from "./support/scripted_relay.ts";

const TO = ["b@example.org"];

/** Sends to a scripted server; how it went and what came. */
async function sent(
  message: string | Uint8Array,
  behaviour: Behaviour = {},
  options: Partial<SendOptions> = {},
): Promise<{ fates: readonly Fate[]; server: ScriptedRelay }> {
  await using server = new ScriptedRelay([behaviour]);
  const fates = await send(message, {
    from: "a@example.org",
    to: TO,
    server: server.url,
    ...options,
  });
  await server.emptied();
  return { fates, server };
}

const MESSAGES: [name: string, message: string, data: string][] = [
  ["CRLF lines", "a: b\r\n\r\nc\r\n", "a: b\r\n\r\nc\r\n"],
  ["LF lines, the last without one", "a: b\n\nc", "a: b\r\n\r\nc\r\n"],
  ["CR lines", "a: b\r\rc\r", "a: b\r\n\r\nc\r\n"],
  ["dots", ".\n..\n.x\n.", "..\r\n...\r\n..x\r\n..\r\n"],
  ["an end of data in it", "x\r\n.\r\nQUIT\r\n", "x\r\n..\r\nQUIT\r\n"],
  ["nothing", "", ""],
];

for (const [name, message, data] of MESSAGES) {
  Deno.test(`send() sends a message with ${name} as it ought to be`, async () => {
    const { fates, server } = await sent(message);
    assertEquals(fates.map(({ delivered }) => delivered), [true]);
    assertEquals(server.taken.map(({ data }) => data), [data]);
    const { commands } = server.peers[0]!;
    assertEquals(commands.at(-1), "QUIT");
  });
}

Deno.test("send() sends a large message whole", async () => {
  const line = `.${"x".repeat(70)}\n`;
  const { server } = await sent(line.repeat(50_000));
  assertEquals(
    server.taken[0]!.data,
    `.${line.replace("\n", "\r\n")}`.repeat(50_000),
  );
});

Deno.test("send() says what the message needs", async () => {
  const utf8 = "Subject: käse\r\n\r\n";
  const { server } = await sent(utf8, {}, { from: "käse@example.org" });
  const size = Buffer.byteLength(utf8);
  const [, mail] = server.peers[0]!.commands;
  assertEquals(
    Buffer.from(mail!, "latin1").toString(),
    `MAIL FROM:<käse@example.org> SIZE=${size} BODY=8BITMIME SMTPUTF8`,
  );
  const plain = await sent("x: y\r\n\r\n", {}, { from: "" });
  assertEquals(plain.server.peers[0]!.commands[1], "MAIL FROM:<> SIZE=8");
});

Deno.test("send() tells each recipient's fate, with step and reply", async () => {
  const RCPT: Behaviour["RCPT"] = (_, line) =>
    line.includes("bad") ? "550 5.1.1 No such user" : "250 2.1.5 Fine";
  const to = ["b@example.org", "bad@example.org"];
  const { fates } = await sent("x: y\r\n", { RCPT }, { to });
  assertEquals(fates, [
    {
      recipient: "b@example.org",
      delivered: true,
      step: "final dot",
      reply: { code: 250, status: "2.0.0", text: "Queued as 42" },
    },
    {
      recipient: "bad@example.org",
      delivered: false,
      step: "RCPT TO",
      reply: { code: 550, status: "5.1.1", text: "No such user" },
    },
  ]);
});

const FAILURES: [step: string, behaviour: Behaviour, code: number][] = [
  ["greeting", { GREETING: last("554 5.7.1 No") }, 451],
  ["EHLO", { EHLO: last("421 4.3.2 No") }, 451],
  ["MAIL FROM", { MAIL: "550 5.7.1 No" }, 550],
  ["RCPT TO", { RCPT: "550 5.1.1 No" }, 550],
  ["DATA", { DATA: "554 5.7.1 No" }, 554],
  ["final dot", { END: "452 4.3.1 Full" }, 452],
];

for (const [step, behaviour, code] of FAILURES) {
  Deno.test(`send() tells of a failure at ${step}`, async () => {
    const { fates, server } = await sent("x: y\r\n", behaviour);
    const [fate] = fates;
    assertEquals([fate!.step, fate!.delivered, fate!.reply.code], [
      step,
      false,
      code,
    ]);
    assertEquals(fate!.error === undefined, code !== 451);
    assertEquals(server.taken, []);
  });
}

Deno.test("send() tells where nobody listens, and rejects not", async () => {
  const gone = new ScriptedRelay();
  const server = gone.url;
  await gone[Symbol.asyncDispose]();
  const [fate] = await send("x: y\r\n", { from: "", to: TO, server });
  assertEquals([fate!.step, fate!.reply.code], ["connect", 451]);
  assertMatch(fate!.error!.message, /refused/);
});

Deno.test("send() goes over TLS and logs in, where it is told so", async () => {
  const behaviour: Behaviour = {
    certificate: "self_signed",
    offers: [...OFFERS, "AUTH PLAIN"],
  };
  await using server = new ScriptedRelay([behaviour]);
  const url = `plain://me:sesame@${server.url}`;
  const options = { from: "", to: TO, server: url };
  const [refused] = await send("x: y\r\n", options);
  assertEquals([refused!.step, refused!.delivered], ["STARTTLS", false]);
  const [fate] = await send("x: y\r\n", { ...options, tls: "required" });
  assert(fate!.delivered);
  assert(server.peers.at(-1)!.secure);
  const auth = `AUTH PLAIN ${btoa("\0me\0sesame")}`;
  assert(server.peers.at(-1)!.commands.includes(auth));
});

Deno.test("send() can be broken off wherever the server is silent", async () => {
  for (const step of ["GREETING", "EHLO", "MAIL", "DATA", "END"]) {
    await using server = new ScriptedRelay([{ [step]: silence }]);
    const stop = new AbortController();
    const { signal } = stop;
    const sending = send("x: y\r\n", {
      from: "",
      to: TO,
      server: server.url,
      signal,
    });
    await until("the server to be asked", () => {
      const [peer] = server.peers;
      if (step === "GREETING") return peer !== undefined;
      if (step === "END") return peer?.messages.length === 1;
      return peer?.commands.some((line) => line.startsWith(step));
    });
    stop.abort();
    const [fate] = await sending;
    assertEquals([fate!.delivered, fate!.reply.code], [false, 451]);
    await server.emptied();
  }
});

const WRONG: [options: Partial<SendOptions>, problem: string][] = [
  [{ from: "a b@example.org" }, 'Cannot parse address "a b@example.org"'],
  [{ to: ["b@example.org", "@"] }, 'Cannot parse address "@"'],
  [{ server: undefined }, "Cannot send: expected a server"],
  [{ server: "ftp://x" }, "Cannot parse the server: expected"],
  [{ server: "plain://me:sesame@" }, "Cannot parse the server: expected"],
  [{ server: "plain://me@127.0.0.1" }, "expected USER:PWD before @"],
];

for (const [options, problem] of WRONG) {
  Deno.test(`send() throws: ${problem}`, async () => {
    const server = "127.0.0.1:1";
    const right = { from: "a@example.org", to: TO, server };
    const error = await assertRejects(
      () => send("x: y\r\n", { ...right, ...options }),
      TypeError,
      problem,
    );
    assert(!error.message.includes("sesame"));
  });
}
