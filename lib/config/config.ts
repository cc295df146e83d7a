/**
 * The types of a configuration: as it is used, and as a program gives it.
 *
 * Printed from the table in schema.ts by `deno task docs`; do not edit.
 *
 * @module
 */
import type { ListenAddress } from "../address.ts";
import type { RelayEntry } from "../policy/relay_table.ts";
import type { RelayAddress } from "./address.ts";

/** A complete, checked configuration: the file's own names, sizes in bytes, durations in milliseconds, addresses parsed. */
export interface Config {
  /** Who the server is and where it listens. */
  readonly server: {
    /**
     * The name in the greeting, in the EHLO reply and in Received: lines; a domain, or an address in brackets.
     *
     * @default this machine's host name
     */
    readonly hostname: string;
    /**
     * What follows the host name in the greeting, in ASCII.
     *
     * @default "ESMTP Postern"
     */
    readonly greeting: string;
    /**
     * Where to accept connections: HOST:PORT, [IPv6]:PORT, smtp://HOST:PORT or unix:/PATH. Port 0 lets the system choose.
     *
     * @default ["127.0.0.1:2525"]
     */
    readonly listen: readonly ListenAddress[];
  };
  /** Where accepted messages go, and for which domains. */
  readonly relay: {
    /**
     * The server that messages are handed on to: HOST, HOST:PORT, smtp://HOST:PORT, plain://USER:PWD@HOST:PORT or unix:/PATH. Special characters of user and password are percent-encoded. Empty: messages are stored here.
     *
     * @default ""
     */
    readonly url: RelayAddress | undefined;
    /**
     * Domains, with their subdomains, that anyone may send to; DOMAIN:HOST:PORT names a relay of its own. Set it where a parent of the host's name belongs to others too, as co.uk does.
     *
     * @default localhost, server.hostname and its parent domains of two labels or more
     */
    readonly domains: readonly RelayEntry[];
    /**
     * Encryption towards the relay: never; where it is offered; always; always and with a certificate that holds for the relay's name. Where it is not set, each relay has its own default, and `config print` prints a comment in its place.
     *
     * @default verified for a relay with a user, else opportunistic
     */
    readonly tls: "off" | "opportunistic" | "required" | "verified" | undefined;
    /**
     * PEM file of certificate authorities to trust in addition to the well-known ones.
     *
     * @default ""
     */
    readonly ca_file: string;
    /**
     * File with the password for the user in relay.url, which keeps it out of the configuration. A line end at its end does not count.
     *
     * @default ""
     */
    readonly password_file: string;
    /**
     * Idle connections kept to one relay for the next message.
     *
     * @default 10
     */
    readonly pool: number;
  };
  /** Who may send to anywhere. */
  readonly local: {
    /**
     * Host names, addresses and networks (10.0.0.0/8, ::1/128) whose clients may send to anywhere.
     *
     * @default ["localhost"]
     */
    readonly networks: readonly string[];
  };
  /** What one client, one message and one wait may take. */
  readonly limits: {
    /**
     * Largest message, announced with SIZE; a larger one gets 552. In bytes.
     *
     * @default "10MiB"
     */
    readonly data: number;
    /**
     * Most recipients of one message; further ones get 452.
     *
     * @default 100
     */
    readonly recipients: number;
    /**
     * Longest command line with its end; a longer one gets 500. RFC 5321 section 4.5.3.1.4 asks for 512 bytes. In bytes.
     *
     * @default 4096
     */
    readonly line: number;
    /**
     * Most sessions at once; further clients get 421.
     *
     * @default 1000
     */
    readonly sessions: number;
    /**
     * Most sessions at once from one address; further ones get 421.
     *
     * @default 100
     */
    readonly sessions_per_client: number;
    /**
     * Bad commands in one session until it gets 421 and is closed.
     *
     * @default 10
     */
    readonly errors: number;
    /**
     * What happens to a CR or LF that stands alone in a message: made a line end, or the message refused with 550. It is never passed on as it came.
     *
     * @default "normalize"
     */
    readonly bare_newline: "normalize" | "reject";
    /**
     * Longest wait for the peer to send something. In milliseconds.
     *
     * @default "60s"
     */
    readonly read_timeout: number;
    /**
     * Longest wait for the peer to take something. In milliseconds.
     *
     * @default "60s"
     */
    readonly write_timeout: number;
    /**
     * How long sessions may go on after the server was told to stop. In milliseconds.
     *
     * @default "30s"
     */
    readonly drain: number;
  };
  /** What every session starts with. */
  readonly flags: {
    /**
     * Flags set on every session. needhelo: MAIL is refused before HELO or EHLO.
     *
     * @default []
     */
    readonly session: readonly ("needhelo")[];
  };
  /** Where messages for recipients that are not relayed are stored. */
  readonly delivery: {
    /**
     * Maildir that messages are stored in; made where it is missing.
     *
     * @default "./mail"
     */
    readonly maildir: string;
    /**
     * Mbox file that messages are appended to instead of a Maildir.
     *
     * @default ""
     */
    readonly mbox: string;
  };
  /** What is reported while the server runs. */
  readonly log: {
    /**
     * Least severity that is reported.
     *
     * @default "info"
     */
    readonly level: "debug" | "info" | "warn" | "error";
    /**
     * Lines for people, or one JSON object a line.
     *
     * @default "text"
     */
    readonly format: "text" | "json";
    /**
     * File that lines are appended to; empty: standard error.
     *
     * @default ""
     */
    readonly file: string;
  };
  /** Transcripts of sessions. */
  readonly record: {
    /**
     * Directory for a transcript of every session, without secrets; made where it is missing; empty: none.
     *
     * @default ""
     */
    readonly dir: string;
  };
}

/** A configuration as a program gives it: the file's own names and values, whatever is absent by default. */
export interface ConfigInput {
  /** Who the server is and where it listens. */
  readonly server?: {
    /**
     * The name in the greeting, in the EHLO reply and in Received: lines; a domain, or an address in brackets.
     *
     * @default this machine's host name
     */
    readonly hostname?: string;
    /**
     * What follows the host name in the greeting, in ASCII.
     *
     * @default "ESMTP Postern"
     */
    readonly greeting?: string;
    /**
     * Where to accept connections: HOST:PORT, [IPv6]:PORT, smtp://HOST:PORT or unix:/PATH. Port 0 lets the system choose.
     *
     * @default ["127.0.0.1:2525"]
     */
    readonly listen?: readonly string[];
  };
  /** Where accepted messages go, and for which domains. */
  readonly relay?: {
    /**
     * The server that messages are handed on to: HOST, HOST:PORT, smtp://HOST:PORT, plain://USER:PWD@HOST:PORT or unix:/PATH. Special characters of user and password are percent-encoded. Empty: messages are stored here.
     *
     * @default ""
     */
    readonly url?: string;
    /**
     * Domains, with their subdomains, that anyone may send to; DOMAIN:HOST:PORT names a relay of its own. Set it where a parent of the host's name belongs to others too, as co.uk does.
     *
     * @default localhost, server.hostname and its parent domains of two labels or more
     */
    readonly domains?: readonly string[];
    /**
     * Encryption towards the relay: never; where it is offered; always; always and with a certificate that holds for the relay's name. Where it is not set, each relay has its own default, and `config print` prints a comment in its place.
     *
     * @default verified for a relay with a user, else opportunistic
     */
    readonly tls?: "off" | "opportunistic" | "required" | "verified";
    /**
     * PEM file of certificate authorities to trust in addition to the well-known ones.
     *
     * @default ""
     */
    readonly ca_file?: string;
    /**
     * File with the password for the user in relay.url, which keeps it out of the configuration. A line end at its end does not count.
     *
     * @default ""
     */
    readonly password_file?: string;
    /**
     * Idle connections kept to one relay for the next message.
     *
     * @default 10
     */
    readonly pool?: number;
  };
  /** Who may send to anywhere. */
  readonly local?: {
    /**
     * Host names, addresses and networks (10.0.0.0/8, ::1/128) whose clients may send to anywhere.
     *
     * @default ["localhost"]
     */
    readonly networks?: readonly string[];
  };
  /** What one client, one message and one wait may take. */
  readonly limits?: {
    /**
     * Largest message, announced with SIZE; a larger one gets 552.
     *
     * @default "10MiB"
     */
    readonly data?: string | number;
    /**
     * Most recipients of one message; further ones get 452.
     *
     * @default 100
     */
    readonly recipients?: number;
    /**
     * Longest command line with its end; a longer one gets 500. RFC 5321 section 4.5.3.1.4 asks for 512 bytes.
     *
     * @default 4096
     */
    readonly line?: string | number;
    /**
     * Most sessions at once; further clients get 421.
     *
     * @default 1000
     */
    readonly sessions?: number;
    /**
     * Most sessions at once from one address; further ones get 421.
     *
     * @default 100
     */
    readonly sessions_per_client?: number;
    /**
     * Bad commands in one session until it gets 421 and is closed.
     *
     * @default 10
     */
    readonly errors?: number;
    /**
     * What happens to a CR or LF that stands alone in a message: made a line end, or the message refused with 550. It is never passed on as it came.
     *
     * @default "normalize"
     */
    readonly bare_newline?: "normalize" | "reject";
    /**
     * Longest wait for the peer to send something.
     *
     * @default "60s"
     */
    readonly read_timeout?: string | number;
    /**
     * Longest wait for the peer to take something.
     *
     * @default "60s"
     */
    readonly write_timeout?: string | number;
    /**
     * How long sessions may go on after the server was told to stop.
     *
     * @default "30s"
     */
    readonly drain?: string | number;
  };
  /** What every session starts with. */
  readonly flags?: {
    /**
     * Flags set on every session. needhelo: MAIL is refused before HELO or EHLO.
     *
     * @default []
     */
    readonly session?: readonly ("needhelo")[];
  };
  /** Where messages for recipients that are not relayed are stored. */
  readonly delivery?: {
    /**
     * Maildir that messages are stored in; made where it is missing.
     *
     * @default "./mail"
     */
    readonly maildir?: string;
    /**
     * Mbox file that messages are appended to instead of a Maildir.
     *
     * @default ""
     */
    readonly mbox?: string;
  };
  /** What is reported while the server runs. */
  readonly log?: {
    /**
     * Least severity that is reported.
     *
     * @default "info"
     */
    readonly level?: "debug" | "info" | "warn" | "error";
    /**
     * Lines for people, or one JSON object a line.
     *
     * @default "text"
     */
    readonly format?: "text" | "json";
    /**
     * File that lines are appended to; empty: standard error.
     *
     * @default ""
     */
    readonly file?: string;
  };
  /** Transcripts of sessions. */
  readonly record?: {
    /**
     * Directory for a transcript of every session, without secrets; made where it is missing; empty: none.
     *
     * @default ""
     */
    readonly dir?: string;
  };
}
