import { assertEquals } from "@std/assert";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import type { Config } from "../../lib/config/config.ts";
import { MemoryUsers } from "../../lib/replay/accounts.ts";
import { beginClientExchange } from "../../lib/sasl/client.ts";
import { beginServerExchange } from "../../lib/sasl/server.ts";
import { Secret } from "../../lib/secret.ts";
import { readSecrets, Secrets } from "../../lib/replay/secrets.ts";
import { isSaid, type Transcript } from "../../lib/transcript/steps.ts";
import type { Template } from "../../lib/transcript/template.ts";
import { transcript as read } from "../transcript/support.ts";

/** What is said for each secret, in order; the server's lines are heard as they stand. */
function played(
  text: string,
  values: Record<string, string>,
): (string | undefined)[] {
  const { steps }: Transcript = read(text);
  const secrets = new Secrets(new Map(Object.entries(values)), steps);
  const said: (string | undefined)[] = [];
  for (const step of steps) {
    if (!isSaid(step)) continue;
    const parts: Template = step.kind === "line"
      ? step.text
      : step.kind === "bytes"
      ? step.octets
      : [];
    if (step.from === "server") {
      secrets.hear(parts.join(""));
      continue;
    }
    for (const part of parts) {
      if (typeof part !== "string") said.push(secrets.valueOf(part));
    }
  }
  return said;
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

const CASES: readonly [
  name: string,
  text: string,
  values: Record<string, string>,
  want: readonly (string | undefined)[],
][] = [
  [
    "computes PLAIN as RFC 4616 has it",
    "C: AUTH PLAIN ${secret:auth}\nS: 235 ok\n",
    { auth: "tim:tanstaaftanstaaf" },
    [base64("\0tim\0tanstaaftanstaaf")],
  ],
  [
    "answers a challenge with PLAIN",
    "C: auth  plain\nS: 334 \nC: ${secret:auth}\nS: 235 ok\n",
    { auth: "tim:tan:staaf" },
    [base64("\0tim\0tan:staaf")],
  ],
  [
    "takes PLAIN's values in UTF-8",
    "C: AUTH PLAIN ${secret:auth}\n",
    { auth: "jörg:pä€" },
    [base64("\0jörg\0pä€")],
  ],
  [
    "answers LOGIN with the user and then the password",
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: ${secret:auth}\n" +
    "S: 334 UGFzc3dvcmQ6\nC: ${secret:auth}\nS: 235 ok\n",
    { auth: "joe:pw" },
    ["am9l", "cHc="],
  ],
  [
    "gives LOGIN's user as the initial response",
    "C: AUTH LOGIN ${secret:auth}\nS: 334 UGFzc3dvcmQ6\nC: ${secret:auth}\n",
    { auth: "joe:pw" },
    ["am9l", "cHc="],
  ],
  [
    "counts LOGIN's user where the file has it in plain",
    "C: AUTH LOGIN am9l\nS~ 334 .*\nC: ${secret:auth}\n",
    { auth: "joe:pw" },
    ["cHc="],
  ],
  [
    "answers what was not waited for, although AUTH is refused",
    "C: AUTH LOGIN\nS: 503 5.5.1 No\nC: ${secret:auth}\nS: 500 no\n" +
    "C: ${secret:auth}\nS: 500 no\n",
    { auth: "joe:pw" },
    ["am9l", "cHc="],
  ],
  [
    "computes CRAM-MD5 as RFC 2195 has it",
    "C: AUTH CRAM-MD5\n" +
    "S: 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\n" +
    "C: ${secret:auth}\nS: 235 ok\n",
    { auth: "tim:tanstaaftanstaaf" },
    ["dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"],
  ],
  [
    "gives nothing for CRAM-MD5 without a challenge",
    "C: AUTH CRAM-MD5 ${secret:auth}\n",
    { auth: "tim:tanstaaftanstaaf" },
    [undefined],
  ],
  [
    "takes the last challenge only",
    "C: AUTH CRAM-MD5\nS: 334 PDE4OTY+\nS: 250 no challenge\n" +
    "C: ${secret:auth}\n",
    { auth: "tim:tanstaaftanstaaf" },
    [undefined],
  ],
  [
    "computes XOAUTH2, and nothing in answer to its error",
    "C: AUTH XOAUTH2 ${secret:auth}\nS: 334 eyJzdGF0dXMiOiI0MDEifQ==\n" +
    "C: ${secret:auth}\nS: 535 no\n",
    {
      auth:
        "someuser@example.com:ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
    },
    [
      "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==",
      "",
    ],
  ],
  [
    "computes OAUTHBEARER as RFC 7628 has it, and its answer to an error",
    "C: AUTH OAUTHBEARER ${secret:auth}\nS: 334 eyJzdGF0dXMiOiI0MDEifQ==\n" +
    "C: ${secret:auth}\nS: 535 no\n",
    { auth: "a,b=c@example.com:vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" },
    [
      base64(
        "n,a=a=2Cb=3Dc@example.com,\x01" +
          "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01",
      ),
      "AQ==",
    ],
  ],
  [
    "gives nothing for a mechanism it doesn't know",
    "C: AUTH SCRAM-SHA-1 ${secret:auth}\n",
    { auth: "joe:pw" },
    [undefined],
  ],
  [
    "gives nothing for a third answer of LOGIN's",
    "C: AUTH LOGIN ${secret:auth}\nS: 334 x\nC: ${secret:auth}\nS: 334 x\n" +
    "C: ${secret:auth}\n",
    { auth: "joe:pw" },
    ["am9l", "cHc=", undefined],
  ],
  [
    "gives nothing for an exchange where the value is no pair",
    "C: AUTH PLAIN ${secret:auth}\n",
    { auth: "joe" },
    [undefined],
  ],
  [
    "computes each exchange by its own mechanism and its own pair",
    "C: AUTH PLAIN ${secret:auth}\nS: 535 no\nC: AUTH LOGIN\nS: 334 x\n" +
    "C: ${secret:auth2}\nS: 334 x\nC: ${secret:auth2}\nS: 235 ok\n",
    { auth: "a:b", auth2: "joe:pw" },
    [base64("\0a\0b"), "am9l", "cHc="],
  ],
  [
    "reads an exchange in quotes too",
    'C> "AUTH LOGIN\\r\\n"\nS: 334 x\nC> "${secret:auth}\\r\\n"\nS: 334 x\n' +
    'C> "${secret:auth}\\r\\n"\n',
    { auth: "joe:pw" },
    ["am9l", "cHc="],
  ],
  [
    "leaves a secret elsewhere as it is",
    "C: AUTH PLAIN ${secret:auth}\nS: 235 ok\nC: MAIL FROM:<a@b.test>\n" +
    "S: 250 ok\nC: X-Token: ${secret:Token}, ${secret:auth_password}\n",
    { auth: "joe:p:w", token: "t:1" },
    [base64("\0joe\0p:w"), "t:1", "p:w"],
  ],
  [
    "gives a pair's parts in base64 where it is to",
    "C: AUTH LOGIN\nS: 334 x\nC: ${secret:auth_user}\nS: 334 x\n" +
    "C: ${secret:auth_password}\nS: 235 ok\nC: X ${secret:auth_user}\n",
    { auth: "joe:pw" },
    ["am9l", "cHc=", "am9l"],
  ],
  [
    "prefers a value of that very name",
    "C: X ${secret:auth_password}\n",
    { auth: "joe:pw", auth_password: "other" },
    ["other"],
  ],
  [
    "gives nothing for what was not given",
    "C: AUTH PLAIN ${secret:auth}\nS: 535 no\nC: X ${secret:a_password}\n",
    {},
    [undefined, undefined],
  ],
];

for (const [name, text, values, want] of CASES) {
  Deno.test(`Secrets ${name}`, () => {
    assertEquals(played(text, values), want);
  });
}

Deno.test("Secrets speaks both ends of SCRAM-SHA-256, so that they agree", async () => {
  const { steps } = read(
    "C: AUTH SCRAM-SHA-256 ${secret:auth}\nS: 334 ${secret:auth}\n" +
      "C: ${secret:auth}\nS: 334 ${secret:auth}\nC: ${secret:auth}\nS: 235 ok\n",
  );
  const values = new Map([["auth", "joe:pw"]]);
  const variables = steps.flatMap((step) =>
    step.kind === "line" ? step.text : []
  ).filter((part) => typeof part !== "string");
  const server = new Secrets(values, steps);
  const login = { host: "", port: 0, user: "joe", secret: new Secret("pw") };
  const client = beginClientExchange("SCRAM-SHA-256", login);
  server.hear(`AUTH SCRAM-SHA-256 ${encodeBase64(client.initial!)}`);
  const first = server.valueOf(variables[1]!)!;
  assertEquals(server.hasToReckon, true);
  const final = await client.respond(decodeBase64(first));
  server.hear(encodeBase64(final));
  await client.respond(decodeBase64(server.valueOf(variables[3]!)!));
  client.accepted();

  const users = new MemoryUsers(
    { auth: { users_file: "users" }, hooks: { module: "" } } as Config,
    new Map([["joe", new Secret("pw")]]),
  );
  const exchange = beginServerExchange("SCRAM-SHA-256", users.forSession(), "");
  const player = new Secrets(values, steps);
  const { signal } = new AbortController();
  let said = await exchange.respond(
    decodeBase64(player.valueOf(variables[0]!)!),
    signal,
  );
  for (const variable of [variables[2]!, variables[4]!]) {
    if (said.type !== "challenge") break;
    player.hear(`334 ${encodeBase64(said.bytes)}`);
    const answer = decodeBase64(player.valueOf(variable)!);
    said = await exchange.respond(answer, signal);
  }
  assertEquals(said, { type: "accepted", user: "joe" });
});

Deno.test("Secrets says why there is no value, and not what the secret is", () => {
  const { steps } = read("C: AUTH SCRAM-SHA-1 ${secret:auth}\n");
  const [step] = steps;
  const secrets = new Secrets(new Map([["auth", "joe:pw"]]), steps);
  const variable = step?.kind === "line" ? step.text.at(-1) : undefined;
  assertEquals(typeof variable === "object", true);
  if (typeof variable !== "object") return;
  assertEquals(secrets.valueOf(variable), undefined);
  assertEquals(secrets.problem, "SCRAM-SHA-1 can't be computed anew");
});

Deno.test("readSecrets() takes what the environment calls a secret, and nothing else", () => {
  const env = {
    POSTERN_SECRET_AUTH: "joe:pw",
    POSTERN_SECRET_AUTH2: "ann:",
    POSTERN_SECRET_: "x",
    POSTERN_SECRET: "x",
    MY_POSTERN_SECRET_AUTH: "x",
    HOME: "/home/ann",
  };
  assertEquals(
    readSecrets(env),
    new Map([["auth", "joe:pw"], ["auth2", "ann:"]]),
  );
});
