/**
 * The one page: what happens to a client's mail, in this order.
 *
 * Bytes go into the engine, the engine asks, the steps answer: first policy,
 * then the next hops (relays or local delivery). The first that refuses is the
 * answer. The next hops get their final dot only after everything else has
 * spoken, and the client's 250 is theirs.
 *
 * @module
 */

import type { Client } from "./client.ts";
import type { Event } from "./engine/events.ts";
import { isPositive, REPLIES, type Reply } from "./engine/reply.ts";
import { ServerEngine } from "./engine/server.ts";
import type { Hop, Sender } from "./hop.ts";
import type { Log } from "./log/log.ts";
import type { Login } from "./login.ts";
import { type Route, routeOf } from "./policy/rules.ts";
import { HandshakeError, isLost } from "./session_end.ts";
import { fromOf, logMessage, verdict } from "./session_log.ts";
import type { SessionSettings } from "./session_settings.ts";
import { traceOf } from "./trace.ts";
import { Transaction } from "./transaction.ts";
import {
  type Connection,
  DeadlineError,
  deadlineErrorOf,
} from "./transport/connection.ts";
import { Wire } from "./wire.ts";

/** One client's session. */
export class Session {
  /** Names it in log lines. */
  readonly id: string;
  #connection: Connection;
  readonly #client: Client;
  readonly #settings: SessionSettings;
  readonly #engine: ServerEngine;
  readonly #wire: Wire;
  readonly #log: Log;
  readonly #login: Login | undefined;
  #transaction: Transaction | undefined;
  #messages = 0;
  #errors = 0;
  #hasQuit = false;
  #isStopping = false;

  /** A session over `connection`, which it closes in the end. */
  constructor(
    connection: Connection,
    client: Client,
    settings: SessionSettings,
    log: Log,
  ) {
    this.id = client.id;
    this.#connection = connection;
    this.#client = client;
    this.#settings = settings;
    this.#engine = new ServerEngine({
      ...settings.engine,
      offer: settings.offer(client),
      secure: client.tls !== undefined,
    });
    this.#wire = new Wire(connection, this.#engine, settings);
    this.#log = log.child(client.id);
    this.#login = settings.login(client, this.#log);
  }

  /** The client's bare address; empty on a Unix socket. */
  get remote(): string {
    return this.#client.address;
  }

  /** What carries it at the moment. */
  get connection(): Connection {
    return this.#connection;
  }

  /** The transaction in progress. */
  get transaction(): Transaction | undefined {
    return this.#transaction;
  }

  /** Runs the session to its end; never rejects. */
  async run(): Promise<void> {
    const { address, port, tls } = this.#client;
    this.#log.debug("connect", { client: address, port, ...tls });
    let end = "quit";
    try {
      do {
        for (let event; (event = this.#engine.next()) !== undefined;) {
          const waiting = this.#answer(event);
          if (waiting !== undefined) await waiting;
        }
        const reporting = this.#report();
        if (reporting !== undefined) await reporting;
        if (this.#engine.isWaitingForTls) await this.#secure();
        if (this.#isStopping && !this.#isBusy) {
          this.#engine.close(REPLIES.shuttingDown);
        }
      } while (await this.#wire.turn());
      if (!this.#engine.closed) end = "closed by the client";
      else if (!this.#hasQuit) {
        end = this.#isStopping ? "shutdown" : "closed by the server";
      }
    } catch (error) {
      end = await this.#fail(error);
    }
    // Before its final dot: what was not ended is not delivered.
    await this.#transaction?.abort();
    this.#wire.close();
    const isUsual = end === "quit" || end === "closed by the client";
    this.#log[isUsual ? "debug" : "info"]("disconnect", {
      client: this.remote,
      end,
      messages: this.#messages,
    });
  }

  /** Says 421 as soon as no message is under way. */
  stop(): void {
    this.#isStopping = true;
    if (this.#wire.isWaiting && !this.#isBusy) this.#wire.dismiss();
  }

  get #isBusy(): boolean {
    return this.#transaction !== undefined || !this.#engine.isIdle;
  }

  /** The journey. Answers at once where nothing has to be waited for. */
  #answer(event: Event): Promise<void> | undefined {
    const engine = this.#engine;
    switch (event.type) {
      case "connect":
        return this.#greet();
      case "hello":
        this.#client.helo = event.name;
        this.#client.esmtp = event.esmtp;
        engine.offer = this.#settings.offer(this.#client);
        return this.#reset();
      case "mail":
        return void this.#answerSender(event);
      case "rcpt":
        return this.#answerRecipients(event.recipients);
      case "data":
        return this.#answerData();
      case "body":
        return this.#transaction!.write(event.bytes);
      case "end":
        return this.#answerMessage(event);
      case "reset":
        return this.#reset();
      case "quit":
        this.#hasQuit = true;
        return void engine.answer();
      case "starttls":
        return void engine.answer();
      case "auth":
      case "response":
        return this.#answerLater(this.#login!.answer(event));
      case "xclient":
        this.#client.xclient(event.attributes);
        engine.offer = this.#settings.offer(this.#client);
        this.#log.info("xclient", { client: this.remote });
        return void engine.answer();
      case "xforward":
        this.#client.xforward(event.attributes);
        return void engine.answer();
      case "vrfy":
        return this.#answerLater(
          this.#settings.verify?.(this.#client, event.text),
        );
    }
  }

  /** Who talks before the greeting does not keep to SMTP: spam software. */
  #greet(): Promise<void> | undefined {
    const { greetingDelayMs } = this.#settings;
    if (greetingDelayMs === 0 || this.#client.isLocal) {
      return void this.#engine.answer();
    }
    const pause = this.#settings.pause(greetingDelayMs);
    return this.#wire.isSilentFor(pause).then((isSilent) => {
      if (isSilent) {
        const reply = this.#isStopping ? REPLIES.shuttingDown : undefined;
        return this.#engine.answer(reply);
      }
      const reply = REPLIES.earlyTalker;
      this.#log.info("refused", { client: this.remote, ...verdict(reply) });
      this.#engine.answer(reply);
    });
  }

  #answerSender(mail: Sender): void {
    if (!this.#settings.mayMail(this.#client)) {
      const reply = REPLIES.tooManyMessages;
      this.#log.info("refused", { client: this.remote, ...verdict(reply) });
      return this.#engine.answer(reply);
    }
    const { sender, parameters } = mail;
    const { origin } = this.#client;
    this.#transaction = this.#newTransaction({ sender, parameters, origin });
    this.#engine.answer();
  }

  async #answerLater(waiting?: Promise<Reply | undefined>): Promise<void> {
    this.#engine.answer(await waiting);
  }

  /** RFC 3207 section 4.2: what was known through the clear is forgotten. */
  async #secure(): Promise<void> {
    await this.#wire.flush();
    const { connection, facts } = await this.#settings
      .startTls(this.#connection)
      .catch((cause) => {
        throw new HandshakeError("Cannot start TLS", { cause });
      });
    this.#connection = connection;
    this.#wire.replace(connection);
    this.#client.secured(facts);
    this.#engine.secured();
    this.#engine.offer = this.#settings.offer(this.#client);
    this.#log.debug("tls", { client: this.remote, ...facts });
  }

  /** What nobody was asked about, for the log; a stranger's errors cost time. */
  #report(): Promise<void> | undefined {
    const client = this.remote;
    for (const leniency of this.#engine.leniencies()) {
      this.#log.info("lenient", { client, leniency });
    }
    for (const reply of this.#engine.refusals()) {
      this.#log.info("refused", { client, ...verdict(reply) });
    }
    const { errors } = this.#engine;
    if (errors === this.#errors) return undefined;
    this.#errors = errors;
    const { errorDelayMs } = this.#settings;
    if (errorDelayMs === 0 || this.#client.mayRelay) return undefined;
    return this.#settings.pause(errorDelayMs);
  }

  /** Policy decides on each recipient's route; equal routes share a hop. */
  #newTransaction(mail: Sender): Transaction {
    const { table } = this.#settings;
    const clientIsLocal = this.#client.mayRelay;
    const isLmtp = this.#settings.engine.protocol === "lmtp";
    const hops = new Map<Route, Hop>();
    return new Transaction(mail, ({ recipient }) => {
      const route = routeOf(recipient, { table, clientIsLocal });
      if (route === "denied") return REPLIES.relayDenied;
      let hop = hops.get(route);
      if (hop === undefined) {
        hop = this.#settings.openHop(route, mail, this.#log);
        hops.set(route, hop);
      }
      return hop;
    }, isLmtp);
  }

  async #answerRecipients(
    recipients: Extract<Event, { type: "rcpt" }>["recipients"],
  ): Promise<void> {
    const replies = await this.#transaction!.rcpt(recipients);
    replies.forEach((reply, i) => {
      if (isPositive(reply)) return;
      const to = recipients[i]!.recipient.address;
      const from = fromOf(this.remote, this.#transaction!);
      this.#log.info("refused", { ...from, to, ...verdict(reply) });
    });
    this.#engine.answer(replies);
  }

  async #answerData(): Promise<void> {
    const reply = await this.#transaction!.data(this.#trace());
    if (isPositive(reply)) this.#wire.startMessage();
    else this.#endTransaction([reply], 0);
    this.#engine.answer(reply);
  }

  /** The hinge: the hops get their dot after the last who could refuse. */
  async #answerMessage(event: Extract<Event, { type: "end" }>): Promise<void> {
    const transaction = this.#transaction!;
    const refusal = event.refusal ?? transaction.refusal();
    if (refusal !== undefined) await transaction.abort();
    const replies = refusal === undefined
      ? await transaction.finish()
      : [refusal];
    if (replies.some(isPositive)) this.#messages++;
    this.#endTransaction(replies, event.size);
    this.#engine.answer(replies.length === 1 ? replies[0] : replies);
  }

  #reset(): Promise<void> | undefined {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    this.#client.forget();
    if (transaction === undefined) return void this.#engine.answer();
    return transaction.abort().then(() => this.#engine.answer());
  }

  #endTransaction(replies: readonly Reply[], size: number): void {
    const transaction = this.#transaction!;
    logMessage(this.#log, this.remote, transaction, { replies, size });
    this.#transaction = undefined;
    this.#client.forget();
  }

  #trace(): string {
    const { recipients, mail } = this.#transaction!;
    const { hostname, protocol } = this.#settings.engine;
    return traceOf(this.#client, {
      hostname,
      isLmtp: protocol === "lmtp",
      id: `${this.id}.${this.#messages + 1}`,
      recipients: recipients.map(({ recipient }) => recipient.address),
      date: new Date(this.#settings.now()),
      utf8: mail.parameters.smtputf8,
    });
  }

  /** How the session ended, in a word for the log. */
  async #fail(error: unknown): Promise<string> {
    const cause = deadlineErrorOf(this.#connection, error);
    if (cause instanceof DeadlineError) {
      return this.#isStopping ? "shutdown" : `${cause.direction} timeout`;
    }
    if (error instanceof HandshakeError) {
      const { cause } = error;
      this.#log.info("tls-failed", { client: this.remote, error: cause });
      return "TLS failed";
    }
    if (isLost(cause) || this.#connection.closed) return "connection lost";
    // A fault of ours ends the session, but not in silence.
    this.#log.error("failed", { error });
    this.#engine.close({ ...REPLIES.localError, code: 421 });
    await this.#wire.finish();
    return "failed";
  }
}
