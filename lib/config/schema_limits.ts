/**
 * The rows of the table for what one client, one message and one wait may take: section `limits`.
 *
 * Only rows: what the fields mean stands in key.ts.
 *
 * @module
 */
import { LENIENCIES } from "../engine/leniency.ts";
import type { Key } from "./key.ts";

/** Bounds of every wait: below it no network answers, above it a dead peer is never noticed. */
const WAIT = { min: "10ms", max: "24h" } as const;

/** Rows by full name. */
export const LIMIT_KEYS: Readonly<Record<string, Key>> = {
  "limits.data": {
    type: "size",
    default: "10MiB",
    min: "1B",
    max: "64GiB",
    meaning: "Largest message, announced with SIZE; a larger one gets 552.",
  },
  "limits.recipients": {
    type: "integer",
    default: 100,
    min: 1,
    max: 100_000,
    meaning: "Most recipients of one message; further ones get 452.",
  },
  "limits.line": {
    type: "size",
    default: 4_096,
    min: 512,
    max: "1MiB",
    meaning:
      "Longest command line with its end; a longer one gets 500. RFC 5321 section 4.5.3.1.4 asks for 512 bytes.",
  },
  "limits.sessions": {
    type: "integer",
    default: 1_000,
    min: 1,
    max: 100_000,
    meaning: "Most sessions at once; further clients get 421.",
  },
  "limits.sessions_per_client": {
    type: "integer",
    default: 100,
    min: 1,
    max: 100_000,
    meaning: "Most sessions at once from one address; further ones get 421.",
  },
  "limits.errors": {
    type: "integer",
    default: 10,
    min: 1,
    max: 10_000,
    meaning: "Bad commands in one session until it gets 421 and is closed.",
  },
  "limits.bare_newline": {
    type: "choice",
    choices: ["normalize", "reject"],
    default: "normalize",
    meaning:
      "What happens to a CR or LF that stands alone in a message: made a line end, or the message refused with 550. It is never passed on as it came.",
  },
  "limits.lenient": {
    type: "choice",
    list: true,
    choices: LENIENCIES,
    default: [],
    meaning:
      "Mistakes of old devices to put up with; each use is logged. no-angle-brackets: MAIL FROM:a@b.example. space-after-colon: MAIL FROM: <a@b.example>. any-hello-name: HELO with what is no domain, as my_pc. dots-in-local-part: a..b.@example.org.",
  },
  "limits.greeting_delay": {
    type: "duration",
    default: 0,
    min: 0,
    max: "1m",
    meaning:
      "How long a client that is not local waits for the greeting. One that talks before it, as much software for spam does, is refused. 0: no wait, and no refusal.",
  },
  "limits.error_delay": {
    type: "duration",
    default: "1s",
    min: 0,
    max: "1m",
    meaning:
      "How long the reply to a bad command of a client that is not local is held back.",
  },
  "limits.connection_rate": {
    type: "integer",
    default: 1_000,
    min: 0,
    max: 1_000_000,
    meaning:
      "Most connections of one client that is not local within limits.rate_period; further ones get 421. 0: no bound.",
  },
  "limits.message_rate": {
    type: "integer",
    default: 1_000,
    min: 0,
    max: 1_000_000,
    meaning:
      "Most messages of one client that is not local within limits.rate_period; further ones get a 4xx. 0: no bound.",
  },
  "limits.rate_period": {
    type: "duration",
    default: "60s",
    min: "1s",
    max: "24h",
    meaning: "The time that the two rates count in.",
  },
  "limits.read_timeout": {
    type: "duration",
    default: "60s",
    ...WAIT,
    meaning: "Longest wait for the peer to send something.",
  },
  "limits.write_timeout": {
    type: "duration",
    default: "60s",
    ...WAIT,
    meaning: "Longest wait for the peer to take something.",
  },
  "limits.drain": {
    type: "duration",
    default: "30s",
    min: 0,
    max: "24h",
    meaning: "How long sessions may go on after the server was told to stop.",
  },
};
