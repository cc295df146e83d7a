/**
 * What a relay does wrong, by chance and the same for the same seed: replies
 * dropped, doubled, garbage, wrong codes, cut off, connections closed.
 *
 * The rule: a fault changes one reply and what comes behind it on its
 * connection; which reply is counted over all connections.
 *
 * @module
 */

/** One reply, as it is said. */
export interface SaidReply {
  /** What is said, a character for each byte. */
  readonly octets: string;
  /** What happens behind it; the connection goes on where it is absent. */
  readonly then?: "eof" | "reset" | "silence";
}

/** Changes a reply. */
export interface RelayFault {
  /** In words. */
  readonly words: string;
  /** Whether there is a reply more or less, so that the next ones are shifted. */
  readonly shifts?: true;
  /** The reply, as it is said instead. */
  change(reply: string): SaidReply;
}

/** How a relay speaks. */
export interface RelayPlan {
  /** EHLO's keywords. */
  readonly offer: readonly string[];
  /** How its replies go out: all that are due together, or a byte a time. */
  readonly speaks: "reply" | "joined" | "bytes";
  /** What goes wrong, by the reply's number, from 0, over all connections. */
  readonly faults: ReadonlyMap<number, RelayFault>;
}

/** Most faults of one relay. */
const MAX_FAULTS = 3;

/** Faults fall on the first so many replies: those of one message and a half. */
const MAX_REPLY_NUMBER = 9;

/** Longer than any reply line that is taken, in bytes. */
const LONG_LINE_BYTES = 3_000;

/** More lines than any reply has. */
const MANY_LINES = 200;

const CODES: readonly string[] = [
  ...["199", "200", "211", "220", "221", "250", "251", "299", "334", "354"],
  ...["421", "450", "451", "452", "500", "501", "503", "550", "552", "554"],
  ...["555", "600", "099", "999", "25", "2500", "   "],
];

type Chance = () => number;

/**
 * Makes up what a relay does wrong.
 *
 * @param offer The keywords that it offers.
 * @param chance Numbers from 0 up to but without 1.
 */
export function relayPlan(
  offer: readonly string[],
  chance: Chance,
): RelayPlan {
  const faults = new Map<number, RelayFault>();
  const count = Math.floor(chance() * (MAX_FAULTS + 1));
  for (let i = 0; i < count; i++) {
    const number = Math.floor(chance() * MAX_REPLY_NUMBER);
    const fault = pick(FAULTS, chance)(chance);
    // A second shift may undo the first: then nobody could tell what was meant.
    const isSecond = fault.shifts &&
      faults.values().some(({ shifts }) => shifts);
    if (!isSecond) faults.set(number, fault);
  }
  const speaks = pick(
    ["reply", "reply", "joined", "bytes"] as const,
    chance,
  );
  return { offer, speaks, faults };
}

const FAULTS: readonly ((chance: Chance) => RelayFault)[] = [
  () => ({ shifts: true, words: "dropped", change: () => ({ octets: "" }) }),
  () => ({
    words: "dropped, and no more said",
    change: () => ({ octets: "", then: "silence" }),
  }),
  () => ({
    shifts: true,
    words: "doubled",
    change: (reply) => ({ octets: reply + reply }),
  }),
  wrongCode,
  wrongCode,
  wrongCode,
  (chance) => {
    const code = pick(CODES, chance);
    return {
      shifts: true,
      words: `with another reply, "${code}", before it`,
      change: (reply) => ({ octets: `${code} 2.0.0 Unasked\r\n${reply}` }),
    };
  },
  (chance) => {
    const code = pick(CODES, chance);
    return {
      shifts: true,
      words: `with another reply, "${code}", behind it`,
      change: (reply) => ({ octets: `${reply}${code} 2.0.0 Unasked\r\n` }),
    };
  },
  (chance) => {
    const code = pick(CODES, chance);
    return {
      words: `with a first line of the code "${code}"`,
      change: (reply) => ({ octets: `${code}-2.0.0 Other\r\n${reply}` }),
    };
  },
  (chance) => {
    const bytes = Array.from(
      { length: 1 + Math.floor(chance() * 40) },
      () => String.fromCharCode(Math.floor(chance() * 256)),
    ).join("");
    return {
      words: "made garbage",
      change: () => ({ octets: `${bytes}\r\n` }),
    };
  },
  (chance) => {
    const part = chance();
    const then = pick(["eof", "reset", "silence"] as const, chance);
    return {
      words: `cut off, then ${then}`,
      change: (reply) => ({
        octets: reply.slice(0, Math.floor(part * reply.length)),
        then,
      }),
    };
  },
  (chance) => {
    const then = pick(["eof", "reset"] as const, chance);
    return {
      words: `said, then ${then}`,
      change: (octets) => ({ octets, then }),
    };
  },
  (chance) => {
    const part = chance();
    const bit = 1 << Math.floor(chance() * 8);
    return {
      words: `with bit ${bit} of a byte flipped`,
      change: (reply) => {
        const at = Math.floor(part * reply.length);
        const byte = String.fromCharCode(reply.charCodeAt(at) ^ bit);
        return { octets: reply.slice(0, at) + byte + reply.slice(at + 1) };
      },
    };
  },
  (chance) => {
    const part = chance();
    const fragment = pick(["\r", "\n", "\0", "\r\n", "\xff", "-"], chance);
    return {
      shifts: true,
      words: `with ${JSON.stringify(fragment)} put in`,
      change: (reply) => {
        const at = Math.floor(part * reply.length);
        return { octets: reply.slice(0, at) + fragment + reply.slice(at) };
      },
    };
  },
  () => ({
    words: "ended by a bare LF",
    change: (reply) => ({ octets: reply.replace(/\r\n$/, "\n") }),
  }),
  () => ({
    shifts: true,
    words: "never finished",
    change: (reply) => ({ octets: reply.replaceAll(/^(\d{3}) /gm, "$1-") }),
  }),
  () => ({
    words: `with a line of ${LONG_LINE_BYTES} bytes`,
    change: (reply) => ({
      octets: reply.replace(/\r\n$/, `${"x".repeat(LONG_LINE_BYTES)}\r\n`),
    }),
  }),
  () => ({
    words: `with ${MANY_LINES} lines`,
    change: (reply) => ({
      octets: `${reply.slice(0, 3)}-more\r\n`.repeat(MANY_LINES) + reply,
    }),
  }),
];

function wrongCode(chance: Chance): RelayFault {
  const code = pick(CODES, chance);
  return {
    words: `with the code "${code}"`,
    change: (reply) => ({ octets: reply.replaceAll(/^\d{3}/gm, code) }),
  };
}

function pick<T>(from: readonly T[], chance: Chance): T {
  return from[Math.floor(chance() * from.length)]!;
}
