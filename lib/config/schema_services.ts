/**
 * The rows of the table for what surrounds the server: sections `tls`, `auth`, `hooks`, `dns`, `scan.*`, `send_log`, `control`, `record`.
 *
 * Only rows: what the fields mean stands in key.ts.
 *
 * @module
 */
import type { Key } from "./key.ts";

/** Bounds of every wait, as in schema_server.ts. */
const WAIT = { min: "10ms", max: "24h" } as const;

/** A text that is empty unless set, in a later version. */
function laterPath(meaning: string): Key {
  return { type: "path", default: "", notYet: true, meaning };
}

/** The rows that every scanner has. */
function scannerKeys(
  name: string,
  example: string,
  onFound: string,
): Record<string, Key> {
  const section = `scan.${name}`;
  return {
    [`${section}.address`]: {
      type: "text",
      default: "",
      notYet: true,
      meaning:
        `Where the scanner listens, as HOST:PORT or unix:/PATH (usually ${example}); empty: it is not asked.`,
    },
    [`${section}.timeout`]: {
      type: "duration",
      default: "30s",
      ...WAIT,
      notYet: true,
      meaning: "Longest wait for the scanner's verdict.",
    },
    [`${section}.max_size`]: {
      type: "size",
      default: "500KiB",
      min: 0,
      max: "64GiB",
      notYet: true,
      meaning: "Larger messages pass unscanned, and are marked so.",
    },
    [`${section}.on_error`]: {
      type: "choice",
      choices: ["defer", "pass"],
      default: "defer",
      notYet: true,
      meaning:
        "What happens when the scanner fails: 451, or the message passes.",
    },
    [`${section}.on_found`]: {
      type: "choice",
      choices: ["mark", "reject", "discard"],
      default: onFound,
      notYet: true,
      meaning:
        "What happens to a message in which the scanner finds something.",
    },
  };
}

/** Rows by full name. */
export const SERVICE_KEYS: Readonly<Record<string, Key>> = {
  "tls.certificate": laterPath(
    "PEM file of the server's certificate and its chain.",
  ),
  "tls.key": laterPath(
    "PEM file of its private key; empty: in the certificate's file.",
  ),
  "tls.ca_file": laterPath(
    "PEM file of authorities that client certificates are checked against.",
  ),
  "tls.ca_path": laterPath(
    "Directory of authorities that client certificates are checked against.",
  ),
  "tls.ciphers": {
    type: "text",
    default: "",
    notYet: true,
    meaning: "Ciphers up to TLS 1.2.",
  },
  "tls.ciphersuites": {
    type: "text",
    default: "",
    notYet: true,
    meaning: "Cipher suites of TLS 1.3.",
  },
  "tls.protocols": {
    type: "text",
    default: "",
    notYet: true,
    meaning: "Protocol versions that are offered.",
  },
  "auth.mechanisms": {
    type: "text",
    list: true,
    default: ["PLAIN", "LOGIN"],
    notYet: true,
    meaning: "SASL mechanisms that are offered.",
  },
  "auth.users_file": laterPath(
    "File of users with the hashes of their passwords.",
  ),
  "hooks.module": laterPath(
    "Module whose exports are asked at each step; empty: none.",
  ),
  "hooks.timeout": {
    type: "duration",
    default: "30s",
    ...WAIT,
    notYet: true,
    meaning: "Longest wait for a hook; then the client gets 451.",
  },
  "dns.servers": {
    type: "text",
    list: true,
    default: [],
    notYet: true,
    meaning: "Name servers to ask; none: the system's.",
  },
  "dns.timeout": {
    type: "duration",
    default: "5s",
    ...WAIT,
    notYet: true,
    meaning: "Longest wait for one answer.",
  },
  "dns.tries": {
    type: "integer",
    default: 3,
    min: 1,
    max: 10,
    notYet: true,
    meaning: "How often a name server is asked.",
  },
  ...scannerKeys("spamd", "127.0.0.1:783", "mark"),
  ...scannerKeys("clamd", "127.0.0.1:3310", "reject"),
  ...scannerKeys("dspam", "127.0.0.1:24", "mark"),
  ...scannerKeys("sssp", "127.0.0.1:4010", "reject"),
  ...scannerKeys("rspamd", "127.0.0.1:11333", "mark"),
  "send_log.file": laterPath("The file; empty: no send log."),
  "send_log.roll": {
    type: "boolean",
    default: true,
    notYet: true,
    meaning: "Whether a new file is begun each day.",
  },
  "send_log.roll_hour": {
    type: "integer",
    default: 0,
    min: 0,
    max: 23,
    notYet: true,
    meaning: "Hour of the day at which it is begun.",
  },
  "send_log.roll_format": {
    type: "text",
    default: "%Y-%m-%d",
    notYet: true,
    meaning: "What is appended to the name of the old file, as for strftime.",
  },
  "send_log.roll_on_signal": {
    type: "boolean",
    default: false,
    notYet: true,
    meaning: "Whether SIGHUP begins a new file.",
  },
  "send_log.max_backups": {
    type: "integer",
    default: 100,
    min: 0,
    max: 10_000,
    notYet: true,
    meaning: "Old files that are kept.",
  },
  "control.socket": {
    type: "path",
    default: "./postern.sock",
    notYet: true,
    meaning: "Unix socket of the running server, mode 0600.",
  },
  "record.dir": {
    type: "path",
    default: "",
    option: "--record",
    meaning:
      "Directory for a transcript of every session, without secrets; made where it is missing; empty: none.",
  },
};
