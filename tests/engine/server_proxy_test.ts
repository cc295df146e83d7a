import { assertEquals } from "@std/assert";
import { REPLIES } from "../../lib/engine/reply.ts";
import { codes, type Decide, FULL_OFFER, GREETING, Server } from "./support.ts";

const XCLIENT = "XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE] LOGIN=ann\r\n";

Deno.test("ServerEngine greets again after XCLIENT, and begins anew", () => {
  const server = new Server({ offer: FULL_OFFER, needHello: true });
  server.tell("EHLO c\r\n");
  assertEquals(server.tell(XCLIENT), GREETING);
  assertEquals(server.events.at(-1), {
    type: "xclient",
    attributes: new Map([
      ["ADDR", "192.0.2.1"],
      ["NAME", undefined],
      ["LOGIN", "ann"],
    ]),
  });
  const { state, esmtp } = server.engine;
  assertEquals([state, esmtp], ["start", false]);
  assertEquals(codes(server.tell("MAIL FROM:<>\r\n")), "503 5.5.1");
});

Deno.test("ServerEngine takes an XCLIENT's login for AUTH, and its lack for none", () => {
  const ok = { code: 235, text: "" };
  const server = new Server(
    { offer: FULL_OFFER, needAuth: true },
    ({ type }) => type === "auth" ? ok : undefined,
  );
  server.tell("EHLO c\r\nAUTH PLAIN AA==\r\n");
  server.tell("XCLIENT LOGIN=[UNAVAILABLE]\r\n");
  assertEquals(codes(server.tell("MAIL FROM:<>\r\n")), "530 5.7.0");
  server.tell(XCLIENT);
  assertEquals(codes(server.tell("MAIL FROM:<>\r\n")), "250 2.1.0");
  assertEquals(server.engine.authenticated, true);
});

Deno.test("ServerEngine keeps TLS over XCLIENT", () => {
  const server = new Server({ offer: FULL_OFFER, needTls: true, secure: true });
  server.tell("EHLO c\r\n", XCLIENT);
  assertEquals(
    codes(server.tell("EHLO c\r\nMAIL FROM:<>\r\n")),
    "250, 250 2.1.0",
  );
});

const refuse: Decide = ({ type }) =>
  type === "xclient" || type === "xforward" ? REPLIES.relayDenied : undefined;

const CONVERSATIONS: [
  what: string,
  input: string,
  replies: string,
  decide?: Decide,
][] = [
  [
    "XFORWARD, and the transaction behind it",
    "XFORWARD ADDR=192.0.2.1 PORT=25\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\n",
    "250 2.0.0, 250 2.1.0, 250 2.1.5",
  ],
  [
    "both in a transaction",
    "MAIL FROM:<>\r\nXFORWARD PORT=25\r\nXCLIENT PORT=25\r\nRCPT TO:<a@b>\r\n",
    "250 2.1.0, 503 5.5.1, 503 5.5.1, 250 2.1.5",
  ],
  [
    "an attribute that is unknown",
    "XFORWARD FOO=1\r\nXCLIENT FOO=1\r\n",
    "501 5.5.4, 501 5.5.4",
  ],
  [
    "both, refused by its owner",
    "XCLIENT PORT=25\r\nXFORWARD PORT=25\r\nMAIL FROM:<> SIZE=1\r\n",
    "550 5.7.1, 550 5.7.1, 250 2.1.0",
    refuse,
  ],
];

for (const [what, input, replies, decide] of CONVERSATIONS) {
  Deno.test(`ServerEngine answers ${what}: ${replies}`, () => {
    for (const chunks of [[input], [...input]]) {
      const server = new Server({ offer: FULL_OFFER }, decide);
      server.tell("EHLO c\r\n");
      assertEquals(codes(server.tell(...chunks)), replies);
    }
  });
}

Deno.test("ServerEngine refuses XCLIENT and XFORWARD where they are not offered, and asks nobody", () => {
  const server = new Server();
  server.tell("EHLO c\r\n");
  assertEquals(
    codes(server.tell(XCLIENT, "XFORWARD PORT=25\r\n")),
    "502 5.5.1, 502 5.5.1",
  );
  assertEquals(server.events.length, 2);
});
