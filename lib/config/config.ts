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
import type { TlsVersions } from "./tls_versions.ts";

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
     * Where to accept connections: HOST:PORT, [IPv6]:PORT, smtp://HOST:PORT, smtps://HOST:PORT for TLS from the start, lmtp://HOST:PORT, unix:/PATH or lmtp:unix:/PATH. Port 0 lets the system choose. Where it is not set and there are [[listener]]s, only those count; with --listen none of them does.
     *
     * @default ["127.0.0.1:2525"]
     */
    readonly listen: readonly ListenAddress[];
  };
  /** The long form of `server.listen`: one `[[listener]]` for each address that has settings of its own. */
  readonly listener: readonly ListenerConfig[];
  /** Where accepted messages go, and for which domains. */
  readonly relay: {
    /**
     * The server that messages are handed on to: HOST, HOST:PORT, smtp://HOST:PORT, smtps://HOST:PORT for TLS from the start, lmtp://HOST:PORT, unix:/PATH or lmtp:unix:/PATH. With credentials smtp://USER:PWD@HOST:PORT or smtps://USER:PWD@HOST:PORT, which takes the best mechanism that the relay offers, or a URL that names one: plain://, login://, cram-md5://, scram-sha-256://, xoauth2:// or oauthbearer://USER:PWD@HOST:PORT (with port 465 TLS from the start). Ports that are not given: smtp 25, or 587 with credentials; smtps 465; lmtp 24; mechanisms 587. Special characters of user and password are percent-encoded. Empty: messages are stored here.
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
     * Directory of PEM files of certificate authorities to trust in addition to the well-known ones.
     *
     * @default ""
     */
    readonly ca_path: string;

    /**
     * File with the password, or OAuth token, for the user in relay.url, which keeps it out of the configuration. A line end at its end does not count.
     *
     * @default ""
     */
    readonly password_file: string;

    /**
     * Command that prints the password, or OAuth token, for the user in relay.url, as `pass show relay`.
     *
     * @default ""
     */
    readonly password_command: string;

    /**
     * Where OAuth 2.0 tokens for the user in relay.url come from (RFC 6749): with a refresh token where relay.oauth_refresh_token_file is set, else with the client's own credentials. https://, or http:// on this machine. A token is kept until it runs out.
     *
     * @default ""
     */
    readonly oauth_token_url: string;

    /**
     * Who this server is to the token URL.
     *
     * @default ""
     */
    readonly oauth_client_id: string;

    /**
     * File with the secret that belongs to relay.oauth_client_id.
     *
     * @default ""
     */
    readonly oauth_client_secret_file: string;

    /**
     * File with the refresh token that the provider gave for the user.
     *
     * @default ""
     */
    readonly oauth_refresh_token_file: string;

    /**
     * What the token is to be good for, as the provider names it.
     *
     * @default ""
     */
    readonly oauth_scope: string;

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
     * Mistakes of old devices to put up with; each use is logged. no-angle-brackets: MAIL FROM:a@b.example. space-after-colon: MAIL FROM: <a@b.example>. any-hello-name: HELO with what is no domain, as my_pc. dots-in-local-part: a..b.@example.org.
     *
     * @default []
     */
    readonly lenient: readonly (
      | "no-angle-brackets"
      | "space-after-colon"
      | "any-hello-name"
      | "dots-in-local-part"
    )[];

    /**
     * How long a client that is not local waits for the greeting. One that talks before it, as much software for spam does, is refused. 0: no wait, and no refusal. In milliseconds.
     *
     * @default 0
     */
    readonly greeting_delay: number;

    /**
     * How long the reply to a bad command of a client that is not local is held back. In milliseconds.
     *
     * @default "1s"
     */
    readonly error_delay: number;

    /**
     * Most connections of one client that is not local within limits.rate_period; further ones get 421. 0: no bound.
     *
     * @default 1000
     */
    readonly connection_rate: number;

    /**
     * Most messages of one client that is not local within limits.rate_period; further ones get a 4xx. 0: no bound.
     *
     * @default 1000
     */
    readonly message_rate: number;

    /**
     * The time that the two rates count in. In milliseconds.
     *
     * @default "60s"
     */
    readonly rate_period: number;

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
    readonly session: readonly (
      "needhelo"
    )[];
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
  /** Certificate and protocol settings for STARTTLS and smtps. */
  readonly tls: {
    /**
     * PEM file of the server's certificate and its chain, for STARTTLS and smtps://. Empty: no TLS. It is read again on SIGHUP.
     *
     * @default ""
     */
    readonly certificate: string;

    /**
     * PEM file of its private key, without a passphrase; empty: in the certificate's file.
     *
     * @default ""
     */
    readonly key: string;

    /**
     * More PEM files, each with a certificate, its chain and its key, for other names of this server. The client says which name it wants (SNI).
     *
     * @default []
     */
    readonly certificates: readonly string[];

    /**
     * PEM file of the certificate authorities that client certificates are checked against. The well-known ones do not count.
     *
     * @default ""
     */
    readonly ca_file: string;

    /**
     * Directory of PEM files of certificate authorities that client certificates are checked against.
     *
     * @default ""
     */
    readonly ca_path: string;

    /**
     * Whether clients are asked for a certificate, or have to have one that tls.ca_file or tls.ca_path vouches for.
     *
     * @default "off"
     */
    readonly client_certificates: "off" | "optional" | "required";

    /**
     * Empty: the runtime has a fixed set (TLS 1.2 and 1.3 with forward secrecy).
     *
     * @default ""
     */
    readonly ciphers: string;

    /**
     * Empty: the runtime has a fixed set (TLS 1.2 and 1.3 with forward secrecy).
     *
     * @default ""
     */
    readonly ciphersuites: string;

    /**
     * TLS versions that are spoken: some of TLSv1.2 and TLSv1.3, or a bound such as >=TLSv1.3. Exclusions such as !SSLv3 are taken. Empty: both.
     *
     * @default ""
     */
    readonly protocols: TlsVersions;
  };
  /** Who may log in. */
  readonly auth: {
    /**
     * SASL mechanisms that are offered. XOAUTH2 and OAUTHBEARER need hooks.module, whose auth decides on tokens.
     *
     * @default ["PLAIN","LOGIN"]
     */
    readonly mechanisms: readonly (
      | "PLAIN"
      | "LOGIN"
      | "CRAM-MD5"
      | "SCRAM-SHA-256"
      | "XOAUTH2"
      | "OAUTHBEARER"
    )[];

    /**
     * File of users with the salted hashes of their passwords, made with `postern passwd`.
     *
     * @default ""
     */
    readonly users_file: string;

    /**
     * Failed logins in one session until it gets 421 and is closed.
     *
     * @default 3
     */
    readonly failures: number;

    /**
     * How long the reply to the first failed login is held back; with each further one twice as long, up to 30s. In milliseconds.
     *
     * @default "1s"
     */
    readonly failure_delay: number;

    /**
     * Failed logins of one client that is not local within limits.rate_period, over all its sessions; further attempts get 421. 0: no bound.
     *
     * @default 30
     */
    readonly failure_rate: number;
  };
  /** The operator's own code. */
  readonly hooks: {
    /**
     * Module of the operator's own, whose exports are asked at each step; empty: none.
     *
     * @default ""
     */
    readonly module: string;

    /**
     * Longest wait for a hook; then the client gets 451. In milliseconds.
     *
     * @default "30s"
     */
    readonly timeout: number;
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
     * Where to accept connections: HOST:PORT, [IPv6]:PORT, smtp://HOST:PORT, smtps://HOST:PORT for TLS from the start, lmtp://HOST:PORT, unix:/PATH or lmtp:unix:/PATH. Port 0 lets the system choose. Where it is not set and there are [[listener]]s, only those count; with --listen none of them does.
     *
     * @default ["127.0.0.1:2525"]
     */
    readonly listen?: readonly string[];
  };
  /** The long form of `server.listen`: one `[[listener]]` for each address that has settings of its own. */
  readonly listener?: readonly ListenerInput[];
  /** Where accepted messages go, and for which domains. */
  readonly relay?: {
    /**
     * The server that messages are handed on to: HOST, HOST:PORT, smtp://HOST:PORT, smtps://HOST:PORT for TLS from the start, lmtp://HOST:PORT, unix:/PATH or lmtp:unix:/PATH. With credentials smtp://USER:PWD@HOST:PORT or smtps://USER:PWD@HOST:PORT, which takes the best mechanism that the relay offers, or a URL that names one: plain://, login://, cram-md5://, scram-sha-256://, xoauth2:// or oauthbearer://USER:PWD@HOST:PORT (with port 465 TLS from the start). Ports that are not given: smtp 25, or 587 with credentials; smtps 465; lmtp 24; mechanisms 587. Special characters of user and password are percent-encoded. Empty: messages are stored here.
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
     * Directory of PEM files of certificate authorities to trust in addition to the well-known ones.
     *
     * @default ""
     */
    readonly ca_path?: string;

    /**
     * File with the password, or OAuth token, for the user in relay.url, which keeps it out of the configuration. A line end at its end does not count.
     *
     * @default ""
     */
    readonly password_file?: string;

    /**
     * Command that prints the password, or OAuth token, for the user in relay.url, as `pass show relay`.
     *
     * @default ""
     */
    readonly password_command?: string;

    /**
     * Where OAuth 2.0 tokens for the user in relay.url come from (RFC 6749): with a refresh token where relay.oauth_refresh_token_file is set, else with the client's own credentials. https://, or http:// on this machine. A token is kept until it runs out.
     *
     * @default ""
     */
    readonly oauth_token_url?: string;

    /**
     * Who this server is to the token URL.
     *
     * @default ""
     */
    readonly oauth_client_id?: string;

    /**
     * File with the secret that belongs to relay.oauth_client_id.
     *
     * @default ""
     */
    readonly oauth_client_secret_file?: string;

    /**
     * File with the refresh token that the provider gave for the user.
     *
     * @default ""
     */
    readonly oauth_refresh_token_file?: string;

    /**
     * What the token is to be good for, as the provider names it.
     *
     * @default ""
     */
    readonly oauth_scope?: string;

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
     * Mistakes of old devices to put up with; each use is logged. no-angle-brackets: MAIL FROM:a@b.example. space-after-colon: MAIL FROM: <a@b.example>. any-hello-name: HELO with what is no domain, as my_pc. dots-in-local-part: a..b.@example.org.
     *
     * @default []
     */
    readonly lenient?: readonly (
      | "no-angle-brackets"
      | "space-after-colon"
      | "any-hello-name"
      | "dots-in-local-part"
    )[];

    /**
     * How long a client that is not local waits for the greeting. One that talks before it, as much software for spam does, is refused. 0: no wait, and no refusal.
     *
     * @default 0
     */
    readonly greeting_delay?: string | number;

    /**
     * How long the reply to a bad command of a client that is not local is held back.
     *
     * @default "1s"
     */
    readonly error_delay?: string | number;

    /**
     * Most connections of one client that is not local within limits.rate_period; further ones get 421. 0: no bound.
     *
     * @default 1000
     */
    readonly connection_rate?: number;

    /**
     * Most messages of one client that is not local within limits.rate_period; further ones get a 4xx. 0: no bound.
     *
     * @default 1000
     */
    readonly message_rate?: number;

    /**
     * The time that the two rates count in.
     *
     * @default "60s"
     */
    readonly rate_period?: string | number;

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
    readonly session?: readonly (
      "needhelo"
    )[];
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
  /** Certificate and protocol settings for STARTTLS and smtps. */
  readonly tls?: {
    /**
     * PEM file of the server's certificate and its chain, for STARTTLS and smtps://. Empty: no TLS. It is read again on SIGHUP.
     *
     * @default ""
     */
    readonly certificate?: string;

    /**
     * PEM file of its private key, without a passphrase; empty: in the certificate's file.
     *
     * @default ""
     */
    readonly key?: string;

    /**
     * More PEM files, each with a certificate, its chain and its key, for other names of this server. The client says which name it wants (SNI).
     *
     * @default []
     */
    readonly certificates?: readonly string[];

    /**
     * PEM file of the certificate authorities that client certificates are checked against. The well-known ones do not count.
     *
     * @default ""
     */
    readonly ca_file?: string;

    /**
     * Directory of PEM files of certificate authorities that client certificates are checked against.
     *
     * @default ""
     */
    readonly ca_path?: string;

    /**
     * Whether clients are asked for a certificate, or have to have one that tls.ca_file or tls.ca_path vouches for.
     *
     * @default "off"
     */
    readonly client_certificates?: "off" | "optional" | "required";

    /**
     * Empty: the runtime has a fixed set (TLS 1.2 and 1.3 with forward secrecy).
     *
     * @default ""
     */
    readonly ciphers?: string;

    /**
     * Empty: the runtime has a fixed set (TLS 1.2 and 1.3 with forward secrecy).
     *
     * @default ""
     */
    readonly ciphersuites?: string;

    /**
     * TLS versions that are spoken: some of TLSv1.2 and TLSv1.3, or a bound such as >=TLSv1.3. Exclusions such as !SSLv3 are taken. Empty: both.
     *
     * @default ""
     */
    readonly protocols?: string;
  };
  /** Who may log in. */
  readonly auth?: {
    /**
     * SASL mechanisms that are offered. XOAUTH2 and OAUTHBEARER need hooks.module, whose auth decides on tokens.
     *
     * @default ["PLAIN","LOGIN"]
     */
    readonly mechanisms?: readonly (
      | "PLAIN"
      | "LOGIN"
      | "CRAM-MD5"
      | "SCRAM-SHA-256"
      | "XOAUTH2"
      | "OAUTHBEARER"
    )[];

    /**
     * File of users with the salted hashes of their passwords, made with `postern passwd`.
     *
     * @default ""
     */
    readonly users_file?: string;

    /**
     * Failed logins in one session until it gets 421 and is closed.
     *
     * @default 3
     */
    readonly failures?: number;

    /**
     * How long the reply to the first failed login is held back; with each further one twice as long, up to 30s.
     *
     * @default "1s"
     */
    readonly failure_delay?: string | number;

    /**
     * Failed logins of one client that is not local within limits.rate_period, over all its sessions; further attempts get 421. 0: no bound.
     *
     * @default 30
     */
    readonly failure_rate?: number;
  };
  /** The operator's own code. */
  readonly hooks?: {
    /**
     * Module of the operator's own, whose exports are asked at each step; empty: none.
     *
     * @default ""
     */
    readonly module?: string;

    /**
     * Longest wait for a hook; then the client gets 451.
     *
     * @default "30s"
     */
    readonly timeout?: string | number;
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

/** One `[[listener]]`. */
export interface ListenerConfig {
  /**
   * Where it accepts connections, as in server.listen.
   */
  readonly url: ListenAddress;

  /**
   * Whether clients may log in, or have to before they may send. Before TLS only local clients may.
   *
   * @default optional where auth.users_file or hooks.module can decide on logins, else off
   */
  readonly auth: "off" | "optional" | "required" | undefined;

  /**
   * Whether STARTTLS is offered, or needed before a client may send. smtps:// has TLS from the start.
   *
   * @default optional where tls.certificate is set, else off
   */
  readonly tls: "off" | "optional" | "required" | undefined;

  /**
   * Hosts, addresses and networks of proxies that begin each connection with a PROXY header, version 1 or 2, which names the client. All other peers are clients themselves.
   *
   * @default []
   */
  readonly proxy_protocol: readonly string[];

  /**
   * Hosts, addresses and networks of mail servers that may name the client with XCLIENT and XFORWARD, as Postfix does.
   *
   * @default []
   */
  readonly xclient: readonly string[];
}

/** One `[[listener]]` as a program gives it. */
export interface ListenerInput {
  /**
   * Where it accepts connections, as in server.listen.
   */
  readonly url: string;

  /**
   * Whether clients may log in, or have to before they may send. Before TLS only local clients may.
   *
   * @default optional where auth.users_file or hooks.module can decide on logins, else off
   */
  readonly auth?: "off" | "optional" | "required";

  /**
   * Whether STARTTLS is offered, or needed before a client may send. smtps:// has TLS from the start.
   *
   * @default optional where tls.certificate is set, else off
   */
  readonly tls?: "off" | "optional" | "required";

  /**
   * Hosts, addresses and networks of proxies that begin each connection with a PROXY header, version 1 or 2, which names the client. All other peers are clients themselves.
   *
   * @default []
   */
  readonly proxy_protocol?: readonly string[];

  /**
   * Hosts, addresses and networks of mail servers that may name the client with XCLIENT and XFORWARD, as Postfix does.
   *
   * @default []
   */
  readonly xclient?: readonly string[];
}
