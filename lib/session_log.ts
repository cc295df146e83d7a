/**
 * What a session writes into the log.
 *
 * @module
 */

import { isPositive, type Reply, replyLines } from "./engine/reply.ts";
import type { Log } from "./log/log.ts";
import type { Transaction } from "./transaction.ts";

/** What the log says of a reply. */
export function verdict(reply: Reply): Record<string, string | number> {
  const { code, status } = reply;
  const text = replyLines(reply).join(" ");
  return { code, ...(status === undefined ? {} : { status }), reply: text };
}

/** Who a transaction is from, for the log. */
export function fromOf(
  client: string,
  { mail }: Transaction,
): { client: string; from: string } {
  return { client, from: mail.sender?.address ?? "" };
}

/** The line for a message, whatever became of it. */
export function logMessage(
  log: Log,
  client: string,
  transaction: Transaction,
  { reply, size }: { readonly reply: Reply; readonly size: number },
): void {
  const { recipients, hops, delivered } = transaction;
  const from = fromOf(client, transaction);
  log.info("message", {
    ...from,
    to: recipients.map(({ recipient }) => recipient.address).join(","),
    size,
    by: hops.map(({ name }) => name).join(","),
    ...verdict(reply),
  });
  if (isPositive(reply) || delivered.length === 0) return;
  // The client hears the failure, so these will get it twice, or it bounces.
  const by = delivered.map(({ name }) => name).join(",");
  log.warn("partly-delivered", { ...from, by });
}
