/**
 * A Postfix as submission servers are: STARTTLS on one port, TLS from the start
 * on another, and nothing taken from who has not logged in.
 *
 * @module
 */

import type { Certificates, LeafName } from "./certificates.ts";
import { freePort } from "./port.ts";
import { Postfix } from "./postfix.ts";
import { SaslUsers } from "./sasl_users.ts";

/** How a {@linkcode SecurePostfix} is to be. */
export interface SecurePostfixOptions {
  /** Where its certificate is from. */
  readonly certificates: Certificates;
  /**
   * Which one.
   *
   * @default {"server"}
   */
  readonly leaf?: LeafName;
  /** Passwords by user; where there are some, mail is taken from them only. */
  readonly passwords?: Readonly<Record<string, string>>;
}

/** A running Postfix with TLS. */
export class SecurePostfix implements AsyncDisposable {
  /** Itself. */
  readonly postfix: Postfix;
  /** Where it wants TLS from the start. */
  readonly implicitPort: number;
  readonly #users: SaslUsers | undefined;

  private constructor(
    postfix: Postfix,
    implicitPort: number,
    users: SaslUsers | undefined,
  ) {
    this.postfix = postfix;
    this.implicitPort = implicitPort;
    this.#users = users;
  }

  /** Starts it and waits until it accepts. */
  static async start(options: SecurePostfixOptions): Promise<SecurePostfix> {
    const { certificates, leaf = "server", passwords } = options;
    const implicitPort = freePort();
    const users = passwords === undefined
      ? undefined
      : await SaslUsers.make(passwords);
    try {
      const postfix = await Postfix.start({
        ...users?.options,
        settings: {
          smtpd_tls_security_level: "may",
          smtpd_tls_chain_files: certificates.chain(leaf),
          smtpd_tls_received_header: "yes",
          smtpd_tls_loglevel: "1",
          virtual_mailbox_domains: "static:all",
          ...users === undefined ? {} : {
            ...users.options.settings,
            // Even this machine's clients.
            smtpd_recipient_restrictions: "permit_sasl_authenticated, reject",
            smtpd_tls_auth_only: "yes",
            smtpd_sasl_authenticated_header: "yes",
          },
        },
        services: [{
          port: implicitPort,
          settings: { smtpd_tls_wrappermode: "yes" },
        }],
      });
      return new SecurePostfix(postfix, implicitPort, users);
    } catch (error) {
      await users?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where it offers STARTTLS. */
  get port(): number {
    return this.postfix.port;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.postfix[Symbol.asyncDispose]();
    await this.#users?.[Symbol.asyncDispose]();
  }
}
