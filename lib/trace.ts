/**
 * The `Received:` field of a message in a session. RFC 5321 section 4.4.
 *
 * @module
 */

import type { Client } from "./client.ts";
import { formatReceived, transmissionType } from "./message/received.ts";

/** What a field tells beside the client. */
export interface TraceFacts {
  /** This host's name. */
  readonly hostname: string;
  /** Whether it came over LMTP. */
  readonly isLmtp: boolean;
  /** The message's id, as the log has it. */
  readonly id: string;
  /** Its recipients. A single one is named; of several none is. */
  readonly recipients: readonly string[];
  /** When it came. */
  readonly date: Date;
  /** Whether MAIL had SMTPUTF8. */
  readonly utf8: boolean;
}

/** Writes the field for a message of `client`. */
export function traceOf(client: Client, facts: TraceFacts): string {
  const { hostname, isLmtp, id, recipients, date, utf8 } = facts;
  const { address, name, helo } = client.origin;
  return formatReceived({
    helo,
    clientName: name,
    clientAddress: client.isOriginKnown ? address : undefined,
    hostname,
    protocol: transmissionType({
      esmtp: client.esmtp,
      lmtp: isLmtp,
      tls: client.tls !== undefined,
      authenticated: client.login !== undefined,
      utf8,
    }),
    tls: client.tls,
    id,
    recipient: recipients.length === 1 ? recipients[0] : undefined,
    date,
    utf8,
  });
}
