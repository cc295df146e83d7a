import { assertEquals } from "@std/assert";
import {
  CLIENT_MOVES,
  EXPECTED,
  SERVER_MOVES,
  type ServerState,
} from "../../lib/engine/states.ts";
import type { Verb } from "../../lib/engine/command.ts";
import { codes, type Decide, FULL_OFFER, Server } from "./support.ts";

const CHALLENGE = { code: 334, text: "" };

/** What brings a server with `needHello` into each state. */
const WAYS: Readonly<Record<ServerState, string>> = {
  start: "",
  ready: "EHLO c\r\n",
  auth: "EHLO c\r\nAUTH PLAIN\r\n",
  tls: "EHLO c\r\nSTARTTLS\r\n",
  mail: "EHLO c\r\nMAIL FROM:<a@b>\r\n",
  rcpt: "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
  data: "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
  chunk: "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 99\r\n",
  chunks: "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\n.",
};

/** Each verb in a good line, and what it gets where it is allowed. */
const LINES: Readonly<
  Record<Exclude<Verb, "LHLO">, readonly [line: string, code: string]>
> = {
  EHLO: ["EHLO c", "250"],
  HELO: ["HELO c", "250"],
  STARTTLS: ["STARTTLS", "220 2.0.0"],
  AUTH: ["AUTH PLAIN", "334"],
  XCLIENT: ["XCLIENT PORT=25", "220"],
  XFORWARD: ["XFORWARD PORT=25", "250 2.0.0"],
  MAIL: ["MAIL FROM:<>", "250 2.1.0"],
  RCPT: ["RCPT TO:<e@f>", "250 2.1.5"],
  DATA: ["DATA", "354"],
  BDAT: ["BDAT 0", "250 2.0.0"],
  RSET: ["RSET", "250 2.0.0"],
  NOOP: ["NOOP", "250 2.0.0"],
  VRFY: ["VRFY a", "252 2.5.0"],
  EXPN: ["EXPN a", "502 5.5.1"],
  HELP: ["HELP", "214 2.0.0"],
  QUIT: ["QUIT", "221 2.0.0"],
};

const STATES = Object.keys(SERVER_MOVES) as ServerState[];
const VERBS = Object.keys(LINES) as (keyof typeof LINES)[];

/** The states in which a line is a command. */
const COMMAND_STATES = STATES.filter((state) => "RSET" in SERVER_MOVES[state]);

const challenge: Decide = ({ type }) => type === "auth" ? CHALLENGE : undefined;

function serverIn(state: ServerState, decide = challenge): Server {
  const server = new Server({ needHello: true, offer: FULL_OFFER }, decide);
  server.tell(WAYS[state]);
  assertEquals(server.engine.state, state);
  return server;
}

Deno.test("ServerEngine answers 503 exactly where the table has no entry, and moves only where it has one", () => {
  for (const state of COMMAND_STATES) {
    for (const verb of VERBS) {
      // These want EHLO before the table is asked.
      const isEarly = state === "start" && (verb === "AUTH" || verb === "BDAT");
      if (isEarly) continue;
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
      if (verb === "QUIT") continue;
      // An empty chunk is at its end at once.
      const end = next === "chunk" ? "chunks" : next;
      assertEquals(server.engine.state, end, place);
    }
  }
});

Deno.test("ServerEngine makes no move where the answer is a refusal", () => {
  const refusal = { code: 450, text: "Not now" };
  for (const state of COMMAND_STATES) {
    for (const verb of VERBS) {
      if (["NOOP", "HELP", "EXPN", "QUIT", "RSET"].includes(verb)) continue;
      if (SERVER_MOVES[state][verb] === undefined) continue;
      // Its first chunk has the question.
      if (state === "chunks" && verb === "BDAT") continue;
      let refuses = false;
      const server = serverIn(
        state,
        (event) => refuses ? refusal : challenge(event),
      );
      refuses = true;
      assertEquals(server.tell(`${LINES[verb][0]}\r\n`), "450 Not now\r\n");
      // A refused DATA is the end of its transaction.
      const isEnd = verb === "DATA" || verb === "BDAT";
      assertEquals(server.engine.state, isEnd ? "ready" : state, verb);
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
