import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Answer,
  ClientEngine,
  MAX_REPLY_LINE_TAKEN_BYTES,
  MAX_REPLY_LINES,
  ProtocolError,
} from "../../lib/engine/client.ts";
import type { Mailbox } from "../../lib/engine/path.ts";
import type { Reply } from "../../lib/engine/reply.ts";
import { CLIENT_MOVES, type ClientState } from "../../lib/engine/states.ts";
import {
  byteByByte,
  chunkings,
  feed,
  greetedClient,
  heard,
  octets,
  text,
} from "./support.ts";

const SENDER: Mailbox = {
  local: "a",
  domain: "b",
  address: "a@b",
  utf8: false,
};

const RECIPIENT: Mailbox = {
  local: "c",
  domain: "d",
  address: "c@d",
  utf8: false,
};

function output(engine: ClientEngine): string {
  return text(engine.output() ?? new Uint8Array(0));
}

const REPLY_FORMS: [what: string, wire: string, reply: Reply][] = [
  ["one line", "250 OK\r\n", { code: 250, text: "OK" }],
  ["a code alone", "250\r\n", { code: 250, text: "" }],
  ["a code and a space", "250 \r\n", { code: 250, text: "" }],
  ["several lines", "250-a\r\n250-\r\n250 c\r\n", {
    code: 250,
    text: ["a", "", "c"],
  }],
  ["a last line without a text", "250-a\r\n250\r\n", {
    code: 250,
    text: ["a", ""],
  }],
  ["a status", "250 2.1.0 Sender OK\r\n", {
    code: 250,
    status: "2.1.0",
    text: "Sender OK",
  }],
  ["a status alone", "250 2.1.0\r\n", {
    code: 250,
    status: "2.1.0",
    text: "",
  }],
  ["a long status", "550 5.123.456 No\r\n", {
    code: 550,
    status: "5.123.456",
    text: "No",
  }],
  ["a status on each line", "550-5.7.1 No\r\n550 5.7.1 Really\r\n", {
    code: 550,
    status: "5.7.1",
    text: ["No", "Really"],
  }],
  ["a status on some lines only, as text", "550-5.7.1 No\r\n550 Well\r\n", {
    code: 550,
    text: ["5.7.1 No", "Well"],
  }],
  ["different statuses, as text", "550-5.7.1 No\r\n550 5.7.2 No\r\n", {
    code: 550,
    text: ["5.7.1 No", "5.7.2 No"],
  }],
  ["a status of another class, as text", "550 2.1.0 No\r\n", {
    code: 550,
    text: "2.1.0 No",
  }],
  ["what is no status, as text", "550 5.7.1234 No\r\n", {
    code: 550,
    text: "5.7.1234 No",
  }],
  ["codes out of use", "299 Odd\r\n", { code: 299, text: "Odd" }],
  ["UTF-8", "550 b\xc3\xbccher \xe2\x80\xa8\r\n", {
    code: 550,
    text: "bücher \u2028",
  }],
  ["what is no UTF-8", "550 b\xfccher\r\n", {
    code: 550,
    text: "b\ufffdcher",
  }],
];

for (const [what, wire, reply] of REPLY_FORMS) {
  Deno.test(`ClientEngine reads ${what}, in every chunking`, () => {
    for (const chunks of chunkings(octets(wire))) {
      const client = greetedClient();
      client.reset();
      assertEquals(heard(client, chunks), [{ step: "RSET", reply }]);
      assert(client.isQuiet);
    }
  });
}

const NONSENSE: [what: string, wire: string, problem: string][] = [
  [
    "no code",
    "Hello\r\n",
    'Cannot read reply "Hello": expected three digits',
  ],
  ["an empty line", "\r\n", 'Cannot read reply "": expected three digits'],
  [
    "a code that can't be",
    "150 OK\r\n",
    'Cannot read reply "150 OK": expected three digits',
  ],
  [
    "a code of four digits",
    "2500 OK\r\n",
    'Cannot read reply "2500 OK": expected three digits',
  ],
  [
    "a blank before the code",
    " 250 OK\r\n",
    'Cannot read reply " 250 OK": expected three digits',
  ],
  [
    "a byte order mark",
    "\xef\xbb\xbf250 OK\r\n",
    'Cannot read reply "\ufeff250 OK": expected three digits',
  ],
  [
    "much nonsense, of which it cites little",
    `${"x".repeat(200)}\r\n`,
    `Cannot read reply "${"x".repeat(80)}": expected three digits`,
  ],
  [
    "a code that changes",
    "250-a\r\n251 b\r\n",
    "Cannot read a reply: code 251 follows 250",
  ],
  ["a bare LF", "250 OK\n", "Cannot read a reply: bare newline"],
  ["a bare CR", "250 OK\r250 OK\r\n", "Cannot read a reply: bare newline"],
  ["NUL", "250 O\0K\r\n", "Cannot read a reply: bare newline"],
  [
    "a line without end",
    `250 ${"x".repeat(2_044)}`,
    [
      "Cannot read a reply: too long",
    ].join(),
  ],
  [
    "lines without end",
    "250-x\r\n".repeat(MAX_REPLY_LINES + 1),
    "Cannot read a reply: expected at most 128 lines",
  ],
];

for (const [what, wire, problem] of NONSENSE) {
  Deno.test(`ClientEngine does not take ${what}, in any chunking`, () => {
    const input = octets(wire);
    for (const chunks of [[input], byteByByte(input)]) {
      const client = greetedClient();
      client.reset();
      assertEquals(heard(client, chunks), [problem]);
    }
  });
}

Deno.test("ClientEngine takes lines and replies at the limit", () => {
  const line = "x".repeat(MAX_REPLY_LINE_TAKEN_BYTES - 6);
  const lines = `250-${line}\r\n`.repeat(MAX_REPLY_LINES - 1);
  const client = greetedClient();
  client.reset();
  const [answer] = heard(client, [octets(`${lines}250 ${line}\r\n`)]);
  assert(typeof answer === "object");
  assertEquals(answer.reply.text, Array(MAX_REPLY_LINES).fill(line));
});

Deno.test("ClientEngine does not take a reply that nobody asked for", () => {
  const client = new ClientEngine();
  assertEquals(heard(client, [octets("220 mx\r\n250 OK\r\n")]), [
    { step: "GREETING", reply: { code: 220, text: "mx" } },
    "Reply 250 came unasked",
  ]);
  assertThrows(
    () => {
      const client = greetedClient();
      feed(client, octets("421 4.4.2 Bye\r\n"), () => client.next());
    },
    ProtocolError,
    "Reply 421 came unasked",
  );
});

Deno.test("ClientEngine gives each reply with the step it answers, in order, in every chunking", () => {
  const wire = octets(
    "250 2.1.0 A\r\n250 2.1.5 B\r\n550-5.1.1 C\r\n550 5.1.1 D\r\n354 E\r\n" +
      "250 2.0.0 F\r\n",
  );
  for (const chunks of chunkings(wire)) {
    const client = greetedClient();
    client.mail(SENDER, { smtputf8: false });
    client.rcpt(RECIPIENT);
    client.rcpt(RECIPIENT);
    client.data();
    client.end();
    assertEquals(client.isQuiet, false);
    assertEquals(
      output(client),
      "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n",
    );
    assertEquals(
      heard(client, chunks).map((answer) =>
        typeof answer === "string"
          ? answer
          : `${answer.step} ${answer.reply.code}`
      ),
      ["MAIL 250", "RCPT 250", "RCPT 550", "DATA 354", "END 250"],
    );
    assert(client.isQuiet);
    assertEquals(client.state, "ready");
  }
});

Deno.test("ClientEngine is not quiet while part of a reply is there", () => {
  const client = greetedClient();
  assert(client.isQuiet);
  for (const part of ["2", "250-x\r\n"]) {
    heard(client, [octets(part)]);
    assertEquals(client.isQuiet, false);
    client.discard();
  }
});

Deno.test("ClientEngine writes each command as the RFC has it", () => {
  const client = new ClientEngine();
  heard(client, [octets("220 mx\r\n")]);
  client.hello("EHLO", "client.example");
  heard(client, [octets("250-mx\r\n250-SIZE\r\n250 SMTPUTF8\r\n")]);
  client.auth("PLAIN", "AGEAYg==");
  heard(client, [octets("334 \r\n")]);
  client.respond("*");
  heard(client, [octets("501 No\r\n")]);
  client.auth("LOGIN");
  heard(client, [octets("504 No\r\n")]);
  client.xforward("NAME=a ADDR=b");
  client.mail(null, { size: 12, body: "8BITMIME", smtputf8: true });
  client.reset();
  client.mail(SENDER, { smtputf8: false });
  client.rcpt({ ...RECIPIENT, address: "é@d", utf8: true }, {});
  client.data();
  client.end(true);
  client.mail(null, { smtputf8: false });
  client.chunk(3);
  client.chunk(0, true);
  client.startTls();
  client.hello("HELO", "client.example");
  client.quit();
  assertEquals(
    new TextDecoder().decode(client.output()),
    "EHLO client.example\r\nAUTH PLAIN AGEAYg==\r\n*\r\nAUTH LOGIN\r\n" +
      "XFORWARD NAME=a ADDR=b\r\n" +
      "MAIL FROM:<> SIZE=12 SMTPUTF8\r\nRSET\r\nMAIL FROM:<a@b>\r\n" +
      "RCPT TO:<é@d>\r\nDATA\r\nMAIL FROM:<>\r\nBDAT 3\r\n" +
      "BDAT 0 LAST\r\nSTARTTLS\r\nHELO client.example\r\nQUIT\r\n",
  );
  assertEquals(client.output(), undefined);
});

Deno.test("ClientEngine knows what the last EHLO offered", () => {
  const client = greetedClient();
  const { pipelining, size, eightBitMime, smtputf8 } = client.capabilities;
  assertEquals(
    [pipelining, size, eightBitMime, smtputf8],
    [true, 1_000, true, false],
  );
  client.hello("EHLO", "client.example");
  heard(client, [octets("250 mx\r\n")]);
  assertEquals(client.capabilities.pipelining, false);
});

Deno.test("ClientEngine.discard() forgets what came and was offered before TLS", () => {
  const client = greetedClient("250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n");
  client.startTls();
  // The second reply is injected: it would answer the EHLO behind the handshake.
  client.output();
  feed(client, octets("220 Go\r\n250-mx\r\n250 AUTH PLAIN\r\n"), () => {});
  assertEquals(client.next()?.step, "STARTTLS");
  client.discard();
  assertEquals(client.capabilities.auth.size, 0);
  client.hello("EHLO", "client.example");
  assertEquals(client.next(), undefined);
  heard(client, [octets("250 mx\r\n")]);
  assertEquals(client.capabilities.auth.size, 0);
});

Deno.test("ClientEngine goes on with an AUTH exchange while it is asked on with 334, in every chunking", () => {
  for (const code of [235, 334, 501]) {
    for (const chunks of chunkings(octets(`${code} AA==\r\n`))) {
      const client = greetedClient();
      client.auth("LOGIN");
      const reply = { code, text: "AA==" };
      assertEquals(heard(client, chunks), [{ step: "AUTH", reply }]);
      assertEquals(client.state, code === 334 ? "auth" : "ready");
    }
  }
});

/** A client that has said LHLO, with some of its recipients taken. */
function lmtpClient(replies: string): ClientEngine {
  const client = new ClientEngine();
  heard(client, [octets("220 mx\r\n")]);
  client.hello("LHLO", "c");
  heard(client, [octets("250-mx\r\n250 PIPELINING\r\n")]);
  client.mail(SENDER, { smtputf8: false });
  for (let i = 0; i < 3; i++) client.rcpt(RECIPIENT);
  heard(client, [octets(replies)]);
  return client;
}

const RCPTS = "250 Sender\r\n250 One\r\n550 Two\r\n250 Three\r\n";

const LMTP_ENDS: Act[] = [
  (client) => {
    client.data();
    heard(client, [octets("354 Go\r\n")]);
    client.end();
  },
  (client) => client.chunk(0, true),
];

for (const end of LMTP_ENDS) {
  Deno.test("ClientEngine awaits a verdict for each recipient that was taken under LMTP", () => {
    for (const chunks of chunkings(octets("250 A\r\n452 B\r\n"))) {
      const client = lmtpClient(RCPTS);
      assert(client.capabilities.pipelining);
      assertEquals(client.verdicts, 2);
      end(client);
      const answers = heard(client, chunks) as Answer[];
      assertEquals(answers.map(({ reply }) => reply.code), [250, 452]);
      assertEquals(new Set(answers.map(({ step }) => step)).size, 1);
      assert(client.isQuiet);
      client.mail(SENDER, { smtputf8: false });
      assertEquals(client.verdicts, 0);
    }
  });
}

Deno.test("ClientEngine knows a surplus from a reply that it waits for", () => {
  const client = greetedClient();
  client.mail(SENDER, { smtputf8: false });
  client.rcpt(RECIPIENT);
  const replies = octets("250 A\r\n250 B\r\n250 C\r\n");
  feed(client, replies, () => {});
  assertEquals(client.next()?.step, "MAIL");
  assertEquals(client.hasSurplus, false);
  assertEquals(client.next()?.step, "RCPT");
  assertEquals(client.hasSurplus, true);
});

type Act = (client: ClientEngine) => void;

/** Each step that our side takes. */
const ACTS: Readonly<Record<string, Act>> = {
  EHLO: (client) => client.hello("EHLO", "c"),
  HELO: (client) => client.hello("HELO", "c"),
  LHLO: (client) => client.hello("LHLO", "c"),
  STARTTLS: (client) => client.startTls(),
  AUTH: (client) => client.auth("PLAIN", "AA=="),
  RESPONSE: (client) => client.respond("AA=="),
  XFORWARD: (client) => client.xforward("NAME=a"),
  MAIL: (client) => client.mail(null, { smtputf8: false }),
  RCPT: (client) => client.rcpt(RECIPIENT),
  DATA: (client) => client.data(),
  END: (client) => client.end(),
  BDAT: (client) => client.chunk(1),
  LAST: (client) => client.chunk(1, true),
  RSET: (client) => client.reset(),
  QUIT: (client) => client.quit(),
};

const REFUSED: readonly [steps: string, state: ClientState][] = [
  ["EHLO", "hello"],
  ["HELO", "hello"],
  ["LHLO", "hello"],
  ["STARTTLS", "ready"],
  ["AUTH", "ready"],
  ["AUTH RESPONSE", "ready"],
  ["XFORWARD", "ready"],
  ["MAIL", "mail"],
  ["MAIL RCPT", "mail"],
  ["MAIL RCPT DATA", "mail"],
  ["MAIL RCPT BDAT", "chunks"],
  ["MAIL RCPT BDAT LAST", "ready"],
];

for (const [steps, state] of REFUSED) {
  Deno.test(`ClientEngine stands in "${state}" once ${steps} is refused, and goes on`, () => {
    const client = greetedClient();
    const asked = steps.split(" ");
    for (const step of asked) ACTS[step]!(client);
    const answers = heard(client, [octets("550 No\r\n".repeat(asked.length))]);
    assertEquals(answers.length, asked.length);
    assertEquals(client.state, state);
    if (state === "hello") client.hello("HELO", "c");
    if (state === "mail" || state === "chunks") client.reset();
    heard(client, [octets("250 OK\r\n".repeat(state === "ready" ? 0 : 1))]);
    client.mail(SENDER, { smtputf8: false });
  });
}

const WAYS: Readonly<Record<ClientState, readonly string[]>> = {
  greeting: [],
  hello: [],
  ready: ["EHLO"],
  auth: ["EHLO", "AUTH"],
  mail: ["EHLO", "MAIL"],
  data: ["EHLO", "MAIL", "RCPT", "DATA"],
  chunks: ["EHLO", "MAIL", "RCPT", "BDAT"],
};

Deno.test("ClientEngine throws TypeError exactly where the table has no entry", () => {
  for (const state of Object.keys(WAYS) as ClientState[]) {
    for (const [step, act] of Object.entries(ACTS)) {
      const client = new ClientEngine();
      if (state !== "greeting") heard(client, [octets("220 mx\r\n")]);
      for (const way of WAYS[state]) ACTS[way]!(client);
      assertEquals(client.state, state);
      client.output();
      const moves: Partial<Record<string, ClientState>> = CLIENT_MOVES[state];
      const next = moves[step];
      if (next !== undefined) {
        act(client);
        assertEquals(client.state, next, `${step} in ${state}`);
        continue;
      }
      assertThrows(
        () => act(client),
        TypeError,
        `Cannot send ${step} in state "${state}"`,
      );
      assertEquals(client.output(), undefined);
      assertEquals(client.state, state);
    }
  }
});
