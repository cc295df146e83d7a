/**
 * The messages that go through every client, as they must look on the wire
 * before dot-stuffing: every line ended by CRLF.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** A message with its envelope. */
export interface Message {
  /** What is special about it. */
  readonly name: string;
  /** Reverse-path. */
  readonly from: string;
  /** Forward-paths. */
  readonly to: readonly string[];
  /** Content with CRLF line ends. */
  readonly content: Uint8Array;
  /** Whether a client needs SMTPUTF8 for it. */
  readonly utf8: boolean;
}

const SENDER = "sender@example.org";
const RECIPIENT = "recipient@example.org";

function message(
  name: string,
  content: string | Uint8Array,
  envelope: { from?: string; to?: readonly string[]; utf8?: true } = {},
): Message {
  return {
    name,
    from: envelope.from ?? SENDER,
    to: envelope.to ?? [RECIPIENT],
    content: typeof content === "string"
      ? new TextEncoder().encode(content)
      : content,
    utf8: envelope.utf8 ?? false,
  };
}

/** Header section; From and Date are there so that no client adds its own. */
function header(subject: string, ...more: string[]): string {
  return [
    `From: Sender <${SENDER}>`,
    `To: Recipient <${RECIPIENT}>`,
    `Subject: ${subject}`,
    "Date: Tue, 24 Nov 2026 12:00:00 +0000",
    `Message-ID: <${subject.replaceAll(" ", ".")}@example.org>`,
    ...more,
    "",
    "",
  ].join("\r\n");
}

function lines(...text: string[]): string {
  return text.map((line) => `${line}\r\n`).join("");
}

/** Size of the attachment before base64. */
const ATTACHMENT_BYTES = 20 * 1_000_000;

/** Multiplier of a linear congruential generator (Numerical Recipes): the same bytes each time. */
const LCG_FACTOR = 1_664_525;
const LCG_STEP = 1_013_904_223;

function withAttachment(): string {
  const bytes = new Uint8Array(ATTACHMENT_BYTES);
  let state = 1;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, LCG_FACTOR) + LCG_STEP) >>> 0;
    bytes[i] = state >>> 24;
  }
  const base64 = Buffer.from(bytes.buffer).toString("base64")
    .replaceAll(/.{1,76}/g, "$&\r\n");
  return header(
    "A 20 MB attachment",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="frontier"',
  ) +
    lines("--frontier", "Content-Type: text/plain", "", "See below.") +
    lines("--frontier", "Content-Type: application/octet-stream") +
    lines("Content-Transfer-Encoding: base64", "") +
    base64 + lines("--frontier--");
}

/** Every octet above 127 once, so as not to be valid in any one charset. */
function eightBit(): Uint8Array {
  const body = Uint8Array.from({ length: 128 }, (_, i) => 128 + i);
  return Buffer.concat([
    Buffer.from(header(
      "8 bits",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=unknown-8bit",
      "Content-Transfer-Encoding: 8bit",
    )),
    body,
    Buffer.from(
      "\r\nGr\u00fc\u00dfe, \u03ba\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1\r\n",
    ),
  ]);
}

/** What every client sends, made once: the attachment is 27 MB of text. */
export const MESSAGES: readonly Message[] = [
  message(
    "plain text",
    header("Plain text") + lines("Hello,", "", "this is all.", ""),
  ),
  message("a 20 MB attachment", withAttachment()),
  message("an 8-bit body", eightBit()),
  message(
    "dot lines, the last line a single dot",
    header("Dots") +
      lines(".", "..", "...", ".x", "..x", "x.", "x..", " .", "", ".", "."),
  ),
  message(
    "dot lines, the last line two dots",
    header("More dots") + lines("..", ".", "QUIT", ".", "", ".."),
  ),
  message(
    "UTF-8 addresses",
    header("UTF-8 addresses") + lines("Hello."),
    {
      from: "j\u00fcrgen@example.org",
      to: [
        "\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae@example.org",
        "\u7528\u6237@localhost",
      ],
      utf8: true,
    },
  ),
  message(
    "100 recipients",
    header("100 recipients") + lines("Hello, all."),
    {
      to: Array.from({ length: 100 }, (_, i) => `recipient${i}@example.org`),
    },
  ),
];

/** The content as a Unix file: LF line ends. */
export function withLf(content: Uint8Array): Buffer {
  return Buffer.from(
    Buffer.from(content).toString("latin1").replaceAll("\r\n", "\n"),
    "latin1",
  );
}

/** The content dot-stuffed (RFC 5321 section 4.5.2), and the final dot without its CRLF. */
export function withDots(content: Uint8Array): Buffer {
  const text = Buffer.from(content).toString("latin1");
  return Buffer.from(`${text.replaceAll(/^\./gm, "..")}.`, "latin1");
}
