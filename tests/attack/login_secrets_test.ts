import { assert, assertEquals, assertMatch } from "@std/assert";
import { isTokenMechanism, SASL_MECHANISMS } from "../../lib/sasl/mechanism.ts";
import type { Hooks } from "../../mod.ts";
import { leaksOf } from "../record/leaks.ts";
import {
  ANN,
  authPlain,
  base64,
  JOE,
  logIn,
  LoginServing,
  TOKEN,
} from "../support/login_serving.ts";

const WRONG = "Not-the-Passw0rd";

/** The server's logs and transcripts after `act`, and what it tells meanwhile. */
async function tracesOf(
  format: "text" | "json",
  act: (serving: LoginServing) => Promise<void>,
  hooks?: Hooks,
): Promise<{ told: string; transcripts: readonly string[] }> {
  const dir = await Deno.makeTempDir();
  let told = "";
  {
    await using serving = await LoginServing.start({
      config: { record: { dir }, auth: { failures: 1_000 } },
      format,
      ...(hooks === undefined ? {} : { hooks }),
    });
    await act(serving);
    told += JSON.stringify(serving.server.sessions());
    await serving.server.close();
    told += serving.log;
  }
  const transcripts = [];
  for await (const { name } of Deno.readDir(dir)) {
    transcripts.push(await Deno.readTextFile(`${dir}/${name}`));
  }
  await Deno.remove(dir, { recursive: true });
  return { told, transcripts };
}

function assertNoLeaks(
  { told, transcripts }: Awaited<ReturnType<typeof tracesOf>>,
  secrets: readonly string[],
): void {
  for (const secret of secrets) {
    for (const text of [told, ...transcripts]) {
      assertEquals(leaksOf(text, secret), [], text);
    }
  }
}

for (const format of ["text", "json"] as const) {
  for (const mechanism of SASL_MECHANISMS) {
    const isToken = isTokenMechanism(mechanism);
    const { user, password } = mechanism === "CRAM-MD5" ? JOE : ANN;
    const secret = isToken ? TOKEN : password;

    Deno.test(`${mechanism}: neither log (${format}) nor transcript holds a secret or a response, right or wrong`, async () => {
      const secrets = [secret, WRONG];
      const traces = await tracesOf(format, async (serving) => {
        for (const each of [WRONG, secret]) {
          using client = await serving.client();
          const attempt = { mechanism, user, secret: each };
          const { reply, said } = await logIn(client, attempt);
          assertMatch(reply, each === secret ? /^235 / : /^535 /);
          // A user's name alone is none, nor is an acknowledgement.
          secrets.push(
            ...said.filter((text) => text.length > 4 && text !== base64(user)),
          );
          await client.mail();
        }
      });
      // Both sessions can be found, by the names that were used.
      assertEquals(traces.transcripts.length, 2);
      assert(traces.told.includes(user), traces.told);
      assertNoLeaks(traces, secrets);
    });
  }

  Deno.test(`what is cancelled, malformed or out of place stands neither in the log (${format}) nor in a transcript`, async () => {
    const plain = authPlain(ANN.user, WRONG);
    const tail = plain.split(" ")[2]!;
    const talks = [
      ["AUTH LOGIN", base64(ANN.user), "*"],
      ["AUTH LOGIN", base64(ANN.user), WRONG],
      ["AUTH PLAIN", tail.slice(0, -2)],
      [`AUTH PLAIN ${WRONG}`],
      ["MAIL FROM:<a@b.test>", plain],
      [`AUTH DIGEST-X ${tail}`],
      ["AUTH LOGIN", base64(ANN.user), base64(`${WRONG}\0`)],
      [`AUTH XOAUTH2 ${base64(`user=a\x01auth=Basic ${WRONG}\x01\x01`)}`],
    ];
    const traces = await tracesOf(format, async (serving) => {
      for (const talk of talks) {
        using client = await serving.client();
        for (const line of talk) await client.ask(line);
        await client.ask("QUIT");
      }
    });
    assertEquals(traces.transcripts.length, talks.length);
    assertNoLeaks(traces, [WRONG, base64(WRONG)]);
  });

  Deno.test(`an auth hook that throws with what it was given does not get that into the log (${format})`, async () => {
    const secret = 'p+ä/ss "word"\\&=';
    const thrown: ((text: string) => unknown)[] = [
      (text) => new Error(`no ${text}`),
      (text) => new TypeError(`https://a.test/?${encodeURIComponent(text)}`),
      (text) => new Error(`${new URLSearchParams({ p: text })}`),
      (text) => new Error(JSON.stringify({ text })),
      (text) => new Error(`in base64: ${base64(text)}`),
      (text) => new Error("deep", { cause: new Error(text, { cause: text }) }),
      (text) => Object.assign(new Error("x"), { name: text, stack: text }),
      (text) => text,
    ];
    let count = 0;
    const hooks: Hooks = {
      auth(_session, { password }) {
        throw thrown[count++]!(password!);
      },
    };
    const traces = await tracesOf(format, async (serving) => {
      using client = await serving.client();
      for (const _ of thrown) {
        const reply = await client.ask(authPlain(ANN.user, secret));
        assertMatch(reply, /^454 /);
      }
    }, hooks);
    assertEquals(count, thrown.length);
    assertMatch(traces.told, /deep/);
    assertNoLeaks(traces, [
      secret,
      JSON.stringify(secret).slice(1, -1),
      JSON.stringify(JSON.stringify(secret)).slice(1, -1),
      new URLSearchParams({ "": secret }).toString().slice(1),
    ]);
  });
}

Deno.test("what a hook throws that throws when it is looked at is in the log all the same", async () => {
  const evil = Object.defineProperty(new Error("x"), "message", {
    get() {
      throw new Error("looked");
    },
  });
  const traces = await tracesOf("text", async (serving) => {
    using client = await serving.client();
    const reply = await client.ask(authPlain(ANN.user, ANN.password));
    assertMatch(reply, /^454 /);
  }, { auth: () => Promise.reject(evil) });
  assertMatch(traces.told, / hook-failed .*Hook \\?"auth\\?" threw/);
});
