/**
 * Every code and text that Postern itself answers, and how a reply becomes
 * bytes.
 *
 * A reply is a value; closing the connection is a field of it, not a side
 * effect. Text from outside (a relay's, an operator's) is cleaned here, so it
 * can't forge a second reply.
 *
 * @module
 */

/** One reply of the server. RFC 5321 section 4.2, RFC 2034, RFC 3463. */
export interface Reply {
  /** Three digits. RFC 5321 section 4.2.1. */
  readonly code: number;
  /** Enhanced status code, `"5.7.1"`. RFC 3463. */
  readonly status?: string;
  /** The text: one line, or one string a line. */
  readonly text: string | readonly string[];
  /** The connection ends after this reply. */
  readonly close?: true;
}

/**
 * Longest reply line, CRLF included. RFC 5321 section 4.5.3.1.5; a longer text
 * is cut.
 */
export const MAX_REPLY_LINE_BYTES = 512;

/** The replies with a fixed text. */
export const REPLIES = {
  start: { code: 354, text: "End data with <CRLF>.<CRLF>" },
  bye: { code: 221, status: "2.0.0", text: "Bye", close: true },
  ok: { code: 250, status: "2.0.0", text: "OK" },
  delivered: { code: 250, status: "2.0.0", text: "Message delivered" },
  senderOk: { code: 250, status: "2.1.0", text: "Sender OK" },
  recipientOk: { code: 250, status: "2.1.5", text: "Recipient OK" },
  // RFC 5321 section 3.5.3: 252 where the address isn't looked at.
  cannotVerify: {
    code: 252,
    status: "2.5.0",
    text: "Cannot verify, but will take mail for it and try",
  },
  tlsReady: { code: 220, status: "2.0.0", text: "Ready to start TLS" },
  authOk: { code: 235, status: "2.7.0", text: "Authentication succeeded" },
  noExpn: { code: 502, status: "5.5.1", text: "Mailing lists are not shown" },
  unknown: {
    code: 500,
    status: "5.5.2",
    text: "Unknown command, HELP lists those known",
  },
  needEhlo: { code: 503, status: "5.5.1", text: "Expected EHLO first" },
  needLhlo: {
    code: 500,
    status: "5.5.1",
    text: "Unknown command: expected LHLO, this is LMTP",
  },
  notSmtp: {
    code: 421,
    status: "4.7.0",
    text: "This is an SMTP server, closing",
    close: true,
  },
  earlyTalker: {
    code: 554,
    status: "5.5.1",
    text: "Expected you to wait for the greeting",
    close: true,
  },
  tooLong: { code: 500, status: "5.5.2", text: "Line too long" },
  bareNewline: {
    code: 500,
    status: "5.5.2",
    text: "Bare CR, bare LF or NUL in a command: expected lines ended by CRLF",
  },
  bareNewlineInData: {
    code: 550,
    status: "5.6.0",
    text: "Bare CR or LF in the message: expected lines ended by CRLF",
  },
  lostChunk: {
    code: 501,
    status: "5.5.4",
    text: "Cannot read BDAT: expected BDAT SIZE or BDAT SIZE LAST, closing",
    close: true,
  },
  lateChunk: {
    code: 503,
    status: "5.5.1",
    text: "The message of this chunk was refused: expected MAIL or RSET",
  },
  needBdat: {
    code: 503,
    status: "5.5.1",
    text: "BODY=BINARYMIME can't come by DATA: expected BDAT",
  },
  noLmtpRecipients: {
    code: 503,
    status: "5.5.1",
    text: "No valid recipients",
  },
  noRecipients: { code: 554, status: "5.5.1", text: "No valid recipients" },
  tooManyRecipients: {
    code: 452,
    status: "4.5.3",
    text: "Too many recipients",
  },
  tooManyErrors: {
    code: 421,
    status: "4.7.0",
    text: "Too many errors, closing",
    close: true,
  },
  tooBig: {
    code: 552,
    status: "5.3.4",
    text: "Message exceeds the size limit",
  },
  loop: {
    code: 554,
    status: "5.4.6",
    text: "Too many Received: fields, a mail loop",
  },
  noStartTls: { code: 502, status: "5.5.1", text: "STARTTLS is not offered" },
  noAuth: { code: 502, status: "5.5.1", text: "AUTH is not offered" },
  noChunking: { code: 502, status: "5.5.1", text: "BDAT is not offered" },
  noXclient: { code: 502, status: "5.5.1", text: "XCLIENT is not offered" },
  noXforward: { code: 502, status: "5.5.1", text: "XFORWARD is not offered" },
  tlsActive: { code: 503, status: "5.5.1", text: "TLS is on already" },
  tlsUnavailable: {
    code: 454,
    status: "4.7.0",
    text: "TLS is not available, try again later",
  },
  needTls: {
    code: 530,
    status: "5.7.0",
    text: "Must issue STARTTLS first",
  },
  needAuth: { code: 530, status: "5.7.0", text: "Must authenticate first" },
  // RFC 4954 section 6 keeps 538 for old servers; clients show its text.
  authNeedsTls: {
    code: 538,
    status: "5.7.11",
    text: "Must issue STARTTLS before AUTH",
  },
  authTwice: { code: 503, status: "5.5.1", text: "Authenticated already" },
  noMechanism: {
    code: 504,
    status: "5.5.4",
    text: "Mechanism is not offered: expected one that EHLO lists",
  },
  authCancelled: {
    code: 501,
    status: "5.7.0",
    text: "Authentication cancelled",
  },
  authMalformed: {
    code: 501,
    status: "5.5.2",
    text:
      "Cannot read the response: expected base64 of what the mechanism asks",
  },
  authTooLong: {
    code: 500,
    status: "5.5.6",
    text: "Line of the authentication too long",
  },
  authFailed: {
    code: 535,
    status: "5.7.8",
    text: "Authentication failed: the credentials do not hold",
  },
  authUnavailable: {
    code: 454,
    status: "4.7.0",
    text: "Authentication is not available, try again later",
  },
  tooManyAuthFailures: {
    code: 421,
    status: "4.7.0",
    text: "Too many failed authentications, closing",
    close: true,
  },
  tooManyMessages: {
    code: 450,
    status: "4.7.1",
    text: "Too many messages from your address, try again later",
  },
  connectsTooOften: {
    code: 421,
    status: "4.7.0",
    text: "Too many connections in a short time from your address",
    close: true,
  },
  relayDenied: { code: 550, status: "5.7.1", text: "Relaying denied" },
  needSmtputf8: {
    code: 553,
    status: "5.6.7",
    text: "Address has characters outside ASCII: expected SMTPUTF8 at MAIL",
  },
  idle: {
    code: 421,
    status: "4.4.2",
    text: "Timeout, closing",
    close: true,
  },
  tooManySessions: {
    code: 421,
    status: "4.3.2",
    text: "Too many connections, try again later",
    close: true,
  },
  tooManyFromClient: {
    code: 421,
    status: "4.7.0",
    text: "Too many connections from your address",
    close: true,
  },
  shuttingDown: {
    code: 421,
    status: "4.3.2",
    text: "Shutting down, try again later",
    close: true,
  },
  localError: {
    code: 451,
    status: "4.3.0",
    text: "Local error, try again later",
  },
  diskFull: {
    code: 452,
    status: "4.3.1",
    text: "Out of disk space, try again later",
  },
  relayDown: {
    code: 451,
    status: "4.4.1",
    text: "Relay does not answer, try again later",
  },
  relayLost: {
    code: 451,
    status: "4.4.2",
    text: "Connection to the relay was lost, try again later",
  },
  relayConfused: {
    code: 451,
    status: "4.4.0",
    text: "Relay does not keep to SMTP, try again later",
  },
  relayNotSecure: {
    code: 451,
    status: "4.7.5",
    text: "Relay can't be reached securely, try again later",
  },
  relayNeedsAuth: {
    code: 451,
    status: "4.7.0",
    text: "Relay did not accept this server's credentials, try again later",
  },
  relayNo8bit: {
    code: 550,
    status: "5.6.3",
    text: "Relay does not offer 8BITMIME, which this message needs",
  },
  relayNoUtf8: {
    code: 550,
    status: "5.6.7",
    text: "Relay does not offer SMTPUTF8, which this message needs",
  },
  relayTooSmall: {
    code: 552,
    status: "5.3.4",
    text: "Message exceeds the relay's size limit",
  },
} as const satisfies Record<string, Reply>;

/** What is not printable ASCII: RFC 5321 section 4.2 allows no more in a text. */
const NOT_PRINTABLE = /[^\x20-\x7e]/g;

/** The lines of a reply's text. */
export function replyLines(reply: Reply): readonly string[] {
  return typeof reply.text === "string" ? [reply.text] : reply.text;
}

/**
 * The reply as it goes over the wire: CRLF ended, cleaned, each line cut at
 * {@linkcode MAX_REPLY_LINE_BYTES}.
 *
 * @example
 * ```ts
 * import { formatReply } from "@postern/smtpd/engine";
 * import { assertEquals } from "@std/assert";
 *
 * const forged = { code: 550, status: "5.7.1", text: "No\r\n250 Yes" };
 * assertEquals(formatReply(forged), "550 5.7.1 No  250 Yes\r\n");
 * ```
 */
export function formatReply(reply: Reply): string {
  const { code, status, text } = reply;
  const head = status === undefined ? "" : `${status} `;
  if (typeof text === "string") return formatLine(code, " ", head + text);
  const lines = text.length === 0 ? [""] : text;
  return lines.map((line, index) =>
    formatLine(code, index === lines.length - 1 ? " " : "-", head + line)
  ).join("");
}

function formatLine(code: number, separator: string, text: string): string {
  const clean = text.replace(NOT_PRINTABLE, (char) => char < " " ? " " : "?");
  const room = MAX_REPLY_LINE_BYTES - 6; // code, separator, CRLF
  return `${code}${separator}${clean.slice(0, room)}\r\n`;
}

/** Whether the reply is positive: 2xx or 3xx. RFC 5321 section 4.2.1. */
export function isPositive(reply: Reply): boolean {
  return reply.code < 400;
}
