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

/**
 * The line for a message, whatever became of it; where each recipient has its
 * own verdict (LMTP), also one for each refusal.
 */
export function logMessage(
  log: Log,
  client: string,
  transaction: Transaction,
  { replies, size }: {
    readonly replies: readonly Reply[];
    readonly size: number;
  },
): void {
  const { recipients, hops, delivered } = transaction;
  const from = fromOf(client, transaction);
  const isForEach = replies.length > 1;
  const reply = replies.find(isPositive) ?? replies[0]!;
  for (const [i, each] of isForEach ? replies.entries() : []) {
    if (isPositive(each)) continue;
    const to = recipients[i]!.recipient.address;
    log.info("refused", { ...from, to, ...verdict(each) });
  }
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
