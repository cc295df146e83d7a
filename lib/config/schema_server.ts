/**
 * The rows of the table for what the server itself does: sections `server`, `listener`, `relay`, `local`, `limits`, `flags`, `delivery`, `log`.
 *
 * Only rows: what the fields mean stands in key.ts.
 *
 * @module
 */
import type { Key } from "./key.ts";

/** Bounds of every wait: below it no network answers, above it a dead peer is never noticed. */
const WAIT = { min: "10ms", max: "24h" } as const;

/** Rows by full name. */
export const SERVER_KEYS: Readonly<Record<string, Key>> = {
  "server.hostname": {
    type: "hostname",
    computed: "this machine's host name",
    meaning:
      "The name in the greeting, in the EHLO reply and in Received: lines; a domain, or an address in brackets.",
  },
  "server.greeting": {
    type: "text",
    default: "ESMTP Postern",
    max: 200,
    meaning: "What follows the host name in the greeting, in ASCII.",
  },
  "server.listen": {
    type: "listen",
    list: true,
    default: ["127.0.0.1:2525"],
    min: 1,
    option: "--listen",
    meaning:
      "Where to accept connections: HOST:PORT, [IPv6]:PORT, smtp://HOST:PORT or unix:/PATH. Port 0 lets the system choose.",
  },
  "server.workers": {
    type: "integer",
    default: 1,
    min: 1,
    max: 64,
    notYet: true,
    meaning: "Threads that accept on the same port.",
  },
  "listener": {
    type: "tables",
    default: [],
    notYet: true,
    meaning:
      "Each has `url`, and may have `auth` (off, optional, required), `proxy_protocol` and `xclient` (lists of networks whose peers may send a PROXY header, or XCLIENT and XFORWARD).",
  },
  "relay.url": {
    type: "relay",
    default: "",
    option: "--relay",
    meaning:
      "The server that messages are handed on to: HOST, HOST:PORT, smtp://HOST:PORT, plain://USER:PWD@HOST:PORT or unix:/PATH. Special characters of user and password are percent-encoded. Empty: messages are stored here.",
  },
  "relay.domains": {
    type: "domain",
    list: true,
    computed:
      "localhost, server.hostname and its parent domains of two labels or more",
    meaning:
      "Domains, with their subdomains, that anyone may send to; DOMAIN:HOST:PORT names a relay of its own. Set it where a parent of the host's name belongs to others too, as co.uk does.",
  },
  "relay.tls": {
    type: "choice",
    choices: ["off", "opportunistic", "required", "verified"],
    computed: "verified for a relay with a user, else opportunistic",
    leftOpen: true,
    meaning:
      "Encryption towards the relay: never; where it is offered; always; always and with a certificate that holds for the relay's name. Where it is not set, each relay has its own default, and `config print` prints a comment in its place.",
  },
  "relay.ca_file": {
    type: "path",
    default: "",
    meaning:
      "PEM file of certificate authorities to trust in addition to the well-known ones.",
  },
  "relay.ca_path": {
    type: "path",
    default: "",
    notYet: true,
    meaning:
      "Directory of certificate authorities to trust in addition to the well-known ones.",
  },
  "relay.password_file": {
    type: "path",
    default: "",
    meaning:
      "File with the password for the user in relay.url, which keeps it out of the configuration. A line end at its end does not count.",
  },
  "relay.password_command": {
    type: "text",
    default: "",
    notYet: true,
    meaning: "Command that prints the password for the user in relay.url.",
  },
  "relay.pool": {
    type: "integer",
    default: 10,
    min: 0,
    max: 1_000,
    meaning: "Idle connections kept to one relay for the next message.",
  },
  "local.networks": {
    type: "network",
    list: true,
    default: ["localhost"],
    meaning:
      "Host names, addresses and networks (10.0.0.0/8, ::1/128) whose clients may send to anywhere.",
  },
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
    choices: ["no-angle-brackets", "space-after-colon"],
    default: [],
    notYet: true,
    meaning: "Mistakes of old devices to put up with; each use is logged.",
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
  "flags.session": {
    type: "choice",
    list: true,
    choices: ["needhelo"],
    later: ["needdomain", "resolve", "fastproxy"],
    default: [],
    meaning:
      "Flags set on every session. needhelo: MAIL is refused before HELO or EHLO.",
  },
  "delivery.maildir": {
    type: "path",
    default: "./mail",
    option: "--maildir",
    meaning: "Maildir that messages are stored in; made where it is missing.",
  },
  "delivery.mbox": {
    type: "path",
    default: "",
    meaning: "Mbox file that messages are appended to instead of a Maildir.",
  },
  "log.level": {
    type: "choice",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    option: "--log-level",
    meaning: "Least severity that is reported.",
  },
  "log.format": {
    type: "choice",
    choices: ["text", "json"],
    default: "text",
    option: "--log-format",
    meaning: "Lines for people, or one JSON object a line.",
  },
  "log.file": {
    type: "path",
    default: "",
    meaning: "File that lines are appended to; empty: standard error.",
  },
};
