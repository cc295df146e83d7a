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
 * - `auth`: an AUTH exchange goes on, and a response comes, not a command.
 * - `tls`: STARTTLS is granted, and the handshake comes.
 * - `mail`: a sender, no recipient yet.
 * - `rcpt`: at least one recipient.
 * - `data`: message data comes, not commands.
 * - `chunk`: the octets of a BDAT come, not commands.
 * - `chunks`: between the chunks of a message.
 */
export type ServerState =
  | "start"
  | "ready"
  | "auth"
  | "tls"
  | "mail"
  | "rcpt"
  | "data"
  | "chunk"
  | "chunks";

/**
 * A step of the server: a verb; or `END`, of an AUTH exchange, of the handshake
 * or of a message; or `PAUSE`, the end of a chunk that is not the last.
 */
export type ServerStep = Verb | "END" | "PAUSE";

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

/** The server's table. RFC 5321 section 4.1.4, and the extensions' RFCs. */
export const SERVER_MOVES: Moves<ServerState, ServerStep> = {
  start: {
    EHLO: "ready",
    HELO: "ready",
    LHLO: "ready",
    STARTTLS: "tls",
    XCLIENT: "start",
    XFORWARD: "start",
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
    LHLO: "ready",
    STARTTLS: "tls",
    AUTH: "auth",
    XCLIENT: "start",
    XFORWARD: "ready",
    MAIL: "mail",
    RSET: "ready",
    NOOP: "ready",
    HELP: "ready",
    VRFY: "ready",
    EXPN: "ready",
    QUIT: "ready",
  },
  // A line is a response here. A negative or 235 reply is the end.
  auth: { END: "ready" },
  // RFC 3207 section 4.2: the handshake's end is a new start.
  tls: { END: "start" },
  mail: {
    EHLO: "ready",
    HELO: "ready",
    LHLO: "ready",
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
    LHLO: "ready",
    RCPT: "rcpt",
    DATA: "data",
    BDAT: "chunk",
    RSET: "ready",
    NOOP: "rcpt",
    HELP: "rcpt",
    VRFY: "rcpt",
    EXPN: "rcpt",
    QUIT: "ready",
  },
  // No command is one while data comes; `END` is the final dot.
  data: { END: "ready" },
  chunk: { PAUSE: "chunks", END: "ready" },
  chunks: {
    EHLO: "ready",
    HELO: "ready",
    LHLO: "ready",
    BDAT: "chunk",
    RSET: "ready",
    NOOP: "chunks",
    HELP: "chunks",
    VRFY: "chunks",
    EXPN: "chunks",
    QUIT: "ready",
  },
};

/** What a `503` in that state says was expected. */
export const EXPECTED: Readonly<Record<ServerState, string>> = {
  start: "EHLO or HELO first",
  ready: "MAIL first",
  auth: "a response",
  tls: "a TLS handshake",
  mail: "RCPT, or RSET to start again",
  rcpt: "RCPT or DATA, or RSET to start again",
  data: "message data",
  chunk: "a chunk's octets",
  chunks: "BDAT, or RSET to start again",
};

/** What our client may say next to a relay. `auth`: an answer to its 334. */
export type ClientState =
  | "greeting"
  | "hello"
  | "ready"
  | "auth"
  | "mail"
  | "data"
  | "chunks";

/**
 * A step of our client; `RESPONSE` is a line of an AUTH exchange, `END` the
 * final dot, `LAST` the last BDAT.
 */
export type ClientStep =
  | "GREETING"
  | "EHLO"
  | "HELO"
  | "LHLO"
  | "STARTTLS"
  | "AUTH"
  | "RESPONSE"
  | "XFORWARD"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "END"
  | "BDAT"
  | "LAST"
  | "RSET"
  | "QUIT";

/**
 * The client's table. A pipelined command is sent before its predecessor is
 * answered, so the moves are made when it is sent; a refusal leaves `mail` and
 * `chunks` by RSET, and a refused DATA by {@linkcode ClientState} `mail`. Only
 * a 334 stays in `auth`.
 */
export const CLIENT_MOVES: Moves<ClientState, ClientStep> = {
  greeting: { GREETING: "hello" },
  hello: { EHLO: "ready", HELO: "ready", LHLO: "ready", QUIT: "hello" },
  ready: {
    EHLO: "ready",
    HELO: "ready",
    LHLO: "ready",
    STARTTLS: "hello",
    AUTH: "auth",
    XFORWARD: "ready",
    MAIL: "mail",
    RSET: "ready",
    QUIT: "hello",
  },
  auth: { RESPONSE: "auth" },
  mail: {
    RCPT: "mail",
    DATA: "data",
    BDAT: "chunks",
    LAST: "ready",
    RSET: "ready",
    QUIT: "hello",
  },
  data: { END: "ready" },
  chunks: { BDAT: "chunks", LAST: "ready", RSET: "ready", QUIT: "hello" },
};
