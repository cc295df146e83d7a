import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ServerOptions } from "../../lib/engine/options.ts";
import {
  chunkings,
  codes,
  FULL_OFFER,
  octets,
  Server,
  utf8,
} from "./support.ts";

const HELLO = "EHLO c\r\n";

const LONG = "a".repeat(510);

/** After EHLO, `input` gets replies with these codes. */
const BAD_INPUT: [
  what: string,
  input: string,
  replies: string,
  options?: Partial<ServerOptions>,
][] = [
  ["an unknown command", "FOO\r\nNOOP\r\n", "500 5.5.2, 250 2.0.0"],
  ["an empty line", "\r\nNOOP\r\n", "500 5.5.2, 250 2.0.0"],
  ["a verb that goes on", "NOOPS\r\n", "500 5.5.2"],
  ["bad syntax", "MAIL FROM:a@b\r\n", "501 5.5.4"],
  ["an argument too many", "QUIT now\r\nNOOP\r\n", "501 5.5.4, 250 2.0.0"],
  ["VRFY without a name", "VRFY\r\n", "501 5.5.4"],
  ["what is no UTF-8", "MAIL FROM:<\xff@b>\r\n", "501 5.5.4"],
  ["RCPT before MAIL", "RCPT TO:<a@b>\r\n", "503 5.5.1"],
  ["DATA before MAIL", "DATA\r\nNOOP\r\n", "503 5.5.1, 250 2.0.0"],
  ["DATA before RCPT", "MAIL FROM:<>\r\nDATA\r\n", "250 2.1.0, 503 5.5.1"],
  ["MAIL twice", "MAIL FROM:<>\r\nMAIL FROM:<>\r\n", "250 2.1.0, 503 5.5.1"],
  ["a line at the limit", `NOOP ${LONG.slice(5)}\r\n`, "250 2.0.0"],
  [
    "a line over it",
    `NOOP ${LONG.slice(4)}\r\nHELP\r\n`,
    "500 5.5.2, 214 2.0.0",
  ],
  [
    "a very long line, once",
    `${LONG.repeat(100)}\r\nHELP\r\n`,
    "500 5.5.2, 214 2.0.0",
  ],
  ["a bare LF, at once", "NOOP\n", "500 5.5.2"],
  ["a bare CR, at once", "NOOP\rN", "500 5.5.2"],
  ["NUL, at once", "NO\0", "500 5.5.2"],
  [
    "a command behind a bare LF",
    "NOOP\nQUIT\r\nHELP\r\n",
    "500 5.5.2, 214 2.0.0",
  ],
  ["EXPN", "EXPN list\r\n", "502 5.5.1"],
  ["an unknown parameter", "MAIL FROM:<> FOO=1\r\n", "555 5.5.4"],
  [
    "a parameter of RCPT",
    `MAIL FROM:<>\r\nRCPT TO:<a@b> NOTIFY=NEVER\r\n`,
    "250 2.1.0, 555 5.5.4",
  ],
  ["a bad value", "MAIL FROM:<> SIZE=lots\r\n", "501 5.5.4"],
  [
    "a parameter after HELO",
    "HELO c\r\nMAIL FROM:<> SIZE=1\r\n",
    "250, 555 5.5.4",
  ],
  ["SIZE at the limit", "MAIL FROM:<> SIZE=1000\r\n", "250 2.1.0"],
  [
    "SIZE over it",
    "MAIL FROM:<> SIZE=1001\r\nMAIL FROM:<>\r\n",
    "552 5.3.4, 250 2.1.0",
  ],
  ["SIZE of 20 digits", `MAIL FROM:<> SIZE=${"9".repeat(20)}\r\n`, "552 5.3.4"],
  [
    "SIZE without a limit",
    `MAIL FROM:<> SIZE=${"9".repeat(20)}\r\n`,
    "250 2.1.0",
    { offer: { size: 0 } },
  ],
  ["a UTF-8 sender without SMTPUTF8", utf8("MAIL FROM:<ü@b>\r\n"), "553 5.6.7"],
  [
    "a UTF-8 sender after HELO",
    utf8("HELO c\r\nMAIL FROM:<ü@b>\r\n"),
    "250, 553 5.6.7",
  ],
  [
    "a UTF-8 recipient without SMTPUTF8",
    utf8("MAIL FROM:<>\r\nRCPT TO:<ü@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
    "250 2.1.0, 553 5.6.7, 250 2.1.5, 354",
  ],
  [
    "a UTF-8 recipient in a later transaction",
    utf8(
      "MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<ü@b>\r\nRSET\r\nMAIL FROM:<>\r\n" +
        "RCPT TO:<ü@b>\r\nDATA\r\n",
    ),
    "250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.1.0, 553 5.6.7, 554 5.5.1",
  ],
];

for (const [what, input, replies, options] of BAD_INPUT) {
  Deno.test(`ServerEngine answers ${what}: ${replies}`, () => {
    for (const chunks of [[input], [...input]]) {
      const server = new Server(options);
      server.tell(HELLO);
      assertEquals(codes(server.tell(...chunks)), replies);
    }
  });
}

Deno.test("ServerEngine says what it expected", () => {
  const server = new Server({ needHello: true });
  server.take();
  const said = server.tell(
    "FOO\r\nMAIL FROM:<>\r\nHELO c\r\nMAIL FROM:<> SIZE=1\r\n" +
      "EHLO c\r\nMAIL FROM:<> FOO\r\nMAIL FROM:<a b>\r\n",
  ).replaceAll(/^250.*\r\n/gm, "");
  assertEquals(said.split("\r\n").slice(0, 4), [
    "500 5.5.2 Unknown command, HELP lists those known",
    "503 5.5.1 MAIL out of order: expected EHLO or HELO first",
    "555 5.5.4 Cannot take this parameter of MAIL: expected no parameter without EHLO at column 14",
    "555 5.5.4 Cannot take this parameter of MAIL: expected one of SIZE, BODY, SMTPUTF8 at column 14",
  ]);
  assertMatch(
    said,
    /\r\n501 5\.5\.4 Cannot read MAIL: expected .* at column 13\r\n$/,
  );
});

Deno.test("ServerEngine says 421 after too many bad commands, and nothing more, in every chunking", () => {
  const input = octets("FOO\r\nNOOP\r\n\n\r\nDATA\r\nNOOP\r\nMAIL\r\nQUIT\r\n");
  for (const chunks of chunkings(input)) {
    const server = new Server({ maxErrors: 2 });
    server.take();
    assertEquals(
      codes(server.tell(...chunks)),
      "500 5.5.2, 250 2.0.0, 500 5.5.2, 421 4.7.0",
    );
    assert(server.engine.closed);
    assertEquals(server.tell("NOOP\r\n"), "");
    assertEquals(server.engine.next(), undefined);
  }
});

Deno.test("ServerEngine says no control character and nothing outside ASCII, whatever it quotes", () => {
  const lines = [
    ...["EHLO %", "HELO %", "LHLO %", "MAIL FROM:<%@b>", "MAIL FROM:<> %=1"],
    ...[
      "MAIL FROM:<> SIZE=%",
      "MAIL FROM:<> BODY=%",
      "MAIL FROM:<>%",
      "MAIL %",
    ],
    ...["RCPT TO:<%@d>", "RCPT TO:<c@d> %", "RCPT TO:<c@d> ORCPT=%", "RCPT %"],
    ...["DATA %", "BDAT %", "RSET %", "NOOP %", "HELP %", "VRFY %", "EXPN %"],
    ...["STARTTLS %", "AUTH %", "AUTH PLAIN %", "XCLIENT %", "XCLIENT NAME=%"],
    ...["XFORWARD HELO=%", "QUIT %", "%", "F% x"],
  ];
  const forged = [
    "\x1b[31m",
    "\t250 OK",
    "\x7f",
    "\x85",
    "\xc2\x85",
    "\xe2\x80\xa8",
  ];
  for (const protocol of ["smtp", "lmtp"] as const) {
    for (const line of lines) {
      for (const text of forged) {
        const server = new Server({ protocol, offer: FULL_OFFER });
        const said = server.tell(
          `${protocol === "lmtp" ? "LHLO" : "EHLO"} c\r\n`,
          `${line.replace("%", text)}\r\n`,
          `MAIL FROM:<>\r\n${line.replace("%", text)}\r\n`,
        );
        assertMatch(said, /^(?:\d{3}[ -][ -~]*\r\n)+$/, line);
      }
    }
  }
});

Deno.test("ServerEngine tells the leniencies that were used, each once", () => {
  const lenient = new Set(["no-angle-brackets", "space-after-colon"] as const);
  const server = new Server({ lenient });
  assertEquals(server.engine.leniencies(), []);
  server.tell(`${HELLO}MAIL FROM:a@b\r\nRCPT TO:c@d\r\nRCPT TO: <e@f>\r\n`);
  assertEquals(server.engine.leniencies(), [
    "no-angle-brackets",
    "space-after-colon",
  ]);
  assertEquals(server.engine.leniencies(), []);
  const strict = new Server();
  strict.tell(`${HELLO}`);
  assertEquals(codes(strict.tell("MAIL FROM:a@b\r\n")), "501 5.5.4");
  assertEquals(strict.engine.leniencies(), []);
});

Deno.test("ServerEngine lists in HELP what can be used", () => {
  const help = (options: Partial<ServerOptions>) => {
    const server = new Server(options);
    server.take();
    return server.tell("HELP\r\n");
  };
  assertEquals(
    help({}),
    "214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT\r\n",
  );
  assertEquals(
    help({ offer: FULL_OFFER }),
    "214 2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY " +
      "HELP XCLIENT XFORWARD QUIT\r\n",
  );
  assertEquals(
    help({ offer: FULL_OFFER, secure: true }).includes("STARTTLS"),
    false,
  );
});

Deno.test("ServerEngine asks about VRFY, and passes on what its owner says", () => {
  const server = new Server(
    {},
    (event) =>
      event.type === "vrfy" && event.text === "ann"
        ? { code: 250, text: "<ann@example.org>" }
        : undefined,
  );
  server.take();
  assertEquals(
    server.tell("VRFY ann\r\nVRFY bob\r\n"),
    "250 <ann@example.org>\r\n" +
      "252 2.5.0 Cannot verify, but will take mail for it and try\r\n",
  );
  assertEquals(server.engine.errors, 0);
});

Deno.test("ServerEngine counts bad commands, not bounds", () => {
  const server = new Server({ maxRecipients: 1 });
  server.tell(
    `${HELLO}FOO\r\nMAIL FROM:<> SIZE=9999\r\nMAIL FROM:<>\r\n` +
      "RCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nEXPN a\r\n",
  );
  assertEquals(server.engine.errors, 2);
  assertEquals(server.engine.refusals().length, 4);
});
