/**
 * Gathers the RCPT commands that came right behind one another, so that they
 * can be asked of the relay in one piece.
 *
 * It takes only those that may be asked about: what can be refused at once, or
 * is another command, comes after the answer to them.
 *
 * @module
 */

import type { Command } from "./command.ts";
import type { RcptCommand } from "./events.ts";
import { recipientRefusal } from "./permission.ts";
import type { Reply } from "./reply.ts";
import type { Standing } from "./standing.ts";

/** Recipients to ask about, and what came behind them. */
export interface Gathered {
  /** The first and all that follow. */
  readonly recipients: readonly RcptCommand[];
  /** What was read behind them, if anything. */
  readonly behind: Command | Reply | undefined;
}

/** Gathers those behind `first`; `read` gives what comes next, if it is there. */
export function gatherRecipients(
  first: RcptCommand,
  read: () => Command | Reply | undefined,
  standing: Standing,
): Gathered {
  const recipients = [first];
  let behind;
  while ((behind = read()) !== undefined) {
    if (!("verb" in behind) || behind.verb !== "RCPT") break;
    const asked = recipients.length;
    if (recipientRefusal(behind, asked, standing) !== undefined) break;
    recipients.push(behind);
  }
  return { recipients, behind };
}
