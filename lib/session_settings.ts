/**
 * What a session is run with, and what it asks of the server around it.
 *
 * @module
 */

import type { Client, TlsFacts } from "./client.ts";
import type { Offer } from "./engine/extensions.ts";
import type { ServerOptions } from "./engine/options.ts";
import type { Reply } from "./engine/reply.ts";
import type { Hop, Sender } from "./hop.ts";
import type { Log } from "./log/log.ts";
import type { Login } from "./login.ts";
import type { RelayTable } from "./policy/relay_table.ts";
import type { Route } from "./policy/rules.ts";
import type { Connection } from "./transport/connection.ts";
import type { WireSettings } from "./wire.ts";

/** What the sessions of one listener have in common. */
export interface SessionSettings extends WireSettings {
  /** How the engine is run. */
  readonly engine: ServerOptions;
  /** The relay list. */
  readonly table: Pick<RelayTable, "find">;
  /** How long a client waits for the greeting, in ms; who can't is refused. */
  readonly greetingDelayMs: number;
  /** How long a stranger waits for the answer to a bad command, in ms. */
  readonly errorDelayMs: number;
  /** What EHLO offers that client now. */
  offer(client: Client): Offer;
  /** The next hop of a route, for one message; equal routes share one. */
  openHop(route: Exclude<Route, "denied">, mail: Sender, log: Log): Hop;
  /** Goes over to TLS, with a deadline of its own; closes what fails. */
  startTls(connection: Connection): Promise<Secured>;
  /** Who decides on logins; nothing where nobody may log in. */
  login(client: Client, log: Log): Login | undefined;
  /** Whether the client may send one more message now. */
  mayMail(client: Client): boolean;
  /** What the operator's code says to VRFY. */
  verify?(client: Client, text: string): Promise<Reply | undefined>;
  /** Lets time pass, in ms; less where the server ends. */
  pause(ms: number): Promise<void>;
}

/** A connection in TLS, and what that told. */
export interface Secured {
  /** What to go on with. */
  readonly connection: Connection;
  /** What is known through TLS. */
  readonly facts: TlsFacts;
}
