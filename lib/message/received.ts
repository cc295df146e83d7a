/**
 * The trace: the `Received:` field that a message gets on its way through, and
 * how many it has already. RFC 5321 sections 4.4 and 6.3.
 *
 * The rule: nothing from outside is written as it came. What a name, an address
 * or an id may not hold becomes "?", and each is bounded, so that no value can
 * end the field, open a comment or begin another field.
 *
 * The counter reads the header as it flows by, in stuffed form and cut
 * anywhere; it keeps no text and takes no header apart beyond that.
 *
 * @module
 */

/**
 * How many `Received:` fields a message may have before it is taken to run in a
 * circle. Postfix's figure; RFC 5321 section 6.3 would have 100, Sendmail stops
 * at 25.
 */
export const MAX_RECEIVED = 50;

/** Longest host name, in characters. RFC 5321 section 4.5.3.1.2. */
const MAX_NAME = 255;

/** Longest IPv6 address in text, in characters: one with an IPv4 tail. */
const MAX_ADDRESS = 45;

/** Longest session id, in characters: what a log line bears. */
const MAX_ID = 64;

/**
 * Longest recipient that is named, in characters: local part, "@", domain. RFC
 * 5321 section 4.5.3.1. A longer one is left out, for part of an address is
 * another address.
 */
const MAX_RECIPIENT = 64 + 1 + 255;

/** Line length that folding aims at, in characters. RFC 5322 section 2.1.1. */
const FOLD_AT = 78;

/** How a message came in. RFC 3848; the UTF-8 ones RFC 6531 section 4.3. */
export type TransmissionType =
  | "SMTP"
  | `${"ESMTP" | "LMTP" | "UTF8SMTP" | "UTF8LMTP"}${"" | "S"}${"" | "A"}`;

/** What decides the transmission type. */
export interface Transmission {
  /** Whether the client said EHLO. */
  readonly esmtp: boolean;
  /** Whether it said LHLO. */
  readonly lmtp: boolean;
  /** Whether the session is under TLS. */
  readonly tls: boolean;
  /** Whether the client has authenticated itself. */
  readonly authenticated: boolean;
  /** Whether MAIL had SMTPUTF8. */
  readonly utf8: boolean;
}

/** What a `Received:` field tells. */
export interface Trace {
  /** The client's name by its own account: the argument of HELO or EHLO. */
  readonly helo: string;
  /** The client's name by DNS, where it is known. */
  readonly clientName?: string | undefined;
  /** The client's bare address; empty for a Unix socket, absent: not known. */
  readonly clientAddress: string | undefined;
  /** This host's name. */
  readonly hostname: string;
  /** How the message came in. */
  readonly protocol: TransmissionType;
  /** The TLS version and cipher suite it came under, where it did. */
  readonly tls?:
    | {
      readonly protocol: string | undefined;
      readonly cipher: string | undefined;
    }
    | undefined;
  /** The session's or the message's id, as the log has it. */
  readonly id: string;
  /**
   * The recipient, without angle brackets, only where there is exactly one:
   * naming one of several would tell it to the others (RFC 5321 section 7.2).
   */
  readonly recipient?: string | undefined;
  /** When the message came in. */
  readonly date: Date;
  /** Whether the header may hold UTF-8. RFC 6532 section 3. */
  readonly utf8: boolean;
}

/**
 * Names how a message came in. There is no word for HELO under TLS, so that
 * counts as ESMTP.
 */
export function transmissionType(
  { esmtp, lmtp, tls, authenticated, utf8 }: Transmission,
): TransmissionType {
  if (!esmtp && !lmtp && !tls && !authenticated) return "SMTP";
  const base = lmtp ? utf8 ? "UTF8LMTP" : "LMTP" : utf8 ? "UTF8SMTP" : "ESMTP";
  return `${base}${tls ? "S" : ""}${authenticated ? "A" : ""}`;
}

/** Writes a `Received:` field: folded, each line ended by CRLF. */
export function formatReceived(trace: Trace): string {
  const { utf8 } = trace;
  const helo = cleanName(trace.helo, utf8);
  const name = trace.clientName === undefined
    ? ""
    : `${cleanName(trace.clientName, utf8)} `;
  // A Unix socket has no address to give; only who is on this host can use it.
  const client = trace.clientAddress === ""
    ? "localhost"
    : name + formatLiteral(trace.clientAddress);
  const recipient = formatRecipient(trace.recipient, utf8);
  const id = clean(trace.id, /[^A-Za-z0-9._+=-]/g, MAX_ID);
  const date = formatDate(trace.date);
  return fold([
    `Received: from ${helo}`,
    `(${client})`,
    ...formatTls(trace.tls),
    `by ${cleanName(trace.hostname, utf8)}`,
    `with ${trace.protocol}`,
    `id ${id}${recipient === "" ? ";" : ""}`,
    ...recipient === "" ? [] : [`for <${recipient}>;`],
    date,
  ]);
}

/** A comment, since the field has no clause for it; as Postfix and others do. */
function formatTls(tls: Trace["tls"]): readonly string[] {
  if (tls?.protocol === undefined) return [];
  const words = [tls.protocol, tls.cipher ?? ""].map((word) =>
    clean(word, /[^A-Za-z0-9._-]/g, MAX_ID)
  );
  const cipher = words[1] === "" ? "" : ` with cipher ${words[1]}`;
  return [`(using ${words[0]}${cipher})`];
}

let lastSecond = NaN;
let lastDate = "";

/** "GMT" is an obsolete zone (RFC 5322 section 4.3). Made once a second. */
function formatDate(date: Date): string {
  const second = Math.floor(date.getTime() / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastDate = date.toUTCString().replace("GMT", "+0000");
  }
  return lastDate;
}

/** Joins what must not be broken by spaces, or by folds where a line is full. */
function fold(parts: readonly string[]): string {
  const lines: string[] = [];
  let line = "";
  for (const part of parts) {
    if (line !== "" && line.length + 1 + part.length > FOLD_AT) {
      lines.push(line);
      line = "";
    }
    line += line === "" && lines.length === 0 ? part : ` ${part}`;
  }
  return `${[...lines, line].join("\r\n")}\r\n`;
}

function clean(text: string, forbidden: RegExp, max: number): string {
  const cut = text.slice(0, max).toWellFormed();
  return cut.replaceAll(forbidden, "?") || "unknown";
}

/** What most names are, and nothing has to be done about. */
const PLAIN_NAME = /^[A-Za-z0-9._-]{1,255}$/;

/** A domain or an address literal, as far as it is one. */
function cleanName(text: string, utf8: boolean): string {
  if (PLAIN_NAME.test(text)) return text;
  const forbidden = utf8
    ? /[^A-Za-z0-9._:[\]\u00a0-\uffff-]/g
    : /[^A-Za-z0-9._:[\]-]/g;
  return clean(text, forbidden, MAX_NAME);
}

/** An address as RFC 5321 section 4.1.3 writes it, without an IPv6 zone. */
function formatLiteral(address: string | undefined): string {
  if (address === undefined) return "[unknown]";
  const bare = clean(
    address.replace(/%.*$/s, ""),
    /[^0-9A-Fa-f:.]/g,
    MAX_ADDRESS,
  );
  return bare.includes(":") ? `[IPv6:${bare}]` : `[${bare}]`;
}

function formatRecipient(recipient: string | undefined, utf8: boolean): string {
  if (recipient === undefined || recipient.length > MAX_RECIPIENT) return "";
  const forbidden = utf8 ? /\p{Cc}/gu : /[^ -~]/g;
  return recipient.toWellFormed().replaceAll(forbidden, "?");
}

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const COLON = 0x3a;
const FIELD_NAME = new TextEncoder().encode("received");

/** The bit that tells small ASCII letters from capitals. */
const CASE_BIT = 0x20;

/** Where the counter stands. A number: so much of the field's name is seen. */
type CounterAt = "line start" | "in a line" | "body" | number;

/** Counts the `Received:` fields of a message while it flows by. */
export class ReceivedCounter {
  #at: CounterAt = "line start";
  #count = 0;

  /** How many have been seen. */
  get count(): number {
    return this.#count;
  }

  /**
   * Looks at the next bytes of the message, in stuffed form. Behind the header
   * it looks at nothing.
   */
  add(piece: Uint8Array): void {
    for (let i = 0; i < piece.length && this.#at !== "body";) {
      if (this.#at === "in a line") {
        const end = piece.indexOf(LF, i);
        if (end < 0) return;
        this.#at = "line start";
        i = end + 1;
        continue;
      }
      const byte = piece[i]!;
      if (this.#at === "line start") {
        if (byte === CR) {
          this.#at = "body";
          return;
        }
        // A dot there is stuffing: what follows it is the line.
        this.#at = 0;
        if (byte === DOT) i++;
        continue;
      }
      // Spaces before the colon are obsolete, but still a field (RFC 5322
      // section 4.5.8).
      if (this.#at === FIELD_NAME.length && (byte === COLON || isBlank(byte))) {
        if (byte === COLON) {
          this.#count++;
          this.#at = "in a line";
        }
        i++;
      } else if ((byte | CASE_BIT) === FIELD_NAME[this.#at]) {
        this.#at++;
        i++;
      } else {
        this.#at = "in a line";
      }
    }
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}
