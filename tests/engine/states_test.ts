import { assertEquals } from "@std/assert";
import {
  CLIENT_MOVES,
  EXPECTED,
  SERVER_MOVES,
  type ServerState,
} from "../../lib/engine/states.ts";
import type { Verb } from "../../lib/engine/command.ts";
import { codes, Server } from "./support.ts";

/** What brings a server with `needHello` into each state. */
const WAYS: Readonly<Record<ServerState, string>> = {
  start: "",
  ready: "EHLO c\r\n",
  mail: "EHLO c\r\nMAIL FROM:<a@b>\r\n",
  rcpt: "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
  data: "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
};

/** Each verb in a good line, and what it gets where it is allowed. */
const LINES: Readonly<Record<Verb, readonly [line: string, code: string]>> = {
  EHLO: ["EHLO c", "250"],
  HELO: ["HELO c", "250"],
  MAIL: ["MAIL FROM:<>", "250 2.1.0"],
  RCPT: ["RCPT TO:<e@f>", "250 2.1.5"],
  DATA: ["DATA", "354"],
  RSET: ["RSET", "250 2.0.0"],
  NOOP: ["NOOP", "250 2.0.0"],
  VRFY: ["VRFY a", "252 2.5.0"],
  EXPN: ["EXPN a", "502 5.5.1"],
  HELP: ["HELP", "214 2.0.0"],
  QUIT: ["QUIT", "221 2.0.0"],
};

const STATES = Object.keys(SERVER_MOVES) as ServerState[];
const VERBS = Object.keys(LINES) as Verb[];

function serverIn(state: ServerState): Server {
  const server = new Server({ needHello: true });
  server.tell(WAYS[state]);
  assertEquals(server.engine.state, state);
  return server;
}

Deno.test("ServerEngine answers 503 exactly where the table has no entry, and moves only where it has one", () => {
  for (const state of STATES.filter((state) => state !== "data")) {
    for (const verb of VERBS) {
      const server = serverIn(state);
      const said = server.tell(`${LINES[verb][0]}\r\n`);
      const next = SERVER_MOVES[state][verb];
      const place = `${verb} in ${state}`;
      if (next === undefined) {
        assertEquals(
          said,
          `503 5.5.1 ${verb} out of order: expected ${EXPECTED[state]}\r\n`,
          place,
        );
        assertEquals(server.engine.state, state, place);
        continue;
      }
      assertEquals(codes(said), LINES[verb][1], place);
      // After QUIT there is no state to speak of.
      assertEquals(server.engine.closed, verb === "QUIT", place);
      if (verb !== "QUIT") assertEquals(server.engine.state, next, place);
    }
  }
});

Deno.test("ServerEngine makes no move where the answer is a refusal", () => {
  const refusal = { code: 450, text: "Not now" };
  for (const state of STATES.filter((state) => state !== "data")) {
    for (const verb of ["EHLO", "HELO", "MAIL", "RCPT", "DATA"] as const) {
      if (SERVER_MOVES[state][verb] === undefined) continue;
      let refuses = false;
      const server = new Server(
        { needHello: true },
        () => refuses ? refusal : undefined,
      );
      server.tell(WAYS[state]);
      refuses = true;
      assertEquals(server.tell(`${LINES[verb][0]}\r\n`), "450 Not now\r\n");
      // A refused DATA is the end of its transaction.
      assertEquals(server.engine.state, verb === "DATA" ? "ready" : state);
    }
  }
});

Deno.test("ServerEngine takes every command for data while data comes", () => {
  const server = serverIn("data");
  for (const verb of VERBS) {
    assertEquals(server.tell(`${LINES[verb][0]}\r\n`), "");
    assertEquals(server.engine.state, "data");
  }
  assertEquals(codes(server.tell(".\r\n")), "250 2.0.0");
  assertEquals(server.engine.state, SERVER_MOVES.data.END);
  assertEquals(server.body, VERBS.map((v) => `${LINES[v][0]}\r\n`).join(""));
});

Deno.test("ServerEngine begins without a greeting where none is asked for", () => {
  const server = new Server();
  assertEquals(server.engine.state, "ready");
  assertEquals(server.engine.esmtp, false);
});

Deno.test("SERVER_MOVES and CLIENT_MOVES lead to states that they have", () => {
  for (const moves of [SERVER_MOVES, CLIENT_MOVES]) {
    for (const steps of Object.values(moves)) {
      for (const state of Object.values(steps as Record<string, string>)) {
        assertEquals(Object.hasOwn(moves, state), true, state);
      }
    }
  }
});
