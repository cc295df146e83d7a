import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { sendCommand } from "../lib/cli/send.ts";
import { send } from "../mod.ts";
import { Outputs } from "./cli/output.ts";
import { certsFile, tlsOf } from "./support/certificates.ts";
import { OFFERS, ScriptedRelay } from "./support/scripted_relay.ts";
import { Serving } from "./support/serving.ts";

const SMTPS = { certificate: "localhost", implicitTls: true } as const;

const TO = ["one@b.test", "bad@b.test", "two@b.test", "three@b.test"];

const MESSAGE = "Subject: x\n\nHello.\n";

/** An LMTP server with a verdict of its own for each. */
function lmtpServer(at?: { path: string }): ScriptedRelay {
  return new ScriptedRelay([{
    offers: ["PIPELINING", "ENHANCEDSTATUSCODES"],
    RCPT: (_, line) => line.includes("bad") ? "550 5.1.1 No" : "250 2.1.5 Ok",
    END: async (peer) => {
      await peer.say("250 2.0.0 Into one");
      await peer.say("452 4.2.2 Full");
      return "250 2.0.0 Into three";
    },
  }], at);
}

const FATES = [
  ["one@b.test", true, "final dot", "Into one"],
  ["bad@b.test", false, "RCPT TO", "No"],
  ["two@b.test", false, "final dot", "Full"],
  ["three@b.test", true, "final dot", "Into three"],
];

Deno.test("send() to lmtp:// tells each recipient's own fate", async () => {
  await using server = lmtpServer();
  const fates = await send(MESSAGE, {
    from: "a@b.test",
    to: TO,
    server: `lmtp://127.0.0.1:${server.port}`,
  });
  const got = fates.map(({ recipient, delivered, step, reply }) => [
    recipient,
    delivered,
    step,
    reply.text,
  ]);
  assertEquals(got, FATES);
  assertMatch(server.peers[0]!.commands[0]!, /^LHLO /);
});

Deno.test("send() to lmtp:// that closes between two verdicts: the first holds, the others are unknown", async () => {
  await using server = new ScriptedRelay([{
    END: async (peer) => {
      await peer.say("250 2.0.0 Into one");
      await peer.end();
    },
  }]);
  const fates = await send(MESSAGE, {
    from: "a@b.test",
    to: ["one@b.test", "two@b.test"],
    server: `lmtp://127.0.0.1:${server.port}`,
  });
  assertEquals(fates.map(({ delivered }) => delivered), [true, false]);
  assertEquals(fates[1]!.reply.code, 451);
});

Deno.test("send() to smtps:// begins with TLS, and checks the certificate where it is told so", async () => {
  await using server = new ScriptedRelay([SMTPS]);
  const options = { from: "", to: ["b@b.test"] };
  const url = `smtps://127.0.0.1:${server.port}`;
  const [fate] = await send(MESSAGE, { ...options, server: url });
  assert(fate!.delivered, fate!.error?.message);
  assert(server.peers[0]!.secure);
  const [doubted] = await send(MESSAGE, {
    ...options,
    server: url,
    tls: "verified",
  });
  assertEquals([doubted!.delivered, doubted!.step], [false, "TLS"]);
  assertEquals(server.taken.length, 1);
});

Deno.test("what send() sends over smtps:// and lmtp:, serve() stores", async () => {
  const folder = await Deno.makeTempDir();
  {
    const path = join(folder, "lmtp");
    await using serving = await Serving.start({
      server: { listen: ["smtps://127.0.0.1:0", `lmtp:unix:${path}`] },
      tls: tlsOf("localhost"),
    });
    for (const server of serving.server.addresses) {
      const to = ["b@localhost", "c@localhost"];
      const fates = await send(MESSAGE, { from: "a@b.test", to, server });
      assertEquals(fates.map(({ delivered }) => delivered), [true, true]);
    }
    assertEquals(serving.logged("message").length, 2);
  }
  await Deno.remove(folder, { recursive: true });
});

/** `postern send`, and what it prints. */
async function command(
  args: string[],
  toml = "",
): Promise<{ status: number; stdout: string }> {
  const folder = await Deno.makeTempDir();
  using outputs = new Outputs();
  try {
    await Deno.writeTextFile(`${folder}/postern.toml`, toml);
    await Deno.writeTextFile(`${folder}/message`, MESSAGE);
    const config = ["-c", `${folder}/postern.toml`, "--from", "a@b.test"];
    const status = await sendCommand.run([
      ...config,
      ...args,
      `${folder}/message`,
    ]);
    return { status, stdout: outputs.stdout };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("postern send to lmtp:unix: prints each recipient's fate, and its status is 1 where one is refused", async () => {
  const folder = await Deno.makeTempDir();
  {
    const path = join(folder, "lmtp");
    await using _server = lmtpServer({ path });
    const to = TO.flatMap((each) => ["--to", each]);
    const server = ["--server", `lmtp:unix:${path}`];
    const { status, stdout } = await command([...to, ...server]);
    assertEquals(status, 1);
    assertEquals(stdout.trimEnd().split("\n"), [
      "one@b.test: sent: 250 2.0.0 Into one",
      "bad@b.test: not sent, at RCPT TO: 550 5.1.1 No",
      "two@b.test: not sent, at final dot: 452 4.2.2 Full",
      "three@b.test: sent: 250 2.0.0 Into three",
    ]);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("postern send to smtps:// logs in where the certificate holds, by relay.ca_file", async () => {
  await using server = new ScriptedRelay([{
    ...SMTPS,
    offers: [...OFFERS, "AUTH PLAIN"],
  }]);
  const args = [
    ...["--to", "b@b.test"],
    ...["--server", `smtps://me:sesame@127.0.0.1:${server.port}`],
  ];
  const doubted = await command(args);
  assertEquals(doubted.status, 1);
  assertMatch(doubted.stdout, /not sent, at TLS: /);
  assert(!doubted.stdout.includes("sesame"));
  const toml = `[relay]\nca_file = "${certsFile("ca.pem")}"\n`;
  const { status, stdout } = await command(args, toml);
  assertEquals([status, stdout.includes("b@b.test: sent")], [0, true]);
  const auth = `AUTH PLAIN ${btoa("\0me\0sesame")}`;
  assert(server.peers.at(-1)!.commands.includes(auth));
});
