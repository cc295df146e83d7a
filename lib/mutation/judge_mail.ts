/**
 * Decides whether the messages that came out are those that the client ended.
 *
 * The rule: each message that the client heard 2xx for came out before that,
 * to all its recipients, and everyone who was given it said yes. One that was
 * refused may have come out all the same, since a relay can take it and fail
 * before its client hears so; one that was never ended must not. Content is the
 * data sent and nothing else, but for the trace before it.
 *
 * @module
 */

/** A message that the client ended. */
export interface Message {
  /** Address of the reverse-path; empty for `<>`. */
  readonly sender: string;
  /** The recipients that were answered with 2xx, in order. */
  readonly recipients: readonly string[];
  /** As it must come out, a character for each byte. */
  readonly octets: string;
  /** Whether it was answered with 2xx. */
  readonly isTaken: boolean;
  /** How many messages had been taken when its reply was heard. */
  readonly taken: number;
}

/** A message that somebody was given, ended. */
export interface Taken {
  /** The sender. */
  readonly sender: string;
  /** The recipients that somebody said yes to, in order. */
  readonly recipients: readonly string[];
  /** The message, dots taken off, a character for each byte. */
  readonly octets: string;
  /** Whether the trace is before it. */
  readonly hasTrace: boolean;
  /** Whether the answer was 2xx. */
  readonly isTaken: boolean;
}

/** One folded `Received:` field. */
const TRACE = /^Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*$/;

/**
 * Finds for each message that came out the one that it is.
 *
 * @param messages What the client ended, in order.
 * @param taken What came out, in order.
 * @param isOpenEnded Whether more may have been taken than the client knows of.
 * @returns What does not fit, in words; `undefined`: everything does.
 */
export function matchTaken(
  messages: readonly Message[],
  taken: readonly Taken[],
  isOpenEnded: boolean,
): string | undefined {
  let furthest: readonly [number, number] = [0, 0];
  /** Whether the messages from `m` are those that were taken from `t`. */
  const fits = (m: number, t: number): boolean => {
    if (m + t > furthest[0] + furthest[1]) furthest = [m, t];
    const message = messages[m];
    if (message === undefined) return t === taken.length || isOpenEnded;
    if (!message.isTaken && fits(m + 1, t)) return true;
    const rest = [...message.recipients];
    for (let to = t; isPart(message, taken[to], rest);) {
      to++;
      if (message.isTaken && (rest.length > 0 || to > message.taken)) continue;
      const all = taken.slice(t, to).every(({ isTaken }) => isTaken);
      if ((all || !message.isTaken) && fits(m + 1, to)) return true;
    }
    return false;
  };
  if (fits(0, 0)) return undefined;
  const [m, t] = furthest;
  return describe(messages[m], taken[t]);
}

/** Whether it came out so, to recipients that are missing yet, which it takes. */
function isPart(
  message: Message,
  taken: Taken | undefined,
  rest: string[],
): taken is Taken {
  if (taken === undefined || taken.sender !== message.sender) return false;
  if (!isContent(message, taken)) return false;
  for (const recipient of taken.recipients) {
    const at = rest.indexOf(recipient);
    if (at < 0) return false;
    rest.splice(at, 1);
  }
  return taken.recipients.length > 0;
}

function isContent({ octets }: Message, taken: Taken): boolean {
  if (!taken.hasTrace) return taken.octets === octets;
  if (!taken.octets.endsWith(octets)) return false;
  return TRACE.test(
    taken.octets.slice(0, taken.octets.length - octets.length),
  );
}

function describe(
  message: Message | undefined,
  taken: Taken | undefined,
): string {
  if (message === undefined && taken !== undefined) {
    return `a message came out that was not ended: ${envelopeOf(taken)}`;
  }
  if (message !== undefined && taken === undefined) {
    return `a message was answered with 2xx and did not come out: ${
      envelopeOf(message)
    }`;
  }
  if (message === undefined || taken === undefined) return "a message is wrong";
  const isSame = isContent(message, taken);
  return `a message came out wrong: ${envelopeOf(message)}${
    message.isTaken ? "" : ", refused,"
  } as ${envelopeOf(taken)}${taken.isTaken ? "" : ", refused,"} with ${
    isSame ? "the same text" : "another text"
  }`;
}

function envelopeOf(
  { sender, recipients }: Pick<Message, "sender" | "recipients">,
): string {
  return `from=<${sender}> to=<${recipients.join(">,<")}>`;
}
