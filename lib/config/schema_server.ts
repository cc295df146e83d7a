/**
 * The rows of the table for what the server itself does: sections `server`, `listener`, `local`, `flags`, `delivery`, `log`.
 *
 * Only rows: what the fields mean stands in key.ts.
 *
 * @module
 */
import type { Key } from "./key.ts";

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
    option: "--listen",
    meaning:
      "Where to accept connections: HOST:PORT, [IPv6]:PORT, smtp://HOST:PORT, smtps://HOST:PORT for TLS from the start, lmtp://HOST:PORT, unix:/PATH or lmtp:unix:/PATH. Port 0 lets the system choose. Where it is not set and there are [[listener]]s, only those count; with --listen none of them does.",
  },
  "server.workers": {
    type: "integer",
    default: 1,
    min: 1,
    max: 64,
    notYet: true,
    meaning: "Threads that accept on the same port.",
  },
  "listener.url": {
    type: "listen",
    required: true,
    meaning: "Where it accepts connections, as in server.listen.",
  },
  "listener.auth": {
    type: "choice",
    choices: ["off", "optional", "required"],
    computed:
      "optional where auth.users_file or hooks.module can decide on logins, else off",
    leftOpen: true,
    meaning:
      "Whether clients may log in, or have to before they may send. Before TLS only local clients may.",
  },
  "listener.tls": {
    type: "choice",
    choices: ["off", "optional", "required"],
    computed: "optional where tls.certificate is set, else off",
    leftOpen: true,
    meaning:
      "Whether STARTTLS is offered, or needed before a client may send. smtps:// has TLS from the start.",
  },
  "listener.proxy_protocol": {
    type: "network",
    list: true,
    default: [],
    meaning:
      "Hosts, addresses and networks of proxies that begin each connection with a PROXY header, version 1 or 2, which names the client. All other peers are clients themselves.",
  },
  "listener.xclient": {
    type: "network",
    list: true,
    default: [],
    meaning:
      "Hosts, addresses and networks of mail servers that may name the client with XCLIENT and XFORWARD, as Postfix does.",
  },
  "local.networks": {
    type: "network",
    list: true,
    default: ["localhost"],
    meaning:
      "Host names, addresses and networks (10.0.0.0/8, ::1/128) whose clients may send to anywhere.",
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
