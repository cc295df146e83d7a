/**
 * SCRAM-SHA-256, the client's side: RFC 5802, RFC 7677.
 *
 * The rule: a server that can't show the signature made from the password's
 * verifier is not the one that was meant, whatever it accepts.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { timingSafeEqual } from "node:crypto";
import {
  type ClientExchange,
  type ClientLogin,
  SaslError,
} from "./client_exchange.ts";
import {
  decodeText,
  encodeText,
  preparePassword,
  prepareUser,
} from "./prepare.ts";
import {
  clientProof,
  encodeName,
  isNonce,
  makeNonce,
  MAX_SCRAM_BYTES,
  parseAttributes,
} from "./scram.ts";
import {
  hmac,
  MAX_ITERATIONS,
  MAX_SALT_BYTES,
  MIN_ITERATIONS,
  parseBase64,
  saltPassword,
} from "./verifier.ts";

/** No channel binding, nobody acts for another. */
const GS2_HEADER = "n,,";

/** What an error of the server may look like: RFC 5802 section 7, server-error. */
const SERVER_ERROR = /^e=([a-z-]{1,64})/;

/** One exchange. */
export class ClientScram implements ClientExchange {
  /** What goes into the AUTH command. */
  readonly mechanism = "SCRAM-SHA-256";
  /** client-first-message. */
  readonly initial: Uint8Array;
  readonly #login: ClientLogin;
  readonly #nonce: string;
  readonly #bare: string;
  #step: "first" | "final" | "proven" = "first";
  /** The signature that the server has to show. */
  #expected: Uint8Array | undefined;

  /**
   * @param login Who logs in
   * @param nonce This side's part; given only where a known conversation is repeated
   */
  constructor(login: ClientLogin, nonce: string = makeNonce()) {
    this.#login = login;
    this.#nonce = nonce;
    const user = prepareUser(login.user) ?? login.user;
    this.#bare = `n=${encodeName(user)},r=${nonce}`;
    this.initial = encodeText(GS2_HEADER + this.#bare);
  }

  /** @throws {SaslError} What came is no message of this mechanism, or proves nothing. */
  async respond(challenge: Uint8Array): Promise<Uint8Array> {
    const isUsable = challenge.length <= MAX_SCRAM_BYTES;
    const message = isUsable ? decodeText(challenge) ?? "" : "";
    const [, problem] = SERVER_ERROR.exec(message) ?? [];
    if (problem !== undefined) {
      throw new SaslError(`Server refuses SCRAM-SHA-256: ${problem}`);
    }
    switch (this.#step) {
      case "first":
        this.#step = "final";
        return await this.#prove(message);
      case "final":
        this.#check(message);
        this.#step = "proven";
        return new Uint8Array(0);
      default:
        throw new SaslError(
          "Server asks for more than SCRAM-SHA-256 has: expected its verdict",
        );
    }
  }

  /** @throws {SaslError} The server has not shown its signature. */
  accepted(): void {
    if (this.#step === "proven") return;
    throw new SaslError(
      "Server accepted without proof that it knows the password: expected its signature",
    );
  }

  async #prove(serverFirst: string): Promise<Uint8Array> {
    const [nonce, saltText, rounds] = parseAttributes(serverFirst, "rsi") ?? [];
    const salt = parseBase64(saltText ?? "");
    if (
      nonce === undefined || !isNonce(nonce) || salt === undefined ||
      salt.length > MAX_SALT_BYTES || !/^[1-9]\d{0,8}$/.test(rounds!)
    ) {
      throw new SaslError(
        "Cannot read the server's first message of SCRAM-SHA-256: expected nonce, salt and iterations",
      );
    }
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) {
      throw new SaslError("Server's nonce is not made from ours");
    }
    const iterations = Number(rounds);
    if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
      throw new SaslError(
        `Server wants ${iterations} iterations: expected ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`,
      );
    }
    const password = this.#login.secret.reveal();
    const salted = await saltPassword(
      preparePassword(password) ?? password,
      salt,
      iterations,
    );
    const withoutProof = `c=${encodeBase64(encodeText(GS2_HEADER))},r=${nonce}`;
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`;
    this.#expected = hmac(hmac(salted, "Server Key"), authMessage);
    const proof = encodeBase64(clientProof(salted, authMessage));
    return encodeText(`${withoutProof},p=${proof}`);
  }

  #check(serverFinal: string): void {
    const [signatureText] = parseAttributes(serverFinal, "v") ?? [];
    const signature = parseBase64(signatureText ?? "");
    const expected = this.#expected;
    if (
      expected === undefined || signature?.length !== expected.length ||
      !timingSafeEqual(signature, expected)
    ) {
      throw new SaslError(
        "Server's signature is not made from the password: it does not know it",
      );
    }
  }
}
