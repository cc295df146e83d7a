/**
 * Every way to make one server see the end of a message where the other does
 * not: the spellings of the end of data that the public scanners try
 * (SMTP-Smuggling-Tools, smtpsmug, smtp_smuggling_checker; CVE-2023-51764,
 * -51765, -51766), all pairs of odd line ends, and characters that some
 * software takes for a line end or a dot.
 *
 * @module
 */

/** Whose mail must never arrive. */
export const VICTIM = "victim@example.org";

/** What stands behind the false end: a message of its own, ended truly. */
export const SMUGGLED = "MAIL FROM:<smuggler@example.org>\r\n" +
  `RCPT TO:<${VICTIM}>\r\nDATA\r\n` +
  "From: smuggler@example.org\r\nSubject: Smuggled\r\n\r\nSmuggled.\r\n.\r\n";

/** The end of data. */
export const END = "\r\n.\r\n";

/** Line ends, right and wrong. */
const ENDS = [
  ...["\n", "\r", "\r\n", "\n\r", "\n\n", "\r\r", "\r\r\n", "\n\r\n"],
  ...["\r\n\0", "\0\r\n", "\r\0\n", "\n\0", "\r\0"],
];

/** What no pair of line ends makes. */
const OTHERS = [
  // The dot is not alone, or is no dot.
  ...["\r\n. \r\n", "\r\n.\t\r\n", "\r\n .\r\n", "\r\n\t.\r\n", "\r\n..\r\n"],
  ...["\n..\n", "\n..\r\n", "\r\n..\n", "\r..\r", "\r..\r\n", "\r\n.\0.\r\n"],
  ...["\r\n.\b\r\n", "\r\n\b.\r\n", "\r\n\x7f.\r\n", "\r\n\x1a\r\n"],
  ...["\r\n.\x1a\r\n", "\r\n\xae\r\n", "\r\n\u00ef\u00bc\u008e\r\n"],
  "\r\n.",
  // Line ends of other tables: VT, FF, FS, GS, RS, NEL in Latin-1 and UTF-8,
  // LINE SEPARATOR in UTF-8, and CRLF with the eighth bit set.
  ...["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\xc2\x85"]
    .flatMap((end) => [`${end}.${end}`, `\r\n.${end}\r\n`]),
  ...["\xe2\x80\xa8.\xe2\x80\xa8", "\x8d\x8a.\x8d\x8a", "\r\n.\x8d\x8a"],
];

/** Every spelling, one character for each byte. */
export const SPELLINGS: readonly string[] = [
  ...ENDS.flatMap((before) => ENDS.map((after) => `${before}.${after}`)),
  ...OTHERS,
].filter((spelling) => !spelling.includes(END));

/** Whether it has a CR or LF that is not of a CRLF. */
export function hasBareNewline(text: string): boolean {
  return /\r(?!\n)|(?<!\r)\n/.test(text);
}

/** Where in a message it stands: content without its end. */
export const PLACES: readonly [
  name: string,
  content: (spelling: string) => string,
][] = [
  ["in the body", (spelling) => `Subject: 1\r\n\r\nHello.${spelling}`],
  ["in the header", (spelling) => `Subject: 1${spelling}`],
  ["first of all", (spelling) => spelling],
  [
    "behind a line that is stuffed",
    (spelling) => `Subject: 1\r\n\r\n..${spelling}`,
  ],
];

/** Bytes of a text with one character for each. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Line ends that must not make two commands of one. */
const COMMAND_ENDS = ["\n", "\r", "\n\r", "\n\n", "\0", "\n\0", "\r\0\n"];

/** A second recipient in what is one line. */
const INJECTED = COMMAND_ENDS.map((end) => `${end}RCPT TO:<${VICTIM}>${end}`)
  .concat(
    COMMAND_ENDS.map((end) =>
      `${end}MAIL FROM:<>${end}RCPT TO:<${VICTIM}>${end}`
    ),
    // Right for xtext and for percent-encoding, where that is undone.
    `+0D+0ARCPT+20TO:<${VICTIM}>+0D+0A`,
    `%0d%0aRCPT%20TO:<${VICTIM}>%0d%0a`,
  );

/** Lines that are to be no more than one command each, by the verb they replace. */
export const COMMANDS: readonly {
  readonly verb: "EHLO" | "MAIL" | "RCPT" | "DATA";
  readonly line: string;
}[] = INJECTED.flatMap((injected) => [
  { verb: "EHLO", line: `EHLO client${injected}` },
  { verb: "MAIL", line: `MAIL FROM:<a@example.org>${injected}` },
  { verb: "MAIL", line: `MAIL FROM:<a${injected}@example.org>` },
  { verb: "MAIL", line: `MAIL FROM:<"a\\${injected}"@example.org>` },
  { verb: "MAIL", line: `MAIL FROM:<a@example.org> SIZE=1${injected}` },
  { verb: "MAIL", line: `MAIL FROM:<a@example.org> ENVID=1${injected}` },
  { verb: "MAIL", line: `MAIL FROM:<a@example.org> AUTH=a${injected}` },
  { verb: "RCPT", line: `RCPT TO:<b@example.org>${injected}` },
  { verb: "RCPT", line: `RCPT TO:<"b\\${injected}"@example.org>` },
  {
    verb: "RCPT",
    line: `RCPT TO:<b@example.org> ORCPT=rfc822;b${injected}`,
  },
  { verb: "DATA", line: `DATA${injected}` },
]);
