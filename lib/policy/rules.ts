/**
 * Where a recipient's mail may go.
 *
 * The rule: a domain of the relay list goes to its own relay or the default
 * one; everything else only a local client may send. RFC 5321 section 7.9.
 *
 * @module
 */

import type { Mailbox } from "../engine/path.ts";
import type { RelayEntry, RelayTable } from "./relay_table.ts";

/** What decides about a recipient. */
export interface RelayRules {
  /** The relay list. */
  readonly table: Pick<RelayTable, "find">;
  /** Whether the client is of a local network, or on a Unix socket. */
  readonly clientIsLocal: boolean;
}

/** Where a recipient goes: to a relay of its own, to the default, nowhere. */
export type Route = RelayEntry | "default" | "denied";

/** Decides where the mail for `recipient` goes. */
export function routeOf(recipient: Mailbox, rules: RelayRules): Route {
  // <postmaster> without a domain is this host's: RFC 5321 section 4.5.1.
  if (recipient.domain === "") return "default";
  const entry = rules.table.find(recipient.domain);
  if (entry?.host !== undefined) return entry;
  return entry !== undefined || rules.clientIsLocal ? "default" : "denied";
}
