/**
 * The rows of the table for where accepted messages go: section `relay`.
 *
 * Only rows: what the fields mean stands in key.ts.
 *
 * @module
 */
import type { Key } from "./key.ts";

/** Rows by full name. */
export const RELAY_KEYS: Readonly<Record<string, Key>> = {
  "relay.url": {
    type: "relay",
    default: "",
    option: "--relay",
    meaning:
      "The server that messages are handed on to: HOST, HOST:PORT, smtp://HOST:PORT, smtps://HOST:PORT for TLS from the start, lmtp://HOST:PORT, unix:/PATH or lmtp:unix:/PATH. With credentials smtp://USER:PWD@HOST:PORT or smtps://USER:PWD@HOST:PORT, which takes the best mechanism that the relay offers, or a URL that names one: plain://, login://, cram-md5://, scram-sha-256://, xoauth2:// or oauthbearer://USER:PWD@HOST:PORT (with port 465 TLS from the start). Ports that are not given: smtp 25, or 587 with credentials; smtps 465; lmtp 24; mechanisms 587. Special characters of user and password are percent-encoded. Empty: messages are stored here.",
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
    meaning:
      "Directory of PEM files of certificate authorities to trust in addition to the well-known ones.",
  },
  "relay.password_file": {
    type: "path",
    default: "",
    meaning:
      "File with the password, or OAuth token, for the user in relay.url, which keeps it out of the configuration. A line end at its end does not count.",
  },
  "relay.password_command": {
    type: "command",
    default: "",
    meaning:
      "Command that prints the password, or OAuth token, for the user in relay.url, as `pass show relay`.",
  },
  "relay.oauth_token_url": {
    type: "tokenUrl",
    default: "",
    meaning:
      "Where OAuth 2.0 tokens for the user in relay.url come from (RFC 6749): with a refresh token where relay.oauth_refresh_token_file is set, else with the client's own credentials. https://, or http:// on this machine. A token is kept until it runs out.",
  },
  "relay.oauth_client_id": {
    type: "text",
    default: "",
    meaning: "Who this server is to the token URL.",
  },
  "relay.oauth_client_secret_file": {
    type: "path",
    default: "",
    meaning: "File with the secret that belongs to relay.oauth_client_id.",
  },
  "relay.oauth_refresh_token_file": {
    type: "path",
    default: "",
    meaning: "File with the refresh token that the provider gave for the user.",
  },
  "relay.oauth_scope": {
    type: "text",
    default: "",
    meaning: "What the token is to be good for, as the provider names it.",
  },
  "relay.pool": {
    type: "integer",
    default: 10,
    min: 0,
    max: 1_000,
    meaning: "Idle connections kept to one relay for the next message.",
  },
};
