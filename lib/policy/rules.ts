/**
 * Where a recipient's mail may go.
 *
 * The rule: a domain of the relay list goes to its own relay or the default
 * one; everything else only a local client may send, and so an address that
 * names a further way in its local part. RFC 5321 section 7.9.
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

/**
 * What a relay may take for a way on from it, as Postfix does by default:
 * `user%far.test@here`, `far.test!user@here`, `"user@far.test"@here`. It trusts
 * this host, so it would send for anyone. RFC 5321 appendix C.
 */
const ROUTED = /[%!@]/;

/** Decides where the mail for `recipient` goes. */
export function routeOf(recipient: Mailbox, rules: RelayRules): Route {
  // <postmaster> without a domain is this host's: RFC 5321 section 4.5.1.
  if (recipient.domain === "") return "default";
  if (!rules.clientIsLocal && isRouted(recipient)) return "denied";
  const entry = rules.table.find(recipient.domain);
  if (entry?.hostname !== undefined) return entry;
  return entry !== undefined || rules.clientIsLocal ? "default" : "denied";
}

/** A relay may take full-width signs for the plain ones (NFKC), so this does. */
function isRouted({ local, utf8 }: Mailbox): boolean {
  return ROUTED.test(utf8 ? local.normalize("NFKC") : local);
}
