/**
 * What is allowed when: both roles' states, as tables. All moves are made
 * from here, and only on success. A missing entry is a `503` for the peer, and
 * an exception where our own client would do it.
 *
 * @module
 */

import type { Verb } from "./command.ts";

/**
 * - `start`: no greeting yet, and one is asked for (flag `needhelo`).
 * - `ready`: no mail transaction.
 * - `mail`: a sender, no recipient yet.
 * - `rcpt`: at least one recipient.
 * - `data`: message data comes, not commands.
 */
export type ServerState = "start" | "ready" | "mail" | "rcpt" | "data";

/**
 * A table of moves: for each state the steps that are allowed in it, and the
 * state that each leads to.
 *
 * @typeParam State The states.
 * @typeParam Step What makes a move.
 */
export type Moves<State extends string, Step extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Step, State>>>>
>;

/** The server's table. RFC 5321 section 4.1.4. */
export const SERVER_MOVES: Moves<ServerState, Verb | "END"> = {
  start: {
    EHLO: "ready",
    HELO: "ready",
    RSET: "start",
    NOOP: "start",
    HELP: "start",
    VRFY: "start",
    EXPN: "start",
    QUIT: "start",
  },
  ready: {
    EHLO: "ready",
    HELO: "ready",
    MAIL: "mail",
    RSET: "ready",
    NOOP: "ready",
    HELP: "ready",
    VRFY: "ready",
    EXPN: "ready",
    QUIT: "ready",
  },
  mail: {
    EHLO: "ready",
    HELO: "ready",
    RCPT: "rcpt",
    RSET: "ready",
    NOOP: "mail",
    HELP: "mail",
    VRFY: "mail",
    EXPN: "mail",
    QUIT: "ready",
  },
  rcpt: {
    EHLO: "ready",
    HELO: "ready",
    RCPT: "rcpt",
    DATA: "data",
    RSET: "ready",
    NOOP: "rcpt",
    HELP: "rcpt",
    VRFY: "rcpt",
    EXPN: "rcpt",
    QUIT: "ready",
  },
  // No command is one while data comes; `END` is the final dot.
  data: { END: "ready" },
};

/** What a `503` in that state says was expected. */
export const EXPECTED: Readonly<Record<ServerState, string>> = {
  start: "EHLO or HELO first",
  ready: "MAIL first",
  mail: "RCPT, or RSET to start again",
  rcpt: "RCPT or DATA, or RSET to start again",
  data: "message data",
};

/** What our client may say next to a relay. */
export type ClientState = "greeting" | "hello" | "ready" | "mail" | "data";

/** A step of our client; `END` is the final dot. */
export type ClientStep =
  | "GREETING"
  | "EHLO"
  | "HELO"
  | "STARTTLS"
  | "AUTH"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "END"
  | "RSET"
  | "QUIT";

/**
 * The client's table. A pipelined command is sent before its predecessor is
 * answered, so the moves are made when it is sent; a refusal leaves `mail` by
 * RSET, and a refused DATA by {@linkcode ClientState} `mail`.
 */
export const CLIENT_MOVES: Moves<ClientState, ClientStep> = {
  greeting: { GREETING: "hello" },
  hello: { EHLO: "ready", HELO: "ready", QUIT: "hello" },
  ready: {
    EHLO: "ready",
    HELO: "ready",
    STARTTLS: "hello",
    AUTH: "ready",
    MAIL: "mail",
    RSET: "ready",
    QUIT: "hello",
  },
  mail: { RCPT: "mail", DATA: "data", RSET: "ready", QUIT: "hello" },
  data: { END: "ready" },
};
