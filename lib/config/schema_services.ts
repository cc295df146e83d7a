/**
 * The rows of the table for what surrounds the server: sections `tls`, `auth`, `hooks`, `dns`, `scan.*`, `send_log`, `control`, `record`.
 *
 * Only rows: what the fields mean stands in key.ts.
 *
 * @module
 */
import type { Key } from "./key.ts";

/** Bounds of every wait, as in schema_limits.ts. */
const WAIT = { min: "10ms", max: "24h" } as const;

/** Why `tls.ciphers` and `tls.ciphersuites` stay empty. */
const FIXED_CIPHERS =
  "the runtime has a fixed set (TLS 1.2 and 1.3 with forward secrecy)";

/** What `lib/sasl/` knows. */
const MECHANISMS = [
  ...["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"],
  ...["XOAUTH2", "OAUTHBEARER"],
] as const;

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
  "tls.certificate": {
    type: "path",
    default: "",
    meaning:
      "PEM file of the server's certificate and its chain, for STARTTLS and smtps://. Empty: no TLS. It is read again on SIGHUP.",
  },
  "tls.key": {
    type: "path",
    default: "",
    meaning:
      "PEM file of its private key, without a passphrase; empty: in the certificate's file.",
  },
  "tls.certificates": {
    type: "path",
    list: true,
    default: [],
    max: 100,
    meaning:
      "More PEM files, each with a certificate, its chain and its key, for other names of this server. The client says which name it wants (SNI).",
  },
  "tls.ca_file": {
    type: "path",
    default: "",
    meaning:
      "PEM file of the certificate authorities that client certificates are checked against. The well-known ones do not count.",
  },
  "tls.ca_path": {
    type: "path",
    default: "",
    meaning:
      "Directory of PEM files of certificate authorities that client certificates are checked against.",
  },
  "tls.client_certificates": {
    type: "choice",
    choices: ["off", "optional", "required"],
    default: "off",
    meaning:
      "Whether clients are asked for a certificate, or have to have one that tls.ca_file or tls.ca_path vouches for.",
  },
  "tls.ciphers": {
    type: "text",
    default: "",
    fixed: `Cannot choose ciphers: ${FIXED_CIPHERS}`,
    meaning: `Empty: ${FIXED_CIPHERS}.`,
  },
  "tls.ciphersuites": {
    type: "text",
    default: "",
    fixed: `Cannot choose cipher suites: ${FIXED_CIPHERS}`,
    meaning: `Empty: ${FIXED_CIPHERS}.`,
  },
  "tls.protocols": {
    type: "protocols",
    default: "",
    meaning:
      "TLS versions that are spoken: some of TLSv1.2 and TLSv1.3, or a bound such as >=TLSv1.3. Exclusions such as !SSLv3 are taken. Empty: both.",
  },
  "auth.mechanisms": {
    type: "choice",
    list: true,
    choices: MECHANISMS,
    default: ["PLAIN", "LOGIN"],
    min: 1,
    meaning:
      "SASL mechanisms that are offered. XOAUTH2 and OAUTHBEARER need hooks.module, whose auth decides on tokens.",
  },
  "auth.users_file": {
    type: "path",
    default: "",
    meaning:
      "File of users with the salted hashes of their passwords, made with `postern passwd`.",
  },
  "auth.failures": {
    type: "integer",
    default: 3,
    min: 1,
    max: 1_000,
    meaning: "Failed logins in one session until it gets 421 and is closed.",
  },
  "auth.failure_delay": {
    type: "duration",
    default: "1s",
    min: 0,
    max: "30s",
    meaning:
      "How long the reply to the first failed login is held back; with each further one twice as long, up to 30s.",
  },
  "auth.failure_rate": {
    type: "integer",
    default: 30,
    min: 0,
    max: 1_000_000,
    meaning:
      "Failed logins of one client that is not local within limits.rate_period, over all its sessions; further attempts get 421. 0: no bound.",
  },
  "hooks.module": {
    type: "path",
    default: "",
    meaning:
      "Module of the operator's own, whose exports are asked at each step; empty: none.",
  },
  "hooks.timeout": {
    type: "duration",
    default: "30s",
    ...WAIT,
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
