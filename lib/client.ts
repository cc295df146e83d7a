/**
 * Who is at the other end of a session, as it stands at the moment: TLS, a
 * login, XCLIENT and XFORWARD change what is known of it.
 *
 * The rule: what a client may do hangs on its own address, or on the one that a
 * trusted proxy gives for it (XCLIENT); what XFORWARD tells of somebody further
 * away is passed on and written down, and allows nothing.
 *
 * @module
 */

import type { Attributes } from "./engine/events.ts";
import type { Origin } from "./hop.ts";

/** What TLS tells of a session. */
export interface TlsFacts {
  /** The version, such as `TLSv1.3`. */
  readonly protocol: string | undefined;
  /** The cipher suite, such as `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string | undefined;
  /** The server's name that the client asked for. RFC 6066 section 3. */
  readonly serverName?: string | undefined;
  /** The subject of the client's certificate, where one was verified. */
  readonly certificate?: string | undefined;
}

/** What is known of a client when its session begins. */
export interface ClientFacts {
  /** Names the session in log lines and `Received:` fields. */
  readonly id: string;
  /** Its bare address; empty on a Unix socket. */
  readonly address: string;
  /** Its port; 0 on a Unix socket. */
  readonly port: number;
  /** Whether it may use XCLIENT and XFORWARD. */
  readonly isProxy?: boolean;
  /** What TLS told, where the session began with it. */
  readonly tls?: TlsFacts | undefined;
}

/** A session's client. */
export class Client {
  /** Names the session in log lines and `Received:` fields. */
  readonly id: string;
  /** Whether it may use XCLIENT and XFORWARD. */
  readonly isProxy: boolean;
  /** What TLS told; nothing in clear. */
  tls: TlsFacts | undefined;
  /** Who it has logged in as. */
  login: string | undefined;
  /** How it calls itself in HELO, EHLO or LHLO. */
  helo = "";
  /** Whether it said EHLO or LHLO. */
  esmtp = false;
  #address: string;
  #port: number;
  #name: string | undefined;
  #isLocal: boolean;
  /** Whether whoever speaks for it could not tell its address. */
  #isUnknown = false;
  readonly #isLocalAddress: (address: string) => boolean;
  readonly #forwarded = new Map<string, string | undefined>();

  /** `isLocal` tells of an address whether it may send anywhere. */
  constructor(facts: ClientFacts, isLocal: (address: string) => boolean) {
    this.id = facts.id;
    this.isProxy = facts.isProxy ?? false;
    this.tls = facts.tls;
    this.#address = facts.address;
    this.#port = facts.port;
    this.#isLocal = isLocal(facts.address);
    this.#isLocalAddress = isLocal;
  }

  /** Its bare address; empty on a Unix socket, or where it is not known. */
  get address(): string {
    return this.#address;
  }

  /** Its port; 0 where it is not known. */
  get port(): number {
    return this.#port;
  }

  /** Whether its address may send anywhere. */
  get isLocal(): boolean {
    return this.#isLocal;
  }

  /** Whether it may send anywhere: by its address, or since it has logged in. */
  get mayRelay(): boolean {
    return this.#isLocal || this.login !== undefined;
  }

  /** Whether it can be said where its mail comes from. */
  get isOriginKnown(): boolean {
    const told = this.#forwarded;
    return told.size > 0 ? told.get("ADDR") !== undefined : !this.#isUnknown;
  }

  /** Where its mail comes from: itself, or whom XFORWARD told of. */
  get origin(): Origin {
    const { login } = this;
    if (this.#forwarded.size > 0) return { ...this.#forwardedOrigin, login };
    return {
      address: this.#address,
      port: this.#port,
      name: this.#name,
      helo: this.helo,
      protocol: this.esmtp ? "ESMTP" : "SMTP",
      login,
    };
  }

  get #forwardedOrigin(): Origin {
    const told = this.#forwarded;
    return {
      address: told.get("ADDR") ?? "",
      port: portOf(told.get("PORT")),
      name: told.get("NAME"),
      helo: told.get("HELO") ?? "",
      protocol: told.get("PROTO") === "SMTP" ? "SMTP" : "ESMTP",
    };
  }

  /** TLS is on: what was said in clear is forgotten. RFC 3207 section 4.2. */
  secured(facts: TlsFacts): void {
    this.tls = facts;
    this.login = undefined;
    this.helo = "";
    this.esmtp = false;
    this.#forwarded.clear();
  }

  /** A trusted peer speaks for another client, as if that had called. */
  xclient(attributes: Attributes): void {
    if (attributes.has("ADDR")) {
      const address = attributes.get("ADDR");
      this.#address = address ?? "";
      this.#isUnknown = address === undefined;
      // Nobody knows: then it is a stranger, not the peer that speaks for it.
      this.#isLocal = address !== undefined && this.#isLocalAddress(address);
      this.#name = undefined;
    }
    if (attributes.has("NAME")) this.#name = attributes.get("NAME");
    if (attributes.has("PORT")) this.#port = portOf(attributes.get("PORT"));
    this.login = attributes.get("LOGIN");
    this.helo = attributes.get("HELO") ?? "";
    this.esmtp = attributes.get("PROTO") === "ESMTP";
    this.#forwarded.clear();
  }

  /** A trusted peer tells where the next message comes from. */
  xforward(attributes: Attributes): void {
    for (const [name, value] of attributes) this.#forwarded.set(name, value);
  }

  /** The message is over that XFORWARD told of. */
  forget(): void {
    this.#forwarded.clear();
  }
}

function portOf(text: string | undefined): number {
  return text === undefined ? 0 : Number(text);
}
