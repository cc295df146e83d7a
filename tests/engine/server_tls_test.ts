import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ServerOptions } from "../../lib/engine/options.ts";
import { REPLIES } from "../../lib/engine/reply.ts";
import {
  chunkings,
  codes,
  FULL_OFFER,
  octets,
  OPTIONS,
  Server,
} from "./support.ts";

const OFFER = { size: 1_000, startTls: true };

/** A server that has said its greeting. */
function greeted(options: Partial<ServerOptions> = {}): Server {
  const server = new Server({ offer: OFFER, ...options });
  server.take();
  return server;
}

Deno.test("ServerEngine throws away what comes behind STARTTLS, before its answer and after, in every chunking", () => {
  const input = octets(
    "EHLO c\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.",
  );
  for (const chunks of chunkings(input)) {
    const server = greeted();
    assertEquals(codes(server.tell(...chunks)), "250, 220 2.0.0");
    assert(server.engine.isWaitingForTls);
    assertEquals(server.engine.next(), undefined);
    server.secure();
    assertEquals(server.engine.isWaitingForTls, false);
    assertEquals(server.engine.isIdle, true);
    assertEquals(
      server.tell("EHLO c\r\nMAIL FROM:<a@b>\r\n").includes("STARTTLS"),
      false,
    );
    assertEquals(
      server.events.map(({ type }) => type),
      ["connect", "hello", "starttls", "hello", "mail"],
    );
  }
});

Deno.test("ServerEngine begins anew under TLS: no EHLO, no login, no parameters", () => {
  const server = greeted({
    needHello: true,
    offer: { ...OFFER, auth: ["PLAIN"] },
  });
  server.tell("EHLO c\r\nSTARTTLS\r\nNOOP\r\n");
  assertEquals(server.engine.isIdle, true);
  server.secure();
  const { state, esmtp } = server.engine;
  assertEquals([state, esmtp], ["start", false]);
  assertEquals(codes(server.tell("MAIL FROM:<>\r\n")), "503 5.5.1");
  assertEquals(codes(server.tell("AUTH PLAIN AA==\r\n")), "503 5.5.1");

  const lax = greeted({ needHello: false });
  lax.tell("EHLO c\r\nSTARTTLS\r\n");
  lax.secure();
  assertEquals(codes(lax.tell("MAIL FROM:<> SIZE=1\r\n")), "555 5.5.4");
});

Deno.test("ServerEngine forgets under TLS who logged in in clear, and its errors not", () => {
  const ok = { code: 235, text: "" };
  const server = new Server(
    { offer: { ...OFFER, auth: ["PLAIN"] }, needAuth: true },
    ({ type }) => type === "auth" ? ok : undefined,
  );
  server.tell("EHLO c\r\nFOO\r\nAUTH PLAIN AA==\r\n");
  assertEquals(server.engine.authenticated, true);
  server.tell("STARTTLS\r\n");
  server.secure();
  assertEquals(server.engine.authenticated, false);
  assertEquals(server.engine.errors, 1);
  assertEquals(
    codes(server.tell("EHLO c\r\nMAIL FROM:<>\r\n")),
    "250, 530 5.7.0",
  );
});

const REFUSED: [
  what: string,
  input: string,
  replies: string,
  options?: Partial<ServerOptions>,
][] = [
  ["STARTTLS without EHLO", "STARTTLS\r\n", "220 2.0.0"],
  ["STARTTLS first", "STARTTLS\r\n", "220 2.0.0", { needHello: true }],
  ["STARTTLS after HELO", "HELO c\r\nSTARTTLS\r\n", "250, 220 2.0.0"],
  [
    "STARTTLS with an argument",
    "STARTTLS now\r\nNOOP\r\n",
    "501 5.5.4, 250 2.0.0",
  ],
  [
    "STARTTLS in a transaction",
    "MAIL FROM:<>\r\nSTARTTLS\r\nRCPT TO:<a@b>\r\nSTARTTLS\r\nRSET\r\n",
    "250 2.1.0, 503 5.5.1, 250 2.1.5, 503 5.5.1, 250 2.0.0",
  ],
  [
    "STARTTLS that is not offered",
    "EHLO c\r\nSTARTTLS\r\nNOOP\r\n",
    "250, 502 5.5.1, 250 2.0.0",
    { offer: { size: 0 } },
  ],
  [
    "STARTTLS under TLS from the start",
    "EHLO c\r\nSTARTTLS\r\nNOOP\r\n",
    "250, 503 5.5.1, 250 2.0.0",
    { secure: true },
  ],
  [
    "mail where TLS is needed",
    "EHLO c\r\nMAIL FROM:<>\r\nVRFY a\r\nAUTH PLAIN\r\nRSET\r\nNOOP\r\n",
    "250, 530 5.7.0, 530 5.7.0, 530 5.7.0, 250 2.0.0, 250 2.0.0",
    { needTls: true, offer: { ...OFFER, auth: ["PLAIN"] } },
  ],
  [
    "mail where TLS is needed, and is on",
    "EHLO c\r\nMAIL FROM:<>\r\n",
    "250, 250 2.1.0",
    { needTls: true, secure: true },
  ],
];

for (const [what, input, replies, options] of REFUSED) {
  Deno.test(`ServerEngine answers ${what}: ${replies}`, () => {
    for (const chunks of [[input], [...input]]) {
      assertEquals(codes(greeted(options).tell(...chunks)), replies);
    }
  });
}

Deno.test("ServerEngine does not start TLS twice, and goes on in clear where it is refused", () => {
  const server = greeted();
  server.tell("EHLO c\r\nSTARTTLS\r\n");
  server.secure();
  assertEquals(codes(server.tell("STARTTLS\r\n")), "503 5.5.1");

  const refusing = new Server(
    { offer: OFFER },
    ({ type }) => type === "starttls" ? REPLIES.tlsUnavailable : undefined,
  );
  refusing.take();
  assertEquals(
    codes(refusing.tell("EHLO c\r\nSTARTTLS\r\nMAIL FROM:<>\r\n")),
    "250, 454 4.7.0, 250 2.1.0",
  );
});

Deno.test("ServerEngine.secured() wants a STARTTLS that was granted", () => {
  const server = greeted();
  for (const input of ["", "EHLO c\r\n", "FOO\r\n"]) {
    server.tell(input);
    assertThrows(
      () => server.engine.secured(),
      TypeError,
      "Cannot be secured: expected a granted STARTTLS",
    );
  }
});

Deno.test("ServerEngine.offer can change, and tells no STARTTLS under TLS", () => {
  const server = greeted({ offer: { size: 5 } });
  assertEquals(server.tell("EHLO c\r\n").includes("STARTTLS"), false);
  server.engine.offer = FULL_OFFER;
  assert(server.tell("EHLO c\r\n").includes("250-STARTTLS\r\n"));
  server.tell("STARTTLS\r\n");
  server.secure();
  server.engine.offer = FULL_OFFER;
  assertEquals(server.engine.offer, { ...FULL_OFFER, startTls: false });
  const said = server.tell("EHLO c\r\n");
  assertEquals(said.includes("STARTTLS"), false);
  assert(said.includes("250-AUTH PLAIN LOGIN\r\n"));
  assertEquals(OPTIONS.offer.startTls, undefined);
});
