import { assertEquals, assertRejects } from "@std/assert";
import { playAsRelay } from "../../lib/replay/as_relay.ts";
import type { Split } from "../../lib/replay/splits.ts";
import type { Played } from "../../lib/replay/played.ts";
import { clientTaskOf } from "../../lib/replay/client_task.ts";
import { Deviation } from "../../lib/replay/mismatch.ts";
import { Serving } from "../../lib/replay/serving.ts";
import { turnsOf } from "../../lib/replay/turns.ts";
import { PosternClient } from "../../lib/replay/postern_client.ts";
import { transcript } from "../transcript/support.ts";

const SPLITS: readonly Split[] = [
  ...["whole", "bytes", "pipelined", "every", "random:1", "random:2"] as const,
];

const MESSAGE = new TextEncoder().encode("Subject: x\n\n.dot\n");

function played(
  text: string,
  splits: readonly Split[] = ["whole"],
): Promise<Played> {
  const readMessage = () => MESSAGE;
  return playAsRelay(transcript(text), { splits, readMessage });
}

const OPENING = `S: 220 mx.test ESMTP
C: EHLO client.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 SIZE 1000
`;

const MAIL = `C: MAIL FROM:<a@example.org> SIZE=5
S: 250 2.1.0 Ok
C: RCPT TO:<b@example.org>
S: 250 2.1.5 Ok
`;

const DATA = `C: DATA
S: 354 Go
C: Subject: x
C:
C: ..dot
C: .
S: 250 2.0.0 Queued
`;

const QUIT = "C: QUIT\nS: 221 Bye\n== close\n";

const ACCEPTED = OPENING + MAIL + DATA + QUIT;

const LOCKSTEP = "S: 220 mx\nC: EHLO a\nS: 250 mx\n";

/** What Postern's client does as the file says. */
const RIGHT: [what: string, text: string][] = [
  ["a message that is taken", ACCEPTED],
  [
    "two messages over one connection",
    OPENING + MAIL + DATA + MAIL + DATA + QUIT,
  ],
  ["no message at all", OPENING + QUIT],
  ["no QUIT", OPENING + MAIL + DATA + "== eof"],
  [
    "a client that pipelines",
    `${OPENING}C: MAIL FROM:<a@example.org>
C: RCPT TO:<b@example.org>
C: RCPT TO:<c@example.org>
C: DATA
S: 250 Ok
S: 250 Ok
S: 550 No
S: 354 Go
C: Hello
C: .
S: 250 Queued
${QUIT}`,
  ],
  [
    "bytes of several commands",
    String.raw`${OPENING}C> "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
S> "250 Ok\r\n250 Ok\r\n"
${DATA}${QUIT}`,
  ],
  [
    "a message from a file",
    OPENING + MAIL + "C: DATA\nS: 354 Go\nC< x.eml\nS: 250 Ok\n" + QUIT,
  ],
  ["a server without PIPELINING", LOCKSTEP + MAIL + DATA + QUIT],
  [
    "another name and verbs in small letters",
    ACCEPTED.replace("EHLO", "ehlo").replace("MAIL FROM", "mail from"),
  ],
  [
    "HELO where EHLO is refused",
    "S: 220 mx\nC: EHLO a\nS: 500 What\nC: HELO a\nS: 250 mx\n" + MAIL + DATA +
    QUIT,
  ],
  ["a greeting that refuses", "S: 554 No\n" + QUIT],
  [
    "EHLO and HELO refused",
    "S: 220 mx\nC: EHLO a\nS: 550 No\nC: HELO a\nS: 550 No\n" + QUIT,
  ],
  [
    "a sender that is refused",
    `${OPENING}C: MAIL FROM:<a@b.test>\nS: 550 No\n${QUIT}`,
  ],
  [
    "a sender that is refused, and the rest of the batch",
    `${OPENING}C: MAIL FROM:<a@b.test>
C: RCPT TO:<c@d.test>
C: DATA
S: 550 No
S: 503 No
S: 503 No
C: RSET
S: 250 Ok
${MAIL}${DATA}${QUIT}`,
  ],
  [
    "the rest of a batch where it is not to pipeline",
    `${LOCKSTEP}C: MAIL FROM:<a@b.test>
C: RCPT TO:<c@d.test>
C: DATA
S: 550 No
S: 503 No
S: 503 No
${MAIL}${DATA}${QUIT}`,
  ],
  [
    "all recipients refused",
    OPENING + MAIL.replace("250 2.1.5", "550 5.1.1") + QUIT,
  ],
  [
    "all recipients refused, and DATA",
    OPENING + MAIL.replace("250 2.1.5", "550 5.1.1") + "C: DATA\nS: 554 No\n" +
    QUIT,
  ],
  [
    "one recipient refused",
    OPENING + MAIL + "C: RCPT TO:<c@d.test>\nS: 450 Later\n" + DATA + QUIT,
  ],
  [
    "DATA refused",
    OPENING + MAIL + "C: DATA\nS: 451 Later\n" + MAIL + DATA + QUIT,
  ],
  [
    "a message refused, in lines",
    OPENING + MAIL + DATA.replace("S: 250 ", "S: 550-No\nS: 550 ") + QUIT,
  ],
  ["421 and a close", OPENING + MAIL + "C: DATA\nS: 421 Bye\n== close\n"],
  ["a close without a word", OPENING + MAIL + "C: DATA\n== close\n"],
  [
    "half a reply, and a reset",
    OPENING + MAIL + 'C: DATA\nS> "354 G"\n== reset\n',
  ],
  [
    "a message given up",
    OPENING + MAIL + "C: RSET\nS: 250 Ok\n" + MAIL + DATA + QUIT,
  ],
  [
    "a slow server",
    ACCEPTED.replaceAll(/^S: (220|354|250 2)/gm, "== wait 99s\nS: $1"),
  ],
  ["a slow client", ACCEPTED.replace("C: QUIT", "== wait 10s\nC: QUIT")],
  [
    "replies that are only described",
    String.raw`S~ 220 .*
C: EHLO a
S* 250-
S~ 250.+
S! 250.STARTTLS
C: MAIL FROM:<a@b.test>
S~ 250 2\.1\.0 \w+ \d{3}
${MAIL.slice(MAIL.indexOf("C: RCPT"))}${DATA}${QUIT}`,
  ],
  [
    "replies with variables",
    "S: 220 ${host} ${date}\nC: EHLO a\nS: 250 ${host}\n" + MAIL +
    DATA.replace("Queued", "${id}") + QUIT,
  ],
  [
    "TLS",
    `S: 220 mx
C: EHLO a
S: 250-mx
S: 250 STARTTLS
C: STARTTLS
S: 220 go
== tls
C: EHLO a
S: 250 mx
${MAIL}${DATA}${QUIT}`,
  ],
  [
    "AUTH",
    `S: 220 mx
C: EHLO a
S: 250-mx
S: 250 AUTH PLAIN
C: AUTH PLAIN \${secret:auth}
S: 235 ok
${MAIL}${DATA}${QUIT}`,
  ],
  [
    "AUTH that is refused",
    `S: 220 mx
C: EHLO a
S: 250-mx
S: 250 AUTH PLAIN
C: AUTH PLAIN \${secret:auth}
S: 535 no
${QUIT}`,
  ],
];

for (const [what, text] of RIGHT) {
  Deno.test(`playAsRelay() plays ${what}, however it is cut`, async () => {
    const { failure, plays, skipped } = await played(text, SPLITS);
    assertEquals({ failure, skipped }, {
      failure: undefined,
      skipped: undefined,
    });
    assertEquals(plays > SPLITS.length, true);
  });
}

/** What Postern's client does otherwise, and what is told of it. */
const WRONG: [
  what: string,
  text: string,
  line: number,
  expected: string,
  came: string,
][] = [
  [
    "TLS that is not started",
    OPENING + "== tls\n" + MAIL + DATA + QUIT,
    7,
    "== tls",
    "Postern does not start TLS",
  ],
  [
    "a close where a reply is none",
    ACCEPTED.replace("S: 250 2.1.0 Ok", "S: 25 Ok"),
    11,
    "C: DATA",
    "a close",
  ],
  [
    "another verdict than the server's",
    ACCEPTED.replace("S: 250 2.0.0 Queued", "S: 250Queued"),
    17,
    "S: 250Queued",
    "taken for refused",
  ],
];

for (const [what, text, line, expected, came] of WRONG) {
  Deno.test(`playAsRelay() reports ${what}`, async () => {
    const { failure } = await played(text);
    assertEquals(
      [failure?.line, failure?.expected, failure?.came],
      [line, expected, came],
    );
  });
}

/** What Postern's client does not do, and the reason told. */
const UNFIT: [text: string, reason: string][] = [
  [
    "S: 220 mx\nC: HELO a\nS: 250 mx\n" + QUIT,
    "Postern's client never says HELO here (line 2)",
  ],
  ["S: 220 mx\n" + QUIT, "Postern's client says EHLO first"],
  [
    "C: EHLO a\n== close\n",
    "Postern's client waits for the greeting (line 1)",
  ],
  [
    OPENING + "C: NOOP\nS: 250 Ok\n" + QUIT,
    "Postern's client never says NOOP here (line 7)",
  ],
  [
    OPENING + "C: BDAT 5 LAST\nS: 250 Ok\n" + QUIT,
    "Postern's client never says BDAT here (line 7)",
  ],
  [
    OPENING + "C: AUTH PLAIN x\nS: 503 No\n" + QUIT,
    "Postern's client never says AUTH here (line 7)",
  ],
  [
    OPENING.replace("PIPELINING", "AUTH LOGIN PLAIN") +
    "C: AUTH LOGIN am9l\nS: 334 eA==\n",
    "Postern's client never says AUTH here (line 7)",
  ],
  [
    OPENING.replace("PIPELINING", "STARTTLS") + "C: STARTTLS\nS: 454 No\n" +
    MAIL,
    "Postern's client never says STARTTLS here (line 7)",
  ],
  [
    OPENING + MAIL + "C: DATA\nS: 354 Go\nC: Hello\n== eof",
    "its client does not end a message",
  ],
  [
    OPENING + MAIL + 'C: DATA\nS: 354 Go\nC> "a\\n.\\r\\n"\nC: .\nS: 250 Ok\n',
    "Postern's client would send the message otherwise (line 13)",
  ],
  [
    OPENING.replace("8BITMIME", "X") +
    "C: MAIL FROM:<a@b> BODY=8BITMIME\nS: 250 Ok\n",
    "its server does not offer what the message needs (line 7)",
  ],
  [OPENING + MAIL + MAIL, "Postern's client never says MAIL here (line 11)"],
  [
    OPENING + "C: RCPT TO:<a@b>\nS: 503 No\n" + QUIT,
    "Postern's client never says RCPT here (line 7)",
  ],
  [
    OPENING.replace("S: 250 SIZE 1000", "S~ 250 (a|b)"),
    "no line was found for an expression (line 6)",
  ],
  [
    ACCEPTED.replace("S: 250 2.0.0", "== wait 600s\nS: 250"),
    "Postern's client waits 600 s at most (line 13)",
  ],
];

for (const [text, reason] of UNFIT) {
  Deno.test(`playAsRelay() skips a file: ${reason}`, async () => {
    const result = await played(text, SPLITS);
    assertEquals(result, { plays: 0, skipped: reason });
  });
}

/** What a client's message is made of, and what is told of it. */
const OTHERS: [
  what: string,
  from: string,
  to: string,
  line: number,
  came: string,
][] = [
  ["another line", "C: Subject: x", "C: Subject: y", 13, "Subject: y"],
  ["a line too few", "C: Subject: x\nC:\n", "C:\n", 13, ""],
  ["a line too many", "C: ..dot", "C: ..dot\nC: more", 16, "more"],
  [
    "a message too many",
    QUIT,
    MAIL + DATA,
    0,
    "MAIL FROM:<a@example.org> SIZE=5",
  ],
  ["another recipient", "TO:<b@", "TO:<c@", 9, "RCPT TO:<c@example.org>"],
];

for (const [what, from, to, line, came] of OTHERS) {
  Deno.test(`Serving reports ${what}`, async () => {
    const readMessage = () => MESSAGE;
    const said = turnsOf(
      transcript(ACCEPTED.replace(from, to)).steps,
      readMessage,
    );
    const turns = turnsOf(
      transcript(line === 0 ? ACCEPTED.replace(QUIT, "") : ACCEPTED).steps,
      readMessage,
    );
    const task = clientTaskOf(said);
    const pair = { user: "", password: "" };
    await using client = new PosternClient(task, pair, 0);
    const serving = new Serving(turns, client, "whole");
    const { mismatch } = await assertRejects(() => serving.run(), Deviation);
    assertEquals([mismatch.line, mismatch.came], [line, came]);
  });
}

Deno.test("playAsRelay() finds nothing wrong in what stands in fixtures/", async () => {
  let count = 0;
  for (const folder of ["server", "relay"]) {
    const url = new URL(`../../fixtures/${folder}/`, import.meta.url);
    for (const { name } of Deno.readDirSync(url)) {
      if (!name.endsWith(".txt")) continue;
      const text = Deno.readTextFileSync(new URL(name, url));
      const { plays, failure } = await playAsRelay(transcript(text), {
        splits: ["whole", "bytes", "random:1"],
        readMessage: (path) => Deno.readFileSync(new URL(path, url)),
      });
      assertEquals(failure, undefined, name);
      if (plays > 0) count++;
    }
  }
  assertEquals(count > 200, true, `${count} of them were played`);
});

Deno.test("PosternClient says who it was told it is", async () => {
  const task = {
    ...{ helloName: "a", tls: "off", mechanism: "PLAIN" } as const,
    messages: [],
  };
  const pair = { user: "joe", password: "pw" };
  await using client = new PosternClient(task, pair, 0);
  const wire = client.wires[0]!;
  const send = (text: string) => wire.send(new TextEncoder().encode(text));
  send("220 mx\r\n");
  assertEquals(await wire.line(), "EHLO a");
  send("250-mx\r\n250 AUTH PLAIN\r\n");
  assertEquals(await wire.line(), `AUTH PLAIN ${btoa("\0joe\0pw")}`);
  send("235 ok\r\n");
  assertEquals(await wire.line(), "QUIT");
  await client.done;
});
