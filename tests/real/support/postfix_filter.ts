/**
 * A Postfix with a before-queue filter, as SMTPD_PROXY_README describes it: it
 * hands each message to the filter while the client waits, and takes it back on
 * a second port, where it believes the filter (XFORWARD) who the client is.
 *
 * @module
 */

import { freePort } from "./port.ts";
import { Postfix, type Settings } from "./postfix.ts";

/** What `smtpd` is on the port behind the filter. */
const BEHIND: Settings = {
  smtpd_authorized_xforward_hosts: "127.0.0.0/8",
  smtpd_client_restrictions: "",
  smtpd_helo_restrictions: "",
  smtpd_sender_restrictions: "",
  smtpd_recipient_restrictions: "permit_mynetworks, reject",
  receive_override_options: "no_unknown_recipient_checks",
};

/** A running Postfix and where its filter belongs. */
export class FilteredPostfix implements AsyncDisposable {
  /** Itself; clients send to its `port`. */
  readonly postfix: Postfix;
  /** Where it takes mail back from the filter. */
  readonly backPort: number;

  private constructor(postfix: Postfix, backPort: number) {
    this.postfix = postfix;
    this.backPort = backPort;
  }

  /**
   * Starts it; the filter may listen later.
   *
   * @param filterPort Where the filter is; itself where it is left out, so that
   * nothing filters
   */
  static async start(
    filterPort: number | undefined,
    backPort: number = freePort(),
  ): Promise<FilteredPostfix> {
    const postfix = await Postfix.start({
      proxyFilter: filterPort ?? backPort,
      services: [{ port: backPort, settings: BEHIND }],
    });
    return new FilteredPostfix(postfix, backPort);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.postfix[Symbol.asyncDispose]();
  }
}
