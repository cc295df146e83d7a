import { assert, assertEquals } from "@std/assert";
import type { Event } from "../../lib/engine/events.ts";
import type { ServerOptions } from "../../lib/engine/options.ts";
import { REPLIES, type Reply } from "../../lib/engine/reply.ts";
import { chunkings, codes, type Decide, octets, Server } from "./support.ts";

const OFFER = { size: 1_000, auth: ["PLAIN", "LOGIN"] };

const MORE: Reply = { code: 334, text: "" };

/** Takes `good` at once or after a challenge or two, and nothing else. */
const decide: Decide = (event) => {
  if (event.type === "auth") {
    if (event.initial === undefined) return MORE;
    return event.initial === "good" ? REPLIES.authOk : REPLIES.authFailed;
  }
  if (event.type !== "response" || event.text === "*") return undefined;
  if (event.text === "more") return MORE;
  return event.text === "good" ? REPLIES.authOk : REPLIES.authFailed;
};

/** A server that has heard EHLO. */
function greeted(options: Partial<ServerOptions> = {}): Server {
  const server = new Server({ offer: OFFER, ...options }, decide);
  server.tell("EHLO c\r\n");
  return server;
}

/** What an exchange gets, and what state it leaves. */
const EXCHANGES: [
  what: string,
  input: string,
  replies: string,
  authenticated?: boolean,
  options?: Partial<ServerOptions>,
][] = [
  ["an initial response", "AUTH PLAIN good\r\n", "235 2.7.0", true],
  ["small letters", "auth plain good\r\n", "235 2.7.0", true],
  ["a wrong one", "AUTH PLAIN bad=\r\n", "535 5.7.8"],
  ["an empty one", "AUTH PLAIN =\r\n", "535 5.7.8"],
  ["a response", "AUTH PLAIN\r\ngood\r\n", "334, 235 2.7.0", true],
  [
    "responses that look like commands",
    "AUTH LOGIN\r\nmore\r\nQUIT\r\nNOOP\r\n",
    "334, 334, 535 5.7.8, 250 2.0.0",
  ],
  ["an empty response", "AUTH LOGIN\r\n\r\n", "334, 535 5.7.8"],
  [
    "another try",
    "AUTH LOGIN\r\nbad\r\nAUTH LOGIN\r\ngood\r\n",
    "334, 535 5.7.8, 334, 235 2.7.0",
    true,
  ],
  [
    "a cancellation",
    "AUTH LOGIN\r\n*\r\nNOOP\r\n",
    "334, 501 5.7.0, 250 2.0.0",
  ],
  [
    "AUTH twice",
    "AUTH PLAIN good\r\nAUTH PLAIN good\r\n",
    "235 2.7.0, 503 5.5.1",
    true,
  ],
  ["a mechanism not offered", "AUTH CRAM-MD5\r\n", "504 5.5.4"],
  [
    "AUTH in a transaction",
    "MAIL FROM:<>\r\nAUTH PLAIN good\r\nRSET\r\nAUTH PLAIN good\r\n",
    "250 2.1.0, 503 5.5.1, 250 2.0.0, 235 2.7.0",
    true,
  ],
  ["AUTH after HELO", "HELO c\r\nAUTH PLAIN good\r\n", "250, 503 5.5.1"],
  [
    "AUTH where none is offered",
    "AUTH PLAIN good\r\n",
    "502 5.5.1",
    false,
    { offer: { size: 1 } },
  ],
  [
    "AUTH where an empty list is offered",
    "AUTH PLAIN good\r\n",
    "502 5.5.1",
    false,
    { offer: { size: 1, auth: [] } },
  ],
  [
    "AUTH where TLS could come first",
    "AUTH PLAIN good\r\n",
    "538 5.7.11",
    false,
    { offer: { size: 1, startTls: true } },
  ],
  [
    "AUTH that stays away under TLS",
    "AUTH PLAIN good\r\n",
    "502 5.5.1",
    false,
    { offer: { size: 1, startTls: true }, secure: true },
  ],
  [
    "mail where AUTH is needed",
    "MAIL FROM:<>\r\nVRFY a\r\nRSET\r\nAUTH PLAIN good\r\nVRFY a\r\nMAIL FROM:<>\r\n",
    "530 5.7.0, 530 5.7.0, 250 2.0.0, 235 2.7.0, 252 2.5.0, 250 2.1.0",
    true,
    { needAuth: true },
  ],
  [
    "a login that outlives EHLO and RSET",
    "AUTH PLAIN good\r\nEHLO c\r\nRSET\r\nMAIL FROM:<>\r\n",
    "235 2.7.0, 250, 250 2.0.0, 250 2.1.0",
    true,
    { needAuth: true },
  ],
  [
    "a bare LF in a response",
    "AUTH LOGIN\r\ngo\nod\r\nNOOP\r\n",
    "334, 500 5.5.2, 250 2.0.0",
  ],
  [
    "NUL in a response",
    "AUTH LOGIN\r\n\0good\r\nNOOP\r\n",
    "334, 500 5.5.2, 250 2.0.0",
  ],
  [
    "a response that begins as HTTP does",
    "AUTH LOGIN\r\nGET / HTTP/1.1\r\nNOOP\r\n",
    "334, 535 5.7.8, 250 2.0.0",
  ],
];

for (
  const [what, input, replies, authenticated = false, options] of EXCHANGES
) {
  Deno.test(`ServerEngine answers ${what}: ${replies}`, () => {
    for (const chunks of chunkings(octets(input))) {
      const server = greeted(options);
      assertEquals(codes(server.tell(...chunks)), replies);
      assertEquals(server.engine.authenticated, authenticated);
    }
  });
}

Deno.test("ServerEngine says what came of an exchange to its owner, as it was written", () => {
  const server = greeted();
  server.tell("AUTH login\r\nmore\r\n\xff \r\nAUTH PLAIN =\r\n");
  assertEquals(server.events.slice(2), [
    { type: "auth", mechanism: "LOGIN", initial: undefined },
    { type: "response", text: "more" },
    { type: "response", text: "\xff " },
    { type: "auth", mechanism: "PLAIN", initial: "" },
  ] as Event[]);
});

/** Of `length` octets, CRLF included, with `begin` in front. */
function lineOf(length: number, begin = ""): string {
  return `${begin}${"A".repeat(length - begin.length - 2)}\r\n`;
}

Deno.test("ServerEngine takes AUTH lines and responses up to their own bound, and ends the exchange beyond it", () => {
  const bounds: [
    maxAuthLine: number | undefined,
    maxLine: number,
    most: number,
  ][] = [
    [600, 100, 600],
    [undefined, 512, 12_288],
    [100, 512, 512], // never below the bound of other lines
  ];
  for (const [maxAuthLine, maxLine, most] of bounds) {
    const options = {
      maxLine,
      ...(maxAuthLine !== undefined && { maxAuthLine }),
    };
    const cases: [input: string, replies: string][] = [
      [lineOf(most, "AUTH PLAIN "), "535 5.7.8, 250 2.0.0"],
      [lineOf(most + 1, "auth PLAIN "), "500 5.5.6, 250 2.0.0"],
      [`AUTH PLAIN\r\n${lineOf(most)}`, "334, 535 5.7.8, 250 2.0.0"],
      [`AUTH PLAIN\r\n${lineOf(most + 1)}`, "334, 500 5.5.6, 250 2.0.0"],
      [
        `AUTH PLAIN\r\n${lineOf(10 * most)}`,
        "334, 500 5.5.6, 250 2.0.0",
      ],
      [
        `FOO\r\n${lineOf(most, "AUTH PLAIN ")}`,
        "500 5.5.2, 535 5.7.8, 250 2.0.0",
      ],
      [lineOf(maxLine + 1, "AUTHX PLAIN "), "500 5.5.2, 250 2.0.0"],
      [lineOf(maxLine + 1, "NOOP "), "500 5.5.2, 250 2.0.0"],
    ];
    for (const [input, replies] of cases) {
      const whole = octets(`${input}NOOP\r\n`);
      const cuts = [1, maxLine - 1, maxLine, most - 1, most, most + 1];
      for (
        const chunks of [
          [whole],
          Array.from(whole, (byte) => Uint8Array.of(byte)),
          ...cuts.map((cut) => [whole.subarray(0, cut), whole.subarray(cut)]),
        ]
      ) {
        const server = greeted(options);
        assertEquals(codes(server.tell(...chunks)), replies);
        assertEquals(server.engine.state, "ready");
      }
    }
  }
});

Deno.test("ServerEngine takes no long AUTH line where AUTH may not come", () => {
  const long = lineOf(600, "AUTH PLAIN ");
  for (
    const [options, before] of [
      [{ offer: { size: 1 } }, ""],
      [{}, "AUTH PLAIN good\r\n"],
      [{}, "MAIL FROM:<>\r\n"],
    ] as const
  ) {
    const server = greeted(options);
    server.tell(before);
    assertEquals(codes(server.tell(long)), "500 5.5.2");
  }
});

Deno.test("ServerEngine gives no buffer away that an AUTH line does not fit into", () => {
  const { engine } = greeted({ maxLine: 512 });
  const small = engine.exchange(new Uint8Array(65_536));
  const line = octets(lineOf(2_000, "AUTH PLAIN "));
  engine.space().set(line);
  engine.filled(1_000);
  assertEquals(engine.next(), undefined);
  assertEquals(engine.exchange(small).length, 65_536);
  const space = engine.space();
  assert(space.length >= 1_000);
  space.set(line.subarray(1_000));
  engine.filled(1_000);
  assertEquals(engine.next()?.type, "auth");
});

Deno.test("ServerEngine counts what is wrong in an exchange, and leaves failures to its owner", () => {
  const server = greeted({ maxErrors: 2 });
  server.tell("AUTH PLAIN bad\r\nAUTH PLAIN bad\r\nAUTH LOGIN\r\n*\r\n");
  assertEquals(server.engine.errors, 0);
  assertEquals(server.engine.refusals(), []);
  server.tell("AUTH LOGIN\r\n\0\r\n");
  assertEquals(server.engine.errors, 1);
  assertEquals(server.engine.refusals(), [REPLIES.bareNewline]);
  assertEquals(
    codes(server.tell("AUTH X\r\nAUTH LOGIN\r\n\n")),
    "504 5.5.4, 334, 421 4.7.0",
  );
});

const VOUCHING: [input: string, forwards: boolean, auth: string][] = [
  ["MAIL FROM:<> AUTH=a@b\r\n", false, "<>"],
  ["MAIL FROM:<> AUTH=<>\r\n", false, "<>"],
  ["AUTH PLAIN bad=\r\nMAIL FROM:<> AUTH=a@b\r\n", false, "<>"],
  ["AUTH PLAIN good\r\nMAIL FROM:<> AUTH=a@b\r\n", false, "a@b"],
  ["MAIL FROM:<> AUTH=a@b\r\n", true, "a@b"],
];

for (const [input, xforward, auth] of VOUCHING) {
  const who = xforward ? "one who may say XFORWARD" : "others";
  Deno.test(`ServerEngine asks about AUTH=${auth} after ${JSON.stringify(input)} of ${who}`, () => {
    const server = greeted({ offer: { ...OFFER, xforward } });
    server.tell(input);
    assertEquals(server.events.at(-1), {
      type: "mail",
      sender: null,
      parameters: { smtputf8: false, auth },
    });
  });
}

Deno.test("ServerEngine ends the exchange with a reply that closes", () => {
  const server = new Server(
    { offer: OFFER },
    (event) =>
      event.type === "auth"
        ? MORE
        : event.type === "response"
        ? REPLIES.tooManyAuthFailures
        : undefined,
  );
  server.tell("EHLO c\r\n");
  assertEquals(
    codes(server.tell("AUTH LOGIN\r\nx\r\nNOOP\r\n")),
    "334, 421 4.7.0",
  );
  assert(server.engine.closed);
});

Deno.test("ServerEngine answers an owner without a wish: no mechanism is taken", () => {
  const server = new Server({ offer: OFFER });
  server.tell("EHLO c\r\n");
  assertEquals(codes(server.tell("AUTH PLAIN good\r\n")), "504 5.5.4");
  assertEquals(server.engine.authenticated, false);
});
