import { assert, assertEquals } from "@std/assert";
import { playInMemory } from "../../lib/replay/in_memory.ts";
import {
  SASL_MECHANISMS,
  type SaslMechanism,
} from "../../lib/sasl/mechanism.ts";
import { parseTranscript } from "../../lib/transcript/parse.ts";
import { until } from "../real/support/wait.ts";
import {
  ANN,
  JOE,
  logIn,
  LoginServing,
  TOKEN,
} from "../support/login_serving.ts";
import { RawClient } from "../support/raw_client.ts";
import { leaksOf } from "./leaks.ts";

/** What a server writes down of the one session that `talk` has with it. */
async function recorded(
  talk: (serving: LoginServing) => Promise<void>,
): Promise<string> {
  const dir = await Deno.makeTempDir();
  try {
    await using serving = await LoginServing.start({
      config: { record: { dir } },
    });
    await talk(serving);
    const file = await until(
      "a transcript",
      () =>
        [...Deno.readDirSync(dir)].find(({ name }) => name.endsWith(".txt")),
    );
    return await Deno.readTextFile(`${dir}/${file.name}`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function playsBack(text: string): Promise<void> {
  const parsed = parseTranscript(text, "recorded");
  assert(parsed.ok, text);
  const { failure } = await playInMemory(parsed.value, {
    splits: ["whole", "bytes", "pipelined", "random:1"],
    readMessage: () => new Uint8Array(),
  });
  assertEquals(failure, undefined, text);
}

const PAIRS: Readonly<Record<SaslMechanism, [user: string, secret: string]>> = {
  PLAIN: [ANN.user, ANN.password],
  LOGIN: [ANN.user, ANN.password],
  "CRAM-MD5": [JOE.user, JOE.password],
  "SCRAM-SHA-256": [ANN.user, ANN.password],
  XOAUTH2: [JOE.user, TOKEN],
  OAUTHBEARER: [JOE.user, TOKEN],
};

for (const mechanism of SASL_MECHANISMS) {
  Deno.test(`A recorded login by ${mechanism} holds no secret, and plays back`, async () => {
    const [user, secret] = PAIRS[mechanism];
    const all: string[] = [secret];
    const text = await recorded(async (serving) => {
      using client = await serving.client();
      const wrong = { mechanism, user, secret: "no+such-secret" };
      const right = { mechanism, user, secret };
      for (const attempt of [wrong, right]) {
        all.push(...(await logIn(client, attempt)).said);
      }
      await client.ask("QUIT");
    });
    for (const each of all.filter((said) => said.length > 3)) {
      assertEquals(leaksOf(text, each), [], text);
    }
    assert(text.includes("${secret:auth}"), text);
    assert(text.includes("${secret:wrong}"), text);
    await playsBack(text);
  });
}

Deno.test("A recorded session with TLS from the start says so, and plays back", async () => {
  const text = await recorded(async ({ server }) => {
    using client = await RawClient.connect(server.addresses[1]);
    await client.reply();
    await client.ask("EHLO client.test");
    await client.ask("QUIT");
  });
  assert(text.includes('@listener.url "smtps://'), text);
  assert(text.indexOf("== tls") < text.indexOf("S: 220"), text);
  await playsBack(text);
});

Deno.test("A recorded session with STARTTLS plays back", async () => {
  const text = await recorded(async (serving) => {
    using client = await serving.client();
    await client.startTls();
    await client.ask("EHLO client.test");
    await client.ask("QUIT");
  });
  assert(text.includes("C: STARTTLS\n"), text);
  await playsBack(text);
});
