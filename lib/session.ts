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

import type { Event } from "./engine/events.ts";
import { isPositive, REPLIES, type Reply, replyLines } from "./engine/reply.ts";
import { ServerEngine, type ServerOptions } from "./engine/server.ts";
import type { Hop, Sender } from "./hop.ts";
import type { Log } from "./log/log.ts";
import { formatReceived, transmissionType } from "./message/received.ts";
import type { RelayTable } from "./policy/relay_table.ts";
import { type Route, routeOf } from "./policy/rules.ts";
import { Transaction } from "./transaction.ts";
import {
  type Connection,
  DeadlineError,
  deadlineErrorOf,
} from "./transport/connection.ts";
import { Wire, type WireSettings } from "./wire.ts";

/** What the sessions of one server have in common. */
export interface SessionSettings extends WireSettings {
  /** How the engine is run. */
  readonly engine: ServerOptions;
  /** The relay list. */
  readonly table: Pick<RelayTable, "find">;
  /** The next hop of a route, for one message; equal routes share one. */
  openHop(route: Exclude<Route, "denied">, mail: Sender, log: Log): Hop;
}

/** Who is at the other end. */
export interface Client {
  /** Names the session in log lines and `Received:` fields. */
  readonly id: string;
  /** Whether it may send anywhere. */
  readonly isLocal: boolean;
}

/** One client's session. */
export class Session {
  /** Names it in log lines. */
  readonly id: string;
  readonly #connection: Connection;
  readonly #client: Client;
  readonly #settings: SessionSettings;
  readonly #engine: ServerEngine;
  readonly #wire: Wire;
  readonly #log: Log;
  #transaction: Transaction | undefined;
  #hello = "";
  #messages = 0;
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
    this.#engine = new ServerEngine(settings.engine);
    this.#wire = new Wire(connection, this.#engine, settings);
    this.#log = log.child(client.id);
  }

  /** The client's bare address; empty on a Unix socket. */
  get remote(): string {
    return this.#connection.remote;
  }

  /** The transaction in progress. */
  get transaction(): Transaction | undefined {
    return this.#transaction;
  }

  /** Runs the session to its end; never rejects. */
  async run(): Promise<void> {
    const { remote, remotePort } = this.#connection;
    this.#log.debug("connect", { client: remote, port: remotePort });
    let end = "quit";
    try {
      do {
        for (let event; (event = this.#engine.next()) !== undefined;) {
          const waiting = this.#answer(event);
          if (waiting !== undefined) await waiting;
        }
        for (const reply of this.#engine.refusals()) {
          this.#log.info("refused", { client: remote, ...verdict(reply) });
        }
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
      client: remote,
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
      case "hello":
        this.#hello = event.name;
        return this.#reset();
      case "mail":
        this.#transaction = this.#newTransaction(event);
        return void engine.answer();
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
      case "connect":
        return void engine.answer();
    }
  }

  /** Policy decides on each recipient's route; equal routes share a hop. */
  #newTransaction(mail: Sender): Transaction {
    const { table } = this.#settings;
    const { isLocal: clientIsLocal } = this.#client;
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
    });
  }

  async #answerRecipients(
    recipients: Extract<Event, { type: "rcpt" }>["recipients"],
  ): Promise<void> {
    const replies = await this.#transaction!.rcpt(recipients);
    replies.forEach((reply, i) => {
      if (isPositive(reply)) return;
      const to = recipients[i]!.recipient.address;
      this.#log.info("refused", { ...this.#from, to, ...verdict(reply) });
    });
    this.#engine.answer(replies);
  }

  async #answerData(): Promise<void> {
    const reply = await this.#transaction!.data(this.#trace());
    if (isPositive(reply)) this.#wire.startMessage();
    else this.#endTransaction(reply, 0);
    this.#engine.answer(reply);
  }

  /** The hinge: the hops get their dot after the last who could refuse. */
  async #answerMessage(event: Extract<Event, { type: "end" }>): Promise<void> {
    const transaction = this.#transaction!;
    const refusal = event.refusal ?? transaction.refusal();
    if (refusal !== undefined) await transaction.abort();
    const reply = refusal ?? await transaction.finish();
    if (isPositive(reply)) this.#messages++;
    this.#endTransaction(reply, event.size);
    this.#engine.answer(reply);
  }

  #reset(): Promise<void> | undefined {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    if (transaction === undefined) return void this.#engine.answer();
    return transaction.abort().then(() => this.#engine.answer());
  }

  #endTransaction(reply: Reply, size: number): void {
    const { recipients, hops } = this.#transaction!;
    this.#log.info("message", {
      ...this.#from,
      to: recipients.map(({ recipient }) => recipient.address).join(","),
      size,
      by: hops.map(({ name }) => name).join(","),
      ...verdict(reply),
    });
    const { delivered } = this.#transaction!;
    if (!isPositive(reply) && delivered.length > 0) {
      // The client hears the failure, so these will get it twice, or it bounces.
      const by = delivered.map(({ name }) => name).join(",");
      this.#log.warn("partly-delivered", { ...this.#from, by });
    }
    this.#transaction = undefined;
  }

  get #from(): { client: string; from: string } {
    const from = this.#transaction!.mail.sender?.address ?? "";
    return { client: this.remote, from };
  }

  /** RFC 5321 section 4.4. A single recipient is named; of several none is. */
  #trace(): string {
    const { recipients, mail } = this.#transaction!;
    const utf8 = mail.parameters.smtputf8;
    const only = recipients.length === 1 ? recipients[0] : undefined;
    return formatReceived({
      helo: this.#hello,
      clientAddress: this.remote,
      hostname: this.#settings.engine.hostname,
      protocol: transmissionType({
        esmtp: this.#engine.esmtp,
        tls: false,
        authenticated: false,
        utf8,
      }),
      id: `${this.id}.${this.#messages + 1}`,
      recipient: only?.recipient.address,
      date: new Date(this.#settings.now()),
      utf8,
    });
  }

  /** How the session ended, in a word for the log. */
  async #fail(error: unknown): Promise<string> {
    const cause = deadlineErrorOf(this.#connection, error);
    if (cause instanceof DeadlineError) {
      return this.#isStopping ? "shutdown" : `${cause.direction} timeout`;
    }
    const isLost = GONE.some((type) => cause instanceof type);
    if (isLost || this.#connection.closed) return "connection lost";
    // A fault of ours ends the session, but not in silence.
    this.#log.error("failed", { error });
    this.#engine.close({ ...REPLIES.localError, code: 421 });
    await this.#wire.finish();
    return "failed";
  }
}

/** What a connection fails with whose other end has gone. */
const GONE = [
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionAborted,
  Deno.errors.BrokenPipe,
  Deno.errors.NotConnected,
];

/** What the log says of a reply. */
function verdict(reply: Reply): Record<string, string | number> {
  const { code, status } = reply;
  const text = replyLines(reply).join(" ");
  return { code, ...(status === undefined ? {} : { status }), reply: text };
}
