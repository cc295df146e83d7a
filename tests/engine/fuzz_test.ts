import { assert, assertEquals } from "@std/assert";
import { LENIENCIES } from "../../lib/engine/leniency.ts";
import { REPLIES } from "../../lib/engine/reply.ts";
import {
  byteByByte,
  codes,
  type Decide,
  FULL_OFFER,
  greetedClient,
  heard,
  octets,
  random,
  Server,
  text,
} from "./support.ts";

/** Set it to the seed of a failure to see it again. */
const SEED = Number(Deno.env.get("POSTERN_FUZZ_SEED") ?? Date.now() % 2 ** 31);

/** How long each test goes on, in ms; it makes one round at least. */
const TIME_MS = 400;

type Next = (n: number) => number;

const LINES = [
  ...["EHLO c", "HELO c", "EHLO [127.0.0.1]", "RSET", "NOOP", "HELP", "QUIT"],
  ...["VRFY a", "EXPN a", "MAIL FROM:<a@b>", "MAIL FROM:<> SIZE=10"],
  ...["MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8", "MAIL FROM:<a@b> SIZE=9999"],
  ...[
    "RCPT TO:<c@d>",
    "RCPT TO:<no@d>",
    "RCPT TO:<\xc3\xbc@d>",
    "DATA",
    "DATA",
  ],
  ...["RCPT TO:<@e:c@d>", 'RCPT TO:<"a b"@d> FOO=1', "Subject: Hi", ".", "."],
  ...["..", ".a", "", "x".repeat(300), "x".repeat(63), "\xff\x8d\x8a"],
];

/** What a server that offers everything may hear. */
const MORE_LINES = [
  ...LINES,
  ...["BDAT 0", "BDAT 0 LAST", "BDAT 1", "BDAT 3\r\nab", "BDAT 7 LAST"],
  ...["BDAT 5\r\na\r\n.\r", "BDAT 40", "BDAT 60 LAST", "BDAT x"],
  ...["MAIL FROM:<a@b> BODY=BINARYMIME RET=FULL ENVID=1", "MAIL FROM: a@b"],
  ...["RCPT TO:<c@d> NOTIFY=NEVER ORCPT=rfc822;a@b", "RCPT TO:c..d@d"],
  ...["STARTTLS", "AUTH PLAIN AGEAYg==", "AUTH LOGIN", "*", "eHh4"],
  ...["XCLIENT ADDR=192.0.2.1", "XFORWARD HELO=a IDENT=+0A", "LHLO c"],
  ...["EHLO _", "RCPT TO:<c@d>", "MAIL FROM:<a@b>", "EHLO c"],
];

const BYTES = ["\r", "\n", "\0", ".", "\r\n", "\n.\n", "\r\n.\r", "\xff", "<"];

/** Good and bad lines, some spoiled, with raw bytes between them. */
function conversation(next: Next, lines: readonly string[]): Uint8Array {
  let input = "";
  for (let count = 1 + next(25); count > 0; count--) {
    let line = lines[next(lines.length)]!;
    if (next(6) === 0) {
      const at = next(line.length + 1);
      const byte = next(2) === 0
        ? BYTES[next(BYTES.length)]!
        : String.fromCharCode(next(256));
      line = line.slice(0, at) + byte + line.slice(at + next(2));
    }
    input += line + (next(20) === 0 ? BYTES[next(BYTES.length)]! : "\r\n");
  }
  return octets(input);
}

/** Pieces of random length. */
function cut(next: Next, input: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < input.length;) {
    const length = 1 + next(40);
    chunks.push(input.subarray(from, from + length));
    from += length;
  }
  return chunks;
}

/** Plays rounds until the time is up; tells the round's seed if it fails. */
function fuzz(name: string, round: (next: Next) => void): void {
  Deno.test(name, () => {
    const end = performance.now() + TIME_MS;
    for (let seed = SEED; seed === SEED || performance.now() < end; seed++) {
      try {
        round(random(seed));
      } catch (cause) {
        throw new Error(`Failed with POSTERN_FUZZ_SEED=${seed}`, { cause });
      }
    }
  });
}

const decide: Decide = (event) => {
  // Nothing more would come before TLS is on.
  if (event.type === "starttls") return REPLIES.localError;
  if (event.type === "auth") return { code: 334, text: "" };
  if (event.type === "rcpt") {
    return event.recipients.map(({ recipient }) =>
      recipient.local === "no" ? REPLIES.relayDenied : REPLIES.recipientOk
    );
  }
  return undefined;
};

for (const offersAll of [false, true]) {
  const what = offersAll ? "everything" : "little";
  fuzz(
    `ServerEngine that offers ${what} answers any bytes with replies or a close, and the same in every chunking`,
    (next) => {
      const size = [0, 50][next(2)]!;
      const options = {
        offer: offersAll ? { ...FULL_OFFER, size } : { size },
        lenient: new Set(offersAll ? LENIENCIES : []),
        maxLine: 64,
        maxRecipients: 3,
        maxErrors: [2, 1_000][next(2)]!,
        bareNewline: (["normalize", "reject"] as const)[next(2)]!,
        needHello: next(2) === 0,
      };
      const input = conversation(next, offersAll ? MORE_LINES : LINES);
      const all = [[input], byteByByte(input), cut(next, input)].map(
        (chunks) => {
          const server = new Server(options, decide);
          let said = server.take() + server.tell(...chunks);
          const { state, closed } = server.engine;
          if (closed) said += server.tell("\r\n.\r\nNOOP\r\n");
          const ends = server.events.filter(({ type }) => type === "end");
          return { said, state, closed, body: server.body, ends };
        },
      );
      const { said, closed } = all[0]!;
      const told = JSON.stringify([text(input), options]);
      assertEquals({ ...all[1], body: "" }, { ...all[0], body: "" }, told);
      assertEquals({ ...all[2], body: "" }, { ...all[0], body: "" }, told);
      assert(/^(?:[2-5]\d\d[ -][ -~]*\r\n)+$/.test(said), `${told}: ${said}`);
      const closing = said.split("\r\n").findIndex((line) =>
        /^(?:421|221) |, closing$/.test(line)
      );
      const lines = said.split("\r\n").length - 1;
      assertEquals(closing, closed ? lines - 1 : -1, `${told}: ${said}`);
    },
  );
}

fuzz(
  "ServerEngine gives one reply to each line where no data comes",
  (next) => {
    const server = new Server(
      { maxLine: 64, maxErrors: Infinity },
      (event) => event.type === "data" ? REPLIES.localError : decide(event),
    );
    const lines = LINES.filter((line) => line !== "QUIT");
    const input = text(conversation(next, lines)) + "\r\n";
    const replies = codes(server.take() + server.tell(input)).split(", ");
    if (server.engine.closed) return; // A byte made a QUIT of something.
    assertEquals(replies.length, input.split("\r\n").length, input);
  },
);

fuzz(
  "ServerEngine gives out message data of which only the final dot is an end",
  (next) => {
    const input = conversation(next, LINES);
    for (const chunks of [[input], byteByByte(input)]) {
      const server = new Server({ offer: { size: 0 } });
      server.tell("MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n", ...chunks);
      if (!server.events.some(({ type }) => type === "end")) continue;
      if (server.events.filter(({ type }) => type === "data").length > 1) {
        continue;
      }
      const sent = `\r\n${server.body}.\r\n`;
      assertEquals(
        sent.search(/(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)/),
        sent.length - 5,
        JSON.stringify(sent),
      );
    }
  },
);

fuzz(
  "ServerEngine gives out what comes in chunks so that the final dot alone is an end",
  (next) => {
    const message = text(conversation(next, LINES));
    let input = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\n";
    for (let from = 0; from < message.length;) {
      const chunk = message.slice(from, from + 1 + next(40));
      from += chunk.length;
      const last = from < message.length ? "" : " LAST";
      input += `BDAT ${chunk.length}${last}\r\n${chunk}`;
    }
    const bytes = octets(input);
    const bodies = [[bytes], byteByByte(bytes), cut(next, bytes)].map(
      (chunks) => {
        const server = new Server({ offer: { ...FULL_OFFER, size: 0 } });
        server.tell(...chunks);
        assertEquals(server.events.at(-1)?.type, "end", input);
        return server.body;
      },
    );
    assertEquals(bodies[1], bodies[0], input);
    assertEquals(bodies[2], bodies[0], input);
    const sent = `\r\n${bodies[0]}.\r\n`;
    assertEquals(
      sent.search(/(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)/),
      sent.length - 5,
      JSON.stringify(sent),
    );
  },
);

const REPLY_LINES = [
  ...["220 mx", "250-mx", "250-SIZE 10", "250-AUTH PLAIN", "250 HELP", "250"],
  ...["250 2.1.0 OK", "354 Go", "550-5.7.1 No", "550 5.7.1 No", "421 Bye"],
  ...["x".repeat(300), "", "150 x", "\xff"],
];

fuzz(
  "ClientEngine takes any bytes for answers or nonsense, and the same in every chunking",
  (next) => {
    const input = conversation(next, REPLY_LINES);
    const all = [[input], byteByByte(input), cut(next, input)];
    const [whole, ...others] = all.map((chunks) => {
      const client = greetedClient();
      client.mail(null, { smtputf8: false });
      client.data();
      client.end();
      for (let i = 0; i < 5; i++) client.reset();
      return heard(client, chunks);
    });
    for (const other of others) assertEquals(other, whole, text(input));
    assert(whole!.length <= 9, text(input));
  },
);
