/**
 * One session's logins: the AUTH exchange between the engine, which has the
 * lines, and `sasl/`, which knows what they mean. RFC 4954.
 *
 * The rule: a client that guesses gets slower answers, and after a few of them
 * none. Every exchange that does not succeed counts, one that the client cancels
 * or that nobody could decide on too: each has cost a look at the users, and
 * XOAUTH2's challenge tells what came of it. What the client sent stands in no
 * log; who it wanted to be does.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import type { Client } from "./client.ts";
import type { Event } from "./engine/events.ts";
import { REPLIES, type Reply } from "./engine/reply.ts";
import type { Log } from "./log/log.ts";
import {
  beginServerExchange,
  parseResponse,
  type SaslMechanism,
  type ServerExchange,
} from "./sasl/server.ts";
import type { Users } from "./sasl/users.ts";
import { verdict } from "./session_log.ts";

/** How logins are decided on. */
export interface LoginSettings {
  /** The mechanisms offered. */
  readonly mechanisms: readonly SaslMechanism[];
  /** Who knows whether credentials hold. */
  readonly users: Users;
  /** Failed attempts until 421. */
  readonly maxFailures: number;
  /** How long the answer to the first failed one takes, in ms; then twice that. */
  readonly failureDelayMs: number;
  /** Counts an attempt of that client; whether it may make one more now. */
  mayTry?(client: Client): boolean;
  /** That attempt succeeded, and does not count. */
  hasSucceeded?(client: Client): void;
  /** Our name, in challenges. */
  readonly hostname: string;
  /** Lets time pass, in ms. */
  pause(ms: number): Promise<void>;
  /** Ends what a login waits for. */
  readonly signal: AbortSignal;
}

/** A line of the exchange, its first included. */
export type LoginEvent = Extract<Event, { type: "auth" | "response" }>;

/** Twice the delay again and again would hold the session for hours. */
const MAX_DELAY_MS = 30_000;

/** What cancels an exchange. RFC 4954 section 4. */
const CANCEL = "*";

/** The logins of one session. */
export class Login {
  readonly #settings: LoginSettings;
  readonly #client: Client;
  readonly #log: Log;
  #exchange: ServerExchange | undefined;
  #failures = 0;

  /** Logins of `client`, who is told to be somebody where one succeeds. */
  constructor(settings: LoginSettings, client: Client, log: Log) {
    this.#settings = settings;
    this.#client = client;
    this.#log = log;
  }

  /** The answer to a line: a challenge, 235, or a refusal, which may be late. */
  async answer(event: LoginEvent): Promise<Reply> {
    if (event.type === "response") return await this.#respond(event.text);
    const { mechanisms, hostname } = this.#settings;
    const mechanism = mechanisms.find((each) => each === event.mechanism);
    if (mechanism === undefined) return REPLIES.noMechanism;
    if (this.#settings.mayTry?.(this.#client) === false) {
      return await this.#fail(REPLIES.tooManyAuthFailures);
    }
    this.#exchange = beginServerExchange(
      mechanism,
      this.#settings.users,
      hostname,
    );
    return await this.#respond(event.initial);
  }

  async #respond(line: string | undefined): Promise<Reply> {
    const exchange = this.#exchange!;
    if (line === CANCEL) return await this.#fail(REPLIES.authCancelled);
    const response = line === undefined ? undefined : parseResponse(line);
    if (line !== undefined && response === undefined) {
      return await this.#fail(REPLIES.authMalformed);
    }
    const step = await exchange.respond(response, this.#settings.signal);
    if (step.type === "challenge") {
      return { code: 334, text: encodeBase64(step.bytes) };
    }
    this.#exchange = undefined;
    if (step.type === "accepted") {
      const { user } = step;
      this.#client.login = user;
      this.#settings.hasSucceeded?.(this.#client);
      this.#log.info("login", { client: this.#client.address, user });
      return REPLIES.authOk;
    }
    return await this.#fail(step.reply ?? PROBLEMS[step.problem], step.user);
  }

  async #fail(problem: Reply, user?: string): Promise<Reply> {
    const { maxFailures, failureDelayMs, pause } = this.#settings;
    const delayMs = Math.min(
      failureDelayMs * 2 ** this.#failures,
      MAX_DELAY_MS,
    );
    this.#exchange = undefined;
    this.#failures++;
    const isLast = this.#failures >= maxFailures;
    const reply = isLast ? REPLIES.tooManyAuthFailures : problem;
    this.#log.info("login-failed", {
      client: this.#client.address,
      ...(user === undefined ? {} : { user }),
      ...verdict(reply),
    });
    await pause(delayMs);
    return reply;
  }
}

/** What the client hears where nobody has another wish. */
const PROBLEMS = {
  credentials: REPLIES.authFailed,
  malformed: REPLIES.authMalformed,
  unavailable: REPLIES.authUnavailable,
} as const;
